//! The sockets and the name lookup of the runtime: the one place that names async-std.
//!
//! Everything else is written against the traits of `futures` and [`chat_core::Runtime`]. Another runtime of the
//! same family is another crate in the line below and in the manifest.

use std::{io, net::Shutdown};

pub(crate) use async_std::net::{TcpListener, TcpStream, ToSocketAddrs};

use crate::link::Socket;

impl Socket for TcpStream {
    fn finish(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}
