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

/// The lines of standard input, up to its end. When [`LINES_AHEAD`] lines wait to be taken, the thread reads no more.
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
    let mut typed_lines = Lines { input: io::stdin().lock(), ended: false };
    while let Some(typed) = typed_lines.next()? {
        if block_on(lines.send(typed)).is_err() {
            break; // the receiver is gone
        }
    }
    Ok(())
}

/// The lines of `input`.
struct Lines<R> {
    input: R,
    /// Its end was seen. A terminal would go on after it, and want it said twice after half a line.
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    /// The next line. The part of a line beyond the limit is skipped and not kept.
    fn next(&mut self) -> io::Result<Option<Typed>> {
        let mut line = Vec::new();
        let mut dropped = 0;
        while !self.ended {
            let available = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            let newline = available.iter().position(|byte| *byte == b'\n');
            let part = &available[..newline.unwrap_or(available.len())];
            if line.len() + part.len() > MAX_LINE {
                dropped += part.len() as u64;
            } else {
                line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(newline.is_some());
            self.ended = available.is_empty();
            self.input.consume(used);
            if newline.is_some() {
                return Ok(Some(typed(line, dropped)));
            }
        }
        let nothing = line.is_empty() && dropped == 0;
        Ok((!nothing).then(|| typed(line, dropped)))
    }
}

fn typed(mut line: Vec<u8>, dropped: u64) -> Typed {
    if dropped > 0 {
        return Typed::TooLong(line.len() as u64 + dropped);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    // Some editors put a byte order mark at the begin of a file.
    if line.starts_with(BYTE_ORDER_MARK) {
        line.drain(..BYTE_ORDER_MARK.len());
    }
    String::from_utf8(line).map_or(Typed::NotUtf8, Typed::Line)
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The longest line kept, in bytes: no request is longer.
const MAX_LINE: usize = MAX_FRAME;

/// Lines that may wait for the conversation to take them.
const LINES_AHEAD: usize = 16;

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn read(input: &[u8]) -> Vec<Typed> {
        let mut lines = Lines { input: BufReader::with_capacity(7, input), ended: false };
        std::iter::from_fn(|| lines.next().unwrap()).collect()
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
        assert_eq!(read("\u{feff}{}\r\n".as_bytes()), [line("{}")]);
    }

    /// Half a line and two ^D: the first hands in what was typed, the second is the end.
    struct Terminal(Vec<&'static [u8]>);

    impl io::Read for Terminal {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let typed = self.0.remove(0);
            buffer[..typed.len()].copy_from_slice(typed);
            Ok(typed.len())
        }
    }

    #[test]
    fn the_end_is_said_once() {
        let terminal = Terminal(vec![b"half", b"", b" and more\n", b""]);
        let mut lines = Lines { input: BufReader::new(terminal), ended: false };
        assert_eq!(lines.next().unwrap(), Some(Typed::Line("half".to_owned())));
        assert_eq!(lines.next().unwrap(), None);
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
