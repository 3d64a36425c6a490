//! Turns the output of a program into messages: valid text, split into as many messages as needed.

use chat_core::{text::clean, wire::MAX_TEXT};

/// The output is not text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct NotText;

/// `printed` as text, without control characters and without trailing newlines. With `is_cut`, the output was cut off, so
/// an incomplete character at its end is dropped.
///
/// # Errors
/// When the output is not UTF-8, or has a zero byte.
pub(crate) fn text(printed: &[u8], is_cut: bool) -> Result<String, NotText> {
    let text = match std::str::from_utf8(printed) {
        Ok(text) => text,
        Err(error) if is_cut && error.error_len().is_none() => {
            std::str::from_utf8(&printed[..error.valid_up_to()]).map_err(|_| NotText)?
        }
        Err(_) => return Err(NotText),
    };
    if text.contains('\0') {
        return Err(NotText);
    }
    let mut text = clean(text);
    text.truncate(text.trim_end_matches('\n').len());
    Ok(text)
}

/// Splits `text` into messages; the first one begins with `prefix`. A split is at the end of a line, or within a line
/// that is too long for one message. An empty text gives no message.
pub(crate) fn messages(prefix: &str, text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let whole = format!("{prefix}{text}");
    let (mut rest, mut messages) = (&*whole, Vec::new());
    while rest.len() > MAX_TEXT {
        let most = (1..=MAX_TEXT).rfind(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
        // The newline between two messages is dropped, so it may be the one byte beyond the limit.
        let (message, later) = match rest.as_bytes()[..=most].iter().rposition(|byte| *byte == b'\n') {
            Some(at @ 1..) => (&rest[..at], &rest[at + 1..]),
            _ => rest.split_at(most),
        };
        messages.push(message.to_owned());
        rest = later;
    }
    messages.extend((!rest.is_empty()).then(|| rest.to_owned()));
    messages
}

#[cfg(test)]
mod tests {
    use chat_core::text::check_text;

    use super::*;

    #[test]
    fn a_long_text_is_split_without_loss() {
        let dice = &mut fastrand::Rng::with_seed(7);
        for round in 0..200 {
            let mut text = String::new();
            for _ in 0..dice.usize(1..60) {
                let piece = ["x", "é", "語", "🦊"][dice.usize(..4)];
                text.push_str(&piece.repeat(dice.usize(0..2000)));
                text.push('\n');
            }
            text.push('.');
            let messages = messages("ana: ", &text);
            for message in &messages {
                assert_eq!(check_text(message), Ok(()), "round {round}");
            }
            let is_split_within_a_line = text.lines().any(|line| line.len() > MAX_TEXT - 5);
            let glue = if is_split_within_a_line { "" } else { "\n" };
            let bare = |text: &str| if glue.is_empty() { text.replace('\n', "") } else { text.to_owned() };
            assert_eq!(bare(&messages.join(glue)), bare(&format!("ana: {text}")), "round {round}");
        }
    }

    #[test]
    fn messages_are_split_at_the_ends_of_lines() {
        let line = "x".repeat(MAX_TEXT / 2 - 1);
        let text = [&*line; 4].join("\n");
        let lengths: Vec<usize> = messages("", &text).iter().map(String::len).collect();
        assert_eq!(lengths, [MAX_TEXT - 1, MAX_TEXT - 1]);
        let exact = format!("{}\nmore", "x".repeat(MAX_TEXT));
        assert_eq!(messages("", &exact), [&*"x".repeat(MAX_TEXT), "more"]);
        assert_eq!(messages("", &"\n".repeat(MAX_TEXT + 2)).len(), 2);
        assert_eq!(messages("ana: ", "hi"), ["ana: hi"]);
        assert!(messages("ana: ", "").is_empty());
    }

    #[test]
    fn output_is_text_or_refused() {
        assert_eq!(text(b"HI\r\n\tyou\n\n", false).as_deref(), Ok("HI\n\tyou"));
        assert_eq!(text(b"\x1b[31mred\x1b[0m\x07", false).as_deref(), Ok("red"));
        assert_eq!(text(b"\n", false).as_deref(), Ok(""));
        for binary in [&b"\xff\xfe"[..], b"a\0b", b"\x7fELF\x02\x01\x01\0", b"caf\xc3"] {
            assert_eq!(text(binary, false), Err(NotText), "{binary:?}");
        }
        assert_eq!(text(b"caf\xc3", true).as_deref(), Ok("caf"), "the output was cut there");
        assert_eq!(text(b"caf\xff", true), Err(NotText));
    }
}
