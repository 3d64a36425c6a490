//! `chat send`: says one thing in a room, and leaves once it is stored.

use std::{
    borrow::Cow,
    io::{self, Read},
};

use anyhow::{Context, anyhow, bail};
use chat_core::{
    SharedRuntime, text,
    transport::Transports,
    wire::{Join, MAX_TEXT, Post, RequestBody},
};

use crate::{args::Send, connector::connector, settings::Settings, short_session::ShortSession};

/// Runs `chat send`.
///
/// # Errors
/// When there is nothing to send, the server cannot be reached for ten seconds, or it refuses.
pub(crate) async fn run(
    transports: &Transports,
    runtime: SharedRuntime,
    args: Send,
    settings: &Settings,
) -> anyhow::Result<()> {
    let text = match args.text() {
        Some(text) => text.as_bytes().to_vec(),
        None => read_all(io::stdin().lock()).context("cannot read standard input")?,
    };
    let text = to_text(text)?;
    let connector = connector(transports, runtime, args.server, &settings.person(args.person))?;
    let mut talk = ShortSession::enter(&connector, "not sent").await?;
    let room = || Cow::Owned(args.room.as_str().to_owned());
    talk.send(RequestBody::Join(Join { room: room(), recent: Some(0), ..Join::default() })).await?;
    talk.ask(RequestBody::from(Post::say(room(), Cow::Owned(text)))).await?;
    talk.leave().await;
    Ok(())
}

/// All of `input`, or a little more of it than can be sent.
fn read_all(input: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(MAX_INPUT as u64 + 1).read_to_end(&mut bytes)?;
    if let Some(line) = bytes.strip_suffix(b"\n") {
        bytes.truncate(line.strip_suffix(b"\r").unwrap_or(line).len());
    }
    Ok(bytes)
}

fn to_text(bytes: Vec<u8>) -> anyhow::Result<String> {
    let is_short = |length, most| match length <= most {
        true => Ok(()),
        false => Err(anyhow!("cannot send this: it is longer than {MAX_TEXT} bytes")),
    };
    is_short(bytes.len(), MAX_INPUT)?;
    let text = String::from_utf8(bytes).context("cannot send this: it is not UTF-8")?;
    let text = text::clean(&text);
    is_short(text.len(), MAX_TEXT)?;
    if text.is_empty() {
        bail!("cannot send this: it is empty");
    }
    Ok(text)
}

/// The most bytes that are read: with colours in it a text has some more than are sent.
const MAX_INPUT: usize = 8 * MAX_TEXT;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_newline_at_the_end_is_not_part_of_the_text() {
        for (input, text) in
            [("hi\n", "hi"), ("hi\r\n", "hi"), ("hi", "hi"), ("a\nb\n\n", "a\nb\n"), ("\n", "")]
        {
            assert_eq!(read_all(input.as_bytes()).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn no_more_is_read_than_shows_that_it_is_too_long() {
        let fits = read_all(format!("\u{1b}[32m{}\u{1b}[0m\r\n", "x".repeat(MAX_TEXT)).as_bytes()).unwrap();
        assert_eq!(to_text(fits).unwrap().len(), MAX_TEXT, "colours are not of the text");
        let long = read_all(&[b'x'; MAX_TEXT + 1][..]).unwrap();
        assert!(to_text(long).unwrap_err().to_string().contains("8192"));
        let long = read_all(io::repeat(b'x')).unwrap();
        assert!(to_text(long).unwrap_err().to_string().contains("8192"));
        assert!(to_text(vec![0xff]).unwrap_err().to_string().contains("UTF-8"));
    }
}
