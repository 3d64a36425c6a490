//! The sockets of the probe: the one place that names them and the runtime.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
};

use async_io::Async;
use socket2::{Domain, Protocol, Socket, Type};

use crate::PROBE_PORT;

pub(crate) type ProbeSocket = Async<UdpSocket>;

/// A socket that hears the probes of all networks, as do those of other servers on this machine.
///
/// # Errors
/// When another program has the port for itself.
pub(crate) fn answering() -> io::Result<ProbeSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    // On Linux and Windows each of those that share it gets what is sent to all.
    socket.set_reuse_address(true)?;
    #[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
    socket.set_reuse_port(true)?;
    socket.bind(&SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, PROBE_PORT)).into())?;
    Async::new(UdpSocket::from(socket))
}

/// A socket that can ask everybody.
///
/// # Errors
/// When the system has none.
pub(crate) fn asking() -> io::Result<ProbeSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.set_broadcast(true)?;
    Async::new(socket)
}
