//! Protocol, section 17: client and server on links that lose, double and reorder frames.

mod client;
mod conversations;
mod everyone_reads_all;
pub mod server;
