//! Whole servers and clients under simulated networks and clocks, and the program under faults of processes and disks.
//!
//! There is no runtime and no transport of its own in here: a test that runs them brings both.

pub mod faults;
pub mod simulation;
