//! The server's side: one socket, and one task that reads it for everybody behind it.

use std::{
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::{Arc, Weak},
    task::{Context, Poll},
};

use bytes::Bytes;
use chat_core::{
    Address, HostPort, SharedRuntime,
    transport::{Incoming, Listening, Peer as PeerInfo},
};
use futures::{
    FutureExt, Stream, StreamExt,
    channel::{mpsc, oneshot},
    future::{Either, poll_fn, select},
};

use crate::{
    Udp,
    accepted::Accepted,
    admission::{Admission, Datagram, Verdict},
    losses::Losses,
    net::Socket,
    peers::{Peer, Peers},
    receiver::{BUFFER, Receiver},
};

/// Listens at the first address of the host that can be had.
///
/// # Errors
/// When none can: what was wrong with the last one.
pub(crate) async fn listen(address: &Address, udp: &Udp) -> io::Result<Listening> {
    let host = HostPort::parse(address)?;
    let lookup = udp.network.lookup(&host);
    let mut last = None;
    for target in host.resolve(lookup, udp.lookup_limit, &*udp.runtime).await? {
        match udp.network.bind(target) {
            Ok(socket) => {
                let address = Address::new(address.scheme(), socket.local())
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
                tracing::info!(%address, recv_buffer = socket.recv_buffer(), "a socket is bound");
                return Ok(Listening { address, incoming: start(socket, udp.runtime.clone()).boxed() });
            }
            Err(error) => last = Some(host.cannot_listen(&error, target)),
        }
    }
    Err(last.expect("a host that was found has at least one address"))
}

/// What the listener and the links it accepted have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) socket: Arc<dyn Socket>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) losses: Losses,
}

/// Held by the listener and every accepted link; the task ends with the last one.
pub(crate) type Holder = Arc<oneshot::Sender<Infallible>>;

fn start(socket: Arc<dyn Socket>, runtime: SharedRuntime) -> impl Stream<Item = Incoming> {
    let (holder, abandoned) = oneshot::channel();
    let holder = Arc::new(holder);
    let (accepted, incoming) = mpsc::channel(BACKLOG - 1); // a sender has a place of its own
    let peers = Arc::new(Peers::default());
    let task = Reading {
        admission: Admission::new(socket.local(), peers.clone(), runtime.clone()),
        receiver: Receiver::new(socket.clone(), runtime.clone()),
        shared: Arc::new(Shared { socket, peers, losses: Losses::default() }),
        holder: Arc::downgrade(&holder),
        accepted,
        runtime: runtime.clone(),
    };
    runtime.spawn(task.run(abandoned).boxed());
    Links { incoming, _holder: holder }
}

/// The accepted links, as the listener hands them out.
struct Links {
    incoming: mpsc::Receiver<Incoming>,
    _holder: Holder,
}

impl Stream for Links {
    type Item = Incoming;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        self.incoming.poll_next_unpin(cx)
    }
}

/// The task that reads the socket.
struct Reading {
    admission: Admission,
    receiver: Receiver,
    shared: Arc<Shared>,
    holder: Weak<oneshot::Sender<Infallible>>,
    accepted: mpsc::Sender<Incoming>,
    runtime: SharedRuntime,
}

impl Reading {
    async fn run(mut self, mut abandoned: oneshot::Receiver<Infallible>) {
        let mut buffer = vec![0; BUFFER];
        loop {
            for _ in 0..IN_A_ROW {
                let next = pin!(poll_fn(|cx| self.receiver.poll(cx, &mut buffer)));
                let arrival = match select(&mut abandoned, next).await {
                    Either::Left(_) => return,
                    Either::Right((arrival, _)) => arrival,
                };
                let (from, to, bytes) = (arrival.from, arrival.to, &buffer[..arrival.len]);
                self.take(&Datagram { from, to, bytes });
            }
            step_back().await;
        }
    }

    fn take(&mut self, datagram: &Datagram<'_>) {
        if self.accepted.is_closed() {
            self.admission.close();
        }
        match self.admission.decide(datagram, self.runtime.now()) {
            Verdict::Silence => {}
            Verdict::Deliver(peer, frame) => peer.deliver(frame),
            Verdict::Open(peer, frame) => self.open(peer, frame),
            Verdict::Answer(answer) => {
                let sent = self.shared.socket.send(answer.as_bytes(), datagram.from, datagram.to);
                self.shared.losses.note(sent);
            }
        }
    }

    fn open(&mut self, peer: Arc<Peer>, hello: Bytes) {
        let Some(holder) = self.holder.upgrade() else { return self.shared.peers.forget(&peer) };
        peer.deliver(hello);
        let from = peer.route().remote;
        let info = PeerInfo {
            address: from.to_string(),
            host: from.ip().to_string(),
            local: from.ip().is_loopback(),
            identity: None,
        };
        let link = Accepted::new(self.shared.clone(), peer, holder);
        // Where too many wait already it is dropped, and its client says hello once more.
        let _ = self.accepted.try_send(Incoming { link: Box::pin(link), peer: info });
    }
}

/// Lets other tasks have their turn.
async fn step_back() {
    let mut stepped = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut stepped, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Links that may wait to be accepted.
const BACKLOG: usize = 64;

/// Datagrams that are read before other tasks get their turn.
const IN_A_ROW: usize = 64;
