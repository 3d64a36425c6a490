//! Peers that push: they ask without reading, hold links open, send what is too large. The server stays as it is.

use std::sync::Arc;

use chat_core::{
    Runtime,
    log::MemoryLog,
    server::Limits,
    text::MAX_TOPIC,
    transport::{BoxLink, Transport},
    wire::{
        Code, EntryFrame, EntryKind, Error, Event, Joined, MAX_FRAME, MAX_INTEGER, MAX_MEMBERS, MAX_TEXT,
        Presence, Reason, Request, Tell, write,
    },
};
use chat_testkit::virtual_time::VirtualTime;
use futures::{FutureExt, SinkExt, StreamExt};

use super::{Hall, SECOND};

async fn unlimited(time: &VirtualTime) -> Hall {
    Hall::with(time, Limits::default().unlimited(), Arc::new(MemoryLog::new(1 << 24, 7))).await
}

/// How many of `frames` the server takes although nobody reads what it says.
async fn taken(time: &VirtualTime, link: &mut BoxLink, frame: &'static str, most: usize) -> usize {
    for count in 0..most {
        if link.send(frame.into()).now_or_never().is_none() {
            time.settle().await;
            if link.send(frame.into()).now_or_never().is_none() {
                return count;
            }
        }
    }
    most
}

/// protocol 11.5
#[test]
fn a_link_is_read_on_as_soon_as_enough_was_answered() {
    let time = VirtualTime::new(41);
    time.run(async {
        let hall = unlimited(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        for _ in 0..6 {
            let text = "x".repeat(8000).into();
            ana.ask(|id| Request::Tell(Tell { id, to: "ana".into(), text, order: None, bot: false })).await;
        }
        // Each page is most of a frame.
        for id in 100..110 {
            ana.send(format!(r#"{{"type":"history","id":{id},"room":"@"}}"#)).await;
        }
        let began = time.now();
        ana.ask_as(200, r#"{"type":"ping","id":200}"#).await;
        assert!(time.now() - began < SECOND, "it has been read at last: {:?}", time.now() - began);
    });
}

/// protocol 2.8
#[test]
fn a_stranger_who_reads_nothing_is_not_read_for_long() {
    let time = VirtualTime::new(42);
    time.run(async {
        let hall = Hall::open(&time).await;
        let mut link = hall.memory.dial(&hall.address).await.unwrap();
        let taken = taken(&time, &mut link, r#"{"type":"hello","protocol":1,"name":""}"#, 5000).await;
        assert!(taken < 500, "{taken} answers wait for somebody who does not fetch them");
    });
}

/// protocol 12.2
#[test]
fn a_link_that_was_refused_is_not_held_open_by_its_peer() {
    let time = VirtualTime::new(43);
    time.run(async {
        let hall = Hall::open(&time).await;
        let mut link = hall.memory.dial(&hall.address).await.unwrap();
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
        let hall = unlimited(&time).await;
        let mut link = hall.memory.dial(&hall.address).await.unwrap();
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
        futures::join!(hall.server.stop(), slow);
        let took = time.now() - began;
        assert!(took < SECOND * 11, "{took:?}");
    });
}

/// protocol 1.3, 5.2
#[test]
fn what_is_quoted_in_an_error_never_makes_it_larger_than_a_frame() {
    let time = VirtualTime::new(45);
    time.run(async {
        let hall = unlimited(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        let long = "\u{200b}".repeat(21_000);
        let unknown = format!(r#"{{"type":"{long}","id":7}}"#);
        assert!(unknown.len() <= MAX_FRAME);
        let error = ana.ask_as(7, unknown).await;
        assert!(matches!(error, Event::Error(Error { code: Code::Unsupported, .. })));
        let nobody = format!(r#"{{"type":"tell","id":8,"to":"{long}","text":"x"}}"#);
        assert!(matches!(ana.ask_as(8, nobody).await, Event::Error(Error { code: Code::NotHere, .. })));
        let quotes = r#"\""#.repeat(32_000);
        ana.send(format!(r#"{{"type":"ping","id":"{quotes}"}}"#)).await;
        let rest = ana.rest().await;
        assert!(matches!(&rest[..], [Event::Error(Error { code: Code::BadFrame, .. })]), "{rest:?}");
    });
}

/// protocol 1.3, 6.3, 9.1: names need no escapes (4.1); a topic has quotes at worst (4.6), a text too (4.5).
#[test]
fn the_largest_frames_that_can_be_are_frames() {
    let names = |count: usize| vec!["é".repeat(32); count];
    let room = "é".repeat(64);
    let largest = MAX_INTEGER;
    let joined = Joined {
        id: largest,
        room: room.clone(),
        epoch: "e".repeat(22),
        oldest: largest,
        head: largest,
        after: largest,
        reset: true,
        topic: "\"".repeat(MAX_TOPIC),
        version: largest,
        members: names(MAX_MEMBERS),
        present: largest,
    };
    let presence =
        Presence { room: room.clone(), since: largest, version: largest, entered: names(256), left: vec![] };
    let entry = EntryFrame {
        kind: EntryKind::Message,
        room,
        seq: largest,
        from: "é".repeat(32),
        to: Some("é".repeat(32)),
        at: largest,
        text: "\n".repeat(MAX_TEXT),
    };
    for event in [Event::Joined(joined), Event::Presence(presence), Event::Entry(entry)] {
        let bytes = write(&event).len();
        assert!(bytes <= MAX_FRAME, "{bytes}");
    }
}

/// protocol 12.7
#[test]
fn a_server_that_stops_lets_nobody_in() {
    let time = VirtualTime::new(46);
    time.run(async {
        let hall = Hall::open(&time).await;
        let mut ana = hall.dial().await;
        time.settle().await;
        ana.send(r#"{"type":"hello","protocol":1,"name":"ana"}"#).await;
        let ((), rest) = futures::join!(hall.server.stop(), ana.rest());
        let farewell = |it: &Event| matches!(it, Event::Goodbye(it) if it.reason == Reason::Shutdown);
        assert!(matches!(&rest[..], [it] if farewell(it)), "{rest:?}");
    });
}
