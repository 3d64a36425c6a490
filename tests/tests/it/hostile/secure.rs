//! The two ends of an encrypted link, between which a machine sends any bytes, and real frames changed, again and late.
//!
//! The first letter of a script is `h` for frames of a handshake, `t` for those of one by ticket, `c` for records that are counted, and any other for records
//! that say their numbers. Each further line is a step.

use std::collections::BTreeMap;

use bytes::Bytes;
use chat_secure::{
    StaticKey, Suite, TicketKeys,
    handshake::{self, Dice, Initiator, Responder},
    record::{Numbers, Opener, Sealer, next_frame},
    resumption::{Recognising, Returning, Ticket},
};
use chat_testkit::virtual_time::VirtualTime;

use super::input::{Line, steps};

/// Runs a script.
pub fn run(script: &[u8]) {
    match script.split_first() {
        Some((b'h', rest)) => handshake(rest),
        Some((b't', rest)) => by_ticket(rest),
        Some((b'c', rest)) => records(rest, Numbers::Counted),
        Some((_, rest)) => records(rest, Numbers::Written),
        None => {}
    }
}

/// Each line is a frame for both ends, or changes the real one if it begins with a letter: `1`, `2` or `3` is the frame that
/// both ends are at with one byte changed or cut off there.
fn handshake(script: &[u8]) {
    let (mut initiator, mut responder, server) = begin();
    let second = responder.answer_to(&initiator.first()).expect("it is the first frame");
    for mut line in steps(script) {
        let mut frame = line.0.to_vec();
        if matches!(line.letter(), b'1'..=b'3') {
            frame = match frame[0] {
                b'1' => initiator.first().to_vec(),
                _ => second.to_vec(),
            };
            change(&mut frame, &mut line);
        }
        if let Ok(responder) =
            Responder::new(frame.clone().into(), &server, Dice { ephemeral: [8; 32], secret: [9; 32] })
            && meaning(&frame) != meaning(&initiator.first())
        {
            let answer = responder.answer_to(&frame).expect("it is the first frame");
            assert!(initiator.answer(&answer).is_err(), "an answer to {frame:?} is one to another question");
        }
        if meaning(&frame) != meaning(&second) {
            assert!(initiator.answer(&frame).is_err(), "{frame:?} is no answer");
        }
        assert!(!responder.third(&frame), "{frame:?} proves nothing");
    }
    assert_eq!(initiator.answer(&second), Ok(server.id()), "the right answer still counts");
    let (third, at_client) = initiator.finish().expect("the answer came");
    assert!(responder.third(&third), "the right frame still counts");
    let at_server = responder.finish().expect("the third frame came");
    assert_eq!(at_client.hash(), at_server.hash());
}

/// As for a handshake in full: `1` and `2` change the client's frame and the server's.
fn by_ticket(script: &[u8]) {
    let time = VirtualTime::new(1);
    let tickets = TicketKeys::in_memory(time.shared());
    let (client, server) = (StaticKey::from_private([1; 32]), StaticKey::from_private([2; 32]));
    let (at_client, at_server) = handshake::between(Suite::AesGcm, &client, &server);
    let ticket = Ticket::between(&at_client, &at_server, &tickets);
    let mut returning = Returning::new(Suite::AesGcm, &ticket, [3; 32]);
    let recognised = |first: &[u8]| {
        Recognising::new(first, server.id(), &tickets, Dice { ephemeral: [4; 32], secret: [5; 32] })
    };
    let (first, recognising) =
        (returning.first(), recognised(&returning.first()).expect("the server has sealed the ticket"));
    let second = recognising.second();
    for mut line in steps(script) {
        let mut frame = line.0.to_vec();
        if matches!(line.letter(), b'1' | b'2') {
            frame = if frame[0] == b'1' { first.to_vec() } else { second.to_vec() };
            change(&mut frame, &mut line);
        }
        if meaning(&frame) != meaning(&first) {
            assert!(recognised(&frame).is_err(), "{frame:?} proves nothing");
        }
        if meaning(&frame) != meaning(&second) {
            assert!(returning.answer(&frame).is_err(), "{frame:?} is no answer");
        }
    }
    assert_eq!(returning.answer(&second), Ok(server.id()), "the right answer still counts");
    let (at_client, at_server) = (returning.finish().expect("the answer came"), recognising.finish());
    assert_eq!((at_client.hash(), at_server.peer()), (at_server.hash(), client.id()));
    time.end();
}

