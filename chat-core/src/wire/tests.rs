//! Frames as they are on the wire: the examples of the protocol, and what is refused.

use super::*;

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
        assert!(refused(frame).contains("duplicate"), "{}", refused(frame));
    }
}

#[test]
fn unknown_fields_are_ignored_and_unknown_types_are_named() {
    let ping = read_request(br#"{"type":"ping","id":7,"colour":["red",{"deep":[1,2]}]}"#).unwrap();
    assert_eq!(ping, Request::Ping(Ping { id: 7 }));
    let unknown = read_request(br#"{"type":"dance","id":7}"#).unwrap();
    assert_eq!(unknown, Request::Unknown(Unknown { tag: "dance".into(), id: Some(7) }));
    assert_eq!(read_event(br#"{"type":"confetti"}"#).unwrap(), Event::Unknown);
}

#[test]
fn what_is_not_protocol_is_refused_in_words() {
    for (frame, words) in [
        ("", "object"),
        ("[]", "object"),
        ("{}", "type"),
        (r#"{"type":"ping"}"#, "missing field `id`"),
        (r#"{"type":"ping","id":1}x"#, "trailing"),
        (r#"{"type":"ping","id":1.5}"#, "whole"),
        (r#"{"type":"ping","id":-0}"#, "whole"),
        (r#"{"type":"ping","id":1,"x":1e400}"#, "whole"),
        (r#"{"type":"ping","id":9007199254740992}"#, "9007199254740991"),
        (r#"{"type":"ping","id":99999999999999999999999}"#, "9007199254740991"),
        (r#"{"type":"ping","id":1,"id":2}"#, "duplicate"),
        (r#"{"type":"say","id":1,"room":"r","text":"\ud800"}"#, "hex escape"),
        ("\u{feff}{}", "object"),
        (r#"{"type":"ping","id":NaN}"#, "expected"),
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
    let Request::Say(say) = read_request(frame.as_bytes()).unwrap() else { panic!("not a say") };
    assert_eq!(say.text, r#"-1.5e9 "[[[[[[[[[[\"#);
}

#[test]
fn the_largest_integer_is_read_exactly() {
    let frame = format!(r#"{{"type":"ping","id":{MAX_INTEGER}}}"#);
    assert_eq!(read_request(frame.as_bytes()).unwrap(), Request::Ping(Ping { id: MAX_INTEGER }));
}

#[test]
fn events_come_back_as_they_were_written() {
    let entry = EntryFrame {
        kind: EntryKind::Topic,
        room: "lobby".into(),
        seq: 45,
        from: "ana".into(),
        to: None,
        at: 1_732_100_000_000,
        text: "tea\nat four".into(),
    };
    let frame = write(&Event::Entry(entry.clone()));
    assert!(frame.starts_with(br#"{"type":"topic","room":"lobby","seq":45,"#), "{frame:?}");
    let page = Event::Page(Page { id: 8, room: "lobby".into(), entries: vec![entry.clone()] });
    let found = Event::Found(Found { id: 9, entries: vec![entry.clone()], more: Some(4) });
    let error = Event::Error(Error {
        id: Some(3),
        code: Code::RateLimited,
        message: "slower".into(),
        retry_after_ms: Some(250),
    });
    for event in [Event::Entry(entry.clone()), page, found, error, Event::Pong(Pong { id: 1 })] {
        assert_eq!(read_event(&write(&event)).unwrap(), event);
    }
    let bot = EntryFrame { kind: EntryKind::Bot, ..entry.clone() };
    let frame = write(&Event::Page(Page { id: 8, room: "lobby".into(), entries: vec![bot.clone()] }));
    let marked = r#""entries":[{"type":"message","bot":true,"room":"#;
    assert!(std::str::from_utf8(&frame).unwrap().contains(marked), "{frame:?}");
    for event in [Event::Entry(bot.clone()), Event::Found(Found { id: 9, entries: vec![bot], more: None })] {
        assert_eq!(read_event(&write(&event)).unwrap(), event);
    }
    assert_eq!(Code::NotJoined.to_string(), "not_joined");
    let later = read_event(br#"{"type":"error","code":"on_fire","message":"m"}"#).unwrap();
    assert!(matches!(later, Event::Error(Error { code: Code::Other, .. })));
}

#[test]
fn the_longest_text_fits_a_frame_however_it_is_escaped() {
    let entry = EntryFrame {
        kind: EntryKind::Message,
        room: "\u{1F98A}".repeat(32),
        seq: MAX_INTEGER,
        from: "\u{1F98A}".repeat(16),
        to: Some("\u{1F98A}".repeat(16)),
        at: MAX_INTEGER,
        text: "\n".repeat(MAX_TEXT),
    };
    assert!(write(&Event::Entry(entry)).len() < MAX_FRAME / 2);
}

#[test]
fn the_mark_of_a_program_is_a_flag() {
    let kind = |more: &str| {
        let frame = format!(r#"{{"room":"a","seq":1,"from":"b","at":2,"text":"c",{more}}}"#);
        match read_event(frame.as_bytes()) {
            Ok(Event::Entry(entry)) => Some(entry.kind),
            _ => None,
        }
    };
    assert_eq!(kind(r#""type":"message","bot":true"#), Some(EntryKind::Bot));
    assert_eq!(kind(r#""bot":true,"type":"message""#), Some(EntryKind::Bot));
    assert_eq!(kind(r#""type":"message","bot":false"#), Some(EntryKind::Message));
    assert_eq!(kind(r#""type":"topic","bot":true"#), Some(EntryKind::Topic), "topics have no such field");
    for wrong in [r#""bot":1"#, r#""bot":null"#, r#""bot":true,"bot":true"#] {
        assert_eq!(kind(&format!(r#""type":"message",{wrong}"#)), None, "{wrong}");
    }
    let say = Say { id: 1, room: "a".into(), text: "b".into(), order: None, bot: true };
    let frame = write(&Request::Say(say.clone()));
    assert_eq!(frame, br#"{"type":"say","id":1,"room":"a","text":"b","bot":true}"#.as_slice());
    assert_eq!(read_request(&frame).unwrap(), Request::Say(say));
}
