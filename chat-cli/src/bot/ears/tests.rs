//! Who is heard, and when.

use chat_core::wire::{INBOX, LimitsFrame, Welcome};

use super::*;

fn ears(all: bool) -> Ears {
    let mut ears = Ears::new(PersonName::parse("echo").unwrap(), all);
    connect(&mut ears, false);
    join(&mut ears, "lobby", 10);
    ears
}

fn connect(ears: &mut Ears, resumed: bool) {
    let limits = LimitsFrame::default();
    let (name, server, resume) = ("echo".to_owned(), String::new(), String::new());
    let welcome = Welcome { protocol: 1, name, server, resume, resumed, at: None, limits };
    assert_eq!(ears.hear(&Update::Connected(welcome)), None);
}

fn joined(room: &str, head: u64, reset: bool) -> Update {
    let (room, epoch, topic) = (room.to_owned(), String::new(), String::new());
    let (members, version, present) = (Vec::new(), 1, 1);
    let joined =
        Joined { id: 1, room, epoch, oldest: 1, head, after: 3, reset, topic, version, members, present };
    Update::Joined { tag: None, joined }
}

fn join(ears: &mut Ears, room: &str, head: u64) {
    assert_eq!(ears.hear(&joined(room, head, false)), None);
}

fn entry(room: &str, seq: u64, from: &str, text: &str) -> EntryFrame {
    let kind = EntryKind::Message;
    EntryFrame { kind, room: room.into(), seq, from: from.into(), to: None, at: 0, text: text.into() }
}

fn said(ears: &mut Ears, room: &str, seq: u64, text: &str) -> Option<String> {
    ears.hear(&Update::Entry(entry(room, seq, "ana", text))).map(|call| {
        assert_eq!((call.caller.room.as_str(), call.caller.person.as_str()), (room, "ana"));
        call.text
    })
}

#[test]
fn what_is_addressed_is_heard_without_the_name() {
    let mut ears = ears(false);
    assert_eq!(said(&mut ears, "lobby", 11, "echo: hi").as_deref(), Some("hi"));
    assert_eq!(said(&mut ears, "lobby", 12, "hi"), None);
    assert_eq!(said(&mut ears, INBOX, 1, "hi").as_deref(), Some("hi"));
    assert_eq!(said(&mut ears, INBOX, 2, "@echo hi").as_deref(), Some("hi"));
    let mut ears = self::ears(true);
    assert_eq!(said(&mut ears, "lobby", 11, "hi").as_deref(), Some("hi"));
    assert_eq!(said(&mut ears, "lobby", 12, "echo: hi").as_deref(), Some("hi"));
}

/// protocol 14.8
#[test]
fn neither_bots_nor_topics_nor_itself_are_heard() {
    let mut ears = ears(true);
    for kind in [EntryKind::Bot, EntryKind::Topic] {
        let entry = EntryFrame { kind, ..entry("lobby", 11, "ana", "echo: hi") };
        assert_eq!(ears.hear(&Update::Entry(entry)), None);
    }
    for room in ["lobby", INBOX] {
        assert_eq!(ears.hear(&Update::Entry(entry(room, 11, "Echo", "echo: hi"))), None);
    }
}

/// protocol 14.8
#[test]
fn what_was_said_before_a_session_is_old() {
    let mut ears = ears(true);
    assert_eq!(said(&mut ears, "lobby", 10, "hi"), None);
    assert!(said(&mut ears, "lobby", 11, "hi").is_some());
    connect(&mut ears, true);
    join(&mut ears, "lobby", 13);
    join(&mut ears, INBOX, 1);
    assert!(said(&mut ears, "lobby", 12, "hi").is_some(), "the session went on");
    assert!(said(&mut ears, INBOX, 1, "hi").is_some(), "also that of direct messages");
    connect(&mut ears, false);
    join(&mut ears, "lobby", 20);
    assert_eq!(said(&mut ears, "lobby", 14, "hi"), None);
    assert_eq!(said(&mut ears, "lobby", 20, "hi"), None);
    assert!(said(&mut ears, "lobby", 21, "hi").is_some());
    assert!(said(&mut ears, INBOX, 1, "hi").is_some(), "a new session has a new inbox");
    assert_eq!(ears.hear(&joined("lobby", 30, true)), None);
    assert_eq!(said(&mut ears, "lobby", 25, "hi"), None, "the log began anew and is read from its beginning");
}

/// A new session whose first join is lost joins again in the same session.
#[test]
fn a_room_that_was_not_joined_yet_is_old_after_resuming() {
    let mut ears = ears(true);
    connect(&mut ears, false);
    connect(&mut ears, true);
    join(&mut ears, "lobby", 20);
    assert_eq!(said(&mut ears, "lobby", 20, "hi"), None);
}
