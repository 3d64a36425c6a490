//! Lines in, requests out; updates in, events out.

use std::time::Duration;

use chat_core::wire::{Author, Body, EntryFrame, Reason, Welcome};
use chat_front::conversation::Action;

use super::*;

/// A program in a conversation.
struct Program {
    conversation: Conversation,
}

impl Program {
    fn new() -> Program {
        Program { conversation: Conversation::new("tcp://10.0.0.1:7000".parse().unwrap()) }
    }

    fn enter(&mut self, room: &str, after: Option<u64>) -> String {
        Json::default().enter(&mut self.conversation, room, after);
        self.action()
    }

    /// What `line` asks for.
    fn asked(&mut self, line: &str) -> String {
        match understood(line, self.conversation.rooms().current()) {
            Err(error) => format!("{} {:?}: {}", error.code as u8, error.id, error.message),
            Ok(_) => {
                let typed = Typed::Line(line.to_owned());
                let flow = Json::default().typed(
                    typed,
                    &mut self.conversation,
                    Instant::now(),
                    &mut Output::plain(),
                );
                match flow.unwrap() {
                    Flow::On => self.action(),
                    Flow::Quit => "Quit".to_owned(),
                }
            }
        }
    }

    fn action(&mut self) -> String {
        match self.conversation.next_action() {
            Some(Action::Ask(request, tag)) => {
                let id = id(&self.conversation, tag);
                let frame = wire::write(&Request::new(id, request));
                format!("{id}: {}", String::from_utf8(frame.to_vec()).unwrap())
            }
            other => format!("{other:?}"),
        }
    }
}

/// What is printed of `update`; the program's own number for its request is 7.
fn printed(update: &Update) -> String {
    shown(update, |_| 7).map(|event| serde_json::to_string(&event).unwrap()).unwrap_or_default()
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
        (r#"{"type":"stats"}"#, "Some(Measure)"),
        (r#"{"type":"bye"}"#, "Quit"),
    ] {
        assert_eq!(Program::new().asked(line), expected);
    }
}

#[test]
fn no_text_is_said_in_the_inbox() {
    let mut program = Program::new();
    program.enter("hall", None);
    assert!(program.asked(r#"{"type":"join","room":"@","after":3}"#).contains("join"));
    assert_eq!(program.asked("hi"), r#"0: {"type":"say","id":0,"room":"hall","text":"hi"}"#);
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
        let asked = Program::new().asked(request);
        assert_eq!(asked.split_once(": ").unwrap().1, request);
    }
}

#[test]
fn what_is_no_request_is_refused_under_its_number() {
    let refused = |line| match understood(line, None) {
        Err(error) => (error.code, error.id, error.message),
        other => panic!("{line}: {other:?}"),
    };
    for (line, code, id, words) in [
        ("{", Code::BadFrame, None, "too early"),
        ("{}", Code::BadFrame, None, "type"),
        (r#"{"type":"say","id":3}"#, Code::BadFrame, Some(3), "room"),
        (r#"{"type":"say","id":3,"id":4}"#, Code::BadFrame, None, "given twice"),
        (r#"{"type":"ping","id":null}"#, Code::BadFrame, None, "given twice"),
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
    let mut program = Program::new();
    assert!(understood("hi", program.conversation.rooms().current()).is_err());
    program.enter("lobby", None);
    program.asked(r#"{"type":"join","room":"hall"}"#);
    assert_eq!(program.asked("hi"), r#"0: {"type":"say","id":0,"room":"hall","text":"hi"}"#);
    program.asked(r#"{"type":"leave","room":"hall"}"#);
    assert_eq!(program.asked("hi"), r#"0: {"type":"say","id":0,"room":"lobby","text":"hi"}"#);
    assert_eq!(program.asked(" "), "None");
}

#[test]
fn two_requests_may_have_the_same_number() {
    let mut program = Program::new();
    for line in [r#"{"type":"ping","id":7}"#, r#"{"type":"rooms","id":7}"#, r#"{"type":"ping","id":0}"#] {
        program.asked(line);
    }
    assert_eq!(program.conversation.unanswered(), 3);
    assert_eq!([1, 2, 3, 4].map(|tag| id(&program.conversation, tag)), [7, 7, 0, 0]);
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
    assert_eq!(printed(&Update::Reply { tag: 1, reply: pong }), r#"{"type":"pong","id":7}"#);
    let refused = Event::Error(error(Code::Busy, "later"));
    assert_eq!(
        printed(&Update::Reply { tag: 1, reply: refused }),
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
    assert_eq!(printed(&Update::Unanswered { tag: 1 }), r#"{"type":"unanswered","id":7}"#);
}

#[test]
fn the_first_room_is_read_from_where_the_user_says() {
    let asked = Program::new().enter("hall", Some(3));
    assert_eq!(asked, r#"0: {"type":"join","id":0,"room":"hall","after":3}"#);
}

/// protocol 14.1
#[test]
fn an_entry_of_a_later_kind_is_passed_on_as_it_came() {
    for frame in [
        r#"{"type":"reaction","room":"hall","seq":1,"from":"ana","at":5,"text":"likes this","to_seq":7}"#,
        r#"{"type":"mark","room":"hall","seq":2,"from":"ana","at":5,"to_seq":7}"#,
    ] {
        let Ok(Event::Entry(entry)) = wire::read_event(frame.as_bytes()) else { panic!("{frame}") };
        assert_eq!(printed(&Update::Entry(entry)), frame);
    }
}
