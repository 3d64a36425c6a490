//! Lines typed, requests out; reports of the client in, notices out.

use std::time::{Duration, Instant};

use chat_core::{
    KeyId,
    client::Update,
    wire::{
        self, Ack, Author, Body, Code, EntryFrame, EntryKind, Error, Event, Joined, Left, LimitsFrame,
        MAX_HISTORY, MAX_TEXT, RoomSummary, Welcome,
    },
};

use super::*;
use crate::{
    command::Command,
    notice::EntryReason,
    place::Place,
    text::{Line, en},
};

/// A conversation that the server has let in.
fn conversation() -> Conversation {
    let mut conversation = Conversation::new("tcp://10.0.0.1:7000".parse().unwrap());
    let notices = conversation.on_update(Update::Connected(welcome("ana")));
    assert_eq!(notices, [Notice::YouAre { name: "ana".to_owned() }]);
    conversation
}

fn welcome(name: &str) -> Welcome {
    Welcome {
        protocol: 1,
        name: name.to_owned(),
        server: "chat".to_owned(),
        resume: String::new(),
        resumed: false,
        at: None,
        limits: LimitsFrame::default(),
    }
}

fn joined(room: &str, after: u64) -> Joined {
    Joined {
        id: 0,
        room: room.to_owned(),
        epoch: "e".to_owned(),
        oldest: 1,
        head: after,
        after,
        reset: false,
        topic: String::new(),
        version: 1,
        members: Vec::new(),
        present: 0,
        guests: Default::default(),
    }
}

fn message(room: &str, seq: u64) -> EntryFrame {
    let (room, author, body) = (
        room.to_owned(),
        Author { identity: Some(KeyId([7; 32])), ..Author::person("bob") },
        Body::message("hi"),
    );
    EntryFrame { room, seq, author, to: None, at: 0, body }
}

fn refusal(message: &str) -> Event {
    Event::Error(Error::of(None, Code::Busy, message))
}

/// In `rooms`, with everything answered.
fn in_rooms(rooms: &[&str]) -> Conversation {
    let mut conversation = conversation();
    for room in rooms {
        let tag = conversation.enter(room, None);
        assert!(matches!(conversation.next_action(), Some(Action::Ask(..))));
        conversation.on_update(Update::Joined { tag: Some(tag), joined: joined(room, 0) });
    }
    assert!(conversation.is_settled());
    conversation
}

/// Does what `line` says, as a front end for lines does it.
fn perform(conversation: &mut Conversation, line: &str) -> Result<String, Notice> {
    let place = conversation.rooms().current().map(|room| Place::Room(room.to_owned()));
    match conversation.perform(Command::parse(line)?, place.as_ref(), Instant::now())? {
        Outcome::Enter(room) => drop(conversation.enter(room, None)),
        Outcome::Leave(Place::Room(room)) => conversation.leave(&room)?,
        Outcome::Search(words) => conversation.search(words, 20)?,
        Outcome::History(limit) => conversation.older(place.ok_or(Notice::NoRoom)?.title().as_str(), limit),
        Outcome::Done | Outcome::Said(..) => {}
        other => return Ok(format!("{other:?}")),
    }
    Ok(match conversation.next_action() {
        Some(Action::Ask(request, tag)) => {
            let frame = wire::write(&wire::Request::unnumbered(request));
            format!("{tag}: {}", String::from_utf8(frame.to_vec()).unwrap())
        }
        other => format!("{other:?}"),
    })
}

fn typed(conversation: &mut Conversation, line: &str) -> String {
    perform(conversation, line).unwrap_or_else(|notice| said(&[notice]).concat())
}

/// The lines for `notices`.
fn said(notices: &[Notice]) -> Vec<String> {
    notices.iter().flat_map(|notice| en::lines(notice, None)).map(|line: Line| line.to_string()).collect()
}

