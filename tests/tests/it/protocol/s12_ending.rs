//! Protocol, section 12: goodbye, silent links, bad frames, slow readers, and the end of a server.

mod two_stops;

use std::sync::Arc;

use chat_core::{
    Runtime,
    log::MemoryLog,
    memory::pipe,
    server::Limits,
    transport::{Incoming, Peer, Promises, Transport},
    wire::{Code, Event, Goodbye, Hello, MAX_FRAME, Reason, Request, RequestBody, write},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime};
use futures::{FutureExt, SinkExt, StreamExt, future::join};

use super::{
    SECOND, TestServer, error,
    slow_log::{failing_server, failing_server_taking},
};

fn goodbye(event: &Event) -> Option<Reason> {
    match event {
        Event::Goodbye(Goodbye { reason, .. }) => Some(*reason),
        _ => None,
    }
}

fn seq(event: &Event) -> Option<u64> {
    match event {
        Event::Entry(entry) => Some(entry.seq),
        _ => None,
    }
}

/// protocol 12.4
#[test]
fn a_silent_link_is_dead_after_75_seconds_and_a_ping_keeps_it_alive() {
    let time = VirtualTime::new(3);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = server.enter("ana", 1).await;
        for id in 1..20 {
            time.pass(SECOND * 70).await;
            assert!(matches!(
                ana.ask_as(id, format!(r#"{{"type":"ping","id":{id}}}"#)).await,
                Event::Pong(_)
            ));
        }
        time.pass(SECOND * 74).await;
        assert!(!ana.has_heard(|it| goodbye(it).is_some()).await);
        time.pass(SECOND * 76).await;
        assert_eq!(ana.rest().await.iter().find_map(goodbye), Some(Reason::Silent));
    });
}

/// protocol 12.5, 11.8
#[test]
fn a_reader_that_stops_reading_is_cut_delays_nobody_and_later_gets_everything() {
    let time = VirtualTime::new(5);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let mut ana = server.enter("ana", 1).await;
        let mut bob = server.enter("bob", 2).await;
        let mut stuck = server.dial().await;
        let secret = stuck.hello(&hello("cleo", 3)).await.resume;
        for client in [&mut ana, &mut bob, &mut stuck] {
            client.join("lobby", Some(0)).await;
        }
        for n in 1..=500 {
            let before = time.now();
            ana.say("lobby", &n.to_string()).await;
            ana.entries("lobby", n..=n).await;
            bob.entries("lobby", n..=n).await;
            assert_eq!(time.now(), before, "nobody waits for the one who does not read");
        }
        time.pass(SECOND * 11).await;
        ana.ask(|id| Request::new(id, RequestBody::Ping)).await;
        let seen = stuck.rest().await;
        let numbers: Vec<u64> = seen.iter().filter_map(seq).collect();
        assert!(numbers.len() < 500 && numbers.iter().copied().eq(1..=numbers.len() as u64), "{numbers:?}");
        let mut back = server.dial().await;
        let again = Hello { resume: Some(secret.into()), ..hello("cleo", 3) };
        assert!(back.hello(&again).await.resumed, "a link that was cut is a lost link");
        back.go_on_after(&stuck);
        let cursor = numbers.len() as u64;
        back.join("lobby", Some(cursor)).await;
        back.entries("lobby", cursor + 1..=500).await;
    });
}

/// protocol 12.7
#[test]
fn a_server_that_stops_delivers_what_it_acknowledged_and_waits_no_longer_than_it_said() {
    let time = VirtualTime::new(7);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let mut ana = server.enter("ana", 1).await;
        let mut stuck = server.enter("bob", 2).await;
        let _mute = server.dial().await;
        ana.join("lobby", Some(0)).await;
        stuck.join("lobby", Some(0)).await;
        for n in 1..=300 {
            ana.say("lobby", &n.to_string()).await;
            ana.entries("lobby", n..=n).await;
        }
        ana.send(r#"{"type":"say","id":1000,"room":"lobby","text":"the last word"}"#).await;
        ana.expect("ack", |it| (it.reply_to() == Some(1000)).then_some(())).await;
        let began = time.now();
        let ((), rest) = join(server.stop(), ana.rest()).await;
        assert!(rest.iter().any(|it| seq(it) == Some(301)), "{rest:?}");
        assert_eq!(rest.iter().find_map(goodbye), Some(Reason::Shutdown));
        let took = time.now() - began;
        assert!(took >= SECOND * 10 && took < SECOND * 11, "{took:?}: one does not take what waits for it");
        assert_eq!(server.sessions(), 0);
    });
}

