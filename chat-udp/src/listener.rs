//! The server's side: one socket, and one task that reads it for all links.

use std::{
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::{Arc, Weak},
    task::{Context, Poll},
    time::Instant,
};

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
    admission::{Admission, Datagram, Verdict},
    net::Socket,
    peers::{Content, Peer, Peers},
    receiver::{BUFFER, Receiver},
    send_errors::SendErrors,
    server_link::{Holder, ServerLink, Shared},
};

/// Listens at the first address of the host that can be bound.
///
/// # Errors
/// When no address can be bound: the error of the last one.
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

fn start(socket: Arc<dyn Socket>, runtime: SharedRuntime) -> impl Stream<Item = Incoming> {
    let (holder, abandoned) = oneshot::channel();
    let holder = Arc::new(holder);
    let (accepted, incoming) = mpsc::channel(BACKLOG - 1); // the channel adds a place for its one sender
    let peers = Arc::new(Peers::default());
    let task = Ingress {
        admission: Admission::new(socket.local(), peers.clone(), runtime.clone()),
        receiver: Receiver::new(socket.clone(), runtime.clone()),
        shared: Arc::new(Shared { socket, peers, errors: SendErrors::default() }),
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
struct Ingress {
    admission: Admission,
    receiver: Receiver,
    shared: Arc<Shared>,
    holder: Weak<oneshot::Sender<Infallible>>,
    accepted: mpsc::Sender<Incoming>,
    runtime: SharedRuntime,
}

impl Ingress {
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
            yield_once().await;
        }
    }

    fn take(&mut self, datagram: &Datagram<'_>) {
        if self.accepted.is_closed() {
            self.admission.close();
        }
        let now = self.runtime.now();
        match self.admission.decide(datagram, now) {
            Verdict::Drop => {}
            Verdict::Deliver(peer, content) => self.shared.peers.deliver(&peer, content, now),
            Verdict::Open(peer, content) => self.open(peer, content, now),
            Verdict::Answer(answer) => {
                let sent = self.shared.socket.send(&answer, datagram.from, datagram.to);
                self.shared.errors.note(sent);
            }
        }
    }

    fn open(&mut self, peer: Arc<Peer>, content: Content<'_>, now: Instant) {
        let Some(holder) = self.holder.upgrade() else { return self.shared.peers.forget(&peer) };
        peer.deliver(content, now);
        let from = peer.route().remote;
        let info = PeerInfo {
            address: from.to_string(),
            host: from.ip().to_string(),
            local: from.ip().is_loopback(),
            identity: None,
            binding: None,
        };
        let link = ServerLink::new(self.shared.clone(), peer, holder);
        // If too many links wait already this one is dropped, and its client repeats its first frame.
        let _ = self.accepted.try_send(Incoming { link: Box::pin(link), peer: info });
    }
}

/// Lets other tasks have their turn.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
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
