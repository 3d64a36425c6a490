//! Listening: each link's handshake is a task of its own, and a link is handed out once its peer has proved a key.

use std::{
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use chat_core::{
    KeyId, Runtime, SharedRuntime,
    transport::{Binding, BoxLink, Incoming, Listening, Peer},
    wire::{self, Code, Event},
    within,
};
use futures::{
    FutureExt, SinkExt, Stream, StreamExt,
    channel::{mpsc, oneshot},
    future::{Either, Shared, poll_fn, select},
    stream::BoxStream,
};

use crate::{
    StaticKey,
    admission::{Admission, IN_ALL, OF_HOST, Permit},
    handshake::{Dice, Keys, NoHandshake, Responder},
    key::unguessable,
    link::SecuredLink,
    message,
    plain::PlainLink,
    record::{Numbers, Opener, Sealer},
    resumption::{NotResumed, Recognising},
    tickets::TicketKeys,
};

/// How the links of a listener are answered.
pub(crate) struct Acceptor {
    pub(crate) key: StaticKey,
    pub(crate) tickets: TicketKeys,
    pub(crate) accepts_plain: bool,
    pub(crate) numbers: Numbers,
    pub(crate) max_frame: usize,
    pub(crate) admission: Arc<Admission>,
    pub(crate) runtime: SharedRuntime,
}

/// The links of the transport inside. The listener and its task share them, so that dropping the listener closes them at
/// once.
type Inner = Arc<Mutex<Option<BoxStream<'static, Incoming>>>>;

/// Completes when the listener was dropped.
type Dropped = Shared<oneshot::Receiver<Infallible>>;

/// The listener whose links are those of `listening`, encrypted.
pub(crate) fn secure(listening: Listening, acceptor: Acceptor) -> Listening {
    let Listening { address, incoming } = listening;
    let inner: Inner = Arc::new(Mutex::new(Some(incoming)));
    let (alive, dropped) = oneshot::channel();
    let (accepted, links) = mpsc::channel(BACKLOG - 1); // the channel adds a place for its one sender
    let runtime = acceptor.runtime.clone();
    let accepting = accept(inner.clone(), accepted, dropped.shared(), Arc::new(acceptor));
    runtime.spawn(accepting.boxed());
    Listening { address, incoming: Links { links, inner, _alive: alive }.boxed() }
}

/// The links whose handshake is done, as the listener hands them out.
struct Links {
    links: mpsc::Receiver<Incoming>,
    inner: Inner,
    _alive: oneshot::Sender<Infallible>,
}

impl Stream for Links {
    type Item = Incoming;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        self.links.poll_next_unpin(cx)
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        let incoming = lock(&self.inner).take();
        drop(incoming);
    }
}

async fn accept(inner: Inner, accepted: mpsc::Sender<Incoming>, dropped: Dropped, acceptor: Arc<Acceptor>) {
    loop {
        let next = poll_fn(|cx| match &mut *lock(&inner) {
            Some(incoming) => incoming.poll_next_unpin(cx),
            None => Poll::Ready(None),
        });
        let Either::Left((Some(incoming), _)) = select(next, dropped.clone()).await else { return };
        let Some(permit) = acceptor.admission.permit(&incoming.peer) else {
            refuse(incoming);
            continue;
        };
        let (acceptor, mut accepted, dropped) = (acceptor.clone(), accepted.clone(), dropped.clone());
        let runtime = acceptor.runtime.clone();
        let task = async move {
            let hand_over = pin!(async {
                let address = incoming.peer.address.clone();
                match answer(incoming, permit, &acceptor).await {
                    Ok(incoming) => drop(accepted.send(incoming).await), // unless the listener was dropped
                    Err(why) => tracing::debug!(peer = %address, %why, "no encrypted link"),
                }
            });
            select(hand_over, dropped).await;
        };
        runtime.spawn(task.boxed());
    }
}

