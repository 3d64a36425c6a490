//! What the network does to a conversation, in numbers.

use std::time::Duration;

/// Counted since the client began, over all its links.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// The last 256 round trips, from a request to its reply; none if none was measured.
    pub round_trips: Option<RoundTrips>,
    /// Requests that were sent again because no reply came.
    pub retries: u64,
    /// Entries that did not come by themselves: they were asked for again, or without repair never came.
    pub lost: u64,
    /// Those of them that came when they were asked for.
    pub repaired: u64,
    /// Entries that came more than once.
    pub duplicates: u64,
    /// Entries that came by themselves after later ones.
    pub reordered: u64,
    /// How often entries that had come could not be shown, because one before them was missing. It begins in a room with
    /// the first that has to wait, and ends when none does. A wait that is not over is not counted, and neither is one
    /// that ended because its link was lost or the room joined anew. Over a reliable link it is the network's own
    /// protocol that makes things wait, which is not seen here.
    pub stalls: u64,
    /// How long all of that took, added up.
    pub stalled: Duration,
    /// How long the longest took.
    pub longest_stall: Duration,
}

impl Stats {
    pub(super) fn stall(&mut self, took: Duration) {
        self.stalls += 1;
        self.stalled += took;
        self.longest_stall = self.longest_stall.max(took);
    }
}

/// Percentiles of round trips.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RoundTrips {
    /// Half were as short.
    pub p50: Duration,
    /// Nine of ten were as short.
    pub p90: Duration,
    /// All but one of a hundred were as short.
    pub p99: Duration,
    /// How many were measured in all.
    pub measured: u64,
}
