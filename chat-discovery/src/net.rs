//! The sockets: the one place that names them and the runtime.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
};

use async_io::Async;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::PROBE_PORT;

pub(crate) type ProbeSocket = Async<UdpSocket>;

/// A socket that hears the probes of all networks, as do those of other servers on this machine.
///
/// # Errors
/// When another program has the port for itself.
pub(crate) fn answering() -> io::Result<ProbeSocket> {
    shared(PROBE_PORT)
}

/// A socket that hears what is said where mDNS is spoken, beside others on this machine that do.
///
/// # Errors
/// When another program has the port for itself.
pub(crate) fn multicast() -> io::Result<ProbeSocket> {
    let socket = shared(MDNS.port())?;
    socket.get_ref().set_multicast_loop_v4(true)?;
    socket.get_ref().set_multicast_ttl_v4(255)?;
    Ok(socket)
}

/// From now on what `socket` says to a group leaves by the interface that has the address `own`, and what is said to the
/// mDNS group there is heard.
///
/// # Errors
/// When that interface knows no multicast.
pub(crate) fn leave_by(socket: &ProbeSocket, own: Ipv4Addr) -> io::Result<()> {
    socket.get_ref().join_multicast_v4(MDNS.ip(), &own)?;
    SockRef::from(socket.get_ref()).set_multicast_if_v4(&own)
}

/// A socket for what is sent to all, at a port that others have as well.
fn shared(port: u16) -> io::Result<ProbeSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    // On Linux and Windows each of those that share it gets what is sent to all.
    socket.set_reuse_address(true)?;
    #[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
    socket.set_reuse_port(true)?;
    socket.bind(&SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)).into())?;
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

/// Where mDNS is spoken (RFC 6762, section 3).
pub(crate) const MDNS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(224, 0, 0, 251), 5353);