/// protocol 12.2
#[test]
fn what_was_asked_before_a_bad_frame_is_answered_before_its_error() {
    let time = VirtualTime::new(84);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let mut link = server.memory.dial(&server.address).await.unwrap();
        let hello = write(&Request::unnumbered(hello("ana", 1)));
        for frame in [hello, r#"{"type":"ping","id":7}"#.into(), r#"{"type":"ping""#.into()] {
            link.feed(frame).await.unwrap();
        }
        let mut ana = RawClient::new(link, server.memory.promises(), time.shared());
        let rest = ana.rest().await;
        assert!(matches!(&rest[..], [Event::Welcome(_), Event::Pong(_), Event::Error(_)]), "{rest:?}");
    });
}

/// protocol 12.7
#[test]
fn a_server_that_stops_waits_for_nobody_longer_than_it_was_told() {
    let time = VirtualTime::new(85);
    time.run(async {
        let limits = Limits { drain_within: SECOND * 3, ..Limits::default().unlimited() };
        let server = TestServer::with(&time, limits, Arc::new(MemoryLog::new(1 << 24, 7))).await;
        let mut ana = server.enter("ana", 1).await;
        let mut stuck = server.enter("bob", 2).await;
        ana.join("lobby", Some(0)).await;
        stuck.join("lobby", Some(0)).await;
        for n in 1..=300 {
            ana.say("lobby", &n.to_string()).await;
            ana.entries("lobby", n..=n).await;
        }
        drop(ana);
        let began = time.now();
        server.stop().await;
        let took = time.now() - began;
        assert!((SECOND * 3..SECOND * 4).contains(&took), "{took:?}");
    });
}

/// protocol 12.7
#[test]
fn a_server_that_has_stopped_has_no_session_left() {
    for seed in 0..100 {
        let time = VirtualTime::new(seed);
        time.run(async {
            let server = TestServer::open(&time).await;
            let mut ana = server.enter("ana", 1).await;
            ana.join("lobby", None).await;
            let leaving = async {
                ana.rest().await;
                drop(ana);
            };
            futures::join!(server.stop(), leaving);
            assert_eq!(server.sessions(), 0, "seed {seed}");
        });
    }
}

/// protocol 12.2
#[test]
fn a_peer_that_does_not_hang_up_is_hung_up_on() {
    let time = VirtualTime::new(1);
    time.run(async {
        let server = TestServer::open(&time).await;
        for frames in [vec!["{".into()], vec![write(&Request::unnumbered(hello("ana", 1))), "{".into()]] {
            let mut link = server.memory.dial(&server.address).await.unwrap();
            for frame in frames {
                link.send(frame).await.unwrap();
            }
            while link.next().await.is_some() {}
            time.pass(SECOND * 2).await;
            assert!(matches!(link.send("x".into()).now_or_never(), Some(Err(_))), "nobody is there");
        }
    });
}

/// protocol 12.7
#[test]
fn a_peer_that_does_not_hang_up_does_not_hold_up_a_server_that_stops() {
    for seed in 0..20 {
        let time = VirtualTime::new(seed);
        time.run(async {
            let server = TestServer::with(
                &time,
                Limits::default(),
                std::sync::Arc::new(chat_core::log::MemoryLog::new(1 << 20, 7)),
            )
            .await;
            let mut ana = server.enter("ana", 1).await;
            let began = time.elapsed();
            let ((), rest) = futures::join!(server.stop(), ana.rest());
            assert!(matches!(rest[..], [Event::Goodbye(_)]));
            assert!(time.elapsed() - began <= SECOND * 2, "seed {seed}: {:?}", time.elapsed() - began);
            let _: RawClient = ana;
        });
    }
}

/// protocol 12.2
#[test]
fn a_link_that_was_refused_is_not_held_open_by_its_peer() {
    let time = VirtualTime::new(43);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut link = server.memory.dial(&server.address).await.unwrap();
        link.send("rubbish".into()).await.unwrap();
        assert!(link.next().await.is_some(), "why it was refused");
        assert!(link.next().await.is_none(), "and the end");
        time.pass(SECOND * 2).await;
        assert!(link.send("more".into()).await.is_err(), "the server has let go of it");
    });
}

