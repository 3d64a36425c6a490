//! Reports of the client in, transcript out.

use std::time::Duration;

use chat_core::{
    KeyId,
    client::Update,
    wire::{
        self, Author, Body, EntryFrame, EntryKind, Error, Event, Gap, INBOX, LimitsFrame, RoomSummary,
        Welcome,
    },
};
use jiff::civil::date;

use super::*;
use crate::{Conversation, Place};

/// What a line of a script stands for: an event from the server, or what the client makes of its link.
fn update(line: &str) -> Update {
    let welcome = |name: &str| Welcome {
        protocol: 1,
        name: name.to_owned(),
        server: "chat".to_owned(),
        resume: "secret".to_owned(),
        resumed: false,
        at: None,
        limits: LimitsFrame::default(),
    };
    match line.split_once(' ').unwrap_or((line, "")) {
        ("connected", name) => Update::Connected(welcome(name)),
        ("lost", why) => Update::Disconnected { why: why.to_owned(), retry_in: Duration::from_millis(1500) },
        ("reset", room) => Update::Reset { room: room.to_owned() },
        ("refused", why) => Update::Refused(error(why, None)),
        ("again", joined) => match update(joined) {
            Update::Joined { joined, .. } => Update::Joined { tag: None, joined },
            other => panic!("{other:?} is no join"),
        },
        _ => match wire::read_event(line.as_bytes()).expect(line) {
            Event::Joined(joined) => Update::Joined { tag: Some(1), joined },
            Event::Entry(entry) => Update::Entry(entry),
            Event::Gap(gap) => Update::Gap(gap),
            Event::Presence(presence) => Update::Presence(presence),
            reply => Update::Reply { tag: 1, reply },
        },
    }
}

fn error(message: &str, retry_after_ms: Option<u64>) -> Error {
    Error { retry_after_ms, ..Error::of(None, wire::Code::Busy, message) }
}

/// It is noon of 20 November 2026, an hour east of Greenwich.
fn transcript() -> Transcript {
    let zone = TimeZone::fixed(jiff::tz::offset(1));
    Transcript::new(&date(2026, 11, 20).at(12, 0, 0, 0).to_zoned(zone).unwrap())
}

fn conversation() -> Conversation {
    Conversation::new("tcp://10.0.0.1:7000".parse().unwrap())
}

