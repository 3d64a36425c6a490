//! What a host may hold at a time: sessions, rooms, and direct messages that are kept.

use std::{sync::Arc, time::Duration};

use chat_core::{
    log::MemoryLog,
    server::{Limits, Rates},
    wire::{Code, Event, Join, Leave, Post, Request},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime};
use futures::FutureExt;

use super::{super::TestServer, person, refusal};

/// A server without rates, on which numbers alone are limited.
async fn open(time: &VirtualTime, limits: Limits) -> TestServer {
    let limits = Limits { person: Rates::default(), host: Rates::default(), ..limits };
    TestServer::with(time, limits, Arc::new(MemoryLog::new(1 << 24, 7))).await
}

async fn enter(server: &TestServer, host: &str, n: usize) -> RawClient {
    let mut client = server.at(host);
    client.hello(&hello(&person(n), n as u64)).await;
    client
}

fn join(room: String) -> impl FnOnce(u64) -> Request<'static> {
    |id| Request::new(id, Join { room: room.into(), ..Join::default() })
}

fn tell(to: &str, text: &str) -> impl FnOnce(u64) -> Request<'static> {
    let (to, text) = (to.to_owned(), text.to_owned());
    |id| Request::new(id, Post::tell(to, text))
}

/// protocol 11.7
#[test]
fn links_over_which_nothing_was_asked_keep_nobody_of_their_host_out() {
    let time = VirtualTime::new(139);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut elsewhere = server.at("192.0.2.2");
        // Half of them say nothing, and the others say hello and no more.
        let mut idle: Vec<RawClient> = (0..32).map(|_| server.at("192.0.2.1")).collect();
        for n in 32..64 {
            idle.push(enter(&server, "192.0.2.1", n).await);
        }
        for n in 100..164 {
            let mut person = enter(&server, "192.0.2.1", n).await;
            person.join("lobby", None).await;
            let mut oldest = idle.remove(0);
            let error = refusal(oldest.event().await.expect("an error"));
            assert_eq!((error.code, error.retry_after_ms), (Code::Full, Some(1000)));
            assert!(error.message.contains("made room"), "{error:?}");
            assert!(oldest.rest().await.is_empty());
            time.settle().await;
            if n < 163 {
                assert!(idle[0].event().now_or_never().is_none(), "one made room, and no more");
            }
            idle.push(person);
        }
        // Now all 64 have asked for something, and none makes room.
        let error = refusal(server.at("192.0.2.1").rest().await.remove(0));
        assert_eq!(error.code, Code::Full);
        assert!(!error.message.contains("made room"), "{error:?}");
        for person in &mut idle {
            person.say("lobby", "still here").await;
        }
        elsewhere.hello(&hello("elsewhere", 1000)).await;
        time.settle().await;
        assert_eq!(server.server.sessions(), 65, "a session in which nothing was asked ends with its link");
    });
}

/// protocol 11.10
#[test]
fn one_host_cannot_have_all_sessions() {
    let time = VirtualTime::new(140);
    time.run(async {
        let server = open(&time, Limits { sessions: 400, ..Limits::default() }).await;
        for n in 0..256 {
            let mut lost = enter(&server, "192.0.2.1", n).await;
            lost.has_heard(|_| false).await; // a session that outlives its link
        }
        let error = server.at("192.0.2.1").refused(&hello("visitor", 1000)).await;
        assert_eq!(error.code, Code::Full);
        assert!(error.message.contains("address") && error.retry_after_ms.is_some(), "{error:?}");
        for n in 300..310 {
            enter(&server, "192.0.2.2", n).await;
        }
        time.pass(Duration::from_secs(31)).await;
        enter(&server, "192.0.2.1", 400).await;
    });
}

