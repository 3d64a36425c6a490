//! Dialling: the handshake of the end that begins, over a link of any kind.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use chat_core::{
    Address, KeyId, Runtime,
    transport::{BoxLink, Dialled, Transport},
    within,
};
use futures::{SinkExt, StreamExt};

use crate::{
    StaticKey, Suite,
    handshake::{Initiator, Keys, NoAnswer},
    kept_tickets::KeptTickets,
    key::unguessable,
    link::{AwaitsTicket, SecuredLink},
    record::Numbers,
    resumption::Returning,
};

/// How links are dialled.
pub(crate) struct Dialling<'a, T> {
    pub(crate) inner: &'a T,
    pub(crate) key: &'a StaticKey,
    pub(crate) suite: Suite,
    pub(crate) check: Option<&'a Check>,
    pub(crate) tickets: &'a Arc<KeptTickets>,
    pub(crate) numbers: Numbers,
    pub(crate) max_frame: usize,
    pub(crate) runtime: &'a dyn Runtime,
}

/// Decides whether a server's key is the right one for an address; if not, says why.
pub(crate) type Check = dyn Fn(&Address, KeyId) -> Result<(), String> + Send + Sync;

/// A link to the server at `address` whose handshake is done but for its last frame, which goes before the first record.
///
/// # Errors
/// When the server cannot be reached, does not encrypt, or has a key that is not the right one.
pub(crate) async fn dial<T: Transport>(dialling: Dialling<'_, T>, address: &Address) -> io::Result<Dialled> {
    let mut link = dialling.inner.dial(address).await?;
    let about = |error: io::Error| {
        let words = error.to_string();
        // An error of the transport may name the address already.
        let words = if words.contains(address.rest()) { words } else { format!("{address}: {words}") };
        // What the operating system forbids may pass; what this program does not want is final.
        let kind = error.raw_os_error().map_or(error.kind(), |_| io::ErrorKind::Other);
        io::Error::new(kind, words)
    };
    let keys = within(LIMIT, dialling.runtime, shake(&dialling, address, &mut link)).await;
    let silence = || io::Error::new(io::ErrorKind::TimedOut, "nobody answers");
    let (keys, third) = keys.ok_or_else(silence)?.map_err(about)?;
    let (server, binding) = (keys.peer(), keys.hash());
    let (kept, address, secret) = (dialling.tickets.clone(), address.to_string(), keys.resumption().secret);
    let link =
        SecuredLink::new(link, keys.into_records(dialling.numbers), dialling.numbers, dialling.max_frame)
            .with_third(third)
            .awaiting_ticket(AwaitsTicket { kept, address, secret, server });
    Ok(Dialled { link: Box::pin(link), server: Some(server), binding: Some(binding) })
}

/// The handshake: by the ticket of the last link if there is one that the server still opens, and in full otherwise.
/// Returns the keys, and the last frame, which goes before the first record.
async fn shake<T: Transport>(
    dialling: &Dialling<'_, T>,
    address: &Address,
    link: &mut BoxLink,
) -> io::Result<(Keys, Option<Bytes>)> {
    let Dialling { key, suite, check, tickets, runtime, .. } = dialling;
    // Before anything that tells a server with a wrong key who dialled.
    let check = |server| match check.map_or(Ok(()), |check| check(address, server)) {
        Ok(()) => Ok(()),
        Err(why) => Err(io::Error::new(io::ErrorKind::PermissionDenied, why)),
    };
    if let Some(ticket) = tickets.of(address) {
        let mut returning = Returning::new(*suite, &ticket, unguessable(*runtime));
        match ask(dialling, link, returning.first(), |frame| returning.answer(frame)).await? {
            Ok(server) => {
                check(server)?;
                let keys = returning.finish().ok_or(io::ErrorKind::InvalidData)?;
                return Ok((keys, None));
            }
            Err(NoAnswer::UnknownTicket) => tickets.forget(address),
            Err(error) => {
                tickets.forget(address);
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }
    let mut initiator = Initiator::new(*suite, key, unguessable(*runtime));
    let answer = ask(dialling, link, initiator.first(), |frame| initiator.answer(frame)).await?;
    check(answer.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?)?;
    let (third, keys) = initiator.finish().ok_or(io::ErrorKind::InvalidData)?;
    Ok((keys, Some(third)))
}

/// Sends the first frame until its answer comes, and returns the key of the server, or why the answer is none.
async fn ask<T: Transport>(
    dialling: &Dialling<'_, T>,
    link: &mut BoxLink,
    first: Bytes,
    mut answer: impl FnMut(&[u8]) -> Result<KeyId, NoAnswer>,
) -> io::Result<Result<KeyId, NoAnswer>> {
    let is_lossless = dialling.numbers == Numbers::Counted;
    let mut pause = REPEAT;
    loop {
        link.send(first.clone()).await?;
        let heard = hear(link, &mut answer, is_lossless);
        if is_lossless {
            return heard.await;
        }
        if let Some(heard) = within(pause, dialling.runtime, heard).await {
            return heard;
        }
        pause = (pause * 2).min(REPEAT_MAX);
    }
}

/// Waits for the answer. Where frames may be lost, what is no answer does not count.
async fn hear(
    link: &mut BoxLink,
    answer: &mut impl FnMut(&[u8]) -> Result<KeyId, NoAnswer>,
    is_lossless: bool,
) -> io::Result<Result<KeyId, NoAnswer>> {
    loop {
        let frame: Bytes = link.next().await.unwrap_or_else(|| {
            let words = "the server closed the link during the handshake";
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, words))
        })?;
        match answer(&frame) {
            Err(NoAnswer::Refused { is_final: false, message }) => {
                return Err(io::Error::new(io::ErrorKind::ConnectionRefused, message));
            }
            Err(NoAnswer::Refused { message, .. }) => {
                let words = format!("the server does not encrypt as this program does: {message}");
                return Err(io::Error::new(io::ErrorKind::Unsupported, words));
            }
            Err(NoAnswer::Changed) if !is_lossless => {}
            answer => return Ok(answer),
        }
    }
}

/// How long a handshake may take: as long as the server waits (protocol 19.12).
const LIMIT: Duration = Duration::from_secs(5);

/// After how long the first frame is sent again where it may have been lost.
const REPEAT: Duration = Duration::from_millis(200);

/// The longest pause between two of them.
const REPEAT_MAX: Duration = Duration::from_millis(500);