/// protocol 12.7
#[test]
fn a_server_that_stops_waits_no_longer_for_who_takes_the_goodbye_slowly() {
    let time = VirtualTime::new(44);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let mut link = server.memory.dial(&server.address).await.unwrap();
        link.send(r#"{"type":"hello","protocol":1,"name":"ana"}"#.into()).await.unwrap();
        for id in 0..90 {
            link.send(format!(r#"{{"type":"ping","id":{id}}}"#).into()).await.unwrap();
        }
        link.send(r#"{"type":"bye"}"#.into()).await.unwrap();
        time.settle().await;
        let began = time.now();
        let slow = async {
            time.pass(SECOND * 9).await;
            link.next().await.unwrap().unwrap();
        };
        futures::join!(server.stop(), slow);
        let took = time.now() - began;
        assert!(took < SECOND * 11, "{took:?}");
    });
}

/// protocol 12.7
#[test]
fn a_server_that_stops_lets_nobody_in() {
    let time = VirtualTime::new(46);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = server.dial().await;
        time.settle().await;
        ana.send(r#"{"type":"hello","protocol":1,"name":"ana"}"#).await;
        let ((), rest) = futures::join!(server.stop(), ana.rest());
        let farewell = |it: &Event| matches!(it, Event::Goodbye(it) if it.reason == Reason::Shutdown);
        assert!(matches!(&rest[..], [it] if farewell(it)), "{rest:?}");
    });
}

/// protocol 12.1
#[test]
fn a_bye_waits_for_the_answers_to_what_was_asked_before() {
    let time = VirtualTime::new(71);
    time.run(async {
        let server = failing_server(&time).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", None).await;
        ana.send(r#"{"type":"say","id":7,"room":"lobby","text":"hi"}"#).await;
        ana.send(r#"{"type":"bye"}"#).await;
        let rest = ana.rest().await;
        let [.., answer, Event::Goodbye(Goodbye { reason: Reason::Bye, .. })] = &rest[..] else {
            panic!("{rest:?}")
        };
        assert_eq!(error(answer), Some((Some(7), Code::StorageFailed)));
    });
}

/// protocol 12.4
#[test]
fn a_link_that_the_server_does_not_read_is_not_taken_for_silent() {
    let time = VirtualTime::new(77);
    time.run(async {
        let server = failing_server_taking(&time, SECOND * 60).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", None).await;
        for id in 101..=164 {
            ana.send(format!(r#"{{"type":"say","id":{id},"room":"lobby","text":"x"}}"#)).await;
        }
        for id in 201..=203 {
            time.pass(SECOND * 15).await;
            ana.send(format!(r#"{{"type":"ping","id":{id}}}"#)).await;
        }
        time.pass(SECOND * 14).await;
        let answers = |it: &Event| it.reply_to() == Some(203);
        ana.expect("pong", |it| answers(it).then_some(())).await;
        // Besides those that say how long it takes (protocol 7.6).
        assert_eq!(ana.forget().iter().filter_map(error).filter(|(id, _)| id.is_some()).count(), 64);
    });
}

/// protocol 12.7
#[test]
fn a_server_that_stops_does_not_wait_for_a_log_that_never_answers() {
    let time = VirtualTime::new(93);
    time.run(async {
        let server = failing_server_taking(&time, SECOND * 100_000).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", None).await;
        ana.send(r#"{"type":"say","id":107,"room":"lobby","text":"hi"}"#).await;
        time.settle().await;
        let began = time.now();
        server.stop().await;
        let took = time.now() - began;
        assert!(took >= SECOND * 10 && took <= SECOND * 12, "{took:?}");
        assert_eq!(server.sessions(), 0);
    });
}

/// protocol 12.3
#[test]
fn a_server_that_has_stopped_says_goodbye_to_a_link_it_is_given() {
    let time = VirtualTime::new(95);
    time.run(async {
        let server = TestServer::open(&time).await;
        server.stop().await;
        let rest = server.accepted(server.memory.promises()).rest().await;
        assert_eq!(rest.iter().find_map(goodbye), Some(Reason::Shutdown), "{rest:?}");
    });
}

/// protocol 1.3
#[test]
fn a_link_that_carries_too_small_frames_is_not_taken() {
    let time = VirtualTime::new(96);
    time.run(async {
        let server = TestServer::open(&time).await;
        let (_near, far) = pipe();
        let peer = Peer {
            address: "a pipe".to_owned(),
            host: "here".to_owned(),
            local: true,
            identity: None,
            binding: None,
        };
        let promises = Promises { max_frame: MAX_FRAME - 1, ..server.memory.promises() };
        let error = server.server.accept(Incoming { link: Box::pin(far), peer }, promises);
        assert_eq!(error.unwrap_err().kind(), std::io::ErrorKind::Unsupported);
    });
}
