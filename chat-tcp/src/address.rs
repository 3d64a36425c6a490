//! Hosts and ports: how they are written, and which addresses they have.

use std::{
    fmt, io,
    net::{Ipv6Addr, SocketAddr},
    time::Duration,
};

use chat_core::{Address, Runtime};
use futures::{FutureExt, future};

use crate::net::ToSocketAddrs;

/// What follows the scheme of an address.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct HostPort {
    /// A name, or an address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl HostPort {
    /// Reads `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT`; one slash may follow.
    pub(crate) fn parse(address: &Address) -> io::Result<HostPort> {
        let rest = address.rest();
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(bracketed) => {
                let (host, port) = bracketed.split_once(']').ok_or_else(|| not_understood(address))?;
                let bare = host.split_once('%').map_or(host, |(bare, _zone)| bare);
                bare.parse::<Ipv6Addr>().map_err(|_| not_understood(address))?;
                (host, port)
            }
            None => rest.split_at(rest.find(':').unwrap_or(rest.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|it| it.is_ascii_digit()) => digits.parse().ok(),
            None if port.is_empty() => Some(DEFAULT_PORT),
            _ => None,
        };
        match port {
            Some(port) if !host.is_empty() && !host.contains(['/', '@', '?', '#', '[', ']']) => {
                Ok(HostPort { host: host.to_owned(), port })
            }
            _ => Err(not_understood(address)),
        }
    }

    /// All addresses of the host, at least one, in the order the system prefers.
    ///
    /// # Errors
    /// When it has none, or the lookup takes longer than `limit`.
    pub(crate) async fn resolve(
        &self,
        runtime: &dyn Runtime,
        limit: Duration,
    ) -> io::Result<Vec<SocketAddr>> {
        let host = &self.host;
        let lookup = async { (host.as_str(), self.port).to_socket_addrs().await };
        let found = within(limit, runtime, lookup).await.unwrap_or_else(|| {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("the lookup took longer than {limit:?}")))
        });
        let why = match found.map(Vec::from_iter) {
            Ok(addresses) if !addresses.is_empty() => return Ok(addresses),
            Ok(_) => io::Error::new(io::ErrorKind::NotFound, "it has no address"),
            Err(error) => error,
        };
        Err(io::Error::new(io::ErrorKind::NotFound, format!("no such host: {host} ({})", root_cause(&why))))
    }

    /// `address`, with the name it was found under if it has one.
    pub(crate) fn label(&self, address: SocketAddr) -> impl fmt::Display {
        if self.host.parse() == Ok(address.ip()) || self.host.contains(':') {
            address.to_string()
        } else {
            format!("{address} ({})", self.host)
        }
    }
}

/// What `future` comes to, unless it takes longer than `limit`.
pub(crate) async fn within<T>(
    limit: Duration,
    runtime: &dyn Runtime,
    future: impl Future<Output = T>,
) -> Option<T> {
    let timer = runtime.sleep_until(runtime.now() + limit);
    let future = std::pin::pin!(future.map(Some));
    future::select(future, timer.map(|()| None)).await.factor_first().0
}

/// The innermost error, without the words that every failed lookup begins with.
fn root_cause(error: &io::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    text.strip_prefix("failed to lookup address information: ").map(str::to_owned).unwrap_or(text)
}

fn not_understood(address: &Address) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!(
            "{address} does not name a host and port; write it like tcp://192.168.1.7:7000 or tcp://[fe80::1]:7000"
        ),
    )
}

/// The port of an address that names none.
const DEFAULT_PORT: u16 = 7000;

#[cfg(test)]
mod tests;
