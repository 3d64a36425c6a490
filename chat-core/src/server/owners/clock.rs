//! The clock by which names are free again: one that jumps ahead is believed slowly, so that it costs nobody a name.

use std::time::{Duration, Instant};

/// Follows the time of day, in milliseconds since 1970, but ahead only [`PACE`] times as fast as time passes from when it
/// was seen to be ahead (protocol 21.2.4).
#[derive(Debug)]
pub(crate) struct SlowClock {
    believed: u64,
    looked: Instant,
    /// How far the time of day was ahead when it was looked at.
    ahead: u64,
}

impl SlowClock {
    /// `known` is a time that has been.
    pub(crate) fn new(known: u64, (time, now): (u64, Instant)) -> SlowClock {
        let believed = known.min(time);
        SlowClock { believed, looked: now, ahead: time - believed }
    }

    /// The time that is believed when the time of day is `time`.
    pub(crate) fn follow(&mut self, (time, now): (u64, Instant)) -> u64 {
        let passed = millis(now.saturating_duration_since(self.looked));
        self.looked = self.looked.max(now);
        let faster = passed.saturating_mul(PACE - 1).min(self.ahead);
        let most = self.believed.saturating_add(passed).saturating_add(faster);
        self.believed = self.believed.max(time.min(most));
        self.ahead = time.saturating_sub(self.believed);
        self.believed.min(time)
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A clock that is ahead is believed a day more each hour.
const PACE: u64 = 24;

#[cfg(test)]
mod tests;
