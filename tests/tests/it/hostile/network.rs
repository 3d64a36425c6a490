//! A network for datagrams that is only memory: what is sent lies there until a test looks at it.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, Weak},
    task::{Context, Poll, Waker},
};

use chat_core::HostPort;
use chat_udp::net::{Arrival, Network, Socket};
use futures::{FutureExt, future::BoxFuture};

/// The network; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Virtual {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    sockets: BTreeMap<SocketAddr, Weak<Port>>,
    /// What left a socket, in order: from where, to where, and what.
    sent: VecDeque<(SocketAddr, SocketAddr, Vec<u8>)>,
}

#[derive(Debug)]
struct Port {
    local: SocketAddr,
    network: Virtual,
    queue: Mutex<Queue>,
}

/// What has come and was not read, and who waits for it.
#[derive(Debug, Default)]
struct Queue {
    datagrams: VecDeque<(SocketAddr, Vec<u8>)>,
    reader: Option<Waker>,
}

impl Virtual {
    /// Puts a datagram where `to` will read it; false if nobody is there.
    pub fn deliver(&self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) -> bool {
        let Some(port) = self.state.lock().unwrap().sockets.get(&to).and_then(Weak::upgrade) else {
            return false;
        };
        let mut queue = port.queue.lock().unwrap();
        queue.datagrams.push_back((from, datagram.to_vec()));
        if let Some(waker) = queue.reader.take() {
            waker.wake();
        }
        true
    }

    /// The next datagram that left a socket: from where, to where, and what.
    pub fn sent(&self) -> Option<(SocketAddr, SocketAddr, Vec<u8>)> {
        self.state.lock().unwrap().sent.pop_front()
    }

    /// Whether anybody still holds the socket at `address`.
    pub fn is_bound(&self, address: SocketAddr) -> bool {
        self.state.lock().unwrap().sockets.get(&address).is_some_and(|it| it.strong_count() > 0)
    }
}

impl Network for Virtual {
    fn bind(&self, address: SocketAddr) -> io::Result<Arc<dyn Socket>> {
        let mut state = self.state.lock().unwrap();
        let port = if address.port() == 0 { 50_000 + state.sockets.len() as u16 } else { address.port() };
        let local = SocketAddr::new(address.ip(), port);
        let port = Arc::new(Port { local, network: self.clone(), queue: Mutex::default() });
        state.sockets.insert(local, Arc::downgrade(&port));
        Ok(port)
    }

    fn lookup<'a>(&'a self, host: &'a HostPort) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        let found = host.host.parse().map(|ip: IpAddr| vec![SocketAddr::new(ip, host.port)]);
        async move { found.map_err(|_| io::ErrorKind::NotFound.into()) }.boxed()
    }
}

impl Socket for Port {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn recv_buffer(&self) -> usize {
        0
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<Arrival>> {
        let mut queue = self.queue.lock().unwrap();
        let Some((from, datagram)) = queue.datagrams.pop_front() else {
            queue.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let len = datagram.len().min(buffer.len());
        buffer[..len].copy_from_slice(&datagram[..len]);
        Poll::Ready(Ok(Arrival { len, from, to: Some(self.local.ip()) }))
    }

    fn send(&self, datagram: &[u8], to: SocketAddr, _: Option<IpAddr>) -> io::Result<()> {
        let mut state = self.network.state.lock().unwrap();
        state.sent.push_back((self.local, to, datagram.to_vec()));
        Ok(())
    }
}
