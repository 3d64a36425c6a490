//! Conversations that are measured: planned from a seed, held by real clients over any transport, and judged by their
//! figures. `chat compare` is made of them.
//!
//! Nothing here prints, makes a socket or knows one transport from another.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod durations;
mod figures;
mod report;

pub use durations::Durations;
pub use figures::{BeforeRepair, Cpu, Figures, Join, Moment, Stalls, Way, Wire};
pub use report::{Condition, Contestant, Link, Report, Round, Setting};
