//! What may be said: texts and topics that are stored as they were sent and cannot drive a terminal.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::wire::MAX_TEXT;

mod escape;
#[cfg(test)]
mod tests;

/// Checks the text of a message: 1 to [`MAX_TEXT`] bytes, no control character but newline and tab.
///
/// # Errors
/// The first rule it breaks.
pub fn check_text(text: &str) -> Result<(), TextError> {
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    check(text, MAX_TEXT, is_refused)
}

/// Checks the topic of a room, which is one line: 0 to [`MAX_TOPIC`] bytes, no control character at all. An empty
/// one takes the topic away.
///
/// # Errors
/// The first rule it breaks.
pub fn check_topic(text: &str) -> Result<(), TextError> {
    check(text, MAX_TOPIC, char::is_control)
}

/// What was typed or pasted, or printed by a program, without what is not of its text: control characters that
/// [`check_text`] refuses, whole escape sequences such as those of colours, and a byte order mark at its begin. CR LF and
/// CR become LF. The result may still be empty or too long.
///
/// Of an escape sequence that does not end as it should only its control characters go, so that it swallows nothing that
/// somebody wrote.
pub fn clean(typed: &str) -> String {
    let mut text = String::with_capacity(typed.len());
    let mut rest = typed.trim_start_matches('\u{FEFF}');
    while let Some(c) = rest.chars().next() {
        let (kept, used) = match c {
            '\r' if rest[1..].starts_with('\n') => (Some('\n'), 2),
            '\r' => (Some('\n'), 1),
            _ if is_refused(c) => (None, escape::length(rest).unwrap_or(c.len_utf8())),
            _ => (Some(c), c.len_utf8()),
        };
        text.extend(kept);
        rest = &rest[used..];
    }
    text
}

/// Whether nothing is to be seen of `c` itself: zero-width and bidi characters, variation selectors, fillers, line
/// separators (Default_Ignorable_Code_Point of UAX #44, and the few others without a glyph). Control characters
/// are another matter and not among them.
pub fn is_invisible(c: char) -> bool {
    // The skeleton of a string leaves out its default ignorables and nothing else (UTS #39, section 4).
    let is_default_ignorable = || unicode_security::skeleton(c.encode_utf8(&mut [0; 4])).next().is_none();
    !c.is_ascii()
        && (matches!(c, '\u{2028}' | '\u{2029}' | '\u{FFF9}'..='\u{FFFC}') || is_default_ignorable())
}

/// Whether `c` is drawn on the character before it: general categories Mn and Me, and the medial and final jamo of
/// Hangul.
pub fn is_nonspacing_mark(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark};
    !c.is_ascii()
        && (matches!(c, '\u{1160}'..='\u{11FF}' | '\u{D7B0}'..='\u{D7FF}')
            || matches!(c.general_category(), EnclosingMark | NonspacingMark))
}

/// Why a text or a topic is not accepted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// It has a control character that is not allowed there.
    #[error("it has the control character U+{:04X}", u32::from(*.character))]
    Control {
        /// The first of them.
        character: char,
    },
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is too long.
    #[error("it has {bytes} bytes; at most {max_bytes} are allowed")]
    TooLong {
        /// How long it is, in bytes.
        bytes: usize,
        /// How long it may be, in bytes.
        max_bytes: usize,
    },
}

fn check(text: &str, max_bytes: usize, is_refused: fn(char) -> bool) -> Result<(), TextError> {
    if text.len() > max_bytes {
        return Err(TextError::TooLong { bytes: text.len(), max_bytes });
    }
    // Most texts are plain ASCII, which is seen without making characters of the bytes.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(());
    }
    match text.chars().find(|&c| is_refused(c)) {
        Some(character) => Err(TextError::Control { character }),
        None => Ok(()),
    }
}

fn is_refused(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
}

/// The longest topic in bytes of UTF-8; a page of the room list holds a good many of them.
pub const MAX_TOPIC: usize = 1024;

/// At most this many nonspacing marks stand on one character: enough for every script in use, too few to smear
/// over the lines around (UTS #39, section 5.4).
pub const MAX_MARKS: usize = 4;
