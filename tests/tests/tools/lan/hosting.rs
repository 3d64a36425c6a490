//! `chat` where there is no server: it hosts one, and people who begin at the same moment meet all the same.

use std::fs;

use chat_testkit::needs::Need;
use libtest_mimic::Trial;

use super::{NETWORK, finding::on_a_terminal, network::Host, on_a_network};
use crate::harness::{PATIENCE, Process, eventually, program};

/// The tests of this module and what they need.
pub(super) fn trials() -> Vec<Trial> {
    chat_testkit::trials! {
        &[NETWORK] => {
            alone_one_hosts_and_what_was_said_is_kept,
            people_who_begin_at_the_same_moment_meet,
            a_server_on_this_machine_is_joined_even_if_it_is_not_announced,
            whoever_leaves_and_takes_the_server_along_is_told_and_so_are_the_others,
            programs_are_told_in_json,
        }
        &[NETWORK, Need::Tool("python3")] => {
            where_the_port_is_taken_another_one_is,
        }
        &[NETWORK, Need::Tool("script")] => {
            on_the_screen_the_host_is_asked_once_more,
        }
    }
}

fn said(host: &Host, name: &str, text: &str) -> Vec<String> {
    let mut chat = host.chat(&["--name", name]);
    chat.type_line(text);
    chat.end_input();
    let (status, lines, errors) = chat.exit(PATIENCE);
    assert!(status.success(), "{errors}");
    lines
}

const HOSTING: &str = "-- no server here: you host one, at tcp://127.0.0.1:";

/// Reads on until a line has `text`.
fn wait_for(chat: &mut Process, text: &str) -> String {
    loop {
        let line = chat.line();
        if line.contains(text) {
            return line;
        }
    }
}

fn alone_one_hosts_and_what_was_said_is_kept() {
    on_a_network(1, |network| {
        let lines = said(&network.hosts[0], "ana", "first");
        assert_eq!(lines[0], format!("{HOSTING}7000; it ends when you leave"));
        let lines = said(&network.hosts[0], "ana", "second");
        let texts: Vec<&str> = lines.iter().filter_map(|it| it.split("<ana> ").nth(1)).collect();
        assert_eq!(texts, ["first", "second"], "{lines:?}");
    });
}

fn where_the_port_is_taken_another_one_is() {
    on_a_network(2, |network| {
        let taken = "import socket, sys
s = socket.socket(); s.bind(('', 7000)); s.listen()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('', 7000))
print('taken', flush=True)
sys.stdin.read()";
        let mut other = Process::run(network.hosts[0].command("python3").args(["-c", taken]));
        assert_eq!(other.line(), "taken");
        let mut host = network.hosts[0].chat(&["--name", "ana"]);
        let line = host.line();
        assert!(line.starts_with(HOSTING) && !line.contains(":7000;"), "{line}");
        wait_for(&mut host, "entered lobby");
        let lines = said(&network.hosts[1], "bob", "hi");
        assert!(lines[0].starts_with("-- joining "), "{lines:?}");
        wait_for(&mut host, "<bob> hi");
    });
}

/// protocol 18.10
fn people_who_begin_at_the_same_moment_meet() {
    on_a_network(3, |network| {
        let names = ["ana", "bob", "cleo"];
        let mut chats: Vec<Process> =
            network.hosts.iter().zip(names).map(|(host, name)| host.chat(&["--name", name])).collect();
        let first: Vec<String> = chats.iter_mut().map(|it| it.line()).collect();
        let hosts = first.iter().filter(|it| it.starts_with(HOSTING)).count();
        assert_eq!(hosts, 1, "{first:?}");
        for (chat, name) in chats.iter_mut().zip(names) {
            chat.type_line(&format!("it is {name}"));
        }
        for chat in &mut chats {
            let mut missing = names.to_vec();
            while !missing.is_empty() {
                let line = chat.line();
                missing.retain(|it| !line.ends_with(&format!("it is {it}")));
            }
        }
    });
}

