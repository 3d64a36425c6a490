//! A server ends well, or says in one line why it does not begin.

use std::{process::Command, time::Duration};

use chat_core::{
    client::Update,
    wire::{Code, Event, Reason},
};
use futures::{
    StreamExt,
    executor::block_on,
    future::{Either, join_all, select},
};
use nix::sys::signal::Signal;

use super::harness::{Heard, Person, Process, Server, eventually, program, say};
use crate::runtime::in_time_of;

/// protocol 12.3, protocol 7.5
#[test]
fn a_server_that_is_told_to_end_under_load_says_goodbye_to_everyone() {
    end_under_load("tcp://127.0.0.1:0", 10, 100);
}

/// protocol 12.3, protocol 7.5
#[test]
fn over_udp_it_says_goodbye_as_well() {
    end_under_load("udp://127.0.0.1:0", 4, 20); // datagrams have no flow control, so fewer people talk
}

fn end_under_load(url: &str, people: u64, talks: usize) {
    let server = Server::at(&[url], &["--unlimited"]);
    let (address, is_reliable) = (server.address(), url.starts_with("tcp:"));
    block_on(in_time_of(Duration::from_secs(30), async {
        let mut all = Vec::new();
        for number in 0..people {
            all.push(Person::joined(address.clone(), &format!("p{number}"), number, "hall").await);
        }
        let (first, rest) = all.split_first_mut().expect("there are some");
        let load = join_all(rest.iter_mut().map(|it| talk_until_goodbye(it, is_reliable)));
        let terminate = async {
            for _ in 0..talks {
                talk(first).await; // by now everyone talks
            }
            server.signal(Signal::SIGTERM);
            talk_until_goodbye(first, is_reliable).await
        };
        let (acknowledged, others) = futures::future::join(terminate, load).await;
        assert!(acknowledged + others.iter().sum::<usize>() > 0, "there was no load");
    }));
    let status = server.exit(Duration::from_secs(10));
    assert_eq!(status.code(), Some(0), "{status}");
}

/// Says one thing and waits for its ack and itself.
async fn talk(person: &mut Person) {
    person.remote.ask(say("hall", "load"), 1).await.expect("the conversation goes on");
    let ack = |update: &Update| match update {
        Update::Reply { reply: Event::Ack(ack), .. } => Some(ack.seq),
        _ => None,
    };
    let seq = person.updates.expect("ack", ack).await;
    let own = |update: &Update| match update {
        Update::Entry(entry) => (entry.seq >= seq).then_some(()),
        _ => None,
    };
    person.updates.expect("entry", own).await;
}

/// Talks without a pause until the server says goodbye. Checks that what was acknowledged was also read, and gives
/// how much that was. On a link that is not reliable, some of it may still be on its way.
async fn talk_until_goodbye(person: &mut Person, is_reliable: bool) -> usize {
    let Person { remote, updates } = person;
    let talking = async {
        loop {
            remote.ask(say("hall", "load"), 1).await.expect("the conversation goes on");
        }
    };
    let reading = async {
        let (mut acknowledged, mut last_ack, mut last_read) = (0, 0, 0);
        loop {
            match updates.next().await.expect("a goodbye comes first") {
                Update::Reply { reply: Event::Ack(ack), .. } => {
                    acknowledged += 1;
                    last_ack = ack.seq.max(last_ack);
                }
                Update::Entry(entry) => {
                    assert!(last_read == 0 || entry.seq == last_read + 1, "{} after {last_read}", entry.seq);
                    last_read = entry.seq;
                }
                Update::Goodbye(reason) => {
                    assert_eq!(reason, Reason::Shutdown);
                    let all = !is_reliable || last_read >= last_ack; // nobody can ask for what was lost on the way
                    assert!(all, "{last_ack} was acknowledged, {last_read} delivered");
                    return acknowledged;
                }
                Update::Disconnected { why, .. } => panic!("no goodbye: {why}"),
                _ => {}
            }
        }
    };
    match select(Box::pin(talking), Box::pin(reading)).await {
        Either::Left(_) => unreachable!("talking goes on for ever"),
        Either::Right((acknowledged, _)) => acknowledged,
    }
}

/// A server that still has something for a peer that does not take it would wait; told twice, it does not.
#[test]
fn a_second_signal_does_not_wait() {
    let server = Server::start(&["--unlimited"]);
    let mut deaf = server.raw();
    deaf.hello("deaf");
    deaf.frame(r#"{"type":"join","id":1,"room":"hall","after":0}"#);
    block_on(async {
        let mut talker = Person::joined(server.address(), "talker", 1, "hall").await;
        let text = "x".repeat(8000);
        let talking = async {
            for _ in 0..1500 {
                talker.remote.ask(say("hall", &text), 1).await.expect("the conversation goes on");
            }
        };
        futures::future::join(talking, talker.updates.entries(1500)).await;
    });
    server.signal(Signal::SIGINT);
    eventually("it is stopping", Duration::from_secs(5), || server.log().contains("stopping").then_some(()));
    server.signal(Signal::SIGTERM);
    let status = server.exit(Duration::from_secs(2));
    assert_eq!(status.code(), Some(143), "{status}");
}

#[test]
fn a_port_that_is_taken_is_one_line_and_status_one() {
    let server = Server::start(&[]);
    let mut second = Command::new(program());
    second.args(["serve", "--memory", "--no-announce", "--listen", server.url()]).env("RUST_LOG", "error");
    let (status, lines, errors) = Process::run(&mut second).exit(Duration::from_secs(10));
    assert_eq!((status.code(), lines), (Some(1), vec![]), "{errors}");
    let port = server.port().to_string();
    assert!(errors.starts_with("chat: ") && errors.contains(&port), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

#[test]
fn a_server_that_is_not_there_is_one_line_and_status_one() {
    // A port that was free a moment ago could be another test's by now; nobody serves the first of all.
    let nobody = "tcp://127.0.0.1:1";
    for args in [&["join", nobody][..], &["send", nobody, "--room", "lobby", "hi"]] {
        let (status, lines, errors) = Process::chat(args).exit(Duration::from_secs(20));
        assert_eq!((status.code(), lines), (Some(1), vec![]), "{errors}");
        assert!(errors.starts_with("chat: ") && errors.lines().count() == 1, "{errors}");
    }
    for args in [&["join", "--colour"][..], &["serve", "--listen", "two words"], &["dance"]] {
        let (status, _, errors) = Process::chat(args).exit(Duration::from_secs(10));
        assert_eq!(status.code(), Some(2), "{args:?}: {errors}");
    }
}

/// protocol 2.6
#[test]
fn a_client_of_another_version_is_told_which_one_is_spoken() {
    let server = Server::start(&[]);
    let mut raw = server.raw();
    raw.frame(r#"{"type":"hello","protocol":2,"name":"ana","fancy":true}"#);
    let events = raw.rest();
    let told =
        matches!(&events[..], [Event::Error(it)] if it.code == Code::BadProtocol && it.message.contains('1'));
    assert!(told, "{events:?}");
}
