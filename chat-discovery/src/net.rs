//! The sockets of discovery: the only module that uses sockets and the async runtime.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
};

use async_io::Async;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

pub(crate) type ProbeSocket = Async<UdpSocket>;

/// A socket that receives the probes of all networks. Other servers on this machine may have the same port.
///
/// # Errors
/// When another program has the port for itself.
pub(crate) fn answering() -> io::Result<ProbeSocket> {
    shared(PROBE_PORT)
}

/// A socket that receives mDNS. Other programs on this machine may have the same port.
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

/// A socket for broadcast and multicast, on a port that other programs may have as well.
fn shared(port: u16) -> io::Result<ProbeSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    // On Linux and Windows every socket that shares the port receives broadcasts and multicasts.
    socket.set_reuse_address(true)?;
    #[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
    socket.set_reuse_port(true)?;
    socket.bind(&SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)).into())?;
    Async::new(UdpSocket::from(socket))
}

/// A socket that can send broadcasts.
///
/// # Errors
/// When the system has none.
pub(crate) fn asking() -> io::Result<ProbeSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.set_broadcast(true)?;
    Async::new(socket)
}

/// The address of this machine from which a datagram to `to` leaves, if it can.
pub(crate) fn source_towards(to: SocketAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(to).ok()?; // sends nothing
    Some(socket.local_addr().ok()?.ip())
}

/// On how many networks one socket listens to multicast. Systems limit it (Linux to 20, `igmp_max_memberships`), and some are
/// left for networks that come later.
pub(crate) fn networks_of_a_socket() -> usize {
    let most = fs::read_to_string("/proc/sys/net/ipv4/igmp_max_memberships").ok();
    let most: usize = most.and_then(|text| text.trim().parse().ok()).unwrap_or(20);
    most.saturating_sub(4).clamp(1, 16)
}

/// The UDP port on which servers receive probes.
pub const PROBE_PORT: u16 = 7001;
/// The address and port of mDNS (RFC 6762, section 3).
pub(crate) const MDNS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(224, 0, 0, 251), 5353);
