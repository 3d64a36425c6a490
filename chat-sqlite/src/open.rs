//! How a log is to be kept.

use std::time::Duration;

/// How a log is to be kept.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What is stored survives this.
    pub durability: Durability,
    /// What is let go of in the course of time.
    pub keep: Keep,
}

/// What an entry survives, from when it is acknowledged on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Durability {
    /// A power cut: each batch is on the disk, as far as the disk tells the truth, before it is acknowledged
    /// (`synchronous=FULL`).
    #[default]
    Power,
    /// The end of the process, however it comes, but not of the machine: a power cut may take the last seconds. What
    /// is older is unharmed, and readers that saw what was lost are told so (`synchronous=NORMAL`).
    Process,
}

/// What is let go of: the oldest entries of each room, a few at a time, with everything that belongs to them. Their
/// numbers are not given again. Nothing is, by default.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Keep {
    /// Entries older than this, by the system's clock; one that jumps ahead is believed slowly.
    pub age: Option<Duration>,
    /// Entries of a room that is larger than this many bytes: of texts and names, and 128 for each entry.
    pub bytes: Option<u64>,
}
