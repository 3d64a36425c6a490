//! Frames over TCP: each is preceded by its length in 4 bytes, most significant byte first.
//!
//! This crate knows no sessions, repeats no request and checks no liveness: chat-core does, for all transports.
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::{fmt, io, sync::Arc, time::Duration};

use chat_core::{
    Address, SharedRuntime,
    transport::{BoxLink, Listening, MAX_LINK_FRAME, Promises, Transport},
};
use futures::{FutureExt, future::BoxFuture};

mod bind;
mod dial;
mod listener;

pub mod frame;
mod frame_deadline;
mod half;
mod link;
mod outbox;
mod readiness;

mod net;

use self::half::{Half, Halves};

/// Frames over TCP, for addresses such as `tcp://192.168.1.7:7000`.
///
/// * An address is `tcp://HOST:PORT`, where the host is an IPv4 address, an IPv6 address in brackets or a name, and
///   the port is 7000 unless given. The addresses of a name are tried 250 ms after each other, IPv4 and IPv6 by turns (RFC
///   8305), and the first one that answers is the server's.
/// * `tcp://0.0.0.0:7000` listens on every IPv4 address and `tcp://[::]:7000` on every IPv6 and IPv4 address, where
///   the system can do both with one socket; port 0 picks a free port.
/// * A frame that has begun must be complete within 10 s, or its link ends with an error of kind `TimedOut`.
#[derive(Clone)]
pub struct Tcp {
    runtime: SharedRuntime,
    nagle: bool,
    /// The unfinished frames of all links that it has accepted.
    halves: Arc<Halves>,
}

impl Tcp {
    /// TCP whose timers run on `runtime`.
    pub fn new(runtime: SharedRuntime) -> Tcp {
        Tcp { runtime, nagle: false, halves: Arc::default() }
    }

    /// Leaves Nagle's algorithm on (RFC 1122, 4.2.3.4), which holds back small writes while earlier ones are not yet
    /// acknowledged. `chat compare` uses it to show its effect on a conversation.
    #[must_use]
    pub fn with_nagle(mut self) -> Tcp {
        self.nagle = true;
        self
    }
}

impl Transport for Tcp {
    fn promises(&self) -> Promises {
        Promises { ordered: true, reliable: true, max_frame: MAX_LINK_FRAME }
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let nagle = if self.nagle { "on" } else { "off" };
        vec![
            ("Nagle's algorithm", nagle.to_owned()),
            ("batching", "frames of one turn leave together, up to 64 KiB".to_owned()),
            (
                "send buffer",
                format!("{} KiB at the server, the system's choice at clients", bind::SEND_BUFFER / 1024),
            ),
        ]
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        async move {
            let (address, listener) = bind::bind(address, &self.runtime, DIAL_LIMIT).await?;
            Ok(Listening { address, incoming: listener::incoming(listener, self.clone()) })
        }
        .boxed()
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        async move {
            let socket = dial::dial(address, &self.runtime, DIAL_LIMIT).await?;
            self.link(socket, None)
        }
        .boxed()
    }
}

impl Tcp {
    /// A link over a connected socket, whichever end began it.
    fn link(&self, socket: net::TcpStream, half: Option<Half>) -> io::Result<BoxLink> {
        // The link gathers frames itself, so each of its writes is meant to leave at once.
        socket.get_ref().set_nodelay(!self.nagle)?;
        Ok(Box::pin(link::TcpLink::new(socket, self.runtime.clone(), FRAME_DEADLINE).with_half(half)))
    }
}

impl fmt::Debug for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tcp").field("nagle", &self.nagle).finish_non_exhaustive()
    }
}

/// How long a frame may take from its first byte to its last (protocol 15.4). A slow link needs some milliseconds; a peer
/// that needs longer holds memory on purpose.
const FRAME_DEADLINE: Duration = Duration::from_secs(10);

/// How long a name lookup and a connection to one address may take. The kernel repeats a lost connection request three
/// times within 7 s; a host that is silent for longer is not there.
const DIAL_LIMIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