/// What a frame says, however that is written.
fn meaning(frame: &[u8]) -> Option<[serde_json::Value; 5]> {
    let frame = serde_json::from_slice::<serde_json::Value>(frame).ok()?;
    Some(["type", "protocol", "suite", "ticket", "noise"].map(|field| frame[field].clone()))
}

/// A line seals a record with `s`, and delivers the record of a number as it was with `d`, or changed with any other letter;
/// `x` begins bytes that are delivered as they are.
fn records(script: &[u8], numbers: Numbers) {
    let (mut sealer, mut opener) = ends(numbers);
    let mut sent: Vec<(Bytes, Vec<Bytes>)> = Vec::new();
    let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
    for mut line in steps(script) {
        let (kind, at) = (line.letter(), line.below(62));
        let record = match (kind, sent.get(at)) {
            (b's', _) => {
                sent.push(seal(&mut sealer, sent.len(), at));
                continue;
            }
            (b'x', _) => Bytes::copy_from_slice(line.0),
            (_, None) => continue,
            (b'd', Some((record, _))) => record.clone(),
            (_, Some((record, _))) => {
                let mut record = record.to_vec();
                change(&mut record, &mut line);
                record.into()
            }
        };
        let Some(mut opened) = opener.open(record.clone()) else {
            if numbers == Numbers::Counted {
                return; // the link has ended
            }
            continue;
        };
        let mut frames = Vec::new();
        while let Some(frame) = next_frame(&mut opened).expect("a sealed record is a list of frames") {
            frames.push(frame);
        }
        let number = sent.iter().position(|(known, _)| *known == record).expect("what was opened was sealed");
        assert_eq!(frames, sent[number].1, "what comes out went in");
        let times = taken.entry(number).or_default();
        *times += 1;
        assert_eq!(*times, 1, "record {number} is taken again");
        if numbers == Numbers::Counted {
            assert_eq!(taken.len(), number + 1, "record {number} is early");
        }
    }
}

fn seal(sealer: &mut Sealer, number: usize, frames: usize) -> (Bytes, Vec<Bytes>) {
    let frames: Vec<Bytes> =
        (0..=frames).map(|frame| Bytes::from(format!("{{\"{number}\":{frame}}}"))).collect();
    let mut record = Vec::new();
    frames.iter().for_each(|frame| sealer.gather(frame, &mut record));
    sealer.seal(&mut record);
    (record.into(), frames)
}

/// Changes a byte of `frame` or cuts it off there.
fn change(frame: &mut Vec<u8>, line: &mut Line<'_>) {
    let at = (line.below(62) * 62 + line.below(62)) % frame.len();
    match line.below(62) {
        0 => frame.truncate(at),
        1 => frame.push(at as u8),
        byte => frame[at] ^= byte as u8,
    }
}

fn begin() -> (Initiator, Responder, StaticKey) {
    let (client, server) = (StaticKey::from_private([1; 32]), StaticKey::from_private([2; 32]));
    let initiator = Initiator::new(Suite::AesGcm, &client, [3; 32]);
    let responder = Responder::new(initiator.first(), &server, Dice { ephemeral: [4; 32], secret: [5; 32] })
        .expect("it begins a handshake");
    (initiator, responder, server)
}

fn ends(numbers: Numbers) -> (Sealer, Opener) {
    let (client, server) = (StaticKey::from_private([1; 32]), StaticKey::from_private([2; 32]));
    let (at_client, at_server) = handshake::between(Suite::AesGcm, &client, &server);
    (at_client.into_records(numbers).0, at_server.into_records(numbers).1)
}
