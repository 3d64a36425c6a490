//! What each message says of itself: its number, and when it was due.

use std::ops::RangeInclusive;

/// Stands at the beginning of a text as `NUMBER DUE `, where what follows only makes the text as long as it is to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Mark {
    pub(super) number: u64,
    /// In microseconds since the load began.
    pub(super) due: u64,
}

impl Mark {
    /// The mark of a text; none if it is of somebody else.
    pub(super) fn read(text: &[u8]) -> Option<Mark> {
        let (number, rest) = digits(text)?;
        let (due, rest) = digits(rest.strip_prefix(b" ")?)?;
        rest.starts_with(b" ").then_some(Mark { number, due })
    }

    /// The text with this mark, as long as its number says from `seed`.
    pub(super) fn text(self, size: &RangeInclusive<usize>, seed: u64) -> String {
        let mut dice = fastrand::Rng::with_seed(seed ^ mixed(self.number));
        let length = dice.usize(size.clone());
        let mut text = format!("{} {} ", self.number, self.due);
        text.extend(std::iter::repeat_n('x', length.saturating_sub(text.len())));
        text
    }
}

/// A frame that brings a message, as a server writes it: its number in the room, its mark, and how long its text is.
///
/// `room` is how the frame begins for messages of the room, see [`beginning`]. This is no parser of JSON: of a frame that
/// is written another way, also if it means the same, nothing is known, and somebody who reads JSON has to look at it.
pub(super) fn entry(frame: &[u8], room: &[u8]) -> Option<(u64, Mark, usize)> {
    let (seq, rest) = digits(frame.strip_prefix(room)?)?;
    let from = rest.strip_prefix(br#","from":""#)?;
    let name = from.iter().position(|it| *it == b'"')?;
    let (_, rest) = digits(from[name..].strip_prefix(br#"","at":"#)?)?;
    let text = rest.strip_prefix(br#","text":""#)?.strip_suffix(END)?;
    Some((seq, Mark::read(text)?, text.len()))
}

/// How a message of `room` begins.
pub(super) fn beginning(room: &str) -> Vec<u8> {
    format!(r#"{{"type":"message","room":"{room}","seq":"#).into_bytes()
}

/// The number that `text` begins with, and what follows it.
fn digits(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut value, mut count) = (0_u64, 0);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        count += 1;
    }
    (1..=MOST_DIGITS).contains(&count).then_some((value, &text[count..]))
}

/// A number whose sum with others tells which numbers they were.
pub(super) fn mixed(number: u64) -> u64 {
    let spread = (number + 1).wrapping_mul(SPREAD);
    (spread ^ (spread >> 29)).wrapping_mul(SPREAD)
}

/// What follows the text.
const END: &[u8] = br#""}"#;
/// Of 2^53, the largest number on the wire.
const MOST_DIGITS: usize = 16;
/// Any odd number with its bits well mixed.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// Room for a mark: a number up to a billion, a day in microseconds, and what is between.
pub(super) const LONGEST_MARK: usize = 24;

#[cfg(test)]
mod tests {
    use chat_core::wire::{Author, Body, EntryFrame, write};

    use super::*;

    #[test]
    fn a_text_says_its_mark_and_has_its_length() {
        for mark in [Mark { number: 0, due: 0 }, Mark { number: 999_999_999, due: 86_400_000_000 }] {
            for size in [LONGEST_MARK..=LONGEST_MARK, 24..=300, 8192..=8192] {
                let text = mark.text(&size, 7);
                assert!(size.contains(&text.len()), "{size:?}: {text}");
                assert_eq!(Mark::read(text.as_bytes()), Some(mark), "{text}");
            }
        }
        for text in ["", "hello", "1", "1 2", "1  2 ", "12345678901234567 1 "] {
            assert_eq!(Mark::read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_frame_is_read_as_the_core_writes_it() {
        let mark = Mark { number: 31, due: 4_000_001 };
        let frame = EntryFrame {
            room: "b-room-0".to_owned(),
            seq: 1_000_000,
            author: Author::person("b-17"),
            to: None,
            at: 1_732_100_000_000,
            body: Body::message(mark.text(&(100..=100), 7)),
        };
        let (written, room) = (write(&frame), beginning("b-room-0"));
        assert_eq!(entry(&written, &room), Some((1_000_000, mark, 100)));
        assert_eq!(entry(&written, &beginning("b-room-1")), None, "that is another room");
        for length in 0..written.len() {
            assert_eq!(entry(&written[..length], &room), None, "cut after {length} bytes");
        }
    }

    #[test]
    fn sums_of_numbers_tell_them_apart() {
        let sum = |numbers: &[u64]| numbers.iter().fold(0_u64, |sum, it| sum.wrapping_add(mixed(*it)));
        assert_eq!(sum(&[1, 2, 3]), sum(&[3, 1, 2]));
        assert_ne!(sum(&[1, 4]), sum(&[2, 3]));
        assert_ne!(sum(&[0, 0, 3]), sum(&[1, 1, 1]));
    }
}
