//! The program over UDP: what people do with it, and what becomes of them when servers die or networks are bad.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    thread,
    time::{Duration, Instant},
};

use chat_core::{client::Update, wire::Event};
use futures::{executor::block_on, future::join};
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::harness::{Fate, Heard, PATIENCE, Person, Process, Server, UdpProxy, eventually, say};

const UDP: &[&str] = &["udp://127.0.0.1:0"];

#[test]
fn every_command_works_over_udp() {
    let server = Server::at(UDP, &[]);
    let send = ["send", server.url(), "--room", "builds", "--name", "robot", "the build is green"];
    let (status, lines, errors) = Process::chat(send).exit(PATIENCE);
    assert_eq!((status.code(), lines, errors.as_str()), (Some(0), vec![], ""));
    let mut tail = Process::chat(["tail", server.url(), "--room", "builds", "--after", "0", "--json"]);
    assert_eq!(tail.messages(1), [(1, "the build is green".to_owned())]);
    let mut join = Process::chat(["join", server.url(), "--plain", "--name", "ana", "--room", "builds"]);
    join.type_line("hi");
    while !join.line().contains("<ana> hi") {}
    // What was answered by now was measured.
    join.type_line("/stats");
    join.end_input();
    let (status, lines, errors) = join.exit(PATIENCE);
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
    let stats = format!("-- {}: round trip p50 ", server.url());
    assert!(lines.iter().any(|line| line.starts_with(&stats)), "{lines:?}");
    assert_eq!(tail.messages(1), [(2, "hi".to_owned())]);
    tail.signal(Signal::SIGTERM);
    assert_eq!(tail.exit(PATIENCE).0.code(), Some(0));
}

/// protocol 15.8: one line says how much the system holds of what is not read yet
#[test]
fn the_log_says_how_much_was_granted() {
    let server = Server::at(UDP, &[]);
    let granted = |line: &&str| line.contains("recv_buffer=") && line.contains(server.url());
    let log =
        eventually("it is logged", PATIENCE, || Some(server.log()).filter(|it| it.contains("listening")));
    assert_eq!(log.lines().filter(granted).count(), 1, "{log}");
}

/// protocol 17.8
#[test]
fn a_server_that_is_not_there_is_waited_for_by_those_who_join() {
    let nobody = "udp://127.0.0.1:1";
    let mut join = Process::chat(["join", nobody, "--plain", "--name", "ana"]);
    let begun = Instant::now();
    let send = Process::chat(["send", nobody, "--room", "lobby", "--name", "bob", "hi"]);
    let line = join.line();
    assert!(
        line.contains(&format!("nobody answers at {nobody}")) && line.contains("trying again in"),
        "{line}"
    );
    let waited = begun.elapsed().as_secs_f64().round();
    assert!((5.0..9.0).contains(&waited), "after {waited} s");
    let (status, lines, errors) = send.exit(PATIENCE);
    assert_eq!((status.code(), lines), (Some(1), vec![]));
    assert_eq!(errors, format!("chat: cannot join {nobody}: no answer within 10 s\n"));
    assert!((10..14).contains(&begun.elapsed().as_secs()), "after {:?}", begun.elapsed());
    join.signal(Signal::SIGINT);
    assert_eq!(join.exit(PATIENCE).0.code(), Some(0));
    let join = Process::chat(["join", "udp://nobody.invalid", "--name", "ana"]);
    let (status, _, errors) = join.exit(PATIENCE);
    assert_eq!(
        (status.code(), errors.lines().count()),
        (Some(1), 1),
        "a wrong address is no silence: {errors}"
    );
}

