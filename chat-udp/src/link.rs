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
    caller::{Caller, Heard},
    losses::Losses,
    net::Socket,
    receiver::{BUFFER, Receiver},
};

/// A link that was dialled. Its sockets are not connected: for each datagram the system chooses anew from which of
/// this machine's addresses it leaves, so that the link survives a change of networks.
pub(crate) struct Dialled {
    caller: Caller,
    sockets: Vec<(Arc<dyn Socket>, Receiver)>,
    losses: Losses,
    ended: bool,
}

impl Dialled {
    pub(crate) fn new(
        targets: Vec<SocketAddr>,
        sockets: Vec<Arc<dyn Socket>>,
        runtime: &SharedRuntime,
    ) -> Dialled {
        let with_receiver =
            |socket: Arc<dyn Socket>| (socket.clone(), Receiver::new(socket, runtime.clone()));
        Dialled {
            caller: Caller::new(targets),
            sockets: sockets.into_iter().map(with_receiver).collect(),
            losses: Losses::default(),
            ended: false,
        }
    }

    fn send(&self, datagram: &[u8]) {
        for target in self.caller.targets() {
            if let Some((socket, _)) =
                self.sockets.iter().find(|it| it.0.local().is_ipv4() == target.is_ipv4())
            {
                self.losses.note(socket.send(datagram, *target, None));
            }
        }
    }

    /// Reads one datagram, from whichever socket has one.
    fn poll_hear(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Heard> {
        for (_, receiver) in &mut self.sockets {
            if let Poll::Ready(arrival) = receiver.poll(cx, buffer) {
                return Poll::Ready(self.caller.hear(arrival.from, &buffer[..arrival.len]));
            }
        }
        Poll::Pending
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Option<io::Result<Bytes>>> {
        for _ in 0..IN_A_ROW {
            match self.poll_hear(cx, buffer) {
                Poll::Ready(Heard::Frame(frame)) => return Poll::Ready(Some(Ok(frame))),
                Poll::Ready(Heard::Send(datagram)) => self.send(&datagram),
                Poll::Ready(Heard::Nothing) => {}
                Poll::Ready(Heard::Gone) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(io::Error::new(
                        io::ErrorKind::ConnectionReset,
                        "the server does not know this link any more; it was restarted, or has let it go",
                    ))));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref(); // there may be more, but others have waited
        Poll::Pending
    }
}

impl Stream for Dialled {
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

impl Sink<Bytes> for Dialled {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        let datagram = self.caller.send(frame)?;
        self.send(&datagram);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Dialled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialled").field("sockets", &self.sockets).finish_non_exhaustive()
    }
}

thread_local! {
    /// What is read goes into this first. Links of one thread never read at the same time, so none needs its own.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Datagrams without a frame that are read before other tasks get their turn.
const IN_A_ROW: usize = 64;
