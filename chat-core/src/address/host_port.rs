//! Hosts and ports: how they are written, and which addresses they have.

use std::{
    fmt, io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use crate::{Address, Runtime, runtime::within};

/// The host and port of an address whose transport has them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostPort {
    /// A name, or an address without brackets.
    pub host: String,
    /// The port; 7000 where the address names none.
    pub port: u16,
}

impl HostPort {
    /// Reads `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT`; one slash may follow.
    ///
    /// # Errors
    /// Of the kind `InvalidInput` when the address is written otherwise, in words that show how to write it.
    pub fn parse(address: &Address) -> io::Result<HostPort> {
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

    /// All addresses of the host, at least one, in the order in which `lookup` found them, IPv4 and IPv6 by turns: if one of
    /// them leads nowhere here, the other is among the first two (RFC 8305, section 4).
    ///
    /// # Errors
    /// Of the kind `NotFound` when the host has none, or `lookup` takes longer than `limit`.
    pub async fn resolve(
        &self,
        lookup: impl Future<Output = io::Result<Vec<SocketAddr>>>,
        limit: Duration,
        runtime: &dyn Runtime,
    ) -> io::Result<Vec<SocketAddr>> {
        let host = &self.host;
        let found = within(limit, runtime, lookup).await.unwrap_or_else(|| {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("the lookup took longer than {limit:?}")))
        });
        let why = match found {
            Ok(addresses) if !addresses.is_empty() => return Ok(by_turns(addresses)),
            Ok(_) => io::Error::new(io::ErrorKind::NotFound, "it has no address"),
            Err(error) => error,
        };
        Err(io::Error::new(io::ErrorKind::NotFound, format!("no such host: {host} ({})", root_cause(&why))))
    }

    /// Whether the host is this machine by its name or address: `localhost`, 127.0.0.1 or ::1.
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>().map(|address| address.to_canonical().is_loopback());
        address.unwrap_or_else(|_| self.host.eq_ignore_ascii_case("localhost"))
    }

    /// `address` for a message, followed by the host name that led to it, if the host is a name.
    pub fn label(&self, address: SocketAddr) -> impl fmt::Display {
        if self.host.parse() == Ok(address.ip()) || self.host.contains(':') {
            address.to_string()
        } else {
            format!("{address} ({})", self.host)
        }
    }

    /// The error of a listener that could not bind `target`, in words that name the address and the cause.
    pub fn cannot_listen(&self, error: &io::Error, target: SocketAddr) -> io::Error {
        let target = self.label(target);
        let words = match error.kind() {
            io::ErrorKind::AddrInUse => format!("{target} is in use by another program"),
            io::ErrorKind::AddrNotAvailable => format!("{target} is not an address of this machine"),
            io::ErrorKind::PermissionDenied => format!("{target} may not be listened on by this user"),
            _ => format!("cannot listen on {target}: {error}"),
        };
        io::Error::new(error.kind(), words)
    }
}

/// `addresses` with those of both families by turns, beginning with the family of the first one.
fn by_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_v4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|at| at.is_ipv4() == is_v4);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered = Vec::with_capacity(first.len() + second.len());
    while first.len() + second.len() > 0 {
        ordered.extend(first.next());
        ordered.extend(second.next());
    }
    ordered
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
    let scheme = address.scheme();
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!(
            "{address} does not name a host and port; write it like {scheme}://192.168.1.7:7000 or \
             {scheme}://[fe80::1]:7000"
        ),
    )
}

/// The port of an address that names none.
const DEFAULT_PORT: u16 = 7000;

#[cfg(test)]
mod tests;
