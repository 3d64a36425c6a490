//! The mention filter: which messages become jobs.

use chat_core::wire::{Author, Body, INBOX, LimitsFrame, Welcome};

use super::*;

fn filter(all: bool) -> MentionFilter {
    let mut filter = MentionFilter::new(PersonName::parse("echo").unwrap(), all);
    connect(&mut filter, false);
    join(&mut filter, "lobby", 10);
    filter
}

fn connect(filter: &mut MentionFilter, resumed: bool) {
    let limits = LimitsFrame::default();
    let (name, server, resume) = ("echo".to_owned(), String::new(), String::new());
    let welcome = Welcome { protocol: 1, name, server, resume, resumed, at: None, limits };
    assert_eq!(filter.job(&Update::Connected(welcome)), None);
}

fn joined(room: &str, head: u64, reset: bool) -> Update {
    let (room, epoch, topic) = (room.to_owned(), String::new(), String::new());
    let (members, version, present) = (Vec::new(), 1, 1);
    let guests = Default::default();
    let joined = Joined {
        id: 1,
        room,
        epoch,
        oldest: 1,
        head,
        after: 3,
        reset,
        topic,
        version,
        members,
        present,
        guests,
    };
    Update::Joined { tag: None, joined }
}

fn join(filter: &mut MentionFilter, room: &str, head: u64) {
    assert_eq!(filter.job(&joined(room, head, false)), None);
}

fn entry(room: &str, seq: u64, from: &str, text: &str) -> EntryFrame {
    EntryFrame {
        room: room.into(),
        seq,
        author: Author::person(from),
        to: None,
        at: 0,
        body: Body::message(text),
    }
}

fn said(filter: &mut MentionFilter, room: &str, seq: u64, text: &str) -> Option<String> {
    filter.job(&Update::Entry(entry(room, seq, "ana", text))).map(|job| {
        assert_eq!((job.requester.room.as_str(), job.requester.person.as_str()), (room, "ana"));
        job.text
    })
}

#[test]
fn an_addressed_message_becomes_a_job_without_the_name() {
    let mut filter = filter(false);
    assert_eq!(said(&mut filter, "lobby", 11, "echo: hi").as_deref(), Some("hi"));
    assert_eq!(said(&mut filter, "lobby", 12, "hi"), None);
    assert_eq!(said(&mut filter, INBOX, 1, "hi").as_deref(), Some("hi"));
    assert_eq!(said(&mut filter, INBOX, 2, "@echo hi").as_deref(), Some("hi"));
    let mut filter = self::filter(true);
    assert_eq!(said(&mut filter, "lobby", 11, "hi").as_deref(), Some("hi"));
    assert_eq!(said(&mut filter, "lobby", 12, "echo: hi").as_deref(), Some("hi"));
}

/// protocol 14.8
#[test]
fn messages_of_bots_topics_and_its_own_messages_are_ignored() {
    let mut filter = filter(true);
    let said = entry("lobby", 11, "ana", "echo: hi");
    let by_bot = EntryFrame { author: Author::bot("ana"), ..said.clone() };
    let topic = EntryFrame { body: Body::topic("echo: hi"), ..said.clone() };
    let later = Body { kind: EntryKind::of("later"), ..said.body.clone() };
    for entry in [by_bot, topic, EntryFrame { body: later, ..said }] {
        assert_eq!(filter.job(&Update::Entry(entry)), None);
    }
    for room in ["lobby", INBOX] {
        assert_eq!(filter.job(&Update::Entry(entry(room, 11, "Echo", "echo: hi"))), None);
    }
}

/// protocol 14.8
#[test]
fn messages_from_before_the_session_are_old() {
    let mut filter = filter(true);
    assert_eq!(said(&mut filter, "lobby", 10, "hi"), None);
    assert!(said(&mut filter, "lobby", 11, "hi").is_some());
    connect(&mut filter, true);
    join(&mut filter, "lobby", 13);
    join(&mut filter, INBOX, 1);
    assert!(said(&mut filter, "lobby", 12, "hi").is_some(), "the session was resumed");
    assert!(said(&mut filter, INBOX, 1, "hi").is_some(), "the inbox was resumed too");
    connect(&mut filter, false);
    join(&mut filter, "lobby", 20);
    assert_eq!(said(&mut filter, "lobby", 14, "hi"), None);
    assert_eq!(said(&mut filter, "lobby", 20, "hi"), None);
    assert!(said(&mut filter, "lobby", 21, "hi").is_some());
    assert!(said(&mut filter, INBOX, 1, "hi").is_some(), "a new session has a new inbox");
    assert_eq!(filter.job(&joined("lobby", 30, true)), None);
    assert_eq!(
        said(&mut filter, "lobby", 25, "hi"),
        None,
        "the log was reset and is read from its beginning"
    );
}

/// When the first join of a session is lost, the client joins again after resuming the session.
#[test]
fn a_room_that_was_not_joined_yet_is_old_after_resuming() {
    let mut filter = filter(true);
    connect(&mut filter, false);
    connect(&mut filter, true);
    join(&mut filter, "lobby", 20);
    assert_eq!(said(&mut filter, "lobby", 20, "hi"), None);
}
