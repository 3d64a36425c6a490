//! `chat send`: says one thing in a room, and leaves once it is stored.

use std::{
    borrow::Cow,
    io::{self, Read},
    pin::pin,
    time::Duration,
};

use anyhow::{Context, bail};
use chat_core::{
    RoomName, SharedRuntime,
    client::{Remote, Update, Updates},
    text,
    transport::Registry,
    wire::{Event, Join, MAX_TEXT, Request, Say},
};
use futures::{FutureExt, StreamExt, future::BoxFuture, future::Fuse, select_biased};

use crate::{args::Send, session::Door};

/// Runs `chat send`.
///
/// # Errors
/// When there is nothing to send, the server cannot be reached for ten seconds, or it refuses.
pub(crate) async fn run(registry: &Registry, runtime: SharedRuntime, args: Send) -> anyhow::Result<()> {
    let text = match args.text {
        Some(text) => text.into_bytes(),
        None => read_all(io::stdin().lock()).context("cannot read standard input")?,
    };
    let text = to_text(text)?;
    let door = Door::new(registry, runtime.clone(), args.server, &args.person)?;
    let mut session = door.enter(give_up).await?;
    say(&mut session.remote, &args.room, text).await?;
    stored(&mut session.updates, &runtime).await?;
    drop(session.remote); // says bye
    let goodbye = session.updates.for_each(|_| async {});
    futures::future::select(pin!(goodbye), runtime.sleep_until(runtime.now() + GOODBYE_WITHIN)).await;
    Ok(())
}

/// A message is not worth the wait for a name.
fn give_up(lost: &Update) -> anyhow::Result<()> {
    match lost {
        Update::Disconnected { why, .. } => bail!("not sent: {why}"),
        _ => Ok(()),
    }
}

async fn say(remote: &mut Remote, room: &RoomName, text: String) -> anyhow::Result<()> {
    let room = || Cow::Owned(room.as_str().to_owned());
    let join = Join { room: room(), recent: Some(0), ..Join::default() };
    remote.ask(Request::Join(join), JOIN).await?;
    remote.ask(Request::Say(Say { id: 0, room: room(), text: Cow::Owned(text), order: None }), SAY).await?;
    Ok(())
}

/// Waits until what was said is stored.
async fn stored(updates: &mut Updates, runtime: &SharedRuntime) -> anyhow::Result<()> {
    let mut alone: Fuse<BoxFuture<'static, ()>> = Fuse::terminated();
    let mut why_alone = String::new();
    loop {
        let mut next = pin!(updates.next().fuse());
        let update = select_biased! {
            update = next => update.context("not sent: the conversation ended")?,
            () = alone => bail!("not sent: no connection for {} s: {why_alone}", CONNECTED_WITHIN.as_secs()),
        };
        match update {
            Update::Connected(_) => alone = Fuse::terminated(),
            Update::Disconnected { why, .. } => {
                if why_alone.is_empty() {
                    alone = runtime.sleep_until(runtime.now() + CONNECTED_WITHIN).fuse();
                }
                why_alone = why;
            }
            Update::Refused(error) => bail!("not sent: {}", error.message),
            Update::Reply { reply: Event::Error(error), .. } => bail!("not sent: {}", error.message),
            Update::Reply { tag: SAY, reply: Event::Ack(_) } => return Ok(()),
            _ => {}
        }
    }
}

/// All of `input`, or a little more of it than can be sent.
fn read_all(input: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let newline = "\r\n".len();
    input.take((MAX_TEXT + newline + 1) as u64).read_to_end(&mut bytes)?;
    if let Some(line) = bytes.strip_suffix(b"\n") {
        bytes.truncate(line.strip_suffix(b"\r").unwrap_or(line).len());
    }
    Ok(bytes)
}

fn to_text(bytes: Vec<u8>) -> anyhow::Result<String> {
    if bytes.len() > MAX_TEXT {
        bail!("cannot send this: it is longer than {MAX_TEXT} bytes");
    }
    let text = String::from_utf8(bytes).context("cannot send this: it is not UTF-8")?;
    let text = text::clean(&text);
    if text.is_empty() {
        bail!("cannot send this: it is empty");
    }
    Ok(text)
}

const JOIN: u64 = 1;
const SAY: u64 = 2;

/// How long we may be without a connection before we give up.
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);

/// How long the goodbye may take; the message is stored already.
const GOODBYE_WITHIN: Duration = Duration::from_secs(3);

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
        let fits = read_all(&[b'x'; MAX_TEXT][..]).unwrap();
        assert_eq!(fits.len(), MAX_TEXT);
        let fits = read_all(format!("{}\r\n", "x".repeat(MAX_TEXT)).as_bytes()).unwrap();
        assert_eq!(fits.len(), MAX_TEXT);
        let long = read_all(io::repeat(b'x')).unwrap();
        assert!(to_text(long).unwrap_err().to_string().contains("8192"));
        assert!(to_text(vec![0xff]).unwrap_err().to_string().contains("UTF-8"));
    }
}
