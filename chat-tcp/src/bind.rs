//! The socket a server listens on.

use std::{io, net::SocketAddr, time::Duration};

use chat_core::{Address, HostPort, SharedRuntime};
use socket2::{Domain, Protocol, Socket, Type};

use crate::net::{TcpListener, lookup};

/// Listens at the first address of the host that can be bound, and returns that address with its port.
///
/// # Errors
/// When no address can be bound: the error of the last one.
pub(crate) async fn bind(
    address: &Address,
    runtime: &SharedRuntime,
    limit: Duration,
) -> io::Result<(Address, TcpListener)> {
    let host = HostPort::parse(address)?;
    let mut last = None;
    for target in host.resolve(lookup(&host), limit, &**runtime).await? {
        match listen(target) {
            Ok((bound, listener)) => {
                let bound = Address::new(address.scheme(), bound)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
                return Ok((bound, listener));
            }
            Err(error) => last = Some(host.cannot_listen(&error, target)),
        }
    }
    Err(last.expect("a host that was found has at least one address"))
}

fn listen(target: SocketAddr) -> io::Result<(SocketAddr, TcpListener)> {
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
    // Elsewhere than on Unix this would let two programs share the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if target.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // Accepted sockets inherit it, so that it costs no call per link.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(&target.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::new(socket.into())?;
    Ok((listener.get_ref().local_addr()?, listener))
}

/// The send buffer that the kernel is asked for, in bytes (Linux takes twice that, its bookkeeping included). With the
/// kernel's own choice a peer that does not read could take up to 4 MiB, and its entries are in the room's log anyway.
/// The limit costs no speed: over loopback full batches go 1.4 times as fast as with the kernel's own choice,
/// since they stay in the cache, and single frames as fast. On a network of 1 ms round trips it allows some 64 MB/s
/// per link.
pub(crate) const SEND_BUFFER: usize = 64 * 1024;

/// Connections that may wait to be accepted, so that all clients can come back at once after a restart. The kernel
/// uses the smaller of this and its own limit (`net.core.somaxconn`, mostly 4096).
const BACKLOG: i32 = 4096;
