//! What the network does to a conversation, in numbers.

use std::time::Duration;

/// Counted since the client began, over all its links.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// The last 256 round trips, each from a request to its reply; none if none was measured.
    pub round_trips: Option<RoundTrips>,
    /// Requests that were sent again because no reply came.
    pub retries: u64,
    /// Entries that did not arrive by themselves: the client asked for them, or without repair they never arrived.
    pub lost: u64,
    /// Lost entries that arrived after the client asked for them.
    pub repaired: u64,
    /// Entries that arrived more than once.
    pub duplicates: u64,
    /// Entries that arrived by themselves after later ones.
    pub reordered: u64,
    /// How often entries that had arrived could not be shown, because an entry before them was missing. A stall begins in a
    /// room with the first entry that has to wait, and ends when none does. A stall that is not over is not counted, and
    /// neither is one that ended because its link was lost or the room was joined again. Over a reliable link the network's
    /// own protocol makes entries wait, which is not seen here.
    pub stalls: u64,
    /// How long all stalls took, added up.
    pub stalled: Duration,
    /// How long the longest stall took.
    pub longest_stall: Duration,
}

impl Stats {
    /// Counts a stall that is over.
    pub(super) fn stall(&mut self, took: Duration) {
        self.stalls += 1;
        self.stalled += took;
        self.longest_stall = self.longest_stall.max(took);
    }
}

/// Percentiles of round trips.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RoundTrips {
    /// Half of them were at most this long.
    pub p50: Duration,
    /// Nine of ten were at most this long.
    pub p90: Duration,
    /// All but one of a hundred were at most this long.
    pub p99: Duration,
    /// How many were measured in all.
    pub measured: u64,
}
