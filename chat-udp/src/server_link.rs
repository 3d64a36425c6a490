//! A link that the server accepted: the frames that its peer sent, and the socket that all links share.

use std::{
    cell::Cell,
    convert::Infallible,
    fmt, io, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{Sink, Stream, channel::oneshot};

use crate::{
    check_length, json_form,
    net::Socket,
    packer::{AT_ONCE, Packer},
    peers::{Form, Peer, Peers},
    send_errors::SendErrors,
    undelivered::LargeFrames,
};

/// The parts that the listener shares with the links it accepted.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) socket: Arc<dyn Socket>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) errors: SendErrors,
}

impl Shared {
    /// Sends datagrams to a peer, in order, with as few calls of the system as possible.
    pub(crate) fn send_all(&self, datagrams: &[&[u8]], peer: &Peer) {
        let (to, from) = peer.send_target(|from, to| self.socket.leaves_from(from, to));
        self.socket.send_all(datagrams, to, from, &mut |sent| self.errors.note(sent));
    }
}

/// Held by the listener and every accepted link; the task ends with the last one.
pub(crate) type Holder = Arc<oneshot::Sender<Infallible>>;

/// The server's end of a link. It is always ready to send: the kernel takes a datagram, or the datagram is lost.
pub(crate) struct ServerLink {
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    outgoing: Outgoing,
    _holder: Holder,
}

/// The datagrams that leave when the link is flushed, with as few calls of the system as possible.
enum Outgoing {
    /// A frame each, most of them shared with other links.
    Json(Vec<Bytes>, LargeFrames),
    Packed(Packer),
}

impl ServerLink {
    pub(crate) fn new(shared: Arc<Shared>, peer: Arc<Peer>, holder: Holder) -> ServerLink {
        let outgoing = match peer.form {
            Form::Json { .. } => Outgoing::Json(Vec::new(), LargeFrames::default()),
            Form::Header => Outgoing::Packed(Packer::new(peer.token)),
        };
        ServerLink { shared, peer, outgoing, _holder: holder }
    }

    fn send(&mut self) {
        match &mut self.outgoing {
            Outgoing::Json(frames, _) if !frames.is_empty() => {
                let datagrams: Vec<&[u8]> = frames.iter().map(|frame| &frame[..]).collect();
                self.shared.send_all(&datagrams, &self.peer);
                frames.clear();
                SPARE.set(mem::take(frames));
            }
            Outgoing::Packed(packer) if !packer.is_empty() => {
                let datagrams: Vec<&[u8]> = packer.datagrams().collect();
                self.shared.send_all(&datagrams, &self.peer);
                packer.clear();
            }
            _ => {}
        }
    }
}

impl Drop for ServerLink {
    fn drop(&mut self) {
        self.shared.peers.forget(&self.peer);
    }
}

impl Stream for ServerLink {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        self.peer.poll_next(cx)
    }
}

impl Sink<Bytes> for ServerLink {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        check_length(&frame)?;
        let this = &mut *self;
        let is_full = match &mut this.outgoing {
            Outgoing::Json(frames, large) => {
                if frames.is_empty() {
                    *frames = SPARE.take();
                }
                let notice = large.note(&frame);
                frames.push(json_form::from_server(frame, this.peer.token));
                frames.extend(notice);
                frames.len() >= AT_ONCE
            }
            Outgoing::Packed(packer) => {
                packer.add(&frame);
                packer.is_full()
            }
        };
        if is_full {
            this.send();
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

impl fmt::Debug for ServerLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerLink").field("peer", &self.peer).finish_non_exhaustive()
    }
}

thread_local! {
    /// The list of the link that sent last on this thread: most links have nothing to send, and hold no memory.
    static SPARE: Cell<Vec<Bytes>> = const { Cell::new(Vec::new()) };
}
