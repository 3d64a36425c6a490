//! The chat over TCP: a frame is its length in 4 bytes, most significant first, and then that many bytes of JSON.
//!
//! There is no session, no repeat and no liveness check in here: those are the core's, for all transports.
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::{fmt, io, time::Duration};

use chat_core::{
    Address, SharedRuntime,
    transport::{BoxLink, Listening, Promises, Transport},
    wire::MAX_FRAME,
};
use futures::{FutureExt, future::BoxFuture};

mod bind;
mod dial;
mod listener;

pub mod frame;
mod gate;
mod link;
mod outbox;
mod patience;

mod net;

/// Frames over TCP, for addresses such as `tcp://192.168.1.7:7000`.
///
/// * An address is `tcp://HOST:PORT`, where the host is an IPv4 address, an IPv6 address in brackets or a name, and
///   the port is 7000 unless given. All addresses of a name are tried in the order the system names them.
/// * `tcp://0.0.0.0:7000` listens on every IPv4 address and `tcp://[::]:7000` on every IPv6 and IPv4 address, where
///   the system can do both with one socket; port 0 picks a free port.
/// * A frame that has begun must be complete within 10 s, or its link ends with an error of kind `TimedOut`.
#[derive(Clone)]
pub struct Tcp {
    runtime: SharedRuntime,
    limits: Limits,
    nagle: bool,
}

/// How long the two things that a peer can delay may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// From the first byte of a frame to its last.
    frame: Duration,
    /// A name lookup, and a connection to one address.
    dial: Duration,
}

impl Tcp {
    /// TCP whose timers run on `runtime`.
    pub fn new(runtime: SharedRuntime) -> Tcp {
        Tcp { runtime, limits: Limits { frame: FRAME_LIMIT, dial: DIAL_LIMIT }, nagle: false }
    }

    /// Gives a frame `limit` from its first byte to its last, instead of 10 s.
    #[must_use]
    pub fn with_frame_deadline(mut self, limit: Duration) -> Tcp {
        self.limits.frame = limit;
        self
    }

    /// Gives the lookup of a name, and each address that is dialled, `limit` to answer, instead of 10 s.
    #[must_use]
    pub fn with_dial_limit(mut self, limit: Duration) -> Tcp {
        self.limits.dial = limit;
        self
    }

    /// Leaves Nagle's algorithm on (RFC 1122, 4.2.3.4), which holds back what is small while something else is not yet
    /// acknowledged. To see what it does to a conversation; nobody wants it otherwise.
    #[must_use]
    pub fn with_nagle(mut self) -> Tcp {
        self.nagle = true;
        self
    }
}

impl Transport for Tcp {
    fn promises(&self) -> Promises {
        Promises { ordered: true, reliable: true, max_frame: MAX_FRAME }
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let nagle = if self.nagle { "on" } else { "off" };
        vec![
            ("Nagle's algorithm", nagle.to_owned()),
            ("batching", "frames that are ready leave together, up to 64 KiB".to_owned()),
            (
                "send buffer",
                format!("{} KiB at the server, the system's choice at clients", bind::SEND_BUFFER / 1024),
            ),
        ]
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        async move {
            let (address, listener) = bind::bind(address, &self.runtime, self.limits.dial).await?;
            Ok(Listening { address, incoming: listener::incoming(listener, self.clone()) })
        }
        .boxed()
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        async move {
            let socket = dial::dial(address, &self.runtime, self.limits.dial).await?;
            self.link(socket)
        }
        .boxed()
    }
}

impl Tcp {
    /// A link over a connected socket, whichever end began it.
    fn link(&self, socket: net::TcpStream) -> io::Result<BoxLink> {
        // The link gathers frames itself, so whatever it writes is meant to leave at once.
        socket.get_ref().set_nodelay(!self.nagle)?;
        Ok(Box::pin(link::TcpLink::new(socket, self.runtime.clone(), self.limits.frame)))
    }
}

impl fmt::Debug for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tcp").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// A whole frame takes a slow link some milliseconds; whoever needs longer holds memory on purpose.
const FRAME_LIMIT: Duration = Duration::from_secs(10);

/// Three lost connection requests are repeated within 7 s; a host that is silent longer is not there.
const DIAL_LIMIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
