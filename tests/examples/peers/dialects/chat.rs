//! Ours, and the relay's: JSON objects, each after its length (`docs/protocol.md`).

use super::{Dialect, Heard};

/// Version 1 over TCP.
pub struct Chat;

impl Dialect for Chat {
    fn greet(&self, name: &str, room: &str, out: &mut Vec<u8>) {
        frame(&format!(r#"{{"type":"hello","protocol":1,"name":"{name}"}}"#), out);
        frame(&format!(r#"{{"type":"join","id":1,"room":"{room}","recent":0}}"#), out);
    }

    fn say(&self, room: &str, nth: u64, text: &str, out: &mut Vec<u8>) {
        let id = nth + 2; // after that of the join
        frame(&format!(r#"{{"type":"say","id":{id},"room":"{room}","text":"{text}"}}"#), out);
    }

    fn hear<'a>(&self, bytes: &'a [u8], _: &str) -> Option<(Heard<'a>, usize)> {
        let (head, rest) = bytes.split_first_chunk()?;
        let len = u32::from_be_bytes(*head) as usize;
        let frame = rest.get(..len)?;
        // protocol 1.2: whoever writes puts the type first
        let heard = match frame.strip_prefix(br#"{"type":""#).unwrap_or_default() {
            [b'm', b'e', b's', b's', ..] => Heard::Message(frame),
            [b'j', b'o', b'i', b'n', b'e', b'd', b'"', ..] => Heard::Entered,
            [b'e', b'r', b'r', ..] | [b'g', b'o', b'o', b'd', b'b', b'y', b'e', ..] => Heard::Refused(frame),
            _ => Heard::Nothing,
        };
        Some((heard, head.len() + len))
    }
}

fn frame(json: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(json.len()).expect("it is short").to_be_bytes());
    out.extend_from_slice(json.as_bytes());
}
