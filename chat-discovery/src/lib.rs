//! Discovery of servers on a network: by mDNS, and by probes where multicast does not get through.
//!
//! `docs/protocol.md`, section 18, has the rules. A server keeps an [`Announcer`]; a client that looks for servers reads
//! [`find`]. Data from the network is bounded and well-formed here, but may be false, and names may contain control
//! characters that must not reach a terminal.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod announce;
mod datagram;
mod find;
pub mod interfaces;
mod mdns;
mod merge;
pub mod multicast;
mod net;
mod reachable;
mod respond;
mod server;

pub use announce::Announcer;
pub use find::{Finder, find};
pub use net::PROBE_PORT;
pub use server::{Found, Hints, MAX_NAME, ServerId};