/// protocol 15.12, protocol 6.4: rooms end with their server, and what was not acknowledged is said to the next one
#[test]
fn twenty_servers_one_after_the_other_lose_nothing_that_was_said_to_the_next() {
    let (mut server, mut _data) = anew(UDP[0]);
    let url = server.url().to_owned();
    let mut ana = Process::join(&url, "ana", "lobby");
    let mut bob = Process::join(&url, "bob", "lobby");
    for round in 1..=20 {
        let texts = [format!("alive {round}"), format!("dead {round}")];
        ana.type_line(&texts[0]);
        let first = if round == 1 { 1 } else { 2 };
        for reader in [&mut ana, &mut bob] {
            assert_eq!(reader.messages(1), [(first, texts[0].clone())]);
        }
        server.signal(Signal::SIGKILL);
        server.exit(PATIENCE);
        ana.type_line(&texts[1]);
        (server, _data) = anew(&url);
        bob.type_line(r#"{"type":"ping","id":1}"#); // or he would notice within a quarter of a minute
        for reader in [&mut ana, &mut bob] {
            let reset = |event: &Value| match event["type"].as_str()? {
                "message" => panic!("{event} belongs to the next server"),
                kind => (kind == "reset").then_some(()),
            };
            reader.expect("reset", reset);
            assert_eq!(reader.messages(1), [(1, texts[1].clone())]);
        }
    }
}

/// A server without any messages and with the same key each time, and its directory.
fn anew(url: &str) -> (Server, TempDir) {
    let data = tempfile::tempdir().expect("there is room for a log");
    let key = data.path().join("server.key");
    fs::write(&key, [7; 32]).expect("there is room for a key");
    fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("it is our file");
    let directory = data.path().to_str().expect("it is UTF-8").to_owned();
    (Server::at(&[url], &["--data", &directory]), data)
}

#[test]
fn two_servers_have_nothing_to_do_with_each_other() {
    let servers = [Server::at(UDP, &[]), Server::at(UDP, &[])];
    let mut anas = servers.each_ref().map(|server| Process::join(server.url(), "ana", "lobby"));
    for (number, ana) in anas.iter_mut().enumerate() {
        ana.type_line(&format!("to {number}"));
    }
    for (number, ana) in anas.iter_mut().enumerate() {
        assert_eq!(ana.messages(1), [(1, format!("to {number}"))]);
    }
}

/// protocol 6.1; the same room over both transports
#[test]
fn people_on_tcp_and_on_udp_meet() {
    let server = Server::at(&["tcp://127.0.0.1:0", "udp://127.0.0.1:0"], &[]);
    let mut ana = Process::join(server.url(), "ana", "lobby");
    let mut bob = Process::join(&format!("udp://127.0.0.1:{}", server.udp_port()), "bob", "lobby");
    bob.type_line("hi ana");
    assert_eq!(ana.messages(1), [(1, "hi ana".to_owned())]);
    ana.type_line("hi bob");
    assert_eq!(bob.messages(2)[1], (2, "hi bob".to_owned()));
}

/// protocol 11.8, protocol 17.4, protocol 17.5: twice as much as the system holds for it
#[test]
fn a_stopped_reader_goes_on_without_loss() {
    let server = Server::at(UDP, &["--unlimited"]);
    let mut stopped = Process::join(server.url(), "stopped", "hall");
    stopped.signal(Signal::SIGSTOP);
    block_on(async {
        let mut talker = Person::joined(server.address(), "talker", 1, "hall").await;
        let text = "x".repeat(8000);
        let talking = async {
            for _ in 0..STOPPED_TEXTS {
                talker.remote.ask(say("hall", &text), 1).await.expect("the conversation goes on");
            }
        };
        let begun = Instant::now();
        let read = join(talking, talker.updates.entries(STOPPED_TEXTS)).await.1;
        assert!(read.iter().map(|it| it.seq).eq(1..=STOPPED_TEXTS as u64), "each once and in order");
        assert!(begun.elapsed() < Duration::from_secs(30), "a stopped reader holds up the others");
    });
    stopped.signal(Signal::SIGCONT);
    let mut next = 1;
    while next <= STOPPED_TEXTS as u64 {
        let message = |event: &Value| match event["type"].as_str()? {
            "message" => event["seq"].as_u64(),
            "gap" | "reset" => panic!("everything is still held: {event}"),
            _ => None,
        };
        assert_eq!(stopped.expect("message", message), next, "each once and in order");
        next += 1;
    }
}

/// What is lost stays lost, and is counted; what nobody answered is said, and the program ends all the same.
#[test]
fn without_repair_it_can_be_seen_what_the_network_does() {
    let server = Server::at(&["tcp://127.0.0.1:0", "udp://127.0.0.1:0"], &["--unlimited"]);
    let proxy = UdpProxy::start(server.udp_port(), Fate { lost: 20, doubled: 10, overtaken: 20 }, 3);
    let join_raw = |url: &str, name: &str, how: &[&str]| {
        let mut raw = Process::chat(
            [&["join", url, "--raw", "--unencrypted", "--name", name, "--room", "hall"], how].concat(),
        );
        raw.line(); // it is in
        raw
    };
    let mut ana = join_raw(&proxy.url(), "ana", &["--json"]);
    ana.expect("joined", |event| (event["type"] == "joined").then_some(()));
    let mut reliable = join_raw(server.url(), "cleo", &["--json"]);
    reliable.expect("joined", |event| (event["type"] == "joined").then_some(()));
    block_on(async {
        let mut bob = Person::joined(server.address(), "bob", 1, "hall").await;
        for number in 0..RAW_TEXTS {
            bob.remote.ask(say("hall", &alone(number)), 1).await.expect("the conversation goes on");
        }
        let ack = |update: &Update| match update {
            Update::Reply { reply: Event::Ack(ack), .. } => (ack.seq == RAW_TEXTS).then_some(()),
            _ => None,
        };
        bob.updates.expect("last ack", ack).await;
    });
    let expected: Vec<_> = (0..RAW_TEXTS).map(|number| (number + 1, alone(number))).collect();
    assert_eq!(reliable.messages(expected.len()), expected, "on a reliable link nothing changes");
    reliable.end_input();
    let (status, lines, _) = reliable.exit(PATIENCE);
    assert!(status.success() && !lines.iter().any(|line| line.contains("stats")), "{lines:?}");

    for number in 0..RAW_SAID {
        ana.type_line(&alone(number));
        // Lines that come together share a datagram, and would be lost together.
        thread::sleep(Duration::from_millis(20));
    }
    ana.end_input();
    let (status, lines, errors) = ana.exit(PATIENCE);
    let events: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count() as u64;
    let stats = events.iter().rfind(|event| event["type"] == "stats").expect("it ends with what was counted");
    let seqs: Vec<u64> =
        events.iter().filter(|it| it["type"] == "message").filter_map(|it| it["seq"].as_u64()).collect();
    let seen: std::collections::BTreeSet<u64> = seqs.iter().copied().collect();
    let highest = *seen.last().expect("something came");
    assert_eq!(stats["lost"], highest - seen.len() as u64, "{stats}");
    assert_eq!(stats["duplicates"], (seqs.len() - seen.len()) as u64, "{stats}");
    let [lost, doubled, late] = ["lost", "duplicates", "reordered"].map(|it| stats[it].as_u64().unwrap());
    assert!(lost > 20 && doubled > 5 && late > 5 && stats["repaired"] == 0, "{stats}");
    assert!(stats["round_trip_us"]["p50"].is_u64(), "{stats}");
    assert!(seqs.windows(2).any(|it| it[0] > it[1]), "what comes late is shown late");
    let (unanswered, acks) = (count("unanswered"), count("ack"));
    assert!(
        unanswered >= 3 && acks >= 10,
        "{unanswered} of {RAW_SAID} are without an answer, {acks} were stored"
    );
    assert_eq!(status.code(), Some(1));
    assert_eq!(errors, format!("chat: {unanswered} requests were not answered\n"));
}

#[test]
fn without_repair_people_are_told_what_nobody_answered() {
    let server = Server::at(UDP, &[]);
    let proxy = UdpProxy::start(server.udp_port(), Fate { lost: 0, doubled: 0, overtaken: 0 }, 4);
    let mut ana = Process::chat(["join", &proxy.url(), "--raw", "--plain", "--name", "ana"]);
    while !ana.line().contains("entered lobby") {}
    drop(proxy);
    ana.type_line("hello?");
    while ana.line() != "-- no answer to: hello?" {}
    ana.signal(Signal::SIGTERM);
    let (status, _, errors) = ana.exit(PATIENCE);
    assert_eq!((status.code(), errors.as_str()), (Some(1), "chat: 1 request was not answered\n"));
}

/// How many texts of 8 kB a stopped reader misses: more than the 8 MiB that Linux holds at most by our wish.
const STOPPED_TEXTS: usize = 1500;
/// A text that shares a datagram with no other (protocol 15.18), so that each has its own fate.
fn alone(number: u64) -> String {
    format!("{number} {}", "x".repeat(700))
}

const RAW_TEXTS: u64 = 300;
const RAW_SAID: u64 = 30;
