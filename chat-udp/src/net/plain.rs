//! Datagrams where nothing tells to which local address they came: answers leave from the one the system chooses.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
};

use bytes::Bytes;

use super::Arrival;

pub(super) fn prepare(_socket: &socket2::Socket, _is_ipv6: bool) -> io::Result<()> {
    Ok(())
}

pub(super) fn recv(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Arrival> {
    let (len, from) = socket.recv_from(buffer)?;
    Ok(Arrival { len, from, to: None })
}

pub(super) fn send(socket: &UdpSocket, datagram: &[u8], to: SocketAddr, _from: IpAddr) -> io::Result<()> {
    socket.send_to(datagram, to).map(drop)
}

/// Sends as many of the first of `datagrams` as one call does, which here is one, and returns how many.
pub(super) fn send_first(
    socket: &UdpSocket,
    datagrams: &[Bytes],
    to: SocketAddr,
    _from: Option<IpAddr>,
) -> io::Result<usize> {
    datagrams.first().map_or(Ok(0), |it| socket.send_to(it, to).map(|_| 1))
}
