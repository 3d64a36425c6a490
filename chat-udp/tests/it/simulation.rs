//! A network of hosts in virtual time. Datagrams arrive at once, senders may lie, and hosts may change addresses.

use std::{
    collections::{HashMap, VecDeque},
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use chat_core::{HostPort, SharedRuntime};
use chat_testkit::virtual_time::VirtualTime;
use chat_udp::{
    Udp,
    net::{Arrival, Network, Socket},
};
use futures::{FutureExt, future::BoxFuture};

/// The network, and the world it is in.
#[derive(Clone)]
pub struct Simulation {
    pub time: VirtualTime,
    wires: Arc<Mutex<Wires>>,
}

#[derive(Default)]
struct Wires {
    /// By a number of its own.
    hosts: Vec<Vec<IpAddr>>,
    sockets: HashMap<(usize, u16), Inbox>,
    names: HashMap<String, Vec<SocketAddr>>,
    /// Everything that was sent.
    sent: Vec<Datagram>,
    next_port: u16,
    /// Larger datagrams than this are lost, if it is not 0: as where a network drops fragments.
    largest: usize,
    /// How many in a hundred are lost, and the dice for it.
    loss: Option<(u8, fastrand::Rng)>,
    /// How many of the next sends and receives fail.
    send_errors: usize,
    recv_errors: usize,
}

#[derive(Default)]
struct Inbox {
    datagrams: VecDeque<Datagram>,
    reader: Option<Waker>,
}

#[derive(Clone, Debug)]
pub struct Datagram {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// A machine on the network.
#[derive(Clone)]
pub struct Host {
    simulation: Simulation,
    number: usize,
}

impl Simulation {
    pub fn new(seed: u64) -> Simulation {
        Simulation { time: VirtualTime::new(seed), wires: Arc::default() }
    }

    pub fn runtime(&self) -> SharedRuntime {
        self.time.shared()
    }

    /// A host with one address.
    pub fn host(&self, ip: &str) -> Host {
        let mut wires = self.wires.lock().unwrap();
        wires.hosts.push(vec![ip.parse().unwrap()]);
        Host { simulation: self.clone(), number: wires.hosts.len() - 1 }
    }

    pub fn name(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|it| it.parse().unwrap()).collect();
        self.wires.lock().unwrap().names.insert(name.to_owned(), addresses);
    }

    /// Sends a datagram, whoever that says it is from.
    pub fn forge(&self, from: &str, to: &str, bytes: impl AsRef<[u8]>) {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        self.wires.lock().unwrap().carry(Datagram { from, to, bytes: bytes.as_ref().to_vec() });
    }

    /// What was sent since this was asked last.
    pub fn sent(&self) -> Vec<Datagram> {
        std::mem::take(&mut self.wires.lock().unwrap().sent)
    }

    pub fn drop_larger_than(&self, len: usize) {
        self.wires.lock().unwrap().largest = len;
    }

    pub fn lose(&self, percent: u8, seed: u64) {
        self.wires.lock().unwrap().loss = Some((percent, fastrand::Rng::with_seed(seed)));
    }

    pub fn fail_sends(&self, count: usize) {
        self.wires.lock().unwrap().send_errors = count;
    }

    pub fn fail_receives(&self, count: usize) {
        self.wires.lock().unwrap().recv_errors = count;
    }

    pub fn pass(&self, time: Duration) -> impl Future<Output = ()> + '_ {
        self.time.pass(time)
    }

    /// Lets everybody do what they can.
    pub async fn settle(&self) {
        self.time.settle().await;
    }
}

impl Wires {
    fn carry(&mut self, datagram: Datagram) {
        self.sent.push(datagram.clone());
        let is_lost = self.loss.as_mut().is_some_and(|(percent, dice)| dice.u8(..100) < *percent);
        if is_lost || (self.largest > 0 && datagram.bytes.len() > self.largest) {
            return;
        }
        let Some(host) = self.hosts.iter().position(|ips| ips.contains(&datagram.to.ip())) else { return };
        let Some(inbox) = self.sockets.get_mut(&(host, datagram.to.port())) else { return };
        inbox.datagrams.push_back(datagram);
        if let Some(reader) = inbox.reader.take() {
            reader.wake();
        }
    }
}

