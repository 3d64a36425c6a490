//! What is not allowed is refused with the code that the protocol gives it, and harms nobody else.

use chat_core::wire::{self, Code, Event, Hello, Join, MAX_HELLO, MAX_TEXT, Post, Replay, Request, Who};

use super::{Subject, test_server::TestServer};
use crate::raw_client::{RawClient, hello};

/// A request of a later version is answered, and the link goes on. (protocol 5.2)
pub async fn an_unknown_type_is_unsupported(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "lobby").await;
    let id = ana.next_id();
    let reply = ana.ask_as(id, format!(r#"{{"type":"dance","id":{id},"steps":[1,2]}}"#)).await;
    expect_code(&reply, Code::Unsupported);
    assert_eq!(ana.say("lobby", "never mind").await.seq, 1);
}

/// After a frame that is not protocol nothing on a reliable link can be trusted: it ends. Where frames may be lost
/// this is one more lost frame. (protocol 12.2)
pub async fn a_broken_frame_ends_a_reliable_link(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut bob = server.enter_room("bob", 2, "lobby").await;
    let broken: [&[u8]; 6] =
        [b"{\"type\":\"ping\",\"id\":1", b"[]", b"\xff\xfe", b"{\"type\":\"ping\"}", b"{}x", b"{\"id\":1}"];
    for (number, frame) in (10..).zip(broken) {
        let (mut ana, _) = server.enter(&format!("ana{number}"), number).await;
        ana.send(frame).await;
        if ana.is_lossless() {
            let events = ana.rest().await;
            let last = events.last().expect("something is said before the end");
            expect_code(last, Code::BadFrame);
            assert_eq!(last.reply_to(), None, "a frame that cannot be read is no request");
        } else {
            ana.join("lobby", Some(0)).await;
        }
    }
    assert_eq!(bob.say("lobby", "I am fine").await.seq, 1);
}

/// Nothing is served before a hello, and a hello may not be large. Where frames may be lost there may be silence
/// instead of an error. (protocol 2.4, protocol 2.5)
pub async fn the_first_frame_is_a_hello(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let padded = format!(r#"{{"type":"hello","protocol":1,"name":"ana","x":"{}"}}"#, "x".repeat(MAX_HELLO));
    for (frame, code) in [
        (r#"{"type":"ping","id":1}"#, Code::Unsupported),
        (r#"{"type":"join","id":1,"room":"lobby"}"#, Code::Unsupported),
        (r#"{"type":"dance"}"#, Code::Unsupported),
        ("GET / HTTP/1.1", Code::BadFrame),
        (&padded, Code::BadFrame),
    ] {
        let mut ana = server.dial().await;
        ana.send(frame.to_owned()).await;
        let events = if ana.is_lossless() { ana.rest().await } else { ana.rest_until_silent().await };
        assert!(events.iter().all(|it| matches!(it, Event::Error(_))), "{frame} was served: {events:?}");
        if ana.is_lossless() {
            expect_code(events.last().expect("something is said before the end"), code);
        }
    }
}

/// A client of another version of the protocol is told so. (protocol 2.6)
pub async fn another_protocol_is_refused(subject: &Subject) {
    let server = TestServer::open(subject).await;
    for protocol in [0, 2] {
        server.refused(&Hello { protocol, ..hello("ana", 1) }, Code::BadProtocol).await;
    }
}

/// A server with a password lets in those who know it: over an encrypted link by a proof, and otherwise in the clear.
/// (protocol 2.7, 20.1)
pub async fn a_wrong_password_is_refused(subject: &Subject) {
    let server = TestServer::open_with(subject, Some("open sesame")).await;
    server.refused(&hello("ana", 1), Code::BadPassword).await;
    for password in ["", "open sesam", "open sesame!"] {
        let error = server.told(password).await.expect_err("this password is wrong");
        assert_eq!(error.code, Code::BadPassword, "{password:?}: {error:?}");
    }
    assert_eq!(server.told("open sesame").await.map(|welcome| welcome.name), Ok("ana".to_owned()));
}

/// Names of people and rooms that could deceive are refused. (protocol 4.1)
pub async fn names_are_checked(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let long = "x".repeat(33);
    for name in ["", "a\u{202e}b", "a\u{1b}[31mb", "a\nb", "\u{200b}", &long] {
        server.refused(&hello(name, 1), Code::BadName).await;
    }
    let (mut ana, _) = server.enter("ana", 1).await;
    let long = "x".repeat(65);
    for room in ["", "lob\u{7}by", "lob\u{202e}by", &long] {
        let reply =
            ana.ask(|id| Request::new(id, Join { room: room.to_owned().into(), ..Join::default() })).await;
        expect_code(&reply, Code::BadName);
    }
}

/// A client's id is no secret that opens its session: without the real one it is refused. Nor does a second hello do
/// anything to a session. (protocol 2.10, protocol 2.13)
pub async fn a_session_is_not_taken_over(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "lobby").await;
    server.refused(&hello("bob", 1), Code::NotWelcome).await;
    ana.send(wire::write(&Request::unnumbered(hello("ada", 1)))).await;
    if ana.is_lossless() {
        let refusal = |event: &Event| matches!(event, Event::Error(_)).then(|| event.clone());
        expect_code(&ana.expect("refusal", refusal).await, Code::Unsupported);
    }
    assert_eq!(ana.say("lobby", "still ana").await.seq, 1);
    assert_eq!(ana.entries("lobby", 1..=1).await[0].author.name, "ana");
}

/// Two people cannot have one name, nor names that differ in case alone. (protocol 2.11, protocol 4.2)
pub async fn a_name_has_one_owner(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let (mut ana, _) = server.enter("ana", 1).await;
    for (number, name) in (2..).zip(["ana", "ANA"]) {
        server.refused(&hello(name, number), Code::NameTaken).await;
    }
    assert_eq!(ana.join("lobby", None).await.members, ["ana"]);
}

/// Texts have a largest size, are not empty and hold nothing that moves a cursor. Nothing refused gets a number. (protocol 4.5)
pub async fn texts_are_checked(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "lobby").await;
    let long = "x".repeat(MAX_TEXT + 1);
    for (text, code) in [
        ("", Code::BadText),
        ("\u{1b}[2J", Code::BadText),
        ("a\u{9b}b", Code::BadText),
        ("a\rb", Code::BadText),
        ("a\0b", Code::BadText),
        (long.as_str(), Code::TooLarge),
    ] {
        let reply = say(&mut ana, "lobby", text).await;
        expect_code(&reply, code);
    }
    let largest = "\u{1F98A}".repeat(MAX_TEXT / 4);
    for (number, text) in (1..).zip(["two\nlines\tand a tab", &largest]) {
        assert_eq!(ana.say("lobby", text).await.seq, number);
        assert_eq!(ana.entries("lobby", number..=number).await[0].body.text, text);
    }
}

/// Who is not in a room does not speak there. (protocol 6.9, protocol 9.4)
pub async fn only_members_speak(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut bob = server.enter_room("bob", 2, "lobby").await;
    let (mut ana, _) = server.enter("ana", 1).await;
    expect_code(&say(&mut ana, "lobby", "let me in").await, Code::NotJoined);
    let nowhere = ana.ask(|id| Request::new(id, Who { room: "nowhere".into() })).await;
    expect_code(&nowhere, Code::NoSuchRoom);
    assert_eq!(bob.say("lobby", "alone").await.seq, 1);
}

/// Who tells something to nobody learns that. (protocol 10.6)
pub async fn nobody_is_told_of_nobody(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let (mut ana, _) = server.enter("ana", 1).await;
    let reply = ana.ask(|id| Request::new(id, Post::tell("bob", "psst"))).await;
    expect_code(&reply, Code::NotHere);
}

/// Entries are asked for again a page at a time. (protocol 8.4)
pub async fn a_replay_has_a_limit(subject: &Subject) {
    let server = TestServer::open(subject).await;
    let mut ana = server.enter_room("ana", 1, "lobby").await;
    for number in 1..=40 {
        ana.say("lobby", &format!("{number}")).await;
    }
    let replay = |id| Request::new(id, Replay { room: "lobby".into(), from: 1, to: 33 });
    expect_code(&ana.ask(replay).await, Code::TooLarge);
    let all = |id| Request::new(id, Replay { room: "lobby".into(), from: 1, to: wire::MAX_INTEGER });
    expect_code(&ana.ask(all).await, Code::TooLarge);
}

async fn say(client: &mut RawClient, room: &'static str, text: &str) -> Event {
    let text = text.to_owned();
    client.ask(|id| Request::new(id, Post::say(room, text))).await
}

fn expect_code(event: &Event, wanted: Code) {
    match event {
        Event::Error(error) => {
            assert_eq!(error.code, wanted, "{error:?}");
            assert!(!error.message.is_empty(), "{error:?} says nothing");
        }
        other => panic!("not refused with {wanted}: {other:?}"),
    }
}
