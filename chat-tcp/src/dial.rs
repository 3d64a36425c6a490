//! Dialling: the addresses of a host are tried at short intervals until one of them answers (RFC 8305, section 5).

use std::{io, net::SocketAddr, time::Duration};

use chat_core::{Address, HostPort, Runtime, SharedRuntime, within};
use futures::{FutureExt, StreamExt, future::Fuse, select_biased, stream::FuturesUnordered};

use crate::net::{TcpStream, lookup};

/// Connects to the first address of the host that answers.
///
/// # Errors
/// When none does within `limit`: the error of the last one.
pub(crate) async fn dial(
    address: &Address,
    runtime: &SharedRuntime,
    limit: Duration,
) -> io::Result<TcpStream> {
    let host = HostPort::parse(address)?;
    let targets = host.resolve(lookup(&host), limit, &**runtime).await?;
    let (host, runtime) = (&host, &**runtime);
    let attempt = |target| async move {
        let connected = connect(target, runtime, limit).await;
        connected.map_err(|error| explain(&error, &host.label(target).to_string(), limit))
    };
    first_that_answers(targets, attempt, runtime).await
}

/// Begins an attempt with each of `targets`, of which there is at least one: the next one when the one before has failed, or
/// after [`STAGGER`]. Returns the result of the first attempt that works, or the error of the last one that failed.
async fn first_that_answers<T, F: Future<Output = io::Result<T>>>(
    targets: Vec<SocketAddr>,
    attempt: impl Fn(SocketAddr) -> F,
    runtime: &dyn Runtime,
) -> io::Result<T> {
    let mut targets = targets.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut last = None;
    loop {
        attempts.extend(targets.next().map(&attempt));
        let mut next = match targets.len() {
            0 => Fuse::terminated(),
            _ => runtime.sleep_until(runtime.now() + STAGGER).fuse(),
        };
        select_biased! {
            done = attempts.next() => match done {
                Some(Ok(connected)) => return Ok(connected),
                Some(Err(error)) => last = Some(error),
                None => return Err(last.expect("a host that was found has at least one address")),
            },
            () = next => {}
        }
    }
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
    // `PermissionDenied` is for servers that this program does not want; what a firewall forbids may pass.
    let kind =
        if error.kind() == io::ErrorKind::PermissionDenied { io::ErrorKind::Other } else { error.kind() };
    io::Error::new(kind, words)
}

/// How long an address may take before the next one is tried as well: the connection attempt delay of RFC 8305, section 8.
const STAGGER: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use chat_testkit::virtual_time::VirtualTime;
    use futures::future::pending;

    use super::*;

    fn target(port: u16) -> SocketAddr {
        ([10, 0, 0, 1], port).into()
    }

    /// RFC 8305: an address that does not answer holds up the next one for 250 ms, and one that refuses not at all.
    #[test]
    fn addresses_are_tried_at_short_intervals() {
        let time = VirtualTime::new(1);
        let runtime = time.shared();
        time.run(async {
            let begun = runtime.now();
            let tries = Mutex::new(Vec::new());
            let (tries, runtime) = (&tries, &runtime);
            let attempt = |target: SocketAddr| async move {
                tries.lock().unwrap().push((target.port(), (runtime.now() - begun).as_millis()));
                match target.port() {
                    1 | 2 => pending().await,
                    3 => Err(io::ErrorKind::ConnectionRefused.into()),
                    port => Ok(port),
                }
            };
            let targets = (1..=5).map(target).collect();
            assert_eq!(first_that_answers(targets, attempt, &**runtime).await.unwrap(), 4);
            assert_eq!(*tries.lock().unwrap(), [(1, 0), (2, 250), (3, 500), (4, 500)]);
        });
    }

    #[test]
    fn if_none_answers_it_says_why() {
        let time = VirtualTime::new(1);
        let runtime = time.shared();
        time.run(async {
            let attempt = |_| async { Err::<(), _>(io::ErrorKind::ConnectionRefused.into()) };
            let error = first_that_answers(vec![target(1), target(2)], attempt, &*runtime).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        });
    }
}
