//! The sockets and the name lookup of the system: the one place that names async-io and async-std.
//!
//! All other modules use [`Socket`] and [`chat_core::Runtime`] alone. The sockets are those of async-io, because a link
//! has to wait until its socket is readable without reading; those of async-std stand on them too.

use std::{
    io::{self, Read, Write},
    net::{self, IpAddr, Shutdown, SocketAddr},
    task::{Context, Poll},
};

use async_io::Async;
use async_std::net::ToSocketAddrs;
use chat_core::HostPort;

use crate::link::Socket;

pub(crate) type TcpListener = Async<net::TcpListener>;
pub(crate) type TcpStream = Async<net::TcpStream>;

/// The addresses of `host`, as the system knows them.
pub(crate) async fn lookup(host: &HostPort) -> io::Result<Vec<SocketAddr>> {
    Ok((host.host.as_str(), host.port).to_socket_addrs().await?.collect())
}

impl Socket for TcpStream {
    fn host(&self) -> Option<IpAddr> {
        self.get_ref().peer_addr().ok().map(|address| address.ip())
    }

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.get_ref().read(buffer)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.get_ref().write(bytes)
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Async::poll_readable(self, cx)
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Async::poll_writable(self, cx)
    }

    fn finish(&self) -> io::Result<()> {
        self.get_ref().shutdown(Shutdown::Write)
    }
}
