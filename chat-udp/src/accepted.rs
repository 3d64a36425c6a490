//! A link the server accepted: an inbox, and a socket it shares with all the others.

use std::{
    cell::Cell,
    fmt, io, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use chat_core::{token, wire::MAX_FRAME};
use futures::{Sink, Stream};

use crate::{
    envelope::seal,
    listener::{Holder, Shared},
    peers::Peer,
};

/// The server's end of a link. It is never too busy to send: the kernel takes a datagram or it is lost.
pub(crate) struct Accepted {
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    /// Leaves when the link is flushed, with as few calls of the system as possible.
    outgoing: Vec<Bytes>,
    _holder: Holder,
}

impl Accepted {
    pub(crate) fn new(shared: Arc<Shared>, peer: Arc<Peer>, holder: Holder) -> Accepted {
        Accepted { shared, peer, outgoing: Vec::new(), _holder: holder }
    }

    fn send(&mut self) {
        if self.outgoing.is_empty() {
            return;
        }
        let Shared { socket, losses, .. } = &*self.shared;
        let (to, from) = self.peer.way(|from, to| socket.leaves_from(from, to));
        socket.send_all(&self.outgoing, to, from, &mut |sent| losses.note(sent));
        self.outgoing.clear();
        SPARE.set(mem::take(&mut self.outgoing));
    }
}

impl Drop for Accepted {
    fn drop(&mut self) {
        self.shared.peers.forget(&self.peer);
    }
}

impl Stream for Accepted {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        self.peer.poll_next(cx)
    }
}

impl Sink<Bytes> for Accepted {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        let len = frame.len();
        if len > MAX_FRAME {
            let words = format!("a frame of {len} bytes, over the limit of {MAX_FRAME}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
        }
        let datagram = match frame.starts_with(WELCOME) {
            true => seal(&frame, None, Some(&token(self.peer.token))).into(),
            false => frame,
        };
        if self.outgoing.is_empty() {
            self.outgoing = SPARE.take();
        }
        self.outgoing.push(datagram);
        if self.outgoing.len() == AT_ONCE {
            self.send();
        }
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.send();
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// How the frame begins that tells a client its token.
const WELCOME: &[u8] = br#"{"type":"welcome""#;

thread_local! {
    /// What the link that sent last on this thread had its datagrams in: most have none to send, and hold no memory.
    static SPARE: Cell<Vec<Bytes>> = const { Cell::new(Vec::new()) };
}

/// Datagrams that leave with one call of the system.
const AT_ONCE: usize = 64;
