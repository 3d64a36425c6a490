//! Protocol, section 1: frames and what is no frame.

use chat_core::{
    text::MAX_TOPIC,
    wire::{
        Author, Body, Code, EntryFrame, Error, Event, Guests, Joined, MAX_FRAME, MAX_INTEGER, MAX_MEMBERS,
        MAX_TEXT, Presence, write,
    },
};
use chat_testkit::virtual_time::VirtualTime;

use super::TestServer;

/// protocol 1.3, 5.2
#[test]
fn what_is_quoted_in_an_error_never_makes_it_larger_than_a_frame() {
    let time = VirtualTime::new(45);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let mut ana = server.enter("ana", 1).await;
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
        guests: Guests::default(),
    };
    let presence = Presence {
        room: room.clone(),
        since: largest,
        version: largest,
        entered: names(256),
        left: vec![],
        guests: Guests::Named(names(256)),
    };
    let entry = EntryFrame {
        room,
        seq: largest,
        author: Author::person("é".repeat(32)),
        to: Some("é".repeat(32)),
        at: largest,
        body: Body::message("\n".repeat(MAX_TEXT)),
    };
    for event in [Event::Joined(joined), Event::Presence(presence), Event::Entry(entry)] {
        let bytes = write(&event).len();
        assert!(bytes <= MAX_FRAME, "{bytes}");
    }
}
