//! A link that is encrypted: frames go into records and come out of them.

use std::{
    cell::Cell,
    fmt, io, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use chat_core::{KeyId, transport::BoxLink};
use futures::{Sink, Stream};

use crate::{
    kept_tickets::KeptTickets,
    record::{self, Numbers, Opener, Sealer},
    resumption::Ticket,
    suite::RawKey,
};

/// Gathers frames into records, which are sealed when the link is flushed or when they are full. An idle link holds two keys,
/// two numbers and no buffer.
pub(crate) struct SecuredLink {
    inner: BoxLink,
    max_frame: usize,

    opener: Opener,
    /// Frames that were opened and not yet read.
    opened: Bytes,
    ended: bool,

    sealer: Sealer,
    gathered: Vec<u8>,
    /// A record that the link inside has not taken yet.
    sealed: Option<Bytes>,
    /// At the end that dialled: the third frame of the handshake, which has yet to arrive.
    third: Option<Third>,
    numbers: Numbers,
    /// At the end that dialled: what is done with the ticket, until that has come.
    awaits_ticket: Option<Box<AwaitsTicket>>,
}

/// Where the ticket of a link is kept, and what is kept with it.
pub(crate) struct AwaitsTicket {
    pub(crate) kept: Arc<KeptTickets>,
    pub(crate) address: String,
    pub(crate) secret: RawKey,
    pub(crate) server: KeyId,
}

/// The frame that proves the key of the end that dialled.
struct Third {
    frame: Bytes,
    /// Whether it goes before the next record.
    is_due: bool,
}

impl SecuredLink {
    /// The link over `inner` whose records are sealed and opened by these.
    pub(crate) fn new(
        inner: BoxLink,
        (sealer, opener): (Sealer, Opener),
        numbers: Numbers,
        max_frame: usize,
    ) -> SecuredLink {
        SecuredLink {
            inner,
            max_frame,
            opener,
            opened: Bytes::new(),
            ended: false,
            sealer,
            gathered: Vec::new(),
            sealed: None,
            third: None,
            numbers,
            awaits_ticket: None,
        }
    }

    /// Sends the last frame of the handshake before the first record.
    pub(crate) fn with_third(mut self, frame: Option<Bytes>) -> SecuredLink {
        self.third = frame.map(|frame| Third { frame, is_due: true });
        self
    }

    /// Keeps the ticket that comes.
    pub(crate) fn awaiting_ticket(mut self, awaits: AwaitsTicket) -> SecuredLink {
        self.awaits_ticket = Some(Box::new(awaits));
        self
    }

    /// Begins the first record with a ticket for the peer.
    pub(crate) fn giving_ticket(mut self, ticket: Option<&[u8]>) -> SecuredLink {
        if let Some(ticket) = ticket {
            self.sealer.begin_with_ticket(ticket, &mut self.gathered);
        }
        self
    }

    /// Reads these frames first, which came in a record that proved that the peer is here.
    pub(crate) fn with_opened(mut self, opened: Bytes) -> SecuredLink {
        self.opened = opened;
        self
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        for _ in 0..IN_A_ROW {
            match record::next_frame(&mut self.opened) {
                Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(None) => {}
                Err(error) => {
                    self.opened = Bytes::new();
                    if self.numbers == Numbers::Counted {
                        return Poll::Ready(Some(Err(bad_data(error.to_string()))));
                    }
                }
            }
            match ready!(self.inner.as_mut().poll_next(cx)) {
                Some(Ok(record)) => match self.opener.open(record) {
                    Some(frames) => {
                        self.third = None; // the server has it
                        self.opened = frames;
                        if let Some(ticket) = record::ticket(&mut self.opened)
                            && let Some(awaits) = self.awaits_ticket.take()
                        {
                            awaits.keep(ticket);
                        }
                    }
                    None if self.numbers == Numbers::Counted => {
                        let words = "a record was forged, changed, left out or sent twice on its way";
                        return Poll::Ready(Some(Err(bad_data(words.to_owned()))));
                    }
                    None => {} // dropped, as if it had been lost
                },
                other => return Poll::Ready(other),
            }
        }
        cx.waker().wake_by_ref(); // there may be more, but other tasks have waited
        Poll::Pending
    }

    fn seal(&mut self) {
        self.sealer.seal(&mut self.gathered);
        self.sealed = Some(Bytes::copy_from_slice(&self.gathered));
        self.gathered.clear();
        SPARE.set(mem::take(&mut self.gathered));
        if let Some(third) = &mut self.third {
            third.is_due = true;
        }
    }

    /// Hands the records that are sealed to the link inside, and with `all` the one that gathers.
    fn poll_records(&mut self, all: bool, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.sealed.is_none() && all && !self.gathered.is_empty() {
                self.seal();
            }
            if self.sealed.is_none() {
                return Poll::Ready(Ok(()));
            }
            ready!(self.inner.as_mut().poll_ready(cx))?;
            if let Some(third) = &mut self.third
                && mem::take(&mut third.is_due)
            {
                let frame = third.frame.clone();
                if self.numbers == Numbers::Counted {
                    self.third = None; // once is enough where nothing is lost
                }
                self.inner.as_mut().start_send(frame)?;
            } else if let Some(record) = self.sealed.take() {
                self.inner.as_mut().start_send(record)?;
            }
        }
    }
}

impl AwaitsTicket {
    fn keep(self, sealed: Bytes) {
        self.kept.keep(self.address, Ticket::new(sealed, self.secret, self.server));
    }
}

impl Stream for SecuredLink {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let next = ready!(this.poll_frame(cx));
        this.ended = !matches!(next, Some(Ok(_)));
        Poll::Ready(next)
    }
}

impl Sink<Bytes> for SecuredLink {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_records(false, cx)
    }

    fn start_send(self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        let this = self.get_mut();
        let (len, limit) = (frame.len(), this.max_frame);
        if len == 0 || len > limit {
            let words = format!("a frame of {len} bytes; the least is 1, and the limit {limit}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
        }
        if !this.sealer.fits(&this.gathered, len) {
            this.seal(); // the place is free since the link was ready
        }
        if this.gathered.capacity() == 0 {
            this.gathered = SPARE.take();
        }
        this.sealer.gather(&frame, &mut this.gathered);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_records(true, cx))?;
        this.inner.as_mut().poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_records(true, cx))?;
        this.inner.as_mut().poll_close(cx)
    }
}

impl fmt::Debug for SecuredLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecuredLink").field("numbers", &self.numbers).finish_non_exhaustive()
    }
}

fn bad_data(words: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, words)
}

thread_local! {
    /// The buffer of the link that sealed last on this thread, so that the next one need not allocate.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Records that are dropped before other tasks get their turn.
const IN_A_ROW: usize = 64;

#[cfg(test)]
mod tests;
