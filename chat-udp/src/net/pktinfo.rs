//! Datagrams with the local address they came to or leave from: `IP_PKTINFO`, `IPV6_PKTINFO` (RFC 3542).

use std::{
    io::{self, IoSlice, IoSliceMut},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::AsRawFd,
};

use nix::{
    cmsg_space,
    sys::socket::{
        ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmsg, sendmmsg,
        sendmsg, setsockopt,
        sockopt::{Ipv4PacketInfo, Ipv6RecvPacketInfo},
    },
};

use super::Arrival;

/// Asks for the local address of each datagram that comes.
pub(super) fn prepare(socket: &socket2::Socket, is_ipv6: bool) -> io::Result<()> {
    // IPv4 datagrams on a socket for both families come with the IPv6 kind, their address written as such.
    if is_ipv6 {
        setsockopt(socket, Ipv6RecvPacketInfo, &true)?;
    } else {
        setsockopt(socket, Ipv4PacketInfo, &true)?;
    }
    Ok(())
}

pub(super) fn recv(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Arrival> {
    let mut control = cmsg_space!(libc::in6_pktinfo);
    let mut buffers = [IoSliceMut::new(buffer)];
    let message = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut buffers,
        Some(&mut control),
        MsgFlags::MSG_DONTWAIT,
    )?;
    let from = message.address.as_ref().and_then(address).ok_or(io::ErrorKind::InvalidData)?;
    let to = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            Some(Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes()).into())
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into()),
        _ => None,
    });
    // Nothing leaves from a multicast address.
    Ok(Arrival { len: message.bytes, from, to: to.filter(|ip: &IpAddr| !ip.is_multicast()) })
}

pub(super) fn send(socket: &UdpSocket, datagram: &[u8], to: SocketAddr, from: IpAddr) -> io::Result<()> {
    let source = Source::new(from, to);
    let (buffers, to) = ([IoSlice::new(datagram)], SockaddrStorage::from(to));
    sendmsg(socket.as_raw_fd(), &buffers, &[source.control()], MsgFlags::MSG_DONTWAIT, Some(&to))?;
    Ok(())
}

/// Sends the first of `datagrams` with one call, which ends at a datagram that cannot be sent, and returns how many were
/// sent; an error is that of the first.
pub(super) fn send_first(
    socket: &UdpSocket,
    datagrams: &[&[u8]],
    to: SocketAddr,
    from: Option<IpAddr>,
) -> io::Result<usize> {
    let source = from.map(|from| Source::new(from, to));
    let controls: Vec<ControlMessage<'_>> = source.iter().map(Source::control).collect();
    let buffers: Vec<[IoSlice<'_>; 1]> = datagrams.iter().map(|datagram| [IoSlice::new(datagram)]).collect();
    let to = vec![Some(SockaddrStorage::from(to)); datagrams.len()];
    let mut headers = MultiHeaders::preallocate(datagrams.len(), source.as_ref().map(Source::space));
    let sent = sendmmsg(socket.as_raw_fd(), &mut headers, &buffers, to, &controls, MsgFlags::MSG_DONTWAIT)?;
    Ok(sent.count())
}

/// The local address that a datagram leaves from.
enum Source {
    V4(libc::in_pktinfo),
    V6(libc::in6_pktinfo),
}

impl Source {
    fn new(from: IpAddr, to: SocketAddr) -> Source {
        let from = match (from, to) {
            (IpAddr::V4(from), SocketAddr::V4(_)) => {
                return Source::V4(libc::in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(from.octets()) },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                });
            }
            (IpAddr::V4(from), _) => from.to_ipv6_mapped(),
            (IpAddr::V6(from), _) => from,
        };
        let ipi6_addr = libc::in6_addr { s6_addr: from.octets() };
        Source::V6(libc::in6_pktinfo { ipi6_addr, ipi6_ifindex: 0 })
    }

    fn control(&self) -> ControlMessage<'_> {
        match self {
            Source::V4(info) => ControlMessage::Ipv4PacketInfo(info),
            Source::V6(info) => ControlMessage::Ipv6PacketInfo(info),
        }
    }

    /// A buffer for the control message.
    fn space(&self) -> Vec<u8> {
        match self {
            Source::V4(_) => cmsg_space!(libc::in_pktinfo),
            Source::V6(_) => cmsg_space!(libc::in6_pktinfo),
        }
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let ipv4 = storage.as_sockaddr_in().map(|it| SocketAddr::from(*it));
    ipv4.or_else(|| storage.as_sockaddr_in6().map(|it| SocketAddr::from(*it)))
}
