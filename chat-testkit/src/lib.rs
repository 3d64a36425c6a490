//! What a transport or a log outside this repository is tested with: a suite for each, a raw client, virtual time, and
//! links that lose, double and reorder frames by a seed.
//!
//! This crate has no runtime and no transport of its own: the tests that run a suite bring them.

pub mod conformance;
pub mod crowded_room;
pub mod log_conformance;
#[cfg(feature = "needs")]
pub mod needs;
mod raw_client;
mod reads_from;
mod tail_gate;
mod time;
pub mod virtual_time;
pub mod weather;

pub use raw_client::{RawClient, hello};
pub use tail_gate::{TailGate, Unanswered};
pub use time::within;
