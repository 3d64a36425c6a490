//! The server's time of day: that of the system's clock, except for a while after that clock has jumped ahead.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use crate::{SharedRuntime, wire::MAX_INTEGER};

/// Follows the system's clock. Times are in milliseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct TimeOfDay(Mutex<Option<State>>);

#[derive(Clone, Copy, Debug)]
struct State {
    /// The last time that was believed, and when that was.
    believed: (Instant, u64),
    /// Since when the clock is ahead of what has passed.
    ahead_since: Option<Instant>,
}

impl TimeOfDay {
    /// The time now.
    pub(super) fn now(&self, runtime: &SharedRuntime) -> u64 {
        let since = runtime.wall_clock().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let clock = u64::try_from(since.as_millis()).unwrap_or(MAX_INTEGER);
        self.at(runtime.now(), clock).min(MAX_INTEGER)
    }

    /// The time, when the system's clock says `clock`.
    ///
    /// A clock that is more than a day ahead of the time that has passed is believed once it has been so for an hour
    /// (protocol 7.3). A clock that was behind at the start, because it was never set, is followed at once.
    fn at(&self, now: Instant, clock: u64) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = state.unwrap_or(State { believed: (now, clock), ahead_since: None });
        let (since, before) = known.believed;
        let passed = u64::try_from(now.saturating_duration_since(since).as_millis()).unwrap_or(u64::MAX);
        let measured = before.saturating_add(passed);
        let is_ahead = clock > measured.saturating_add(DAY) && measured >= CLOCKS_ARE_SET;
        if is_ahead {
            let ahead_since = *known.ahead_since.get_or_insert_with(|| {
                tracing::warn!(
                    days = (clock - measured) / DAY,
                    "the clock has jumped ahead; it is believed in an hour"
                );
                now
            });
            if now.saturating_duration_since(ahead_since) < DOUBTED_FOR {
                *state = Some(known);
                return measured;
            }
            tracing::warn!("the clock is still ahead, and is believed from now on");
        }
        *state = Some(State { believed: (now, clock), ahead_since: None });
        clock
    }
}

/// In milliseconds.
const DAY: u64 = 86_400_000;
/// 2025: a clock that is before that was never set.
const CLOCKS_ARE_SET: u64 = 1_735_689_600_000;
/// How long a clock that has jumped ahead is not believed.
const DOUBTED_FOR: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests;
