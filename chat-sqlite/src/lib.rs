//! The log in a file: what it has said yes to outlives the process, and with [`Durability::Power`] the machine.
//!
//! One SQLite database (`chat.db` in the directory it is given), written by one thread in one transaction for each
//! batch, read by others. There is no network and no runtime in here, and nothing that knows what a session is.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod batch;
mod checkpoint;
mod connection;
mod directory;
mod error;
mod follow;
mod hash;
mod index;
mod lineage;
mod load;
mod log;
mod open;
mod page;
mod readers;
mod recall;
mod retention;
mod rooms;
mod schema;
mod search;
mod writer;

#[cfg(test)]
mod tests;

pub use error::OpenError;
pub use log::SqliteLog;
pub use open::{Durability, Keep, Options};
