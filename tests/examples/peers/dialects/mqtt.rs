//! MQTT 3.1.1: packets with a kind and a length in groups of seven bits; everything at most once (QoS 0).

use super::{Dialect, Heard};

/// Version 3.1.1.
pub struct Mqtt;

impl Dialect for Mqtt {
    fn greet(&self, name: &str, room: &str, out: &mut Vec<u8>) {
        let keep_alive = 600_u16.to_be_bytes();
        let level_and_clean_session: &[u8] = &[4, 2];
        let connect = [&text("MQTT"), level_and_clean_session, &keep_alive, &text(name)].concat();
        packet(CONNECT, &[&connect], out);
        packet(SUBSCRIBE, &[&[0, 1], &text(room), &[0]], out);
    }

    fn say(&self, room: &str, _: u64, said: &str, out: &mut Vec<u8>) {
        packet(PUBLISH, &[&text(room), said.as_bytes()], out);
    }

    fn hear<'a>(&self, bytes: &'a [u8], _: &str) -> Option<(Heard<'a>, usize)> {
        let (kind, rest) = bytes.split_first()?;
        let digits = 1 + rest.iter().take(3).take_while(|it| **it & MORE != 0).count();
        let len = rest.get(..digits)?.iter().rev().fold(0, |len, it| len << 7 | usize::from(it & !MORE));
        let body = rest[digits..].get(..len)?;
        let heard = match (kind & 0xf0, body) {
            (PUBLISH, _) => Heard::Message(body),
            (CONNACK, [_, 0]) => Heard::Nothing,
            (SUBACK, [_, _, 0]) => Heard::Entered,
            (CONNACK, _) => Heard::Refused(b"that its CONNECT is refused"),
            (SUBACK, _) => Heard::Refused(b"that its SUBSCRIBE is refused"),
            _ => Heard::Nothing,
        };
        Some((heard, 1 + digits + len))
    }
}

fn packet(kind: u8, parts: &[&[u8]], out: &mut Vec<u8>) {
    let mut len: usize = parts.iter().map(|it| it.len()).sum();
    out.push(kind);
    while len >= usize::from(MORE) {
        out.push(MORE | (len & 0x7f) as u8);
        len >>= 7;
    }
    out.push(len as u8);
    parts.iter().for_each(|it| out.extend_from_slice(it));
}

fn text(it: &str) -> Vec<u8> {
    let len = u16::try_from(it.len()).expect("names are short");
    [&len.to_be_bytes(), it.as_bytes()].concat()
}

const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const SUBSCRIBE: u8 = 0x82;
const SUBACK: u8 = 0x90;
/// Another group of seven bits follows.
const MORE: u8 = 0x80;
