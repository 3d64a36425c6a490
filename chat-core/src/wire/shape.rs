//! The rules every frame keeps whatever its type, checked in one pass before anything is built from it.

use memchr::memchr2;

use super::{BadFrame, MAX_DEPTH, MAX_FRAME, MAX_INTEGER};

/// Checks size, UTF-8, nesting and numbers, also in fields that nobody reads, so that no reader of a frame can
/// see something else in it than another. Whether it is JSON at all is left to the parser.
pub(super) fn check(frame: &[u8]) -> Result<&str, BadFrame> {
    if frame.len() > MAX_FRAME {
        return Err(BadFrame::new(format!("{} bytes are over the limit of {MAX_FRAME}", frame.len())));
    }
    let text = std::str::from_utf8(frame).map_err(|_| BadFrame::new("not UTF-8"))?;
    let mut depth = 0;
    let mut rest = frame;
    while let [byte, tail @ ..] = rest {
        rest = match byte {
            b'"' => after_string(tail),
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(BadFrame::new(format!("nested deeper than {MAX_DEPTH}")));
                }
                tail
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                tail
            }
            b'-' | b'0'..=b'9' => after_integer(rest)?,
            _ => tail,
        };
    }
    Ok(text)
}

/// What follows the string whose opening quote was just passed.
fn after_string(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', rest) {
        match rest[at] {
            b'"' => return &rest[at + 1..],
            _ => rest = rest.get(at + 2..).unwrap_or_default(),
        }
    }
    &[]
}

/// What follows the number that `rest` begins with.
fn after_integer(rest: &[u8]) -> Result<&[u8], BadFrame> {
    let len = rest
        .iter()
        .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
        .unwrap_or(rest.len());
    let (number, rest) = rest.split_at(len);
    let mut value = 0_u64;
    for byte in number {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(BadFrame::new("a number that is not a whole one from 0 up"));
        }
        value = value.saturating_mul(10).saturating_add(u64::from(digit));
    }
    if value > MAX_INTEGER {
        return Err(BadFrame::new(format!("a number over {MAX_INTEGER}")));
    }
    Ok(rest)
}
