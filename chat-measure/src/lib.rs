//! Measures conversations: plans them from a seed, runs them with real clients over any transport, and reports their
//! figures. `chat compare` uses this to compare transports. `chat bench` uses [`load`], which measures the server.
//!
//! This crate does not print, open sockets or depend on a particular transport.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod client;
mod clients;
mod columns;
mod contestants;
mod counters;
mod csv;
mod durations;
mod estimate;
mod figures;
mod human;
pub mod load;
mod measure;
mod page;
mod plan;
mod report;
#[cfg(test)]
#[path = "../tests/sample/mod.rs"]
mod sample;
mod samples;
mod scenario;
mod summary;
mod table;
mod target;
mod verdict;

pub use clients::JoinedClients;
pub use contestants::contestants;
pub use counters::Counters;
pub use csv::csv;
pub use durations::Durations;
pub use figures::{BeforeRepair, Cpu, Figures, Join, Stalls, TimeSlot, Wire, WireCounts};
pub use measure::figures;
pub use page::page;
pub use plan::Plan;
pub use report::{Condition, Contestant, Link, Report, Round, Setting};
pub use samples::Samples;
pub use scenario::{Conversation, ImpossibleConversation, Pace, SCENARIOS, Scenario};
pub use table::table;
pub use target::TargetServer;
pub use verdict::verdict;
