//! The stamp at the beginning of each text: the number of the message and the time at which it was due.

use std::ops::RangeInclusive;

/// The number of a message and when it was due. It is written as `NUMBER DUE `; what follows only pads the text to its
/// length.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stamp {
    pub(super) number: u64,
    /// In microseconds since the load began.
    pub(super) due: u64,
}

impl Stamp {
    /// Reads the stamp of a text; `None` if the text is not from a load.
    pub(super) fn read(text: &[u8]) -> Option<Stamp> {
        let (number, rest) = digits(text)?;
        let (due, rest) = digits(rest.strip_prefix(b" ")?)?;
        rest.starts_with(b" ").then_some(Stamp { number, due })
    }

    /// A text with this stamp. Its length is drawn from `size` by `seed` and the message's number.
    pub(super) fn text(self, size: &RangeInclusive<usize>, seed: u64) -> String {
        let mut dice = fastrand::Rng::with_seed(seed ^ mixed(self.number));
        let length = dice.usize(size.clone());
        let mut text = format!("{} {} ", self.number, self.due);
        text.extend(std::iter::repeat_n('x', length.saturating_sub(text.len())));
        text
    }
}

/// The number at the beginning of `text`, and the bytes after it.
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

/// Mixes the bits of a number, so that the sum of several mixed numbers tells which numbers they were.
pub(super) fn mixed(number: u64) -> u64 {
    let spread = (number + 1).wrapping_mul(SPREAD);
    (spread ^ (spread >> 29)).wrapping_mul(SPREAD)
}

/// More than a message's number or its time ever has, and few enough for 64 bits.
const MOST_DIGITS: usize = 16;
/// An odd number with well-mixed bits.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// The longest stamp in bytes: a number up to a billion, a day in microseconds, and two spaces.
pub(super) const LONGEST_STAMP: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_carries_its_stamp_and_has_its_length() {
        for stamp in [Stamp { number: 0, due: 0 }, Stamp { number: 999_999_999, due: 86_400_000_000 }] {
            for size in [LONGEST_STAMP..=LONGEST_STAMP, 24..=300, 8192..=8192] {
                let text = stamp.text(&size, 7);
                assert!(size.contains(&text.len()), "{size:?}: {text}");
                assert_eq!(Stamp::read(text.as_bytes()), Some(stamp), "{text}");
            }
        }
        for text in ["", "hello", "1", "1 2", "1  2 ", "12345678901234567 1 "] {
            assert_eq!(Stamp::read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn sums_of_mixed_numbers_tell_them_apart() {
        let sum =
            |numbers: &[u64]| numbers.iter().fold(0_u64, |sum, number| sum.wrapping_add(mixed(*number)));
        assert_eq!(sum(&[1, 2, 3]), sum(&[3, 1, 2]));
        assert_ne!(sum(&[1, 4]), sum(&[2, 3]));
        assert_ne!(sum(&[0, 0, 3]), sum(&[1, 1, 1]));
    }
}