/// There are too many unfinished handshakes. The peer is told if its link takes the frame at once: no task waits for it.
fn refuse(mut incoming: Incoming) {
    tracing::debug!(peer = %incoming.peer.address, "too many unfinished handshakes");
    let words =
        format!("more than {OF_HOST} people from your address, or {IN_ALL} in all, are about to enter");
    let error = wire::Error::of(None, Code::Full, words).until(COME_AGAIN);
    let _ = incoming.link.send(wire::write(&Event::Error(error))).now_or_never();
}

/// Does the handshake with the peer of a link.
///
/// # Errors
/// When there is no link in the end, with the reason for the log. The peer has been told.
async fn answer(incoming: Incoming, permit: Permit, acceptor: &Acceptor) -> io::Result<Incoming> {
    let Incoming { mut link, peer } = incoming;
    let runtime = &*acceptor.runtime;
    let outcome = within(LIMIT, runtime, shake(&mut link, &permit, acceptor)).await;
    drop(permit);
    match outcome {
        Some(Ok(Shaken::Secured(secured))) => {
            let Proved { identity, binding, ticket, records, opened } = *secured;
            let peer = Peer { identity: Some(identity), binding: Some(binding), ..peer };
            let link = SecuredLink::new(link, records, acceptor.numbers, acceptor.max_frame)
                .with_opened(opened)
                .giving_ticket(ticket.as_deref());
            Ok(Incoming { link: Box::pin(link), peer })
        }
        Some(Ok(Shaken::Plain(first))) => Ok(Incoming { link: Box::pin(PlainLink::new(link, first)), peer }),
        Some(Ok(Shaken::Refused(error))) => {
            let why = error.message.clone();
            let _ = within(LINGER, runtime, farewell(link, error, acceptor.numbers)).await;
            Err(io::Error::new(io::ErrorKind::Unsupported, why))
        }
        Some(Err(error)) => Err(error),
        None => {
            let words = format!("no handshake within {LIMIT:?}");
            let error = wire::Error::of(None, Code::BadFrame, words.clone()).until(COME_AGAIN);
            let _ = within(LINGER, runtime, farewell(link, error, Numbers::Counted)).await;
            Err(io::Error::new(io::ErrorKind::TimedOut, words))
        }
    }
}

/// The outcome of a handshake.
enum Shaken {
    /// The peer has proved its key.
    Secured(Box<Proved>),
    /// The peer does not encrypt; this was its first frame.
    Plain(Bytes),
    /// The peer has to be told this.
    Refused(wire::Error),
}

/// What both ends have after a handshake.
struct Proved {
    identity: KeyId,
    binding: Binding,
    /// The ticket for a peer that wants one.
    ticket: Option<Vec<u8>>,
    records: (Sealer, Opener),
    /// The frames of the record by which a peer with a ticket proved that it is here.
    opened: Bytes,
}

impl Proved {
    fn new(keys: Keys, wants_ticket: bool, acceptor: &Acceptor) -> Proved {
        let ticket = wants_ticket.then(|| keys.seal_ticket(&acceptor.tickets, acceptor.key.id()));
        let (identity, binding) = (keys.peer(), keys.hash());
        let records = keys.into_records(acceptor.numbers);
        Proved { identity, binding, ticket, records, opened: Bytes::new() }
    }
}

async fn shake(link: &mut BoxLink, permit: &Permit, acceptor: &Acceptor) -> io::Result<Shaken> {
    let mut first = next(link).await?;
    // Where frames may be lost, what is no frame of the protocol decides nothing: another sender may have sent it.
    while acceptor.numbers == Numbers::Written && wire::read_request(&first).is_err() {
        first = next(link).await?;
    }
    if message::parse(&first).is_some() && !permit.charge(acceptor.runtime.now()) {
        let words = "too many people from your address enter at the same time";
        return Ok(Shaken::Refused(wire::Error::of(None, Code::Full, words).until(LATER)));
    }
    let resumed = Recognising::new(&first, acceptor.key.id(), &acceptor.tickets, dice(&*acceptor.runtime));
    match resumed {
        Ok(recognising) => recognise(link, recognising, first, acceptor).await,
        Err(NotResumed::NoTicket) => shake_in_full(link, first, acceptor).await,
        Err(NotResumed::Refused(error)) => Ok(Shaken::Refused(error)),
        Err(NotResumed::Unknown(told)) => {
            // The client begins again without a ticket, and never goes on without encryption.
            let mut frame = first.clone();
            while frame == first {
                link.send(told.clone()).await?;
                frame = next(link).await?;
                while acceptor.numbers == Numbers::Written && message::parse(&frame).is_none() {
                    frame = next(link).await?;
                }
            }
            match message::parse(&frame) {
                Some(_) => shake_in_full(link, frame, acceptor).await,
                None => Ok(changed()),
            }
        }
    }
}

