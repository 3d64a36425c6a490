//! The client's end of a link: a socket for each family of addresses, of which one turns out to lead to the server.

use std::{
    cell::Cell,
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use chat_core::SharedRuntime;
use futures::{Sink, Stream};

use crate::{
    net::Socket,
    receiver::{BUFFER, Receiver},
    send_errors::SendErrors,
};

pub(crate) mod json;
mod state;

use state::{ClientState, Received};

/// A link that was dialled. Its sockets are not connected: for each datagram the system chooses anew from which of
/// this machine's addresses it leaves, so that the link survives a change of networks.
pub(crate) struct ClientLink {
    state: ClientState,
    sockets: Vec<(Arc<dyn Socket>, Receiver)>,
    runtime: SharedRuntime,
    errors: SendErrors,
    ended: bool,
}

impl ClientLink {
    pub(crate) fn new(
        targets: Vec<SocketAddr>,
        sockets: Vec<Arc<dyn Socket>>,
        runtime: &SharedRuntime,
    ) -> ClientLink {
        let with_receiver =
            |socket: Arc<dyn Socket>| (socket.clone(), Receiver::new(socket, runtime.clone()));
        ClientLink {
            state: ClientState::new(targets, runtime.random()),
            sockets: sockets.into_iter().map(with_receiver).collect(),
            runtime: runtime.clone(),
            errors: SendErrors::default(),
            ended: false,
        }
    }

    /// Sends the datagrams that have gathered.
    fn send(&mut self) {
        let (targets, packer) = self.state.outgoing();
        if packer.is_empty() {
            return;
        }
        let datagrams: Vec<&[u8]> = packer.datagrams().collect();
        for target in targets {
            let is_family = |socket: &Arc<dyn Socket>| socket.local().is_ipv4() == target.is_ipv4();
            if let Some((socket, _)) = self.sockets.iter().find(|(socket, _)| is_family(socket)) {
                socket.send_all(&datagrams, *target, None, &mut |sent| self.errors.note(sent));
            }
        }
        packer.clear();
    }

    /// Reads one datagram, from any of the sockets.
    fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Received> {
        for (_, receiver) in &mut self.sockets {
            if let Poll::Ready(arrival) = receiver.poll(cx, buffer) {
                let datagram = &buffer[..arrival.len];
                return Poll::Ready(self.state.receive(arrival.from, datagram, self.runtime.now()));
            }
        }
        Poll::Pending
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Option<io::Result<Bytes>>> {
        for _ in 0..IN_A_ROW {
            if let Some(frame) = self.state.next_frame() {
                return Poll::Ready(Some(Ok(frame)));
            }
            match self.poll_receive(cx, buffer) {
                Poll::Ready(Received::Send) => self.send(),
                Poll::Ready(Received::Frames | Received::Nothing) => {}
                Poll::Ready(Received::Gone) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(io::Error::new(
                        io::ErrorKind::ConnectionReset,
                        "the server does not know this link any more; it was restarted, or has dropped the link",
                    ))));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref(); // there may be more, but other tasks have waited
        Poll::Pending
    }
}

impl Stream for ClientLink {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let mut buffer = SCRATCH.take();
        buffer.resize(BUFFER, 0);
        let next = self.poll_frame(cx, &mut buffer);
        SCRATCH.set(buffer);
        next
    }
}

impl Sink<Bytes> for ClientLink {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        if self.state.add(frame)? {
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

impl fmt::Debug for ClientLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientLink").field("sockets", &self.sockets).finish_non_exhaustive()
    }
}

thread_local! {
    /// The buffer of every read. Links of one thread never read at the same time, so none needs a buffer of its own.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Datagrams without a frame that are read before other tasks get their turn.
const IN_A_ROW: usize = 64;
