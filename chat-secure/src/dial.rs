//! Dialling: the handshake of the end that begins, over a link of any kind.

use std::{io, time::Duration};

use bytes::Bytes;
use chat_core::{
    Address, KeyId, Runtime,
    transport::{BoxLink, Dialled, Transport},
    within,
};
use futures::{SinkExt, StreamExt};

use crate::{
    StaticKey, Suite,
    handshake::{Initiator, NoAnswer},
    key::unguessable,
    link::SecuredLink,
    record::Numbers,
};

/// How links are dialled.
pub(crate) struct Dialling<'a, T> {
    pub(crate) inner: &'a T,
    pub(crate) key: &'a StaticKey,
    pub(crate) suite: Suite,
    pub(crate) check: Option<&'a Check>,
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
    let Dialling { inner, key, suite, check, numbers, max_frame, runtime } = dialling;
    let mut link = inner.dial(address).await?;
    let about = |error: io::Error| {
        let words = error.to_string();
        // An error of the transport may name the address already.
        let words = if words.contains(address.rest()) { words } else { format!("{address}: {words}") };
        // What the operating system forbids may pass; what this program does not want is final.
        let kind = error.raw_os_error().map_or(error.kind(), |_| io::ErrorKind::Other);
        io::Error::new(kind, words)
    };
    let mut initiator = Initiator::new(suite, key, unguessable(runtime));
    let is_lossless = numbers == Numbers::Counted;
    let answer = within(LIMIT, runtime, ask(&mut link, &mut initiator, is_lossless, runtime)).await;
    let silence = || io::Error::new(io::ErrorKind::TimedOut, "nobody answers");
    let server = answer.ok_or_else(silence)?.map_err(about)?;
    // Before the third frame, so that a server with a wrong key does not learn who dialled.
    if let Some(check) = check {
        check(address, server).map_err(|why| about(io::Error::new(io::ErrorKind::PermissionDenied, why)))?;
    }
    let (third, keys) = initiator.finish().ok_or_else(|| about(io::ErrorKind::InvalidData.into()))?;
    let binding = Some(keys.hash());
    let link = Box::pin(SecuredLink::new(link, keys, Some(third), numbers, max_frame));
    Ok(Dialled { link, server: Some(server), binding })
}

/// Sends the first frame until its answer comes, and returns the key that the server has proved.
async fn ask(
    link: &mut BoxLink,
    initiator: &mut Initiator,
    is_lossless: bool,
    runtime: &dyn Runtime,
) -> io::Result<KeyId> {
    let mut pause = REPEAT;
    loop {
        link.send(initiator.first()).await?;
        let answer = hear(link, initiator, is_lossless);
        if is_lossless {
            return answer.await;
        }
        if let Some(answer) = within(pause, runtime, answer).await {
            return answer;
        }
        pause = (pause * 2).min(REPEAT_MAX);
    }
}

/// Waits for the answer. Where frames may be lost, what is no answer does not count.
async fn hear(link: &mut BoxLink, initiator: &mut Initiator, is_lossless: bool) -> io::Result<KeyId> {
    loop {
        let frame: Bytes = link.next().await.unwrap_or_else(|| {
            let words = "the server closed the link during the handshake";
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, words))
        })?;
        match initiator.answer(&frame) {
            Ok(server) => return Ok(server),
            Err(NoAnswer::Refused { is_final: false, message }) => {
                return Err(io::Error::new(io::ErrorKind::ConnectionRefused, message));
            }
            Err(NoAnswer::Refused { message, .. }) => {
                let words = format!("the server does not encrypt as this program does: {message}");
                return Err(io::Error::new(io::ErrorKind::Unsupported, words));
            }
            Err(error) if is_lossless => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            Err(_) => {}
        }
    }
}

/// How long a handshake may take: as long as the server waits (protocol 19.12).
const LIMIT: Duration = Duration::from_secs(5);

/// After how long the first frame is sent again where it may have been lost.
const REPEAT: Duration = Duration::from_millis(200);

/// The longest pause between two of them.
const REPEAT_MAX: Duration = Duration::from_millis(500);
