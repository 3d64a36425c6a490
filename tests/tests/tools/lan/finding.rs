//! What is found, by which way, and which of several is joined.

use std::time::Instant;

use nix::sys::signal::Signal;

use chat_testkit::needs::Need;
use libtest_mimic::Trial;

use super::{
    NETWORK,
    network::{Host, Network},
    on_a_network,
};
use crate::{
    harness::{PATIENCE, Process, Server, eventually, program},
    readme::python,
};

/// The tests of this module and what they need.
pub(super) fn trials() -> Vec<Trial> {
    chat_testkit::trials! {
        &[NETWORK, Need::Tool("nft")] => {
            each_server_is_found_once,
            probes_find_servers_where_multicast_does_not_get_through,
            mdns_finds_servers_where_probes_do_not_get_through,
            where_nothing_gets_through_nothing_is_found_and_a_line_says_so,
        }
        &[NETWORK, Need::Tool("nft"), Need::Tool("python3")] => {
            the_python_client_of_the_readme_finds_servers,
            two_servers_of_one_machine_are_both_found_and_a_taken_port_is_only_a_warning,
        }
        &[NETWORK] => {
            a_server_of_this_machine_alone_is_found_by_this_machine_alone,
            one_server_is_joined_and_said,
        }
        &[NETWORK, Need::Tool("python3")] => {
            probes_are_answered_only_as_they_should_be,
        }
        &[NETWORK, Need::Tool("script")] => {
            of_several_the_last_one_is_joined_and_without_it_they_are_named,
        }
    }
}

/// What `chat discover` prints there, and its status.
fn discovered(host: &Host) -> (Option<i32>, Vec<String>, String) {
    let (status, lines, errors) = host.chat(&["discover"]).exit(PATIENCE);
    (status.code(), lines, errors)
}

/// The ways that are open between the machines.
fn with_two_servers(rules: &[&str], check: impl FnOnce(&Network)) {
    on_a_network(3, |network| {
        let _servers = [network.hosts[0].serve("office"), network.hosts[1].serve("lab")];
        rules.iter().for_each(|rule| network.hosts[2].block(rule).unwrap());
        check(network);
    });
}

pub(super) const MULTICAST: [&str; 2] = ["ip daddr 224.0.0.0/4", "ip6 daddr ff00::/8"];
pub(super) const PROBES: &str = "udp sport 7001";

fn both_are_found(network: &Network) {
    let (status, lines, errors) = discovered(&network.hosts[2]);
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    let wanted = [
        "lab  0 rooms  tcp://10.77.0.2:7000 udp://10.77.0.2:7000  chat ",
        "office  0 rooms  tcp://10.77.0.1:7000 udp://10.77.0.1:7000  chat ",
    ];
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().zip(wanted).all(|(line, wanted)| line.starts_with(wanted)), "{lines:?}");
}

/// protocol 18.1
fn each_server_is_found_once() {
    with_two_servers(&[], both_are_found);
}

/// protocol 18.5, protocol 18.6
fn probes_find_servers_where_multicast_does_not_get_through() {
    with_two_servers(&MULTICAST, both_are_found);
}

/// protocol 18.3, protocol 18.4
fn mdns_finds_servers_where_probes_do_not_get_through() {
    with_two_servers(&[PROBES], both_are_found);
}

fn where_nothing_gets_through_nothing_is_found_and_a_line_says_so() {
    with_two_servers(&[MULTICAST[0], MULTICAST[1], PROBES], |network| {
        let (status, lines, errors) = discovered(&network.hosts[2]);
        assert_eq!((status, lines), (Some(1), vec![]), "{errors}");
        assert!(errors.starts_with("chat: no server was found") && errors.lines().count() == 1, "{errors}");
    });
}

