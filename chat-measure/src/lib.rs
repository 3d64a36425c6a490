//! Conversations that are measured: planned from a seed, held by real clients over any transport, and judged by their
//! figures. `chat compare` is made of them.
//!
//! Nothing here prints, makes a socket or knows one transport from another.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod contestants;
mod durations;
mod figures;
mod measure;
mod notes;
mod people;
mod person;
mod plan;
mod report;
mod scenario;

pub use contestants::contestants;
pub use durations::Durations;
pub use figures::{BeforeRepair, Cpu, Figures, Join, Moment, Stalls, Way, Wire};
pub use measure::figures;
pub use notes::Notes;
pub use people::{Counters, Gathering, Venue, gather};
pub use plan::Plan;
pub use report::{Condition, Contestant, Link, Report, Round, Setting};
pub use scenario::{Conversation, ImpossibleConversation, Pace, SCENARIOS, Scenario};
