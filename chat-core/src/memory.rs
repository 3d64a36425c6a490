//! The transport inside one process: the reference for all others, and the transport of most tests.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use dashmap::{DashMap, Entry};
use futures::{FutureExt, Sink, SinkExt, Stream, StreamExt, channel::mpsc, future::BoxFuture};

use crate::{
    Address,
    transport::{BoxLink, Incoming, Listening, MAX_LINK_FRAME, Peer, Promises, Transport},
};

/// An in-memory network, whose listeners are found by name, such as `memory://hall`. Clones are the same network.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    network: Arc<Network>,
}

#[derive(Debug, Default)]
struct Network {
    listeners: DashMap<Address, mpsc::Sender<Incoming>>,
    dialled: AtomicU64,
}

impl Transport for Memory {
    fn promises(&self) -> Promises {
        Promises { ordered: true, reliable: true, max_frame: MAX_LINK_FRAME }
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        async move {
            let (sender, receiver) = mpsc::channel(BACKLOG);
            match self.network.listeners.entry(address.clone()) {
                // The name of a listener that was dropped is free again.
                Entry::Occupied(mut taken) if taken.get().is_closed() => drop(taken.insert(sender)),
                Entry::Occupied(_) => {
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, format!("{address} is taken")));
                }
                Entry::Vacant(free) => drop(free.insert(sender)),
            }
            Ok(Listening { address: address.clone(), incoming: receiver.boxed() })
        }
        .boxed()
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        async move {
            let nobody = || io::Error::new(io::ErrorKind::ConnectionRefused, format!("nobody at {address}"));
            let mut listener =
                self.network.listeners.get(address).map(|it| it.value().clone()).ok_or_else(nobody)?;
            let (near, far) = pipe();
            let number = self.network.dialled.fetch_add(1, Ordering::Relaxed);
            let peer = Peer {
                address: format!("memory#{number}"),
                host: "memory".to_owned(),
                local: true,
                identity: None,
                binding: None,
            };
            listener.send(Incoming { link: Box::pin(far), peer }).await.map_err(|_| nobody())?;
            Ok(Box::pin(near) as BoxLink)
        }
        .boxed()
    }
}

/// Two links joined end to end, with at most 64 frames under way in each direction.
pub fn pipe() -> (Pipe, Pipe) {
    let (to_far, from_near) = mpsc::channel(PIPE_FRAMES);
    let (to_near, from_far) = mpsc::channel(PIPE_FRAMES);
    (Pipe { sender: to_far, receiver: from_far }, Pipe { sender: to_near, receiver: from_near })
}

/// One end of a [`pipe`].
#[derive(Debug)]
pub struct Pipe {
    sender: mpsc::Sender<Bytes>,
    receiver: mpsc::Receiver<Bytes>,
}

impl Stream for Pipe {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        self.receiver.poll_next_unpin(cx).map(|frame| frame.map(Ok))
    }
}

impl Sink<Bytes> for Pipe {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(ready!(self.sender.poll_ready(cx)).map_err(closed))
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        if frame.len() > MAX_LINK_FRAME {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a frame of {} bytes is over the limit of {MAX_LINK_FRAME}", frame.len()),
            ));
        }
        self.sender.start_send(frame).map_err(closed)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // the peer has every frame that the sink took
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.sender.close_channel();
        Poll::Ready(Ok(()))
    }
}

fn closed(_: mpsc::SendError) -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the peer closed the link")
}

/// Frames one direction of a pipe holds before its sink is not ready.
const PIPE_FRAMES: usize = 64;

/// Links that wait to be accepted before a dial has to wait.
const BACKLOG: usize = 64;
