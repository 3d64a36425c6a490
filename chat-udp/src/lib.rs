//! Frames over UDP (protocol 15.8 to 15.22): a datagram carries whole frames, or a part of a large one.
//!
//! The network loses, doubles and reorders datagrams, and this crate does not mend that: chat-core does, for all
//! transports. This crate tells links apart: an address proves itself with a cookie, and a token names the link wherever
//! its client is.
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::{fmt, io, sync::Arc, time::Duration};

use chat_core::{
    Address, SharedRuntime,
    transport::{BoxLink, Listening, Promises, Transport},
};
use futures::{FutureExt, future::BoxFuture};

mod admission;
mod cookie;
mod limit;
mod listener;
mod peers;
mod server_link;

mod client_link;
mod dial;

mod header;
mod json_form;
mod packer;
mod parts;
mod undelivered;

pub mod net;
mod receiver;
mod send_errors;

use header::MAX_CARRIED;
use net::Network;
use packer::PACKED;

/// Frames over UDP, for addresses such as `udp://192.168.1.7:7000`.
///
/// * An address is `udp://HOST:PORT`, where the host is an IPv4 address, an IPv6 address in brackets or a name, and
///   the port is 7000 unless given. The first frame goes to every address of a name, 4 at most, and the first one that
///   answers is the server's.
/// * `udp://0.0.0.0:7000` listens on every IPv4 address and `udp://[::]:7000` on every IPv6 and IPv4 address, where
///   the system can do both with one socket; port 0 picks a free port.
/// * Frames are any bytes. A listener also understands datagrams without a header, which are JSON objects (protocol
///   15.21); it never mixes both forms on one link.
/// * Dialling sends nothing, so it succeeds whether or not a server is there. A link that its server does not know any more
///   ends with an error of kind `ConnectionReset`, at the first frame that is sent over it.
/// * Up to 64 frames, or 256 KiB of them, wait for a link that does not read; more are lost.
/// * Frames leave when the link is flushed, or when 64 datagrams have gathered.
#[derive(Clone)]
pub struct Udp {
    runtime: SharedRuntime,
    network: Arc<dyn Network>,
    lookup_limit: Duration,
    without_header: bool,
}

impl Udp {
    /// UDP over this machine's network, whose tasks run on `runtime`.
    pub fn new(runtime: SharedRuntime) -> Udp {
        Udp::over(Arc::new(net::System), runtime)
    }

    /// UDP over another network, such as a simulated one.
    pub fn over(network: Arc<dyn Network>, runtime: SharedRuntime) -> Udp {
        Udp { runtime, network, lookup_limit: LOOKUP_LIMIT, without_header: false }
    }

    /// Links that are dialled have no header (protocol 15.21): each frame is one datagram whatever its size. Frames are JSON
    /// objects of at most 65,443 bytes. This shows whether a network carries large datagrams.
    #[must_use]
    pub fn without_header(mut self) -> Udp {
        self.without_header = true;
        self
    }
}

impl Transport for Udp {
    fn promises(&self) -> Promises {
        Promises { ordered: false, reliable: false, max_frame: MAX_CARRIED }
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            (
                "batching",
                format!(
                    "frames of one turn share datagrams of up to {PACKED} bytes, which leave with one call"
                ),
            ),
            ("receive buffer", format!("{} MiB asked for, at both ends", net::RECV_BUFFER >> 20)),
        ]
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        listener::listen(address, self).boxed()
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        async move {
            Ok(match self.without_header {
                false => Box::pin(dial::dial(address, self).await?) as BoxLink,
                true => Box::pin(dial::dial_without_header(address, self).await?),
            })
        }
        .boxed()
    }
}

impl fmt::Debug for Udp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Udp").field("network", &self.network).finish_non_exhaustive()
    }
}

/// The largest datagram in bytes: the largest UDP payload over IPv4 (65,535 less 20 and 8 bytes of headers).
const MAX_DATAGRAM: usize = 65_507;

/// Refuses a frame that no datagram, and no parts, can carry.
fn check_length(frame: &[u8]) -> io::Result<()> {
    let len = frame.len();
    if (1..=MAX_CARRIED).contains(&len) {
        return Ok(());
    }
    let words = format!("a frame of {len} bytes; the least is 1, and the limit {MAX_CARRIED}");
    Err(io::Error::new(io::ErrorKind::InvalidInput, words))
}

/// How long a name lookup may take.
const LOOKUP_LIMIT: Duration = Duration::from_secs(10);
