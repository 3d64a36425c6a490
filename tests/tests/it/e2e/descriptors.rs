//! A server that runs out of file descriptors serves those it has, does not spin, and recovers.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use chat_core::wire::{Code, Event};

use super::harness::{PATIENCE, Raw, Server, eventually, program};

#[test]
fn a_server_without_descriptors_serves_those_it_has() {
    let server = Server::run(Command::new("prlimit").arg("--nofile=64:64").arg(program()), &["--unlimited"]);
    let mut ana = server.raw();
    ana.hello("ana");
    ana.reply(1, r#"{"type":"join","id":1,"room":"hall"}"#);

    let crowd: Vec<Raw> = (0..150).map(|_| server.raw()).collect();
    eventually("the descriptors are used up", PATIENCE, || (server.sockets() > 40).then_some(()));
    let (begun, cpu) = (Instant::now(), server.cpu());
    let mut id = 1;
    while begun.elapsed() < WATCHED {
        id += 1;
        let asked = Instant::now();
        let say = format!(r#"{{"type":"say","id":{id},"room":"hall","text":"{id}"}}"#);
        let reply = ana.reply(id, say);
        assert!(matches!(reply, Event::Ack(_)), "{reply:?}");
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?} for an answer", asked.elapsed());
        std::thread::sleep(Duration::from_millis(100)); // what is measured is the time between
    }
    let share = (server.cpu() - cpu).as_secs_f64() / begun.elapsed().as_secs_f64();
    assert!(share < 0.3, "{:.0} % of a processor for nothing", share * 100.0);

    drop(crowd);
    let begun = Instant::now();
    let mut bob = server.raw();
    bob.hello("bob");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?} to recover", begun.elapsed());
    assert!(ana.frame(r#"{"type":"bye"}"#));
    let log = server.log();
    assert!(log.lines().count() < 200, "one line a second is enough: {log}");
}

/// protocol 11.7, protocol 13.1
#[test]
fn whoever_is_not_let_in_for_lack_of_room_is_told_or_waits() {
    let server = Server::run(Command::new("prlimit").arg("--nofile=48:48").arg(program()), &["--unlimited"]);
    let mut crowd: Vec<Raw> = (0..100).map(|_| server.raw()).collect();
    let (mut welcomed, mut full, mut waiting) = (0, 0, 0);
    for (number, raw) in crowd.iter_mut().enumerate() {
        raw.frame(format!(r#"{{"type":"hello","protocol":1,"name":"p{number}"}}"#));
        if raw.is_silent(Duration::from_millis(200)) {
            waiting += 1;
            continue;
        }
        match raw.event() {
            Some(Event::Welcome(_)) => welcomed += 1,
            Some(Event::Error(error)) if error.code == Code::Full => full += 1,
            None => full += 1, // the link was reset before the words were read
            Some(other) => panic!("not an answer to a hello: {other:?}"),
        }
    }
    assert!(welcomed > 5, "{welcomed} of 100 are let in");
    assert!(full + waiting > 30, "{welcomed} of 100 are let in, with 48 descriptors");
}

const WATCHED: Duration = Duration::from_secs(3);
