//! The sockets and the name lookup of the runtime: the one place that names async-std.
//!
//! Everything else is written against the traits of `futures` and [`chat_core::Runtime`]. Another runtime of the
//! same family is another crate in the line below and in the manifest.

use std::{
    io,
    net::{Shutdown, SocketAddr},
};

use async_std::net::ToSocketAddrs;
pub(crate) use async_std::net::{TcpListener, TcpStream};
use chat_core::HostPort;

use crate::link::Socket;

/// The addresses of `host`, as the system knows them.
pub(crate) async fn lookup(host: &HostPort) -> io::Result<Vec<SocketAddr>> {
    Ok((host.host.as_str(), host.port).to_socket_addrs().await?.collect())
}

impl Socket for TcpStream {
    fn finish(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}