/// protocol 11.11.4
#[test]
fn one_host_cannot_have_all_rooms() {
    let time = VirtualTime::new(141);
    time.run(async {
        let server = open(&time, Limits { rooms: 300, rooms_per_session: 300, ..Limits::default() }).await;
        let mut ana = enter(&server, "192.0.2.1", 0).await;
        for n in 0..200 {
            ana.join(&format!("room{n}"), None).await;
            ana.say(&format!("room{n}"), ".").await;
        }
        let mut bob = enter(&server, "192.0.2.1", 1).await;
        let error = refusal(bob.ask(join("one-more".to_owned())).await);
        assert_eq!(error.code, Code::TooMany);
        assert!(error.message.contains("address"), "{error:?}");
        bob.join("room7", None).await; // what exists is open
        let mut cleo = enter(&server, "192.0.2.2", 2).await;
        cleo.join("one-more", None).await;
    });
}

/// protocol 11.11.4, 6.7.2
#[test]
fn a_room_that_is_forgotten_counts_no_more() {
    let time = VirtualTime::new(142);
    time.run(async {
        let server = open(&time, Limits { rooms_per_host: 2, ..Limits::default() }).await;
        let mut ana = enter(&server, "192.0.2.1", 0).await;
        ana.join("one", None).await;
        ana.join("two", None).await;
        for n in 0..10 {
            assert_eq!(refusal(ana.ask(join(format!("more{n}"))).await).code, Code::TooMany);
        }
        ana.ask(|id| Request::new(id, Leave { room: "two".into() })).await;
        ana.join("three", None).await;
    });
}

/// protocol 10.5
#[test]
fn an_inbox_keeps_so_many_bytes() {
    let time = VirtualTime::new(143);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut ana = enter(&server, "192.0.2.1", 0).await;
        let mut bob = enter(&server, "192.0.2.2", 1).await;
        bob.has_heard(|_| false).await;
        drop(bob);
        time.settle().await;
        let text = "x".repeat(8192);
        let mut told = 0;
        let error = loop {
            match ana.ask(tell(&person(1), &text)).await {
                Event::Ack(_) => told += 1,
                other => break refusal(other),
            }
        };
        assert_eq!((told, error.code), (31, Code::Busy), "256 KiB, each with 512 bytes of its own");
        assert!(error.retry_after_ms.is_some());
        // Short ones that are within the bound are taken.
        assert!(matches!(ana.ask(tell(&person(0), "to myself")).await, Event::Ack(_)));
    });
}

/// protocol 10.9
#[test]
fn what_one_host_tells_is_bounded_over_all_inboxes_and_others_can_go_on() {
    let time = VirtualTime::new(144);
    time.run(async {
        let server = open(&time, Limits { inbox_bytes_per_host: 500_000, ..Limits::default() }).await;
        let text = "x".repeat(8192);
        let mut told = 0;
        let mut refused = None;
        for n in 0..20 {
            let mut lost = enter(&server, "192.0.2.1", 100 + n).await;
            lost.has_heard(|_| false).await;
            drop(lost);
            let mut ana = enter(&server, "192.0.2.1", n).await;
            for _ in 0..10 {
                match ana.ask(tell(&person(100 + n), &text)).await {
                    Event::Ack(_) => told += 1,
                    Event::Error(error) => refused = Some(error),
                    other => panic!("{other:?}"),
                }
            }
        }
        let error = refused.expect("there is a bound");
        assert!(error.code == Code::Busy && error.retry_after_ms.is_some(), "{error:?}");
        // Twice as many at most: what nobody reads is let go of once in a while.
        assert!((57..=2 * 57).contains(&told), "{told}");
        let mut bob = enter(&server, "192.0.2.2", 50).await;
        assert!(matches!(bob.ask(tell(&person(50), &text)).await, Event::Ack(_)));
    });
}

/// protocol 10.9, 10.2
#[test]
fn what_was_read_makes_space_for_more() {
    let time = VirtualTime::new(145);
    time.run(async {
        let server = open(&time, Limits { inbox_bytes: 100_000, ..Limits::default() }).await;
        let mut ana = enter(&server, "192.0.2.1", 0).await;
        let mut bob = enter(&server, "192.0.2.2", 1).await;
        let text = "x".repeat(8192);
        for n in 1..=50 {
            assert!(matches!(ana.ask(tell(&person(1), &text)).await, Event::Ack(_)), "message {n}");
            assert_eq!(ana.entries("@", n..=n).await, bob.entries("@", n..=n).await);
        }
    });
}
