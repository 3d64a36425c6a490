//! Rooms, messages, sessions and the transport seam of the chat.
//!
//! There is no runtime, no socket and no clock in here: what happens is told, with the time, and what must leave is
//! handed out. `ARCHITECTURE.md` shows where everything is and why.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod address;
mod bucket;
pub mod client;
mod id;
pub mod log;
pub mod memory;
pub mod mention;
mod name;
pub mod pake;
mod registry;
mod runtime;
pub mod server;
pub mod text;
pub mod transport;
pub mod wire;
pub mod words;

pub use address::{Address, AddressError, HostPort};
pub use bucket::{Bucket, BucketTable, Rate};
pub use id::{ClientId, KeyId, token, token_value};
pub use name::{NameError, PersonName, RoomName, is_same_name};
pub use registry::{Misplaced, Registry};
pub use runtime::{Runtime, SharedRuntime, within};
