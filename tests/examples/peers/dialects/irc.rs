//! IRC: lines (RFC 2812).

use memchr::memchr;

use super::{Dialect, Heard};

/// As clients speak it.
pub struct Irc;

impl Dialect for Irc {
    fn greet(&self, name: &str, _: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("NICK {name}\r\nUSER {name} 0 * :{name}\r\n").as_bytes());
    }

    fn say(&self, room: &str, _: u64, text: &str, out: &mut Vec<u8>) {
        for part in ["PRIVMSG #", room, " :", text, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }

    fn hear<'a>(&self, bytes: &'a [u8], room: &str) -> Option<(Heard<'a>, usize)> {
        let end = memchr(b'\n', bytes)?;
        let line = bytes[..end].trim_ascii_end();
        Some((heard(line, room), end + 1))
    }

    fn echoes(&self) -> bool {
        false
    }
}

fn heard<'a>(line: &'a [u8], room: &str) -> Heard<'a> {
    if let Some(token) = line.strip_prefix(b"PING ") {
        return Heard::Answer([b"PONG ", token, b"\r\n"].concat());
    }
    if line.starts_with(b"ERROR") {
        return Heard::Refused(line);
    }
    // ":u1!u1@host PRIVMSG #r0 :hi" and ":server 001 u1 :Welcome": what matters comes after who says it.
    let command = memchr(b' ', line).map(|at| &line[at + 1..]).unwrap_or_default();
    match command {
        [b'P', b'R', b'I', b'V', b'M', b'S', b'G', ..] => Heard::Message(command),
        // Whoever joins earlier is not registered yet.
        [b'0', b'0', b'1', b' ', ..] => Heard::Answer(format!("JOIN #{room}\r\n").into_bytes()),
        // The end of the list of who is there.
        [b'3', b'6', b'6', b' ', ..] => Heard::Entered,
        // There is no message of the day, which is no refusal.
        [b'4', b'2', b'2', b' ', ..] => Heard::Nothing,
        [b'4' | b'5', b'0'..=b'9', b'0'..=b'9', b' ', ..] => Heard::Refused(line),
        _ => Heard::Nothing,
    }
}