/// The handshake with a client whose ticket was opened: it is done when the client has sealed a record.
async fn recognise(
    link: &mut BoxLink,
    recognising: Recognising,
    first: Bytes,
    acceptor: &Acceptor,
) -> io::Result<Shaken> {
    let second = recognising.second();
    let mut proved = Proved::new(recognising.finish(), true, acceptor);
    let mut frame = first.clone();
    loop {
        if frame == first {
            link.send(second.clone()).await?;
        } else if let Some(opened) = proved.records.1.open(frame) {
            proved.opened = opened;
            return Ok(Shaken::Secured(Box::new(proved)));
        } else if acceptor.numbers == Numbers::Counted {
            return Ok(changed());
        }
        frame = next(link).await?;
    }
}

/// The handshake in which both ends prove their keys.
async fn shake_in_full(link: &mut BoxLink, first: Bytes, acceptor: &Acceptor) -> io::Result<Shaken> {
    let mut responder = match Responder::new(first.clone(), &acceptor.key, dice(&*acceptor.runtime)) {
        Ok(responder) => responder,
        Err(NoHandshake::Plain) if acceptor.accepts_plain => return Ok(Shaken::Plain(first)),
        Err(NoHandshake::Plain) => {
            let words = "this server takes encrypted links only; use a client that encrypts";
            return Ok(Shaken::Refused(wire::Error::of(None, Code::Unsupported, words)));
        }
        Err(NoHandshake::Refused(error)) => return Ok(Shaken::Refused(error)),
    };
    let mut frame = first;
    loop {
        if let Some(second) = responder.answer_to(&frame) {
            link.send(second).await?;
        } else if responder.third(&frame) {
            let wants_ticket = responder.wants_ticket();
            let keys = responder.finish().ok_or(io::ErrorKind::InvalidData)?;
            return Ok(Shaken::Secured(Box::new(Proved::new(keys, wants_ticket, acceptor))));
        } else if acceptor.numbers == Numbers::Counted {
            return Ok(changed());
        }
        frame = next(link).await?;
    }
}

fn changed() -> Shaken {
    let words = "the handshake was changed on its way, or is no handshake";
    Shaken::Refused(wire::Error::of(None, Code::BadFrame, words))
}

fn dice(runtime: &dyn Runtime) -> Dice {
    Dice { ephemeral: unguessable(runtime), secret: unguessable(runtime) }
}

/// Tells the peer why there is no link, and waits until it has read that: a socket that is closed with unread bytes in it may
/// take the last frame with it.
async fn farewell(mut link: BoxLink, error: wire::Error, numbers: Numbers) -> io::Result<()> {
    let frame = wire::write(&Event::Error(error));
    link.send(frame.clone()).await?;
    if numbers == Numbers::Counted {
        link.close().await?;
    }
    loop {
        next(&mut link).await?;
        if numbers == Numbers::Written {
            link.send(frame.clone()).await?; // it may have been lost
        }
    }
}

async fn next(link: &mut BoxLink) -> io::Result<Bytes> {
    link.next().await.unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a handshake may take: as long as a `hello` (protocol 2.3).
const LIMIT: Duration = Duration::from_secs(5);

/// How long a peer that was refused has to read why.
const LINGER: Duration = Duration::from_secs(1);

/// After how long a peer for which there was no place may try again: most handshakes take less.
const COME_AGAIN: Duration = Duration::from_millis(250);

/// After how long a peer may try again whose host has begun too many handshakes.
const LATER: Duration = Duration::from_secs(1);

/// Links that may wait to be accepted.
const BACKLOG: usize = 64;
