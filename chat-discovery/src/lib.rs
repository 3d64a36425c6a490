//! Finding the servers of a network, and being found: by mDNS, and by a probe where multicast does not get through.
//!
//! `docs/protocol.md`, section 18, has the rules. Whoever serves keeps an [`Announcer`]; whoever looks for servers reads
//! [`find`]. What the network says is bounded and well-formed in here, but true only as far as it is honest, and its
//! names may hold anything a terminal should not be given.
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
pub use server::{Found, MAX_NAME, ServerId};

/// The UDP port at which servers are asked whether they are there.
pub const PROBE_PORT: u16 = 7001;