impl Host {
    /// The transport of this host.
    pub fn udp(&self) -> Udp {
        Udp::over(Arc::new(self.clone()), self.simulation.runtime())
    }

    /// Gives the host another address in place of the one it has.
    pub fn move_to(&self, ip: &str) {
        self.simulation.wires.lock().unwrap().hosts[self.number] = vec![ip.parse().unwrap()];
    }

    pub fn also_at(&self, ip: &str) {
        self.simulation.wires.lock().unwrap().hosts[self.number].push(ip.parse().unwrap());
    }
}

impl Network for Host {
    fn bind(&self, address: SocketAddr) -> io::Result<Arc<dyn Socket>> {
        let mut wires = self.simulation.wires.lock().unwrap();
        wires.next_port += 1;
        let port = if address.port() == 0 { 40_000 + wires.next_port } else { address.port() };
        if wires.sockets.contains_key(&(self.number, port)) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        wires.sockets.insert((self.number, port), Inbox::default());
        let local = SocketAddr::new(address.ip(), port);
        Ok(Arc::new(SimulatedSocket { host: self.clone(), local }))
    }

    fn lookup<'a>(&'a self, host: &'a HostPort) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        async move {
            let named = self.simulation.wires.lock().unwrap().names.get(&host.host).cloned();
            let literal = host.host.parse().map(|ip| vec![SocketAddr::new(ip, host.port)]);
            named.or(literal.ok()).ok_or_else(|| io::ErrorKind::NotFound.into())
        }
        .boxed()
    }
}

struct SimulatedSocket {
    host: Host,
    local: SocketAddr,
}

impl SimulatedSocket {
    fn key(&self) -> (usize, u16) {
        (self.host.number, self.local.port())
    }
}

impl Socket for SimulatedSocket {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn recv_buffer(&self) -> usize {
        4 << 20
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<Arrival>> {
        let mut wires = self.host.simulation.wires.lock().unwrap();
        if wires.recv_errors > 0 {
            wires.recv_errors -= 1;
            return Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into()));
        }
        let inbox = wires.sockets.get_mut(&self.key()).expect("a socket is there until it is dropped");
        let Some(datagram) = inbox.datagrams.pop_front() else {
            inbox.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let len = datagram.bytes.len().min(buffer.len());
        buffer[..len].copy_from_slice(&datagram.bytes[..len]);
        Poll::Ready(Ok(Arrival { len, from: datagram.from, to: Some(datagram.to.ip()) }))
    }

    fn send(&self, datagram: &[u8], to: SocketAddr, from: Option<IpAddr>) -> io::Result<()> {
        let mut wires = self.host.simulation.wires.lock().unwrap();
        if wires.send_errors > 0 {
            wires.send_errors -= 1;
            return Err(io::Error::other("no buffer space available"));
        }
        let own = &wires.hosts[self.host.number];
        let ip = match from {
            Some(ip) if !own.contains(&ip) => return Err(io::ErrorKind::AddrNotAvailable.into()),
            Some(ip) => ip,
            None => *own.iter().find(|it| it.is_ipv4() == to.is_ipv4()).unwrap_or(&own[0]),
        };
        let from = SocketAddr::new(ip, self.local.port());
        wires.carry(Datagram { from, to, bytes: datagram.to_vec() });
        Ok(())
    }
}

impl Drop for SimulatedSocket {
    fn drop(&mut self) {
        self.host.simulation.wires.lock().unwrap().sockets.remove(&self.key());
    }
}

impl fmt::Debug for SimulatedSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedSocket").field("local", &self.local).finish_non_exhaustive()
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("number", &self.number).finish_non_exhaustive()
    }
}
