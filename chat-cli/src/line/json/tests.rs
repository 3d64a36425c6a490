//! Lines in, requests out; updates in, events out.

use std::time::Duration;

use chat_core::wire::{Author, Body, EntryFrame, Reason, Request, RequestBody, Welcome};

use super::*;

fn asked(json: &mut Json, line: &str) -> String {
    match json.understood(line) {
        Ok(Step::Ask(request, tag)) => {
            format!(
                "{tag}: {}",
                String::from_utf8(wire::write(&Request::new(tag, request)).to_vec()).unwrap()
            )
        }
        Ok(step) => format!("{step:?}"),
        Err(error) => format!("{} {:?}: {}", error.code as u8, error.id, error.message),
    }
}

fn printed(update: &Update) -> String {
    shown(update).map(|it| serde_json::to_string(&it).unwrap()).unwrap_or_default()
}

#[test]
fn a_request_is_passed_on_under_its_number() {
    for (line, expected) in [
        (r#"{"type":"ping","id":7}"#, r#"7: {"type":"ping","id":7}"#),
        (r#"{"type":"ping"}"#, r#"0: {"type":"ping","id":0}"#),
        (r#"{ "room" : "hall" , "type" : "who" }"#, r#"0: {"type":"who","id":0,"room":"hall"}"#),
        (
            r#"{"type":"say","room":"id","text":"\"id\":1"}"#,
            r#"0: {"type":"say","id":0,"room":"id","text":"\"id\":1"}"#,
        ),
        (
            r#"{"type":"join","id":1,"room":"a","after":3}"#,
            r#"1: {"type":"join","id":1,"room":"a","after":3}"#,
        ),
        (r#"{"type":"stats"}"#, "Measure(Once)"),
        (r#"{"type":"bye"}"#, "Quit"),
    ] {
        assert_eq!(asked(&mut Json::default(), line), expected);
    }
}

#[test]
fn no_text_is_said_in_the_inbox() {
    let mut json = Json::default();
    json.enter("hall", None);
    assert!(asked(&mut json, r#"{"type":"join","room":"@","after":3}"#).contains("join"));
    assert_eq!(asked(&mut json, "hi"), r#"0: {"type":"say","id":0,"room":"hall","text":"hi"}"#);
}

#[test]
fn every_request_survives_the_line_it_was_read_from() {
    for request in [
        r#"{"type":"join","id":1,"room":"r","after":1,"recent":2,"epoch":"e"}"#,
        r#"{"type":"leave","id":2,"room":"r"}"#,
        r#"{"type":"say","id":3,"room":"r","text":"t"}"#,
        r#"{"type":"tell","id":4,"to":"bob","text":"t"}"#,
        r#"{"type":"topic","id":5,"room":"r","text":"t"}"#,
        r#"{"type":"who","id":6,"room":"r"}"#,
        r#"{"type":"rooms","id":7}"#,
        r#"{"type":"history","id":8,"room":"r","before":41,"limit":50}"#,
        r#"{"type":"replay","id":9,"room":"r","from":12,"to":17}"#,
        r#"{"type":"ping","id":10}"#,
    ] {
        let asked = asked(&mut Json::default(), request);
        assert_eq!(asked.split_once(": ").unwrap().1, request);
    }
}

#[test]
fn what_is_no_request_is_refused_under_its_number() {
    let refused = |line| match Json::default().understood(line) {
        Err(error) => (error.code, error.id, error.message),
        other => panic!("{line}: {other:?}"),
    };
    for (line, code, id, words) in [
        ("{", Code::BadFrame, None, "EOF"),
        ("{}", Code::BadFrame, None, "type"),
        (r#"{"type":"say","id":3}"#, Code::BadFrame, Some(3), "room"),
        (r#"{"type":"say","id":3,"id":4}"#, Code::BadFrame, None, "duplicate"),
        (r#"{"type":"ping","id":null}"#, Code::BadFrame, None, "duplicate"),
        (r#"{"type":"ping","id":-1}"#, Code::BadFrame, None, "whole"),
        (r#"{"type":"dance","id":3}"#, Code::Unsupported, Some(3), "dance"),
        (r#"{"type":"hello","protocol":1,"name":"eve"}"#, Code::Unsupported, None, "hello"),
    ] {
        let (is_code, is_id, message) = refused(line);
        assert_eq!((is_code, is_id), (code, id), "{line}: {message}");
        assert!(message.contains(words), "{line}: {message}");
    }
}

#[test]
fn a_text_is_said_in_the_room_joined_last() {
    let mut json = Json::default();
    assert!(json.understood("hi").is_err());
    json.enter("lobby", None);
    json.understood(r#"{"type":"join","room":"hall"}"#).unwrap();
    assert_eq!(asked(&mut json, "hi"), r#"0: {"type":"say","id":0,"room":"hall","text":"hi"}"#);
    json.understood(r#"{"type":"leave","room":"hall"}"#).unwrap();
    assert_eq!(asked(&mut json, "hi"), r#"0: {"type":"say","id":0,"room":"lobby","text":"hi"}"#);
    assert_eq!(asked(&mut json, " "), "Nothing");
}

#[test]
fn the_secret_of_a_session_is_not_shown() {
    let welcome = Welcome {
        protocol: 1,
        name: "ana".to_owned(),
        server: "chat 0.1.0".to_owned(),
        resume: "the-secret".to_owned(),
        resumed: true,
        at: None,
        limits: LimitsFrame {
            frame: 1,
            text: 2,
            rooms: 3,
            pending: 4,
            ahead: None,
            in_flight: None,
            burst: None,
            per_minute: None,
        },
    };
    assert_eq!(
        printed(&Update::Connected(welcome)),
        r#"{"type":"connected","protocol":1,"name":"ana","server":"chat 0.1.0","resumed":true,"limits":{"frame":1,"text":2,"rooms":3,"pending":4}}"#
    );
}

#[test]
fn events_are_those_of_the_wire_with_the_number_of_the_request() {
    let pong = Event::Pong(wire::Pong { id: 99 });
    assert_eq!(printed(&Update::Reply { tag: 7, reply: pong }), r#"{"type":"pong","id":7}"#);
    let refused = Event::Error(error(Code::Busy, "later"));
    assert_eq!(
        printed(&Update::Reply { tag: 7, reply: refused }),
        r#"{"type":"error","id":7,"code":"busy","message":"later"}"#
    );
    let entry = EntryFrame {
        room: "hall".to_owned(),
        seq: 1,
        author: Author::person("ana"),
        to: None,
        at: 5,
        body: Body::topic("soup"),
    };
    assert_eq!(
        printed(&Update::Entry(entry)),
        r#"{"type":"topic","room":"hall","seq":1,"from":"ana","at":5,"text":"soup"}"#
    );
    assert_eq!(
        printed(&Update::Disconnected { why: "no route".to_owned(), retry_in: Duration::from_millis(250) }),
        r#"{"type":"disconnected","why":"no route","retry_ms":250}"#
    );
    assert_eq!(printed(&Update::Goodbye(Reason::Shutdown)), r#"{"type":"goodbye","reason":"shutdown"}"#);
    assert_eq!(printed(&Update::Reset { room: "hall".to_owned() }), r#"{"type":"reset","room":"hall"}"#);
    assert_eq!(printed(&Update::Unanswered { tag: 7 }), r#"{"type":"unanswered","id":7}"#);
}

#[test]
fn the_first_room_is_read_from_where_the_user_says() {
    let step = Json::default().enter("hall", Some(3));
    let join = Join { room: "hall".into(), after: Some(3), ..Join::default() };
    assert_eq!(step, Step::Ask(RequestBody::Join(join), 0));
}
