//! Conversations that are measured: planned from a seed, held by real clients over any transport, and judged by their
//! figures. `chat compare` is made of them, and `chat bench` of [`load`], where what is measured is the server.
//!
//! Nothing here prints, makes a socket or knows one transport from another.
#![cfg_attr(test, allow(clippy::unwrap_used))]

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
mod notes;
mod page;
mod people;
mod person;
mod plan;
mod report;
#[cfg(test)]
#[path = "../tests/sample/mod.rs"]
mod sample;
mod scenario;
mod summary;
mod table;
mod venue;
mod verdict;

pub use contestants::contestants;
pub use counters::Counters;
pub use csv::csv;
pub use durations::Durations;
pub use figures::{BeforeRepair, Cpu, Figures, Join, Moment, Stalls, Way, Wire};
pub use measure::figures;
pub use notes::Notes;
pub use page::page;
pub use people::{Gathering, gather};
pub use plan::Plan;
pub use report::{Condition, Contestant, Link, Report, Round, Setting};
pub use scenario::{Conversation, ImpossibleConversation, Pace, SCENARIOS, Scenario};
pub use table::table;
pub use venue::Venue;
pub use verdict::verdict;
