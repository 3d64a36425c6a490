//! The client: joins rooms, sends messages, reads on, and comes back after a lost link without missing or repeating
//! an entry.
//!
//! [`Client`] does no I/O: its driver gives it the frames that arrive and the time. [`start`] runs a client over any
//! transport.

mod backoff;
mod config;
mod driver;
mod handshake_retry;
mod in_flight;
mod inbound;
mod keepalive;
mod machine;
mod mode;
mod proof;
mod raw;
mod remote;
mod repair;
mod request_queue;
mod rooms;
mod round_trip;
mod stats;
mod update;

pub use config::{Config, Password};
pub use driver::start;
pub use machine::Client;
pub use proof::Proof;
pub use remote::{Closed, Permit, Remote, Updates};
pub use stats::{RoundTrips, Stats};
pub use update::Update;
