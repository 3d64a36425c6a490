//! The server's time of day: that of the system's clock, except for a while after that clock has jumped ahead.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

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
    /// The time, when the system's clock says `clock`.
    ///
    /// A clock that is more than a day ahead of the time that has passed is believed once it has been so for an hour
    /// (protocol 7.3). A clock that was behind at the start, because it was never set, is followed at once.
    pub(super) fn at(&self, now: Instant, clock: u64) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = state.unwrap_or(State { believed: (now, clock), ahead_since: None });
        let (since, before) = known.believed;
        let passed = u64::try_from(now.saturating_duration_since(since).as_millis()).unwrap_or(u64::MAX);
        let measured = before.saturating_add(passed);
        let is_ahead = clock > measured.saturating_add(DAY) && measured >= CLOCKS_ARE_SET;
        if is_ahead {
            let ahead_since = *known.ahead_since.get_or_insert_with(|| {
                tracing::warn!(days = (clock - measured) / DAY, "the clock has jumped ahead; it is believed in an hour");
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
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    /// protocol 7.3
    #[test]
    fn a_clock_that_jumps_ahead_is_believed_after_an_hour_and_one_that_is_put_back_at_once() {
        let (time, start) = (TimeOfDay::default(), Instant::now());
        let at = |seconds: u64, clock| time.at(start + Duration::from_secs(seconds), clock);
        assert_eq!(at(0, NOW), NOW);
        assert_eq!(at(10, NOW + DAY), NOW + DAY, "less than a day and what has passed");
        assert_eq!(at(20, NOW + 365 * DAY), NOW + DAY + 10_000);
        assert_eq!(at(3600, NOW + 365 * DAY), NOW + DAY + 3_590_000);
        assert_eq!(at(3601, NOW + 3_601_000), NOW + 3_601_000, "it is right again");
        assert_eq!(at(3700, NOW + 365 * DAY), NOW + 3_700_000, "and the hour begins anew");
        assert_eq!(at(7300, NOW + 365 * DAY), NOW + 365 * DAY);
        assert_eq!(at(7301, NOW), NOW);
    }

    /// protocol 7.3
    #[test]
    fn a_clock_that_was_never_set_is_followed_at_once() {
        let (time, start) = (TimeOfDay::default(), Instant::now());
        assert_eq!(time.at(start, 5000), 5000);
        assert_eq!(time.at(start, NOW), NOW);
    }
}
