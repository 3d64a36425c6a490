//! What every transport and every log is held to, and bad weather to hold them in.
//!
//! There is no runtime and no transport of its own in here: who runs the suite brings them.

pub mod conformance;
pub mod crowded_room;
pub mod faults;
pub mod log_conformance;
mod raw_client;
mod reads_from;
pub mod simulation;
mod time;
pub mod virtual_time;
pub mod weather;

pub use raw_client::{RawClient, hello};
