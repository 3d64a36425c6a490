//! Datagrams on systems that do not tell to which local address they came: answers leave from the one that the system
//! chooses.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
};

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

/// Sends the first of `datagrams`, and returns how many were sent.
pub(super) fn send_first(
    socket: &UdpSocket,
    datagrams: &[&[u8]],
    to: SocketAddr,
    _from: Option<IpAddr>,
) -> io::Result<usize> {
    datagrams.first().map_or(Ok(0), |datagram| socket.send_to(datagram, to).map(|_| 1))
}
