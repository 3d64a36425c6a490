//! Dialling: looks up the addresses of a server and binds a socket for each family of them. Nothing is sent yet.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use chat_core::{Address, HostPort};

use crate::{
    Udp,
    client_link::{ClientLink, json::JsonLink},
};

/// A link to the server that will answer at `address`.
///
/// # Errors
/// When the host has no address, or no socket can be made for one.
pub(crate) async fn dial(address: &Address, udp: &Udp) -> io::Result<ClientLink> {
    let host = HostPort::parse(address)?;
    let lookup = udp.network.lookup(&host);
    let mut targets = host.resolve(lookup, udp.lookup_limit, &*udp.runtime).await?;
    targets.truncate(TARGETS);
    let mut sockets = Vec::new();
    let mut last = None;
    for any in [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
        let Some(target) = targets.iter().find(|target| target.is_ipv4() == any.is_ipv4()) else { continue };
        match udp.network.bind(SocketAddr::new(any, 0)) {
            Ok(socket) => {
                tracing::debug!(recv_buffer = socket.recv_buffer(), "a socket is bound");
                sockets.push(socket);
            }
            Err(error) => {
                let words = format!("cannot reach {}: {error}", host.label(*target));
                last = Some(io::Error::new(error.kind(), words));
            }
        }
    }
    match last {
        Some(error) if sockets.is_empty() => Err(error),
        _ => Ok(ClientLink::new(targets, sockets, &udp.runtime)),
    }
}

/// A link without header to the server at the first address of `address`.
///
/// # Errors
/// When the host has no address, or no socket can be made for it.
pub(crate) async fn dial_without_header(address: &Address, udp: &Udp) -> io::Result<JsonLink> {
    let host = HostPort::parse(address)?;
    let lookup = udp.network.lookup(&host);
    let server = host.resolve(lookup, udp.lookup_limit, &*udp.runtime).await?[0];
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    Ok(JsonLink::new(udp.network.bind(SocketAddr::new(any, 0))?, server, &udp.runtime))
}

/// How many addresses of a host are tried at once.
const TARGETS: usize = 4;
