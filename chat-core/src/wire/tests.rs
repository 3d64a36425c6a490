//! Frames as they are on the wire: the examples of the protocol, and what is refused.

use super::*;
use crate::KeyId;

fn refused(frame: &str) -> String {
    read_request(frame.as_bytes()).expect_err(frame).to_string()
}

#[test]
fn type_may_come_anywhere_but_only_once() {
    let first = read_request(br#"{"type":"say","id":3,"room":"lobby","text":"hi"}"#).unwrap();
    let last = read_request(br#" {"id":3,"room":"lobby","text":"hi","type":"say"} "#).unwrap();
    assert_eq!(first, last);
    assert_eq!(write(&first), r#"{"type":"say","id":3,"room":"lobby","text":"hi"}"#.as_bytes());
    for frame in [
        r#"{"type":"ping","id":1,"type":"bye"}"#,
        r#"{"type":"ping","id":1,"typ\u0065":"bye"}"#,
        r#"{"id":1,"type":"ping","type":"ping"}"#,
    ] {
        assert!(refused(frame).contains("given twice"), "{}", refused(frame));
    }
}

#[test]
fn unknown_fields_are_ignored_and_unknown_types_are_named() {
    let ping = read_request(br#"{"type":"ping","id":7,"colour":["red",{"deep":[1,2]}]}"#).unwrap();
    assert_eq!(ping, Request::new(7, RequestBody::Ping));
    let unknown = read_request(br#"{"type":"dance","id":7}"#).unwrap();
    assert_eq!(unknown, Request::new(7, RequestBody::Unknown(Unknown { tag: "dance".into() })));
    assert_eq!(read_event(br#"{"type":"confetti"}"#).unwrap(), Event::Unknown);
}

#[test]
fn what_is_not_protocol_is_refused_in_words() {
    for (frame, words) in [
        ("", "object"),
        ("[]", "object"),
        ("{}", "type"),
        (r#"{"type":"ping"}"#, "\"id\" is missing"),
        (r#"{"type":"ping","id":1}x"#, "not JSON"),
        (r#"{"type":"ping","id":1.5}"#, "whole"),
        (r#"{"type":"ping","id":-0}"#, "whole"),
        (r#"{"type":"ping","id":1,"x":1e400}"#, "whole"),
        (r#"{"type":"ping","id":9007199254740992}"#, "9007199254740991"),
        (r#"{"type":"ping","id":99999999999999999999999}"#, "9007199254740991"),
        (r#"{"type":"ping","id":1,"id":2}"#, "given twice"),
        (r#"{"type":"say","id":1,"room":"r","text":"\ud800"}"#, "not JSON"),
        ("\u{feff}{}", "object"),
        (r#"{"type":"ping","id":NaN}"#, "not JSON"),
        (r#"{"type":"ping","id":1,"x":[[[[[[[[1]]]]]]]]}"#, "deeper"),
    ] {
        assert!(refused(frame).contains(words), "{frame}: {}", refused(frame));
    }
    assert_eq!(read_request(b"{\"type\":\"\xff\"}").unwrap_err().to_string(), "not UTF-8");
    let bomb = "[".repeat(MAX_FRAME);
    assert!(refused(&bomb).contains("deeper"));
    assert!(refused(&"x".repeat(MAX_FRAME + 1)).contains("limit"));
}

#[test]
fn numbers_and_brackets_inside_strings_are_text() {
    let frame = r#"{"type":"say","id":1,"room":"r","text":"-1.5e9 \"[[[[[[[[[[\\"}"#;
    let post = Post::say("r", r#"-1.5e9 "[[[[[[[[[[\"#);
    assert_eq!(read_request(frame.as_bytes()).unwrap(), Request::new(1, post));
}

#[test]
fn the_largest_integer_is_read_exactly() {
    let frame = format!(r#"{{"type":"ping","id":{MAX_INTEGER}}}"#);
    assert_eq!(read_request(frame.as_bytes()).unwrap(), Request::new(MAX_INTEGER, RequestBody::Ping));
}

#[test]
fn events_come_back_as_they_were_written() {
    let entry = EntryFrame {
        room: "lobby".into(),
        seq: 45,
        author: Author::person("ana"),
        to: None,
        at: 1_732_100_000_000,
        body: Body::topic("tea\nat four"),
    };
    let frame = write(&Event::Entry(entry.clone()));
    assert!(frame.starts_with(br#"{"type":"topic","room":"lobby","seq":45,"#), "{frame:?}");
    let page = Event::Page(Page { id: 8, room: "lobby".into(), entries: vec![entry.clone()], signed: None });
    let found = Event::Found(Found { id: 9, entries: vec![entry.clone()], more: Some(4), pending: Some(12) });
    let error = Event::Error(Error {
        id: Some(3),
        code: Code::RateLimited,
        message: "slower".into(),
        retry_after_ms: Some(250),
        owned: false,
    });
    for event in [Event::Entry(entry.clone()), page, found, error, Event::Pong(Pong { id: 1 })] {
        assert_eq!(read_event(&write(&event)).unwrap(), event);
    }
    let bot = EntryFrame { author: Author::bot("ana"), body: Body::message("tea"), ..entry.clone() };
    let frame =
        write(&Event::Page(Page { id: 8, room: "lobby".into(), entries: vec![bot.clone()], signed: None }));
    let marked = r#""entries":[{"type":"message","bot":true,"room":"#;
    assert!(std::str::from_utf8(&frame).unwrap().contains(marked), "{frame:?}");
    for event in [
        Event::Entry(bot.clone()),
        Event::Found(Found { id: 9, entries: vec![bot], more: None, pending: None }),
    ] {
        assert_eq!(read_event(&write(&event)).unwrap(), event);
    }
    assert_eq!(Code::NotJoined.to_string(), "not_joined");
    let later = read_event(br#"{"type":"error","code":"on_fire","message":"m"}"#).unwrap();
    assert!(matches!(later, Event::Error(Error { code: Code::Other, .. })));
}

#[test]
fn the_longest_text_fits_a_frame_however_it_is_escaped() {
    let entry = EntryFrame {
        room: "\u{1F98A}".repeat(32),
        seq: MAX_INTEGER,
        author: Author { identity: Some(KeyId([255; 32])), ..Author::bot("\u{1F98A}".repeat(16)) },
        to: Some("\u{1F98A}".repeat(16)),
        at: MAX_INTEGER,
        body: Body::message("\n".repeat(MAX_TEXT)),
    };
    assert!(write(&Event::Entry(entry)).len() < MAX_FRAME / 2);
}

#[test]
fn the_mark_of_a_program_is_a_flag() {
    let author = |more: &str| {
        let frame = format!(r#"{{"room":"a","seq":1,"from":"b","at":2,"text":"c",{more}}}"#);
        match read_event(frame.as_bytes()) {
            Ok(Event::Entry(entry)) => Some((entry.body.kind, entry.author.bot)),
            _ => None,
        }
    };
    assert_eq!(author(r#""type":"message","bot":true"#), Some((EntryKind::Message, true)));
    assert_eq!(author(r#""bot":true,"type":"message""#), Some((EntryKind::Message, true)));
    assert_eq!(author(r#""type":"message","bot":false"#), Some((EntryKind::Message, false)));
    assert_eq!(author(r#""type":"topic","bot":true"#), Some((EntryKind::Topic, true)));
    for wrong in [r#""bot":1"#, r#""bot":null"#, r#""bot":true,"bot":true"#] {
        assert_eq!(author(&format!(r#""type":"message",{wrong}"#)), None, "{wrong}");
    }
    let say = Request::new(1, Post::say("a", "b").by_bot(true));
    let frame = write(&say);
    assert_eq!(frame, br#"{"type":"say","id":1,"room":"a","text":"b","bot":true}"#.as_slice());
    assert_eq!(read_request(&frame).unwrap(), say);
}

#[test]
fn requests_come_back_as_they_were_written() {
    for (request, frame) in [
        (
            Request::new(4, Post::tell("bob", "psst")).in_order(7),
            r#"{"type":"tell","id":4,"to":"bob","text":"psst","order":7}"#,
        ),
        (
            Request::new(5, Post::topic("lobby", "")).in_order(8),
            r#"{"type":"topic","id":5,"room":"lobby","text":"","order":8}"#,
        ),
        (Request::new(6, ListRooms::default()), r#"{"type":"rooms","id":6}"#),
        (
            Request::new(6, ListRooms { after: Some("2 lobby".into()) }),
            r#"{"type":"rooms","id":6,"after":"2 lobby"}"#,
        ),
        (
            Request::new(7, Replay { room: "@".into(), from: 1, to: 2 }),
            r#"{"type":"replay","id":7,"room":"@","from":1,"to":2}"#,
        ),
        (Request::new(8, RequestBody::Link), r#"{"type":"link","id":8}"#),
        (Request::new(8, RequestBody::Keys), r#"{"type":"keys","id":8}"#),
        (Request::new(9, Whois { name: "bob".into() }), r#"{"type":"whois","id":9,"name":"bob"}"#),
        (
            Request::new(9, Claim { name: "ana".into(), pake: "A".into(), tag: None }),
            r#"{"type":"claim","id":9,"name":"ana","pake":"A"}"#,
        ),
        (
            Request::new(9, Revoke { key: KeyId([0; 32]) }),
            r#"{"type":"revoke","id":9,"key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#,
        ),
        (Request::unnumbered(RequestBody::Bye), r#"{"type":"bye"}"#),
    ] {
        assert_eq!(write(&request), frame.as_bytes());
        assert_eq!(read_request(frame.as_bytes()).unwrap(), request);
    }
    // `order` belongs to messages; elsewhere nothing reads it. `hello` and `bye` have no number.
    let ping = r#"{"type":"ping","id":1,"order":"x"}"#;
    assert_eq!(read_request(ping.as_bytes()).unwrap(), Request::new(1, RequestBody::Ping));
    let bye = r#"{"type":"bye","id":"x"}"#;
    assert_eq!(read_request(bye.as_bytes()).unwrap(), Request::unnumbered(RequestBody::Bye));
    for twice in [r#""id":1,"id":null"#, r#""id":1,"order":1,"order":1"#] {
        assert!(
            refused(&format!(r#"{{"type":"say","room":"r","text":"t",{twice}}}"#)).contains("given twice")
        );
    }
    assert!(refused(r#"{"type":"say","id":null,"room":"r","text":"t"}"#).contains("\"id\" is missing"));
}

#[test]
fn what_has_a_room_and_a_number_is_an_entry_whatever_its_type() {
    let frame =
        r#"{"type":"reaction","room":"lobby","seq":9,"from":"ana","at":3,"text":"ana likes 8","to_seq":8}"#;
    let entry = EntryFrame {
        room: "lobby".into(),
        seq: 9,
        author: Author::person("ana"),
        to: None,
        at: 3,
        body: Body {
            kind: EntryKind::Other("reaction".into()),
            text: "ana likes 8".into(),
            fields: Some(Box::new([("to_seq".to_owned(), 8.into())].into_iter().collect())),
        },
    };
    assert_eq!(read_event(frame.as_bytes()).unwrap(), Event::Entry(entry.clone()));
    assert_eq!(write(&entry), frame.as_bytes());
    let page = Event::Page(Page { id: 1, room: "lobby".into(), entries: vec![entry], signed: None });
    assert_eq!(read_event(&write(&page)).unwrap(), page);
    let bare = read_event(br#"{"seq":9,"type":"mark","room":"lobby"}"#).unwrap();
    let Event::Entry(bare) = bare else { panic!("{bare:?} counts as well") };
    assert_eq!((bare.seq, bare.body.is_shown()), (9, false));
    assert!(!std::str::from_utf8(&write(&bare)).unwrap().contains("text"));
    assert_eq!(read_event(br#"{"type":"mark","seq":9,"from":4}"#).unwrap(), Event::Unknown);
    for wrong in [
        r#"{"type":"mark","room":1,"seq":9}"#,
        r#"{"type":"mark","room":"lobby","seq":9,"from":1}"#,
        r#"{"type":"message","room":"lobby","seq":9,"from":"ana","at":3}"#,
    ] {
        assert!(read_event(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

/// protocol 21.5: a frame that names guests alone names none of them twice.
#[test]
fn guests_are_named_unless_there_are_none_or_no_others() {
    let members = |guests| {
        let (members, room) = (vec!["ana".to_owned(), "bob".to_owned()], "a".to_owned());
        let event = Event::Members(Members { id: 1, room, version: 2, members, present: 2, guests });
        let frame = write(&event);
        assert_eq!(read_event(&frame).unwrap(), event);
        String::from_utf8(frame.into()).unwrap()
    };
    let among = |ana, bob| Guests::among([("ana", ana), ("bob", bob)].into_iter());
    assert!(!members(among(false, false)).contains("guests"));
    assert!(members(among(false, true)).contains(r#","guests":["bob"],"#));
    assert!(members(among(true, true)).contains(r#","guests":true,"#));
    assert_eq!(Guests::among(std::iter::empty::<(&str, bool)>()), Guests::default());
    assert!(
        Guests::All.include("ana") && among(true, false).include("ana") && !among(true, false).include("bob")
    );
}

/// protocol 13.2, 21.3: `owned` is there where it is true.
#[test]
fn a_refusal_says_that_a_name_is_owned() {
    let taken = Error { owned: true, ..Error::of(None, Code::NameTaken, "m") };
    assert!(write(&Event::Error(taken.clone())).ends_with(br#""message":"m","owned":true}"#));
    assert_eq!(read_event(&write(&Event::Error(taken.clone()))).unwrap(), Event::Error(taken));
    assert!(!write(&Event::Error(Error::of(None, Code::NameTaken, "m"))).ends_with(br#"true}"#));
}