/// protocol 18.5, protocol 18.7
fn the_python_client_of_the_readme_finds_servers() {
    with_two_servers(&[], |network| {
        let find = |everybody| network.hosts[1].run(&["python3", "-c", python(2), everybody]).unwrap();
        let found = find("10.77.0.255");
        assert_eq!(found.lines().count(), 2, "{found}");
        assert!(found.contains("'office' 0 'tcp://10.77.0.1:7000' 'udp://10.77.0.1:7000'\n"), "{found}");
        assert_eq!(find("127.255.255.255"), "'lab' 0 'tcp://127.0.0.1:7000' 'udp://127.0.0.1:7000'\n");
    });
}

/// protocol 18.6
fn a_server_of_this_machine_alone_is_found_by_this_machine_alone() {
    on_a_network(2, |network| {
        let here = ["tcp://127.0.0.1:7000"];
        let mut command = network.hosts[0].command(program());
        let _server = Server::announced_at(&mut command, &here, &["--name", "mine"]);
        let (status, lines, _) = discovered(&network.hosts[0]);
        assert!(
            status == Some(0) && lines[0].starts_with("mine  0 rooms  tcp://127.0.0.1:7000  "),
            "{lines:?}"
        );
        assert_eq!(discovered(&network.hosts[1]).0, Some(1));
    });
}

/// protocol 18.9
fn two_servers_of_one_machine_are_both_found_and_a_taken_port_is_only_a_warning() {
    on_a_network(2, |network| {
        let host = &network.hosts[0];
        let at = |port: u16, name: &str| {
            let urls = [format!("tcp://0.0.0.0:{port}")];
            let mut command = host.command(program());
            Server::announced_at(&mut command, &[&urls[0]], &["--name", name])
        };
        let servers = [at(7000, "one"), at(7002, "two")];
        network.hosts[1].block(MULTICAST[0]).unwrap();
        let (_, lines, _) = discovered(&network.hosts[1]);
        assert!(
            lines.len() == 2 && lines[0].starts_with("one ") && lines[1].starts_with("two "),
            "{lines:?}"
        );
        drop(servers);
        let mut taken = Process::run(host.command("python3").args(["-c", TAKEN]));
        assert_eq!(taken.line(), "taken");
        let server = at(7000, "one");
        // The log is written by a thread of its own.
        let is_told = || server.log().contains("probes are not answered").then_some(());
        eventually("the warning about the port", PATIENCE, is_told);
        assert_eq!(discovered(&network.hosts[1]).0, Some(1));
        drop(taken);
    });
}

const TAKEN: &str = "import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', 7001))
print('taken', flush=True)
sys.stdin.read()";

fn one_server_is_joined_and_said() {
    on_a_network(2, |network| {
        let server = network.hosts[0].serve("office");
        let mut chat = network.hosts[1].chat(&["--name", "ana"]);
        chat.type_line("hi");
        chat.end_input();
        let (status, lines, errors) = chat.exit(PATIENCE);
        assert!(status.success(), "{errors}");
        assert_eq!(lines[0], "-- joining office at tcp://10.77.0.1:7000");
        assert!(lines.last().unwrap().ends_with("<ana> hi"), "{lines:?}");
        let log = server.log();
        assert!(!log.contains("not let in"), "looking whether it is there is no news: {log}");
    });
}

