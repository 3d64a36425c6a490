//! Standard input, line by line, from a thread of its own: a read of it cannot be cancelled, so the thread is left
//! behind when the program ends.

use std::{
    io::{self, BufRead},
    thread,
};

use chat_core::wire::MAX_FRAME;
use futures::{SinkExt, Stream, channel::mpsc, executor::block_on};

/// A line as it was typed.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Typed {
    /// Its text, without the newline.
    Line(String),
    /// It was not UTF-8.
    NotUtf8,
    /// It was longer than any request, at this many bytes.
    TooLong(u64),
}

/// The lines of standard input, up to its end. Nobody reads ahead: when [`LINES_AHEAD`] lines wait, the thread does.
///
/// # Errors
/// When the system has no thread left.
pub(crate) fn lines() -> io::Result<impl Stream<Item = Typed> + Unpin> {
    let (sender, receiver) = mpsc::channel(LINES_AHEAD);
    let reading =
        || forward(sender).unwrap_or_else(|error| tracing::warn!(%error, "cannot read standard input"));
    thread::Builder::new().name("stdin".to_owned()).spawn(reading)?;
    Ok(receiver)
}

fn forward(mut lines: mpsc::Sender<Typed>) -> io::Result<()> {
    let mut stdin = io::stdin().lock();
    while let Some(typed) = read_line(&mut stdin)? {
        if block_on(lines.send(typed)).is_err() {
            break; // nobody listens any more
        }
    }
    Ok(())
}

/// The next line; what is over the limit is passed over without being kept.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Typed>> {
    let mut line = Vec::new();
    let mut dropped = 0;
    loop {
        let available = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        if line.len() + part.len() > MAX_LINE {
            dropped += part.len() as u64;
        } else {
            line.extend_from_slice(part);
        }
        let (used, at_end) = (part.len() + usize::from(end.is_some()), available.is_empty());
        input.consume(used);
        if end.is_some() || at_end {
            let nothing = line.is_empty() && dropped == 0;
            return Ok(if at_end && nothing { None } else { Some(typed(line, dropped)) });
        }
    }
}

fn typed(mut line: Vec<u8>, dropped: u64) -> Typed {
    if dropped > 0 {
        return Typed::TooLong(line.len() as u64 + dropped);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map_or(Typed::NotUtf8, Typed::Line)
}

/// The longest line kept, in bytes: no request is longer.
const MAX_LINE: usize = MAX_FRAME;

/// Lines that may wait for the conversation to take them.
const LINES_AHEAD: usize = 16;

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn read(input: &[u8]) -> Vec<Typed> {
        let mut input = BufReader::with_capacity(7, input);
        std::iter::from_fn(|| read_line(&mut input).unwrap()).collect()
    }

    #[test]
    fn lines_end_with_a_newline_or_the_input() {
        let line = |it: &str| Typed::Line(it.to_owned());
        assert_eq!(read(b""), []);
        assert_eq!(
            read(b"a longer line\n\r\nb\r\nc"),
            [line("a longer line"), line(""), line("b"), line("c")]
        );
        assert_eq!(read(b"a\xff\nb\n"), [Typed::NotUtf8, line("b")]);
    }

    #[test]
    fn a_line_over_the_limit_is_counted_and_the_next_one_is_read() {
        let mut input = vec![b'x'; MAX_LINE];
        input.extend_from_slice(b"\n");
        input.extend(vec![b'y'; 3 * MAX_LINE]);
        input.extend_from_slice(b"\nz\n");
        let lines = read(&input);
        assert!(matches!(&lines[0], Typed::Line(it) if it.len() == MAX_LINE));
        assert_eq!(lines[1..], [Typed::TooLong(3 * MAX_LINE as u64), Typed::Line("z".to_owned())]);
    }
}
