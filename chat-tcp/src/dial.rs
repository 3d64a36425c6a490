//! Dialling: the addresses of a host are tried one after the other.

use std::{io, net::SocketAddr, time::Duration};

use chat_core::{Address, HostPort, Runtime, SharedRuntime, within};

use crate::net::{TcpStream, lookup};

/// Connects to the first address of the host that answers.
///
/// # Errors
/// When none does: the error of the last one.
pub(crate) async fn dial(
    address: &Address,
    runtime: &SharedRuntime,
    limit: Duration,
) -> io::Result<TcpStream> {
    let host = HostPort::parse(address)?;
    let mut last = None;
    for target in host.resolve(lookup(&host), limit, &**runtime).await? {
        match connect(target, &**runtime, limit).await {
            Ok(socket) => return Ok(socket),
            Err(error) => last = Some(explain(&error, &host.label(target).to_string(), limit)),
        }
    }
    Err(last.expect("a host that was found has at least one address"))
}

async fn connect(target: SocketAddr, runtime: &dyn Runtime, limit: Duration) -> io::Result<TcpStream> {
    let attempt = within(limit, runtime, TcpStream::connect(target)).await;
    let socket = attempt.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))?;
    // A socket that dials a free port of this machine may be given that very port as its own; TCP then connects the
    // socket to itself.
    if socket.get_ref().local_addr()? == socket.get_ref().peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(socket)
}

fn explain(error: &io::Error, target: &str, limit: Duration) -> io::Error {
    let words = match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("connection refused by {target}"),
        io::ErrorKind::TimedOut => format!("no answer from {target} within {limit:?}"),
        _ => format!("cannot reach {target}: {error}"),
    };
    io::Error::new(error.kind(), words)
}
