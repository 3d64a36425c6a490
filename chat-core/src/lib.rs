//! Rooms, messages, sessions and the transport seam of the chat.
//!
//! There is no runtime, no socket and no clock in here: what happens is told, with the time, and what must leave is
//! handed out. `ARCHITECTURE.md` shows where everything is and why.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod address;
pub mod memory;
mod runtime;
pub mod transport;
pub mod wire;

pub use address::{Address, AddressError};
pub use runtime::{Runtime, SharedRuntime};
