//! The log in a file: acknowledged entries survive the process, and with [`Durability::Power`] a power cut.
//!
//! One SQLite database (`chat.db` in a directory of its own), which one thread writes, in one transaction for each batch,
//! and other threads read. The index of words has a file and a thread of its own. This crate has no network and no runtime, and knows nothing of sessions.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod batch;
mod checkpoint;
mod checksum;
mod clock;
mod command;
mod connection;
mod directory;
mod error;
mod index;
mod indexer;
mod lineage;
mod load;
mod log;
mod lookup;
mod mark;
mod migrate;
mod open;
mod page;
mod people;
mod readers;
mod retention;
mod rooms;
mod row;
mod schema;
mod search;
mod state;
mod store;
mod wal;
mod worker;
mod writer;

#[cfg(test)]
mod tests;

pub use error::OpenError;
pub use log::SqliteLog;
pub use open::{Durability, Keep, Options};
