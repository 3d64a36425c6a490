//! Finds the fields of a message's frame by its bytes, without building an event.
//!
//! Programs that only count entries, such as the clients of `chat bench`, have to cost much less than the server that they
//! measure. This scanner stands beside [`Block`](super::block), which writes the frames, and skips fields that it does not
//! need, so a field that is added there does not make those programs slow.

use memchr::{memchr, memchr2};

/// The fields of a message that [`scan_message`] finds, as they stand in the frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ScannedMessage<'a> {
    /// The room.
    pub room: &'a [u8],
    /// The message's sequence number in the room.
    pub seq: u64,
    /// The text.
    pub text: &'a [u8],
}

/// Scans the frame of a message.
///
/// Returns `None` for every other frame, and for a message whose room or text contains a JSON escape. Such a frame may still
/// be a message, so it has to be read with [`read_event`](super::read_event). The bytes of skipped fields are not validated.
pub fn scan_message(frame: &[u8]) -> Option<ScannedMessage<'_>> {
    let mut rest = frame.strip_prefix(br#"{"type":"message""#)?;
    let (mut room, mut seq, mut text) = (None, None, None);
    loop {
        rest = match rest.split_first()? {
            (b',', rest) => rest,
            (b'}', []) => break,
            _ => return None,
        };
        let (key, value) = plain_string(rest)?;
        let value = value.strip_prefix(b":")?;
        rest = match key {
            b"room" => once(&mut room, plain_string(value)?)?,
            b"seq" => once(&mut seq, number(value)?)?,
            b"text" => once(&mut text, plain_string(value)?)?,
            b"type" => return None, // given twice
            _ => skip(value)?,
        };
    }
    Some(ScannedMessage { room: room?, seq: seq?, text: text? })
}

/// Stores a value that may be given only once, and returns the bytes after it.
fn once<'a, T>(place: &mut Option<T>, (value, rest): (T, &'a [u8])) -> Option<&'a [u8]> {
    place.replace(value).is_none().then_some(rest)
}

/// The content of a string without escapes, and the bytes after it.
fn plain_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let content = bytes.strip_prefix(b"\"")?;
    let end = memchr2(b'"', b'\\', content)?;
    (content[end] == b'"').then(|| (&content[..end], &content[end + 1..]))
}

/// A number without sign, point or exponent, and the bytes after it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (mut value, mut count) = (0_u64, 0);
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        count += 1;
    }
    (1..=MOST_DIGITS).contains(&count).then_some((value, &bytes[count..]))
}

/// The bytes after a value of any kind.
fn skip(bytes: &[u8]) -> Option<&[u8]> {
    match bytes.first()? {
        b'"' => skip_string(bytes),
        b'{' | b'[' => skip_nested(bytes),
        // Anything else ends at a comma, or at the brace that ends the frame.
        _ => Some(match memchr(b',', bytes) {
            Some(end) => &bytes[end..],
            None => &bytes[bytes.len() - 1..],
        }),
    }
}

/// The bytes after a string that may contain escapes.
fn skip_string(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes.strip_prefix(b"\"")?;
    loop {
        let end = memchr2(b'"', b'\\', rest)?;
        if rest[end] == b'"' {
            return Some(&rest[end + 1..]);
        }
        rest = rest.get(end + 2..)?; // the escaped byte may be a quote
    }
}

/// The bytes after an object or a list, which ends where its brackets are balanced.
fn skip_nested(bytes: &[u8]) -> Option<&[u8]> {
    let (mut rest, mut depth) = (bytes, 0_usize);
    loop {
        rest = match rest.split_first()? {
            (b'"', _) => skip_string(rest)?,
            (b'{' | b'[', rest) => {
                depth += 1;
                rest
            }
            (b'}' | b']', rest) => {
                depth -= 1;
                rest
            }
            (_, rest) => rest,
        };
        if depth == 0 {
            return Some(rest);
        }
    }
}