fn a_server_on_this_machine_is_joined_even_if_it_is_not_announced() {
    on_a_network(1, |network| {
        let host = &network.hosts[0];
        let joins = |args: &[&str], url: &str| {
            let mut server = host.chat(&[&["serve", "--no-announce"], args].concat());
            assert!(server.line().starts_with("listening on "));
            let lines = said(host, "ana", "hi");
            assert!(lines[0].ends_with(url) && lines[0].starts_with("-- joining"), "{lines:?}");
        };
        joins(&["--memory"], " at tcp://127.0.0.1:7000");
        joins(&["--listen", "udp://127.0.0.1:7000"], " at udp://127.0.0.1:7000");
    });
}

fn whoever_leaves_and_takes_the_server_along_is_told_and_so_are_the_others() {
    on_a_network(2, |network| {
        let mut host = network.hosts[0].chat(&["--name", "ana"]);
        wait_for(&mut host, "entered lobby");
        let mut guest = network.hosts[1].chat(&["--name", "bob"]);
        wait_for(&mut guest, "entered lobby");
        host.type_line("/quit");
        wait_for(&mut host, "-- the server ends; 1 other loses it");
        let (status, ..) = host.exit(PATIENCE);
        assert!(status.success());
        let line = wait_for(&mut guest, "-- ");
        assert!(!line.contains("joining"), "{line}");
    });
}

fn on_the_screen_the_host_is_asked_once_more() {
    on_a_network(2, |network| {
        let mut host = on_a_terminal(&network.hosts[0], "--name ana");
        wait_for(&mut host, HOSTING); // what comes then is drawn without newlines
        let mut guest = network.hosts[1].chat(&["--name", "bob"]);
        wait_for(&mut guest, "entered lobby");
        host.type_line("/quit\r");
        let warning = "you host this server, and 1 other loses it when you leave";
        eventually("the warning", PATIENCE, || screen(&network.hosts[0]).contains(warning).then_some(()));
        guest.type_line("still here?");
        wait_for(&mut guest, "still here?");
        host.type_line("\x03\x03"); // the first gives up the line that the newline began
        let (status, lines, _) = host.exit(PATIENCE);
        assert!(
            status.success() && lines.last().unwrap().contains("the server ends; 1 other loses it"),
            "{lines:?}"
        );
    });
}

/// The words that were drawn on the terminal there, in the order in which they were.
fn screen(host: &Host) -> String {
    let drawn = fs::read(host.home().join("typescript")).unwrap_or_default();
    let drawn = String::from_utf8_lossy(&drawn);
    let mut parts = drawn.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    // A sequence ends with its first letter; what is blank is skipped by moving on.
    let rest = parts
        .map(|it| it.trim_start_matches(|c: char| !c.is_alphabetic()).chars().skip(1).collect::<String>());
    let words = std::iter::once(first).chain(rest).collect::<Vec<_>>().join(" ");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn programs_are_told_in_json() {
    on_a_network(2, |network| {
        let mut host = Process::run(network.hosts[0].command(program()).args(["--json", "--name", "ana"]));
        let url = host.expect("hosting", |it| (it["type"] == "hosting").then(|| it["url"].clone()));
        assert_eq!(url, "tcp://127.0.0.1:7000");
        host.expect("joined", |it| (it["type"] == "joined").then_some(()));
        let mut guest = Process::run(network.hosts[1].command(program()).args(["--json", "--name", "bob"]));
        let url = guest.expect("found", |it| (it["type"] == "found").then(|| it["url"].clone()));
        assert_eq!(url, "tcp://10.77.0.1:7000");
        guest.expect("joined", |it| (it["type"] == "joined").then_some(()));
        host.end_input();
        let others =
            host.expect("the end", |it| (it["type"] == "hosting_ends").then(|| it["others"].clone()));
        assert_eq!(others, 1);
    });
}
