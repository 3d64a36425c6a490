//! The network as the transport uses it, and the sockets and the name lookup of the system.
//!
//! This is the one place that names sockets and the runtime. All other modules use [`Network`], so that a simulation can
//! take its place.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket},
    sync::Arc,
    task::{Context, Poll, ready},
};

use async_io::Async;
use async_std::net::ToSocketAddrs;
use chat_core::HostPort;
use futures::{FutureExt, future::BoxFuture};
use socket2::{Domain, Protocol, Type};

#[cfg_attr(any(target_os = "linux", target_os = "android"), path = "net/pktinfo.rs")]
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), path = "net/plain.rs")]
mod datagram;

/// Where sockets and addresses come from.
pub trait Network: fmt::Debug + Send + Sync + 'static {
    /// A socket at `address`, where port 0 stands for a free one.
    ///
    /// # Errors
    /// When that address cannot be bound.
    fn bind(&self, address: SocketAddr) -> io::Result<Arc<dyn Socket>>;

    /// The addresses of a host, in the order in which they are to be tried.
    fn lookup<'a>(&'a self, host: &'a HostPort) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
}

/// A socket that is not connected. IPv4 addresses are written as such, never as IPv6 ones.
pub trait Socket: fmt::Debug + Send + Sync {
    /// The address to which it is bound.
    fn local(&self) -> SocketAddr;

    /// How many received bytes the system holds for it.
    fn recv_buffer(&self) -> usize;

    /// The next datagram; bytes for which `buffer` has no room are lost. One task at a time receives.
    ///
    /// # Errors
    /// An error passes: the next call may work.
    fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<Arrival>>;

    /// Whether a datagram to `to` leaves from the local address `from` unless told otherwise, as far as is known.
    fn leaves_from(&self, _from: IpAddr, _to: SocketAddr) -> bool {
        false
    }

    /// Sends a datagram at once or not at all, from the local address `from` if that is given.
    ///
    /// # Errors
    /// When the datagram was not sent.
    fn send(&self, datagram: &[u8], to: SocketAddr, from: Option<IpAddr>) -> io::Result<()>;

    /// Sends each of `datagrams` as [`send`](Self::send) does, in order, and notes the outcome of each.
    fn send_all(
        &self,
        datagrams: &[&[u8]],
        to: SocketAddr,
        from: Option<IpAddr>,
        note: &mut dyn FnMut(io::Result<()>),
    ) {
        datagrams.iter().for_each(|datagram| note(self.send(datagram, to, from)));
    }
}

/// A datagram that has come.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// How many bytes of the buffer it takes.
    pub len: usize,
    /// Its sender.
    pub from: SocketAddr,
    /// The local address it was sent to, if the system tells.
    pub to: Option<IpAddr>,
}

/// The network of this machine.
#[derive(Debug)]
pub(crate) struct System;

impl Network for System {
    fn bind(&self, address: SocketAddr) -> io::Result<Arc<dyn Socket>> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        // The system may grant less; then more datagrams are lost in a burst.
        let _ = socket.set_recv_buffer_size(RECV_BUFFER);
        let recv_buffer = socket.recv_buffer_size()?;
        socket.bind(&address.into())?;
        datagram::prepare(&socket, address.is_ipv6())?;
        let io = Async::new(UdpSocket::from(socket))?;
        let local = io.get_ref().local_addr()?;
        Ok(Arc::new(SystemSocket { io, local, recv_buffer }))
    }

    fn lookup<'a>(&'a self, host: &'a HostPort) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        async move { Ok((host.host.as_str(), host.port).to_socket_addrs().await?.collect()) }.boxed()
    }
}

#[derive(Debug)]
struct SystemSocket {
    io: Async<UdpSocket>,
    local: SocketAddr,
    recv_buffer: usize,
}

impl Socket for SystemSocket {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn recv_buffer(&self) -> usize {
        self.recv_buffer
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<Arrival>> {
        loop {
            match datagram::recv(self.io.get_ref(), buffer) {
                Ok(arrival) => return Poll::Ready(Ok(canonical(arrival))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.io.poll_readable(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn leaves_from(&self, from: IpAddr, to: SocketAddr) -> bool {
        let here = self.local.ip();
        // Connecting a socket sends nothing, and the system then gives it the address from which it would send.
        let usual = || {
            let any: IpAddr =
                if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
            let socket = UdpSocket::bind((any, 0))?;
            socket.connect(to)?;
            socket.local_addr()
        };
        if here.is_unspecified() {
            usual().is_ok_and(|local: SocketAddr| local.ip() == from)
        } else {
            here == from
        }
    }

    fn send(&self, datagram: &[u8], to: SocketAddr, from: Option<IpAddr>) -> io::Result<()> {
        let to = self.written(to);
        match from {
            Some(from) => datagram::send(self.io.get_ref(), datagram, to, from),
            None => self.io.get_ref().send_to(datagram, to).map(drop),
        }
    }

    fn send_all(
        &self,
        datagrams: &[&[u8]],
        to: SocketAddr,
        from: Option<IpAddr>,
        note: &mut dyn FnMut(io::Result<()>),
    ) {
        let mut rest = datagrams;
        while let [first, others @ ..] = rest {
            if others.is_empty() {
                return note(self.send(first, to, from)); // costs less than a call for several
            }
            match datagram::send_first(self.io.get_ref(), rest, self.written(to), from) {
                Ok(sent) => {
                    (0..sent).for_each(|_| note(Ok(())));
                    rest = &rest[sent..];
                }
                Err(error) => {
                    note(Err(error));
                    rest = others;
                }
            }
        }
    }
}

impl SystemSocket {
    /// An address as the system takes it for this socket.
    fn written(&self, to: SocketAddr) -> SocketAddr {
        if self.local.is_ipv6() { SocketAddr::V6(mapped(to)) } else { to }
    }
}

/// Writes IPv4 addresses as such that a socket for both families writes as IPv6 ones.
fn canonical(arrival: Arrival) -> Arrival {
    let from = match arrival.from.ip().to_canonical() {
        IpAddr::V4(ip) => (ip, arrival.from.port()).into(),
        IpAddr::V6(_) => arrival.from,
    };
    Arrival { from, to: arrival.to.map(|it| it.to_canonical()), ..arrival }
}

fn mapped(address: SocketAddr) -> SocketAddrV6 {
    match address {
        SocketAddr::V4(it) => SocketAddrV6::new(it.ip().to_ipv6_mapped(), it.port(), 0, 0),
        SocketAddr::V6(it) => it,
    }
}

/// The receive buffer that the system is asked for, in bytes: some thousand messages.
pub(crate) const RECV_BUFFER: usize = 4 << 20;

#[cfg(test)]
mod tests;
