//! The accept loop. It never ends, never spins, and refuses peers with an error frame when descriptors run out.

use std::{
    fs::File,
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use chat_core::{
    transport::{Incoming, MAX_LINK_FRAME, Peer},
    wire::{self, Code, Event},
};
use futures::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};

use crate::{
    Tcp,
    frame::encode,
    half::Half,
    link::Socket,
    net::{TcpListener, TcpStream},
};

/// The links that `listener` accepts.
pub(crate) fn incoming(listener: TcpListener, tcp: Tcp) -> BoxStream<'static, Incoming> {
    let accepting = Accepting::new(listener, tcp);
    stream::unfold(accepting, |mut it| async move { Some((it.next().await, it)) }).boxed()
}

struct Accepting {
    listener: TcpListener,
    tcp: Tcp,
    /// A spare descriptor, closed when no other is free, so that a peer can be accepted and refused in words.
    reserve: Option<File>,
    /// Errors since the last link.
    errors: u32,
    /// How long the loop waits after the next error.
    pause: Duration,
    /// When a warning was last logged.
    warned: Option<Instant>,
}

impl Accepting {
    fn new(listener: TcpListener, tcp: Tcp) -> Accepting {
        Accepting { listener, tcp, reserve: open_reserve(), errors: 0, pause: PAUSE_MIN, warned: None }
    }

    async fn next(&mut self) -> Incoming {
        loop {
            let (accepted, refused) = match self.listener.accept().await {
                Ok(accepted) => (Ok(accepted), 0),
                Err(error) if verdict(&error) == Verdict::NoDescriptors => {
                    let (accepted, refused) = self.refuse_waiting();
                    (accepted.ok_or(error), refused)
                }
                Err(error) => (Err(error), 0),
            };
            match accepted {
                Ok((socket, from)) => {
                    self.errors = 0;
                    self.pause = PAUSE_MIN;
                    self.reserve = self.reserve.take().or_else(open_reserve);
                    // This fails only for a socket whose peer is gone already.
                    if let Ok(link) = self.tcp.link(socket, Some(Half::new(self.tcp.halves.clone()))) {
                        return Incoming { link, peer: peer(from) };
                    }
                }
                Err(error) => {
                    if let Some(pause) = self.after(&error, refused) {
                        let runtime = &self.tcp.runtime;
                        runtime.sleep_until(runtime.now() + pause).await;
                    }
                }
            }
        }
    }

    /// How long to wait before the next call, after `error` and after `refused` peers were refused.
    fn after(&mut self, error: &io::Error, refused: usize) -> Option<Duration> {
        self.errors += 1;
        if verdict(error) == Verdict::Next && self.errors <= ERRORS_IN_A_ROW {
            return None;
        }
        self.warn(error, refused);
        if refused > 0 {
            self.pause = PAUSE_MIN;
        }
        let pause = self.pause;
        self.pause = PAUSE_MAX.min(2 * pause);
        Some(pause)
    }

    /// Accepts the waiting peers with the spare descriptor, one after the other, refuses them, and returns how many. The
    /// first peer for which a descriptor is free again is returned as accepted, and ends the round.
    fn refuse_waiting(&mut self) -> (Option<(TcpStream, SocketAddr)>, usize) {
        for refused in 0..REFUSED_PER_ROUND {
            if self.reserve.take().is_none() {
                self.reserve = open_reserve();
                return (None, refused);
            }
            let accepted = self.listener.accept().now_or_never().and_then(Result::ok);
            self.reserve = open_reserve();
            match accepted {
                Some((socket, _)) if self.reserve.is_none() => refuse(socket),
                accepted => return (accepted, refused),
            }
            self.reserve = open_reserve();
        }
        (None, REFUSED_PER_ROUND)
    }

    fn warn(&mut self, error: &io::Error, refused: usize) {
        let now = self.tcp.runtime.now();
        if self.warned.is_none_or(|at| now.duration_since(at) >= WARN_EVERY) {
            self.warned = Some(now);
            tracing::warn!(%error, refused, "cannot accept links");
        }
    }
}

/// What an error of `accept` means for the next call.
#[derive(Debug, Eq, PartialEq)]
enum Verdict {
    /// The error was about one connection, which is gone: accept the next one at once.
    Next,
    /// No descriptor is left, in this process or in the system.
    NoDescriptors,
    /// The same error would come again at once.
    Wait,
}

fn verdict(error: &io::Error) -> Verdict {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkDown, NetworkUnreachable,
        PermissionDenied, TimedOut,
    };
    match (error.raw_os_error(), error.kind()) {
        (Some(libc::EMFILE | libc::ENFILE), _) => Verdict::NoDescriptors,
        (Some(libc::EPROTO | libc::ENOPROTOOPT), _) => Verdict::Next,
        // Linux reports network errors of the waiting connection here; a firewall is EPERM.
        (_, ConnectionAborted | ConnectionReset | Interrupted | PermissionDenied | TimedOut) => Verdict::Next,
        (_, HostUnreachable | NetworkDown | NetworkUnreachable) => Verdict::Next,
        _ => Verdict::Wait,
    }
}

fn open_reserve() -> Option<File> {
    File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).ok()
}

fn refusal() -> Vec<u8> {
    let error = wire::Error::of(None, Code::Full, "the server has no room for another link");
    let event = Event::Error(wire::Error { retry_after_ms: Some(RETRY_AFTER_MS), ..error });
    let mut out = Vec::new();
    encode(&wire::write(&event), MAX_LINK_FRAME, &mut out).expect("the refusal is a short frame");
    out
}

/// Tells the peer why and closes the connection. Nothing is waited for: an empty send buffer takes the few bytes, and a
/// peer for which this fails sees the connection close.
fn refuse(socket: TcpStream) {
    let _ = socket.write(&refusal());
    let _ = socket.finish();
    // Unread bytes would turn the close into a reset, which may overtake the error frame.
    let _ = socket.read(&mut [0; 4096]);
}

fn peer(from: SocketAddr) -> Peer {
    let host = from.ip().to_canonical();
    Peer {
        address: SocketAddr::new(host, from.port()).to_string(),
        host: host.to_string(),
        local: host.is_loopback(),
        identity: None,
        binding: None,
    }
}

/// The wait after the first error; each further error in a row doubles it.
const PAUSE_MIN: Duration = Duration::from_millis(10);

/// The longest wait, and so the longest time that new links are still refused after the cause is gone.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Errors about single connections in a row after which the loop waits all the same, so that it cannot spin on a system
/// that reports them for ever.
const ERRORS_IN_A_ROW: u32 = 64;

/// The shortest time between two warnings.
const WARN_EVERY: Duration = Duration::from_secs(1);

/// Peers that are refused before other tasks get their turn.
const REFUSED_PER_ROUND: usize = 64;

/// When a refused peer may come back, in milliseconds.
const RETRY_AFTER_MS: u64 = 1000;

#[cfg(test)]
mod tests;
