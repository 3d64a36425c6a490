//! NATS: lines, and payloads after the line that says how long they are.

use memchr::memchr;

use super::{Dialect, Heard};

/// The client's protocol, without headers.
pub struct Nats;

impl Dialect for Nats {
    fn greet(&self, name: &str, room: &str, out: &mut Vec<u8>) {
        let options = format!(r#"{{"verbose":false,"pedantic":false,"echo":true,"name":"{name}"}}"#);
        // What answers the ping answers the subscription, which has no answer of its own.
        out.extend_from_slice(format!("CONNECT {options}\r\nSUB {room} 1\r\nPING\r\n").as_bytes());
    }

    fn say(&self, room: &str, _: u64, text: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("PUB {room} {}\r\n{text}\r\n", text.len()).as_bytes());
    }

    fn hear<'a>(&self, bytes: &'a [u8], _: &str) -> Option<(Heard<'a>, usize)> {
        let end = memchr(b'\n', bytes)?;
        let line = bytes[..end].trim_ascii_end();
        if line.starts_with(b"MSG ") {
            let (Some(len), from) = (last_number(line), end + 1) else {
                return Some((Heard::Refused(line), end + 1));
            };
            let whole = from + len + b"\r\n".len();
            return (bytes.len() >= whole).then(|| (Heard::Message(&bytes[from..from + len]), whole));
        }
        let heard = match line {
            b"PONG" => Heard::Entered,
            b"PING" => Heard::Answer(b"PONG\r\n".to_vec()),
            [b'-', b'E', b'R', b'R', ..] => Heard::Refused(line),
            _ => Heard::Nothing,
        };
        Some((heard, end + 1))
    }
}

fn last_number(line: &[u8]) -> Option<usize> {
    str::from_utf8(line.rsplit(|it| *it == b' ').next()?).ok()?.parse().ok()
}