/// The digits of 2^53, the largest number on the wire.
const MOST_DIGITS: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        log::LogEntry,
        wire::{Author, Body, Event, block::Block, read_event},
    };

    fn scanned(frame: &str) -> Option<(&str, u64, &str)> {
        let ScannedMessage { room, seq, text } = scan_message(frame.as_bytes())?;
        Some((std::str::from_utf8(room).unwrap(), seq, std::str::from_utf8(text).unwrap()))
    }

    proptest! {
        /// Whatever the server writes of a message without escapes is found; nothing else is found that is not there.
        #[test]
        fn a_message_is_found_as_the_server_writes_it(
            is_bot: bool, room in "\\PC{0,20}", from in "\\PC{0,20}", text in "\\PC{0,80}", seq in 0..=1_u64 << 53, at: u64,
        ) {
            let author = Author { bot: is_bot, ..Author::person(from) };
            let entry = LogEntry { seq, at, author: author.into(), body: Body::message(text.clone()).into(), hash: crate::log::EntryHash::NONE };
            let frame = Block::default().entry(&room, &entry, 0);
            let frame = std::str::from_utf8(&frame).unwrap();
            let is_plain = !format!("{room}{text}").contains(['"', '\\']);
            prop_assert_eq!(scanned(frame), is_plain.then_some((&*room, seq, &*text)), "{}", frame);
            for length in 0..frame.len() {
                prop_assert_eq!(scan_message(&frame.as_bytes()[..length]), None, "cut after {} bytes", length);
            }
        }
    }

    #[test]
    fn fields_that_are_not_needed_are_skipped_wherever_they_stand() {
        for more in [
            r#","mark":"8f3a""#,
            r#","mark":"quo\"ted\\""#,
            r#","n":15"#,
            r#","a":true,"b":null,"c":"","d":17"#,
            r#","a":{},"b":[],"c":{"text":"no","d":[{"e":"]}\"}"},[1,2]]}"#,
        ] {
            for frame in [
                format!(r#"{{"type":"message"{more},"room":"r","seq":7,"from":"ana","at":5,"text":"hi"}}"#),
                format!(r#"{{"type":"message","room":"r","seq":7,"from":"ana","at":5{more},"text":"hi"}}"#),
                format!(r#"{{"type":"message","room":"r","seq":7,"from":"ana","at":5,"text":"hi"{more}}}"#),
            ] {
                assert_eq!(scanned(&frame), Some(("r", 7, "hi")), "{frame}");
                assert!(matches!(read_event(frame.as_bytes()), Ok(Event::Entry(_))), "{frame}");
            }
        }
    }

    #[test]
    fn frames_that_need_a_parser_are_left_to_it() {
        for frame in [
            "",
            "{}",
            r#"{"type":"ack","id":1,"room":"r","seq":7,"at":5}"#,
            r#"{"type":"topic","room":"r","seq":7,"from":"ana","at":5,"text":"hi"}"#,
            r#"{"room":"r","type":"message","seq":7,"from":"ana","at":5,"text":"hi"}"#,
            r#"{"type":"message","room":"r","seq":7,"from":"ana","at":5}"#,
            r#"{"type":"message","room":"r","seq":"7","from":"ana","at":5,"text":"hi"}"#,
            r#"{"type":"message","room":"r","seq":7.5,"from":"ana","at":5,"text":"hi"}"#,
            r#"{"type":"message","room":"r","seq":7,"seq":8,"from":"ana","at":5,"text":"hi"}"#,
            r#"{"type":"message","room":"r","seq":7,"from":"ana","at":5,"text":"a\"b"}"#,
            r#"{"type":"message","room":"r","seq":7,"from":"ana","at":5,"tags":["x"}]"#,
            r#"{"type":"message","room":"r","seq":7,"from":"ana","at":5,"text":"hi"} "#,
        ] {
            assert_eq!(scanned(frame), None, "{frame}");
        }
    }
}
