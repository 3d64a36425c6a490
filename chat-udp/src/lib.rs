//! The chat over UDP: a datagram is a frame. `docs/protocol.md` has the rules, 15.8 to 15.15.
//!
//! Datagrams get lost, doubled and overtaken, and there is nothing against that in here: sessions and repair are the
//! core's, for all transports. What UDP needs by itself is to know who is who: an address proves itself with a
//! cookie, and a link goes by a token wherever its client is.
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::{fmt, io, sync::Arc, time::Duration};

use chat_core::{
    Address, SharedRuntime,
    transport::{BoxLink, Listening, Promises, Transport},
    wire::MAX_FRAME,
};
use futures::{FutureExt, future::BoxFuture};

mod accepted;
mod admission;
mod cookie;
mod limit;
mod listener;
mod peers;

mod caller;
mod dial;
mod link;

mod envelope;
mod losses;
pub mod net;
mod receiver;

use net::Network;

/// Frames over UDP, for addresses such as `udp://192.168.1.7:7000`.
///
/// * An address is `udp://HOST:PORT`, where the host is an IPv4 address, an IPv6 address in brackets or a name, and
///   the port is 7000 unless given. The first frame goes to every address of a name, 4 at most, and whoever answers
///   first is the server.
/// * `udp://0.0.0.0:7000` listens on every IPv4 address and `udp://[::]:7000` on every IPv6 and IPv4 address, where
///   the system can do both with one socket; port 0 picks a free port.
/// * A link leans on the protocol: frames are JSON objects, the first one of a client is `hello`, and a server's
///   `welcome` begins with `{"type":"welcome"`.
/// * Dialling sends nothing, so it succeeds whether or not somebody is there. A link whose server does not know it
///   any more ends with an error of kind `ConnectionReset`, at the first word that is said over it.
/// * Up to 64 frames, or 256 KiB of them, wait for a link that does not read; more are lost.
/// * What is said over an accepted link leaves when it is flushed, or when 64 frames wait.
#[derive(Clone)]
pub struct Udp {
    runtime: SharedRuntime,
    network: Arc<dyn Network>,
    lookup_limit: Duration,
}

impl Udp {
    /// UDP over this machine's network, whose tasks run on `runtime`.
    pub fn new(runtime: SharedRuntime) -> Udp {
        Udp::over(Arc::new(net::System), runtime)
    }

    /// UDP over another network, such as a simulated one.
    pub fn over(network: Arc<dyn Network>, runtime: SharedRuntime) -> Udp {
        Udp { runtime, network, lookup_limit: LOOKUP_LIMIT }
    }
}

impl Transport for Udp {
    fn promises(&self) -> Promises {
        Promises { ordered: false, reliable: false, max_frame: MAX_FRAME }
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            (
                "batching",
                "a datagram for each frame; a server sends those of a moment with one call".to_owned(),
            ),
            ("receive buffer", format!("{} MiB asked for, at both ends", net::RECV_BUFFER >> 20)),
        ]
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        listener::listen(address, self).boxed()
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        async move { Ok(Box::pin(dial::dial(address, self).await?) as BoxLink) }.boxed()
    }
}

impl fmt::Debug for Udp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Udp").field("network", &self.network).finish_non_exhaustive()
    }
}

/// The largest datagram in bytes: the largest UDP payload over IPv4 (65,535 less 20 and 8 bytes of headers).
const MAX_DATAGRAM: usize = 65_507;

/// How long a name lookup may take.
const LOOKUP_LIMIT: Duration = Duration::from_secs(10);