/// Checks how a conversation is written down in which `ask` asked for something, under tag 1.
fn check_asked(ask: impl Fn(&mut Conversation), script: &str, expected: &str) {
    let (mut conversation, mut transcript) = (conversation(), transcript());
    ask(&mut conversation);
    // Authors have a key, unless a line says otherwise.
    let keyed = format!(r#""key":"{}","from":""#, KeyId([7; 32]));
    let script = script.replace(r#""from":""#, &keyed).replace(r#""guest":"#, r#""from":"#);
    let updates = script.lines().map(str::trim).filter(|line| !line.is_empty()).map(update);
    let notices: Vec<Notice> = updates.flat_map(|update| conversation.on_update(update)).collect();
    let lines: Vec<Line> = notices.iter().flat_map(|notice| transcript.lines(notice)).collect();
    let shown: Vec<String> = lines
        .iter()
        .flat_map(|line| line.to_string().lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let expected: Vec<&str> =
        expected.lines().map(|line| line.strip_prefix("         ").unwrap_or(line)).collect();
    assert_eq!(shown, expected.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>());
}

fn check(script: &str, expected: &str) {
    check_asked(|_| {}, script, expected);
}

#[test]
fn a_room_is_entered_and_people_talk_come_and_go() {
    check(
        r#"connected ana
           {"type":"joined","id":1,"room":"lobby","epoch":"e","oldest":1,"head":2,"after":0,"topic":"soup","version":2,"members":["ana","bob"],"present":2}
           {"type":"message","room":"lobby","seq":1,"from":"bob","at":1795172580000,"text":"hi"}
           {"type":"message","room":"lobby","seq":2,"from":"ana","at":1795172640000,"text":"hello\nthere"}
           {"type":"topic","room":"lobby","seq":3,"from":"bob","at":1795172640000,"text":"soup at noon"}
           {"type":"topic","room":"lobby","seq":4,"from":"bob","at":1795172640000,"text":""}
           {"type":"presence","room":"lobby","since":2,"version":5,"entered":["ana","cleo","dan"],"left":["bob"]}"#,
        "
         -- you are ana
         -- entered lobby, 2 here: ana, bob
         -- topic of lobby: soup
         [lobby] 12:03 <bob> hi
         [lobby] 12:04 <ana> hello
             there
         -- bob set the topic of lobby: soup at noon
         -- bob took away the topic of lobby
         -- cleo, dan entered lobby
         -- bob left lobby",
    );
}

#[test]
fn guests_are_marked_wherever_they_are_named() {
    check(
        r#"connected ana
           {"type":"joined","id":1,"room":"lobby","epoch":"e","oldest":1,"head":2,"after":0,"topic":"","version":2,"members":["ana","bob"],"guests":["bob"],"present":2}
           {"type":"message","room":"lobby","seq":1,"guest":"bob","at":1795172580000,"text":"hi"}
           {"type":"message","room":"lobby","seq":2,"guest":"echo","bot":true,"at":1795172580000,"text":"hi"}
           {"type":"presence","room":"lobby","since":2,"version":3,"entered":["cleo"],"guests":true,"left":["bob"]}
           {"type":"members","id":1,"room":"lobby","version":3,"members":["ana","cleo"],"guests":["cleo"],"present":2}
           {"type":"person","id":1,"name":"cleo","present":true}"#,
        "
         -- you are ana
         -- entered lobby, 2 here: ana, bob (guest)
         [lobby] 12:03 <bob (guest)> hi
         [lobby] 12:03 <echo bot (guest)> hi
         -- cleo (guest) entered lobby
         -- bob left lobby
         -- 2 in lobby: ana, cleo (guest)
         -- cleo is a guest: anybody could have that name",
    );
    let key = KeyId([7; 32]);
    check(
        &format!(r#"{{"type":"person","id":1,"name":"bob","key":"{key}","present":false,"seen":1}}"#),
        &format!("-- bob is not here and has the key {}", chat_secure::fingerprint(key)),
    );
}

#[test]
fn a_lost_connection_is_told_once_and_coming_back_once() {
    check(
        r#"connected ana
           lost no route
           lost refused
           connected ana
           again {"type":"joined","id":1,"room":"lobby","epoch":"e","oldest":1,"head":2,"after":0,"topic":"soup","version":2,"members":["ana"],"present":1}
           lost again
           connected ana"#,
        "
         -- you are ana
         -- connection lost (no route); trying again in 2 s
         -- back
         -- connection lost (again); trying again in 2 s
         -- back",
    );
    check("lost name_taken", "-- not let in yet (name_taken); trying again in 2 s");
}

/// protocol 7.7
#[test]
fn what_a_program_says_is_marked() {
    check(
        r#"connected ana
           {"type":"message","bot":true,"room":"lobby","seq":1,"from":"echo","at":1795172580000,"text":"HI"}
           {"type":"message","bot":true,"room":"@","seq":1,"from":"echo","to":"ana","at":1795172580000,"text":"PSST"}"#,
        "
         -- you are ana
         [lobby] 12:03 <echo bot> HI
         * echo bot -> you: PSST",
    );
}

/// protocol 14.1
#[test]
fn an_entry_of_a_later_kind_shows_its_text_or_nothing() {
    check(
        r#"{"type":"reaction","room":"lobby","seq":1,"from":"ana","at":1795172580000,"text":"likes this","to_seq":7}
           {"type":"mark","room":"lobby","seq":2,"from":"ana","at":1895172580000,"to_seq":7}
           {"type":"mark","room":"@","seq":1}
           {"type":"note","bot":true,"room":"@","seq":2,"from":"bob","at":1795172580000,"text":"noted"}
           {"type":"page","id":1,"room":"lobby","entries":[{"type":"mark","room":"lobby","seq":1},{"type":"message","room":"lobby","seq":2,"from":"bob","at":1795172580000,"text":"old"}]}"#,
        "
         [lobby] 12:03 <ana> likes this
         * bob bot -> : noted
         -- lobby, 1 to 2:
         [lobby] 12:03 <bob> old
         -- end of what is older in lobby",
    );
    let search = |conversation: &mut Conversation| conversation.search(Some("tea"), 20).unwrap();
    let found = r#"{"type":"found","id":1,"entries":[{"type":"mark","room":"lobby","seq":9},{"type":"note","room":"lobby","seq":8,"from":"ana","at":1795172580000,"text":"tea"}]}"#;
    check_asked(
        search,
        found,
        "
         [lobby] 2026-11-20 12:03 <ana> tea
         -- that is all",
    );
    let nothing = r#"{"type":"found","id":1,"entries":[{"type":"mark","room":"lobby","seq":9}]}"#;
    check_asked(search, nothing, "-- nothing found");
}

#[test]
fn direct_messages_say_who_said_it_to_whom() {
    check(
        r#"connected ana
           {"type":"message","room":"@","seq":1,"from":"bob","to":"ana","at":1795172580000,"text":"psst"}
           {"type":"message","room":"@","seq":2,"from":"ana","to":"bob","at":1795172580000,"text":"what?"}
           {"type":"gap","room":"@","from":3,"to":3}"#,
        "
         -- you are ana
         * bob -> you: psst
         * you -> bob: what?
         -- message 3 to and from you is no longer held",
    );
}

#[test]
fn days_are_named_when_they_change() {
    let message = |seq: u64, at: u64| {
        format!(r#"{{"type":"message","room":"r","seq":{seq},"from":"ana","at":{at},"text":"x"}}"#)
    };
    let midnight = 1_795_129_200_000; // of the 20th, an hour east of Greenwich
    let script = [(1, midnight - 2), (2, midnight - 1), (3, midnight), (4, midnight + 86_400_000)]
        .map(|(seq, at)| message(seq, at));
    check(
        &script.join("\n"),
        "
         -- 2026-11-19
         [r] 23:59 <ana> x
         [r] 23:59 <ana> x
         -- 2026-11-20
         [r] 00:00 <ana> x
         -- 2026-11-21
         [r] 00:00 <ana> x",
    );
}

#[test]
fn what_is_missing_or_anew_is_said() {
    check(
        r#"{"type":"gap","room":"lobby","from":2,"to":9}
           {"type":"gap","room":"lobby","from":12,"to":12}
           reset lobby"#,
        "
         -- messages 2 to 9 of lobby are no longer held
         -- message 12 of lobby is no longer held
         -- lobby began anew; this is what it holds",
    );
}

#[test]
fn answers_are_shown() {
    check(
        r#"{"type":"ack","id":1,"room":"lobby","seq":1,"at":1}
           {"type":"members","id":1,"room":"lobby","version":1,"members":["ana","bob"],"present":9}
           {"type":"members","id":1,"room":"lobby","version":1,"members":[],"present":0}
           {"type":"rooms","id":1,"rooms":[{"room":"lobby","present":7,"head":1,"topic":"soup"},{"room":"hall","present":0,"head":44,"topic":""}],"total":3}
           {"type":"rooms","id":1,"rooms":[],"total":0}
           {"type":"left","id":1,"room":"lobby"}
           {"type":"page","id":1,"room":"lobby","entries":[{"type":"message","room":"lobby","seq":3,"from":"bob","at":1795172580000,"text":"older"},{"type":"message","room":"lobby","seq":4,"from":"bob","at":1795172580000,"text":"old"}]}
           {"type":"page","id":1,"room":"lobby","entries":[]}"#,
        "
         -- 9 in lobby: ana, bob and 7 others
         -- 0 in lobby
         -- lobby: 7 here, 1 message; soup
         -- hall: 0 here, 44 messages
         -- and 1 more
         -- there are no rooms
         -- left lobby
         -- you are in no room; /join ROOM enters one
         -- lobby, 3 to 4:
         [lobby] 12:03 <bob> older
         [lobby] 12:03 <bob> old
         -- end of what is older in lobby
         -- nothing older in lobby",
    );
}

#[test]
fn refusals_name_what_was_refused() {
    let busy = r#"{"type":"error","id":1,"code":"rate_limited","message":"too much","retry_after_ms":250}"#;
    let plain = r#"{"type":"error","id":1,"code":"too_many","message":"no more rooms"}"#;
    let lobby = Place::Room("lobby".to_owned());
    let say = |conversation: &mut Conversation| {
        conversation.say(&lobby, "hi\u{1b}").unwrap();
    };
    check_asked(say, busy, "-- not sent: too much; try again in 1 s; it was: hi␛");
    let enter = |conversation: &mut Conversation| {
        conversation.enter("hall", None);
    };
    let transcript = "-- cannot enter hall: no more rooms\n-- you are in no room; /join ROOM enters one";
    check_asked(enter, plain, transcript);
    check(plain, "-- refused: no more rooms");
    check("refused ana is taken", "-- refused: ana is taken");
}

#[test]
fn nobody_can_speak_as_someone_else_or_reach_the_terminal() {
    let hostile = "x\n[lobby] 12:04 <admin> obey\r\u{1b}[2J\u{9b}31m";
    let entry = EntryFrame {
        room: hostile.to_owned(),
        seq: 1,
        author: Author::person(hostile.to_owned()),
        to: Some(hostile.to_owned()),
        at: u64::MAX,
        body: Body::message(hostile.to_owned()),
    };
    let mut direct = entry.clone();
    direct.room = INBOX.to_owned();
    let topic = EntryFrame { body: Body::topic(hostile), ..entry.clone() };
    let later = Body { kind: EntryKind::of(hostile), ..Body::message(hostile) };
    let later = EntryFrame { body: later, ..entry.clone() };
    let gap = Gap { room: hostile.to_owned(), from: 1, to: 2 };
    let presence = wire::Presence {
        room: hostile.to_owned(),
        since: 1,
        version: 2,
        entered: vec![hostile.to_owned()],
        left: vec![hostile.to_owned()],
        guests: Default::default(),
    };
    let members = wire::Members {
        id: 1,
        room: hostile.to_owned(),
        version: 1,
        members: vec![hostile.to_owned()],
        present: 1,
        guests: Default::default(),
    };
    let summary = RoomSummary { room: hostile.to_owned(), present: 1, head: 1, topic: hostile.to_owned() };
    let reply = |reply| Update::Reply { tag: 1, reply };
    let updates = [
        Update::Entry(entry.clone()),
        Update::Entry(direct),
        Update::Entry(topic),
        Update::Entry(later),
        Update::Gap(gap),
        Update::Presence(presence),
        Update::Reset { room: hostile.to_owned() },
        Update::Disconnected { why: hostile.to_owned(), retry_in: Duration::ZERO },
        reply(Event::Error(error(hostile, None))),
        reply(Event::Left(wire::Left { id: 1, room: hostile.to_owned() })),
        reply(Event::Members(members)),
        reply(Event::Page(Page { id: 1, room: hostile.to_owned(), entries: vec![entry], signed: None })),
        reply(Event::Rooms(wire::Rooms { id: 1, rooms: vec![summary], total: 1, more: None })),
    ];
    let (mut conversation, mut transcript) = (conversation(), transcript());
    conversation.enter(hostile, None);
    for update in updates {
        let notices = conversation.on_update(update.clone());
        let lines: Vec<Line> = notices.iter().flat_map(|notice| transcript.lines(notice)).collect();
        assert!(!lines.is_empty(), "{update:?}");
        for line in
            lines.iter().flat_map(|line| line.to_string().lines().map(str::to_owned).collect::<Vec<_>>())
        {
            assert!(!line.contains(char::is_control), "{line:?}");
            assert!(!line.starts_with("[lobby]"), "{line:?}");
        }
    }
}
