//! The sockets and the name lookup of the runtime: the one place that names async-io and async-std.
//!
//! Everything else is written against what a [`Socket`] can do and [`chat_core::Runtime`]. The sockets are those of
//! async-io, on which async-std's stand as well: a link has to know when there is something to read without reading.

use std::{
    io::{self, Read, Write},
    net::{self, Shutdown, SocketAddr},
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
