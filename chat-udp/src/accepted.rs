//! A link the server accepted: an inbox, and a socket it shares with all the others.

use std::{
    fmt, io,
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
    _holder: Holder,
}

impl Accepted {
    pub(crate) fn new(shared: Arc<Shared>, peer: Arc<Peer>, holder: Holder) -> Accepted {
        Accepted { shared, peer, _holder: holder }
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

    fn start_send(self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        let len = frame.len();
        if len > MAX_FRAME {
            let words = format!("a frame of {len} bytes, over the limit of {MAX_FRAME}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
        }
        let socket = &self.shared.socket;
        let (to, from) = self.peer.way(|from, to| socket.leaves_from(from, to));
        let send = |datagram: &[u8]| socket.send(datagram, to, from);
        let sent = if frame.starts_with(WELCOME) {
            send(&seal(&frame, None, Some(&token(self.peer.token))))
        } else {
            send(&frame)
        };
        self.shared.losses.note(sent);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// How the frame begins that tells a client its token.
const WELCOME: &[u8] = br#"{"type":"welcome""#;