#[test]
fn what_is_typed_is_asked_for() {
    let mut conversation = conversation();
    for (line, expected) in [
        ("hi", "-- you are in no room; /join ROOM enters one"),
        ("/who", "-- you are in no room; /join ROOM enters one"),
        ("/join lobby", r#"1: {"type":"join","room":"lobby"}"#),
        ("/join hall", r#"2: {"type":"join","room":"hall"}"#),
        ("hi", r#"3: {"type":"say","room":"hall","text":"hi"}"#),
        ("/who Lobby", r#"4: {"type":"who","room":"Lobby"}"#),
        ("/msg bob psst", r#"5: {"type":"tell","to":"bob","text":"psst"}"#),
        ("/msg @bob psst", r#"6: {"type":"tell","to":"bob","text":"psst"}"#),
        (
            "/msg b@b psst",
            "-- nobody can be called that: it has '@' (U+0040); of punctuation and mathematical or currency signs only - _ . + # are allowed",
        ),
        ("/topic soup", r#"7: {"type":"topic","room":"hall","text":"soup"}"#),
        ("/history", r#"8: {"type":"history","room":"hall","limit":50}"#),
        ("/history 9999", &format!(r#"9: {{"type":"history","room":"hall","limit":{MAX_HISTORY}}}"#)),
        (
            "/join @",
            "-- cannot enter @: it has '@' (U+0040); of punctuation and mathematical or currency signs only - _ . + # are allowed",
        ),
        ("/leave nowhere", "-- you are not in nowhere"),
        ("/leave", r#"10: {"type":"leave","room":"hall"}"#),
        (
            "/search …",
            "-- cannot search for this: there is no word in it; a word is made of letters and digits, and an emoji is one",
        ),
        ("/search", "-- it is written /search WORDS"),
        ("/rooms", r#"11: {"type":"rooms"}"#),
        ("hi", r#"12: {"type":"say","room":"lobby","text":"hi"}"#),
        ("/stats", "Some(Measure)"),
        ("/stats 5", "Some(Measure)"),
        ("/stats off", "Tell(NotMeasuring)"),
        ("/transport udp", "Some(Move(\"udp\"))"),
        (
            "/name @x",
            "-- you cannot be called that: it has '@' (U+0040); of punctuation and mathematical or currency signs only - _ . + # are allowed",
        ),
        ("/quit", "Quit"),
        ("/help", "Help"),
        ("", "None"),
        ("/dance", "-- there is no /dance; /help lists the commands"),
        ("/join", "-- it is written /join ROOM"),
    ] {
        assert_eq!(typed(&mut conversation, line), expected, "{line}");
    }
}

fn list(more: Option<&str>, rooms: &[&str]) -> Event {
    let summary =
        |room: &&str| RoomSummary { room: (*room).to_owned(), present: 1, head: 2, topic: String::new() };
    let rooms = rooms.iter().map(summary).collect();
    Event::Rooms(wire::Rooms { id: 0, rooms, total: 3, more: more.map(str::to_owned) })
}

/// protocol 6.10.2
#[test]
fn a_long_list_of_rooms_is_shown_once_all_its_pages_have_come() {
    let mut conversation = conversation();
    assert_eq!(typed(&mut conversation, "/rooms"), r#"1: {"type":"rooms"}"#);
    assert!(
        conversation.on_update(Update::Reply { tag: 1, reply: list(Some("1 b"), &["a", "b"]) }).is_empty()
    );
    let Some(Action::Ask(next, 2)) = conversation.next_action() else { panic!("the next page is asked for") };
    let next = wire::write(&wire::Request::unnumbered(next));
    assert_eq!(next, r#"{"type":"rooms","after":"1 b"}"#.as_bytes());
    let notices = conversation.on_update(Update::Reply { tag: 2, reply: list(None, &["c"]) });
    let line = |room| format!("-- {room}: 1 here, 2 messages");
    assert_eq!(said(&notices), [line("a"), line("b"), line("c")]);
    assert!(conversation.is_settled());
}

#[test]
fn a_list_of_rooms_without_end_is_shown_as_far_as_it_is_asked_for() {
    let mut conversation = conversation();
    typed(&mut conversation, "/rooms");
    let shown = (1..=1000).find_map(|tag| {
        let notices = conversation.on_update(Update::Reply { tag, reply: list(Some("1 a"), &["a"]) });
        (!notices.is_empty()).then(|| (tag, said(&notices).len()))
    });
    assert_eq!(shown, Some((201, 201)));
    // A page without rooms leads nowhere.
    typed(&mut conversation, "/rooms");
    assert!(!conversation.on_update(Update::Reply { tag: 202, reply: list(Some("1 a"), &[]) }).is_empty());
}

#[test]
fn a_text_over_the_limit_is_not_sent() {
    let mut conversation = in_rooms(&["lobby"]);
    let fits = "x".repeat(MAX_TEXT);
    assert!(typed(&mut conversation, &fits).contains("say"));
    for line in [format!("{fits}x"), format!("/msg bob {fits}x"), format!("/topic {fits}x")] {
        assert_eq!(typed(&mut conversation, &line), "-- not sent: 8193 bytes are over the limit of 8192");
    }
}

#[test]
fn a_room_that_refuses_is_not_the_current_one() {
    let mut conversation = in_rooms(&["lobby"]);
    let tag = conversation.enter("hall", None);
    let notices = conversation.on_update(Update::Reply { tag, reply: refusal("full") });
    assert_eq!(said(&notices), ["-- cannot enter hall: full", "-- what you type is said in lobby"]);
    conversation.next_action();
    assert!(typed(&mut conversation, "hi").contains("lobby"));
}

#[test]
fn a_user_who_left_a_room_learns_where_a_line_is_said() {
    let mut conversation = in_rooms(&["lobby", "hall"]);
    for (room, whereabouts) in [
        ("hall", "-- what you type is said in lobby"),
        ("lobby", "-- you are in no room; /join ROOM enters one"),
    ] {
        conversation.leave(room).unwrap();
        let Some(Action::Ask(_, tag)) = conversation.next_action() else { panic!("nothing is asked") };
        let left = Event::Left(Left { id: 0, room: room.to_owned() });
        let notices = conversation.on_update(Update::Reply { tag, reply: left });
        assert_eq!(said(&notices), [&format!("-- left {room}"), whereabouts]);
    }
}

#[test]
fn what_was_refused_or_stays_unanswered_is_named() {
    let mut conversation = in_rooms(&["lobby"]);
    for (line, refused, unanswered) in [
        ("hi", "-- not sent: no; it was: hi", "-- no answer to: hi"),
        ("/msg bob psst", "-- not sent: no; it was: psst", "-- no answer to: psst"),
        ("/topic soup", "-- not sent: no; it was: soup", "-- no answer to: soup"),
        ("/who", "-- refused: no", "-- no answer to: /who"),
        ("/search tea", "-- refused: no", "-- no answer to: /search"),
    ] {
        let mut ask = || {
            let asked = typed(&mut conversation, line);
            asked.split_once(':').unwrap().0.parse().unwrap()
        };
        let (first, second) = (ask(), ask());
        let notices = conversation.on_update(Update::Reply { tag: first, reply: refusal("no") });
        assert_eq!(said(&notices), [refused]);
        let notices = conversation.on_update(Update::Unanswered { tag: second });
        assert_eq!(said(&notices), [unanswered]);
    }
    assert_eq!((conversation.unanswered(), conversation.given_up()), (0, 5));
}

#[test]
fn a_name_changes_once_everything_is_answered_and_the_rooms_are_read_on() {
    let mut conversation = in_rooms(&["lobby"]);
    let entry = message("lobby", 1);
    conversation.on_update(Update::Entry(entry));
    let before = typed(&mut conversation, "before");
    assert_eq!(typed(&mut conversation, "/name Bel"), "None", "it waits for an answer");
    assert_eq!(typed(&mut conversation, "after"), "None", "it waits for the name");
    assert_eq!(typed(&mut conversation, "/stats"), "Some(Measure)", "figures do not wait");
    let tag = before.split_once(':').unwrap().0.parse().unwrap();
    let ack = Ack { id: 0, room: "lobby".to_owned(), seq: 2, at: 0 };
    conversation.on_update(Update::Reply { tag, reply: Event::Ack(ack) });
    assert_eq!(conversation.next_action(), Some(Action::Rename("Bel".to_owned())));
    assert_eq!(conversation.next_action(), None);
    assert_eq!(conversation.take_unsent(), [], "it would be said under the old name");
    assert_eq!(conversation.renamed(&welcome("Bel")), [Notice::YouAre { name: "Bel".to_owned() }]);
    let Some(Action::Ask(RequestBody::Join(join), tag)) = conversation.next_action() else {
        panic!("no join")
    };
    assert_eq!((&*join.room, join.after, join.epoch.as_deref()), ("lobby", Some(1), Some("e")));
    let Some(Action::Ask(RequestBody::Post(said), _)) = conversation.next_action() else { panic!("no say") };
    assert_eq!(said.text, "after");
    let notices = conversation.on_update(Update::Joined { tag: Some(tag), joined: joined("lobby", 1) });
    assert!(matches!(&notices[..], [Notice::Entered { reason: EntryReason::ReadOn, .. }]), "{notices:?}");
}

#[test]
fn a_name_that_cannot_be_had_changes_nothing() {
    let mut conversation = in_rooms(&["lobby"]);
    assert_eq!(typed(&mut conversation, "/name bob"), "Some(Rename(\"bob\"))");
    assert_eq!(typed(&mut conversation, "hi"), "None");
    assert!(!conversation.is_settled());
    assert_eq!(said(&[conversation.not_renamed("taken".to_owned())]), ["-- taken"]);
    assert!(matches!(conversation.next_action(), Some(Action::Ask(RequestBody::Post(_), _))));
    assert_eq!(conversation.me(), Some("ana"));
    let mut outside = Conversation::new("tcp://10.0.0.1:7000".parse().unwrap());
    assert_eq!(perform(&mut outside, "/name bob"), Err(Notice::NotInYet));
}

#[test]
fn what_is_typed_ahead_waits_where_too_much_is_under_way() {
    let mut conversation = in_rooms(&["lobby"]);
    let lobby = Place::Room("lobby".to_owned());
    while conversation.takes_more() {
        conversation.say(&lobby, "hi").unwrap();
        assert!(conversation.unanswered() < 100, "it takes everything");
    }
    while conversation.next_action().is_some() {}
    assert!(conversation.takes_more());
    while conversation.say(&lobby, "hi").is_ok() {
        assert!(conversation.unanswered() < 10_000, "it says everything");
        conversation.next_action();
    }
    assert!(!conversation.takes_more());
}

#[test]
fn figures_come_once_or_every_so_often_until_they_are_not_wanted() {
    let mut conversation = conversation();
    let start = Instant::now();
    let measure = |conversation: &mut Conversation, command| {
        conversation.measure(command, start);
        conversation.next_action()
    };
    assert_eq!(measure(&mut conversation, Measure::Once), Some(Action::Measure));
    assert_eq!(conversation.poll_timeout(), None);
    let period = Duration::from_secs(5);
    assert_eq!(measure(&mut conversation, Measure::Every(period)), Some(Action::Measure));
    assert_eq!(conversation.poll_timeout(), Some(start + period));
    conversation.on_timeout(start + period);
    assert_eq!(conversation.next_action(), Some(Action::Measure));
    assert_eq!(conversation.poll_timeout(), Some(start + 2 * period));
    assert_eq!(measure(&mut conversation, Measure::NoMore), None);
    assert_eq!(conversation.poll_timeout(), None);
    for is_asked in [true, false] {
        let notices = conversation.on_update(Update::Stats(chat_core::client::Stats::default()));
        assert!(matches!(&notices[..], [Notice::Stats { is_asked: it, .. }] if *it == is_asked));
    }
}

#[test]
fn a_search_goes_on_from_where_it_was() {
    let mut conversation = in_rooms(&["lobby"]);
    assert_eq!(typed(&mut conversation, "/search tea"), r#"2: {"type":"search","words":"tea","limit":20}"#);
    assert_eq!(typed(&mut conversation, "/search"), "-- still searching");
    let mut found = |tag, more| {
        let found = wire::Found { id: 0, entries: Vec::new(), more, pending: None };
        conversation.on_update(Update::Reply { tag, reply: Event::Found(found) }).pop()
    };
    assert!(matches!(found(2, Some(7)), Some(Notice::Found { more: Some(7), goes_on: false, .. })));
    assert_eq!(
        typed(&mut conversation, "/search"),
        r#"3: {"type":"search","words":"tea","before":7,"limit":20}"#
    );
    let found = wire::Found { id: 0, entries: Vec::new(), more: None, pending: Some(7) };
    let notices = conversation.on_update(Update::Reply { tag: 3, reply: Event::Found(found) });
    assert!(
        matches!(
            &notices[..],
            [Notice::Found { more: None, goes_on: true, .. }, Notice::NotSearchedYet { entries: 7 }]
        ),
        "{notices:?}"
    );
    assert_eq!(typed(&mut conversation, "/search"), "-- nothing older found");
}

#[test]
fn the_oldest_number_shown_is_where_history_goes_on() {
    let mut conversation = in_rooms(&["Hall"]);
    assert_eq!(conversation.rooms().oldest("hall"), None);
    for (seq, oldest) in [(7, 7), (8, 7), (3, 3)] {
        let entry = message("Hall", seq);
        conversation.on_update(Update::Entry(entry));
        assert_eq!(conversation.rooms().oldest("hall"), Some(oldest));
    }
    conversation.on_update(Update::Reset { room: "Hall".to_owned() });
    assert_eq!(conversation.rooms().oldest("hall"), None);
}

/// protocol 14.1
#[test]
fn an_entry_of_a_later_kind_counts_like_any_other() {
    let mut conversation = in_rooms(&["lobby"]);
    conversation
        .on_update(Update::Joined { tag: Some(99), joined: Joined { head: 8, ..joined("lobby", 7) } });
    assert!(!conversation.rooms().are_read());
    let body = Body { kind: EntryKind::of("mark"), ..Body::default() };
    let notices = conversation.on_update(Update::Entry(EntryFrame { body, ..message("lobby", 8) }));
    assert_eq!(said(&notices), [""; 0]);
    assert!(conversation.rooms().are_read());
    typed(&mut conversation, "/name Bel");
    conversation.renamed(&welcome("Bel"));
    let Some(Action::Ask(RequestBody::Join(join), _)) = conversation.next_action() else { panic!("no join") };
    assert_eq!(join.after, Some(8));
}
