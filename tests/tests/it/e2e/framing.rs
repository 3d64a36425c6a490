//! However the bytes of a conversation are cut into packets, it is the same conversation.

use chat_core::wire::Event;

use super::harness::{Server, framed};

/// protocol 15.2, protocol 12.1
#[test]
fn frames_glued_together_or_split_anywhere_are_the_same_frames() {
    let server = Server::start(&["--unlimited"]);
    let whole = replies(&server, 0, |bytes| vec![bytes]);
    assert!(whole.len() > 6, "a conversation: {whole:?}");
    let length = conversation(0).len();
    for at in 1..length {
        let split = replies(&server, at, |bytes| vec![bytes[..at].to_vec(), bytes[at..].to_vec()]);
        assert_eq!(split, whole, "split after {at} bytes");
    }
    let bytewise = replies(&server, length, |bytes| bytes.into_iter().map(|byte| vec![byte]).collect());
    assert_eq!(bytewise, whole, "byte by byte");
}

/// protocol 15.2
#[test]
fn a_thousand_frames_in_one_write_are_a_thousand_requests() {
    let server = Server::start(&["--unlimited"]);
    let mut raw = server.raw();
    raw.hello("ana");
    let frames: Vec<u8> =
        (1..=1000).flat_map(|id| framed(format!(r#"{{"type":"ping","id":{id}}}"#))).collect();
    assert!(raw.send(frames));
    for id in 1..=1000 {
        assert_eq!(raw.event().and_then(|it| it.reply_to()), Some(id));
    }
}

/// What the server says to a conversation whose bytes are sent in the packets that `cut` makes of them. Replies to
/// different requests may change places, so they are sorted; whether the entry comes before the goodbye is not
/// promised, so it is read by somebody else; names, numbers and times of this run are left out.
fn replies(server: &Server, number: usize, cut: impl FnOnce(Vec<u8>) -> Vec<Vec<u8>>) -> Vec<String> {
    let mut raw = server.raw();
    for packet in cut(conversation(number)) {
        assert!(raw.send(packet), "the server hung up");
    }
    let mut said: Vec<String> =
        raw.rest().iter().filter(|it| !matches!(it, Event::Entry(_))).map(summary).collect();
    said.sort();
    said.push(stored(server, number));
    said
}

/// What is read of the conversation afterwards.
fn stored(server: &Server, number: usize) -> String {
    let mut reader = server.raw();
    reader.hello(&format!("reader{number:04}"));
    reader.reply(1, format!(r#"{{"type":"join","id":1,"room":"room{number:04}","after":0}}"#));
    summary(&reader.event().expect("an entry follows"))
}

/// Requests of every kind that can be glued together, under a name and in a room of this number's own.
fn conversation(number: usize) -> Vec<u8> {
    [
        format!(r#"{{"type":"hello","protocol":1,"name":"ana{number:04}"}}"#),
        format!(r#"{{"type":"join","id":1,"room":"room{number:04}","after":0}}"#),
        format!(r#"{{"type":"say","id":2,"room":"room{number:04}","text":"gr\u00fc\u00dfe"}}"#),
        r#"{"type":"dance","id":3}"#.to_owned(),
        r#"{"type":"say","id":4,"room":"elsewhere","text":"hi"}"#.to_owned(),
        r#"{"type":"ping","id":5}"#.to_owned(),
        r#"{"type":"bye"}"#.to_owned(),
    ]
    .iter()
    .flat_map(framed)
    .collect()
}

fn summary(event: &Event) -> String {
    match event {
        Event::Welcome(it) => format!("welcome, resumed: {}", it.resumed),
        Event::Joined(it) => {
            format!("{} joined, after {} of {}, {} present", it.id, it.after, it.head, it.present)
        }
        Event::Ack(it) => format!("{} ack {}", it.id, it.seq),
        Event::Entry(it) => format!("entry {}: {}", it.seq, it.body.text),
        Event::Error(it) => format!("error {:?} {}", it.id, it.code),
        Event::Pong(it) => format!("{} pong", it.id),
        Event::Goodbye(it) => format!("goodbye {}", it.reason),
        other => format!("{other:?}"),
    }
}