fn of_several_the_last_one_is_joined_and_without_it_they_are_named() {
    on_a_network(3, |network| {
        let lab = network.hosts[0].serve("lab");
        let office = network.hosts[1].serve("office");
        let ana = &network.hosts[2];
        let (status, lines, errors) = ana.chat(&["--name", "ana"]).exit(PATIENCE);
        assert_eq!((status.code(), lines), (Some(1), vec![]));
        assert_eq!(
            errors.trim_end(),
            "chat: there are 2 servers on this network: lab at tcp://10.77.0.1:7000, office at \
             tcp://10.77.0.2:7000; choose one with chat join URL"
        );

        // On a terminal there is a list to choose from; what was chosen comes first from then on.
        let choose = |answer: &str, wanted: &[&str], joined: &str| {
            let mut chat = on_a_terminal(ana, "--plain --name ana");
            wanted.iter().for_each(|it| seen(&mut chat, it));
            chat.type_line(answer);
            seen(&mut chat, joined);
            seen(&mut chat, "entered lobby");
        };
        choose("2", &["1  lab", "2  office"], "joining office at tcp://10.77.0.2:7000");
        choose("", &["1  office  0 rooms  tcp://10.77.0.2:7000  (last used)", "2  lab"], "joining office");
        let mut chat = ana.chat(&["--name", "ana"]);
        assert_eq!(chat.line(), "-- joining office at tcp://10.77.0.2:7000");
        drop(chat);

        office.signal(Signal::SIGTERM);
        assert!(office.exit(PATIENCE).success());
        let mut chat = ana.chat(&["--name", "ana"]);
        assert_eq!(chat.line(), "-- joining lab at tcp://10.77.0.1:7000");
        drop(lab);
    });
}

/// `chat` with these words on a terminal of 200 columns; what it is typed and prints goes through a pipe, and what it
/// prints into the file `typescript` as well.
pub(super) fn on_a_terminal(host: &Host, words: &str) -> Process {
    let words = format!("stty cols 200 rows 30 && exec {} {words}", program().display());
    let mut script = host.command("script");
    script.args(["--quiet", "--return", "--flush", "--command", &words]).arg(host.home().join("typescript"));
    Process::run(script.env("TERM", "xterm"))
}

/// Waits until `text` is printed.
fn seen(chat: &mut Process, text: &str) {
    let begun = Instant::now();
    while !chat.line().contains(text) {
        assert!(begun.elapsed() < PATIENCE, "no {text}");
    }
}

fn probes_are_answered_only_as_they_should_be() {
    on_a_network(2, |network| {
        let _server = network.hosts[0].serve("office");
        // An answer to somebody elsewhere would arrive.
        network.hosts[0].run(&["ip", "route", "add", "10.88.0.1/32", "via", "10.77.0.2"]).unwrap();
        let said = network.hosts[1].run(&["python3", "-c", PROBER]).unwrap();
        let said: Vec<&str> = said.lines().collect();
        assert_eq!(said[..4], ["short None", "here None", "far None", "other None"], "{said:?}");
        assert!(said[4].starts_with("long ") && said[4].contains("tcp://10.77.0.1:7000"), "{said:?}");
        assert_eq!(said[5], "flood answered in part");
    });
}

/// Protocol 18.7, 18.8: nothing is said that is longer than what was asked, to nobody elsewhere, nor too often.
const PROBER: &str = r#"
import json, socket, subprocess, time
def ask(frame, address=None, wait=0.3):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(wait)
    if address:
        s.bind((address, 0))
    data = frame if isinstance(frame, bytes) else json.dumps(frame).encode()
    s.sendto(data, ("10.77.0.1", 7001))
    try:
        answer = s.recv(65507)
        assert len(answer) <= len(data)
        return answer.decode()
    except socket.timeout:
        return None
probe = {"type": "probe", "protocol": 1, "token": "t", "padding": "x" * 1000}
print("short", ask({"type": "probe", "protocol": 1, "token": "t"}))
print("here", ask({"type": "here", "token": "t", "id": "AAAAAAAAAAAAAAAAAAAAAA", "name": "x" * 900, "protocol": 1}))
subprocess.check_call(["ip", "addr", "add", "10.88.0.1/32", "dev", "lo"])
print("far", ask(probe, "10.88.0.1"))
print("other", ask(b"\xff" * 1000))
print("long", ask(probe, wait=5))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
begun = time.monotonic()
for _ in range(1000):
    s.sendto(json.dumps(probe).encode(), ("10.77.0.1", 7001))
count = 0
try:
    while True:
        s.recv(65507)
        count += 1
except socket.timeout:
    most = 50 + 50 * (time.monotonic() - begun) + 5
    print("flood", "answered in part" if 10 <= count <= most else f"{count} answers, not 10 to {most}")
"#;
