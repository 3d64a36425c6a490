//! The time by which old entries are deleted. A clock that jumps ahead is believed slowly, and nothing is deleted that
//! this process knows to be new, so that a wrong clock costs no history.

use std::{
    collections::VecDeque,
    time::{Duration, Instant, SystemTime},
};

use rusqlite::{Connection, OptionalExtension, params};

use crate::{checksum::Checksum, open::Keep};

/// The believed time when it was last saved.
pub(crate) const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS clock (
        id INTEGER PRIMARY KEY CHECK (id = 0), believed INTEGER NOT NULL, checksum INTEGER NOT NULL
    ) STRICT;
";

/// What is beyond these bounds is let go of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Horizon {
    /// Times of day before this are too old, in milliseconds since 1970.
    at: u64,
    /// Entries with larger ids are new by the monotonic clock.
    id: i64,
    /// Bytes that a room may have.
    pub(crate) bytes: u64,
}

impl Horizon {
    pub(crate) fn is_too_old(&self, at: u64, id: i64) -> bool {
        at < self.at && id <= self.id
    }
}

/// A clock that follows the system's, but ahead only [`PACE`] times as fast as time passes. Times are in milliseconds
/// since 1970.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    believed: u64,
    looked: Instant,
    saved: Option<Instant>,
    /// The log says that the system's clock is ahead.
    is_told: bool,
    /// Which id was the newest at which time; the first is that of entries from earlier runs.
    marks: VecDeque<(Instant, i64)>,
    before: i64,
}

impl Clock {
    /// `saved` is the time that an earlier run has believed, and `newest_at` that of the newest entry, if there is one.
    /// `newest` is the newest id.
    pub(crate) fn new(saved: Option<u64>, newest_at: Option<u64>, newest: i64) -> Clock {
        Clock::at(time_of_day(), Instant::now(), saved.or(newest_at), newest)
    }

    fn at(time: u64, now: Instant, known: Option<u64>, newest: i64) -> Clock {
        let believed = known.map_or(time, |known| known.min(time));
        let (marks, before) = (VecDeque::new(), newest);
        Clock { believed, looked: now, saved: None, is_told: false, marks, before }
    }

    /// What may be let go of now, when `newest` is the newest id.
    pub(crate) fn horizon(&mut self, keep: &Keep, newest: i64) -> Horizon {
        self.horizon_at(keep, newest, time_of_day(), Instant::now())
    }

    fn horizon_at(&mut self, keep: &Keep, newest: i64, time: u64, now: Instant) -> Horizon {
        let bytes = keep.bytes.unwrap_or(u64::MAX);
        // Without an age the horizon is 1970, and no entry is before that.
        let Some(age) = keep.age else { return Horizon { at: 0, id: i64::MAX, bytes } };
        let at = self.follow(time, now).saturating_sub(millis(age));
        if self.marks.back().is_none_or(|(mark, _)| now.saturating_duration_since(*mark) >= age / MARKS) {
            self.marks.push_back((now, newest));
        }
        while let Some((mark, id)) = self.marks.front()
            && now.saturating_duration_since(*mark) >= age
        {
            self.before = *id;
            self.marks.pop_front();
        }
        Horizon { at, id: self.before, bytes }
    }

    fn follow(&mut self, time: u64, now: Instant) -> u64 {
        let passed = millis(now.saturating_duration_since(self.looked));
        self.looked = now;
        if time > self.believed {
            self.believed = time.min(self.believed.saturating_add(passed.saturating_mul(PACE)));
        }
        let ahead = time.saturating_sub(self.believed);
        if ahead < DAY {
            self.is_told = false;
        } else if !self.is_told {
            self.is_told = true;
            tracing::warn!(
                days = ahead / DAY,
                "the clock is ahead of all that this log has seen; it is believed a day more each hour, and old entries \
                 are kept until then"
            );
        }
        self.believed.min(time)
    }

    /// Whether the believed time is to be saved; after this it counts as saved.
    pub(crate) fn is_to_be_saved(&mut self) -> bool {
        let is_due =
            self.saved.is_none_or(|saved| self.looked.saturating_duration_since(saved) >= SAVED_EVERY);
        if is_due {
            self.saved = Some(self.looked);
        }
        is_due
    }

    pub(crate) fn save(&self, db: &Connection) -> rusqlite::Result<()> {
        db.prepare_cached("INSERT OR REPLACE INTO clock (id, believed, checksum) VALUES (0, ?1, ?2)")?
            .execute(params![self.believed.cast_signed(), checksum(self.believed)])?;
        Ok(())
    }
}

/// The time that was saved last, unless there is none or its row is damaged.
pub(crate) fn saved(db: &Connection) -> Option<u64> {
    let row = db.query_one("SELECT believed, checksum FROM clock", [], |row| {
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?))
    });
    let (believed, found) = row.optional().ok()??;
    (found == checksum(believed)).then_some(believed)
}

fn checksum(believed: u64) -> i64 {
    Checksum::of("clock").number(believed).finish()
}

fn time_of_day() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, millis)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A clock that is ahead is believed a day more each hour.
const PACE: u64 = 24;
/// How many times are remembered within the age that is kept.
const MARKS: u32 = 32;
const SAVED_EVERY: Duration = Duration::from_secs(60);
const DAY: u64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Keep = Keep { age: Some(Duration::from_secs(90 * 86_400)), bytes: None };
    const NOW: u64 = 1_800_000_000_000;

    /// In hours after `start`.
    fn hours(start: Instant, hours: u64) -> Instant {
        start + Duration::from_secs(3600 * hours)
    }

    /// protocol 8.15
    #[test]
    fn a_clock_that_jumps_ahead_is_believed_a_day_an_hour_and_one_that_is_right_at_once() {
        let start = Instant::now();
        let mut clock = Clock::at(NOW + 3650 * DAY, start, Some(NOW), 50);
        let at = |clock: &mut Clock, time, after| clock.horizon_at(&KEEP, 60, time, hours(start, after)).at;
        assert_eq!(at(&mut clock, NOW + 3650 * DAY, 0), NOW - 90 * DAY);
        assert_eq!(at(&mut clock, NOW + 3650 * DAY, 2), NOW + 2 * DAY - 90 * DAY);
        // The clock is right again.
        assert_eq!(at(&mut clock, NOW + DAY, 3), NOW + DAY - 90 * DAY);
        assert_eq!(at(&mut clock, NOW + 3 * DAY, 100), NOW + 3 * DAY - 90 * DAY);
        // And behind.
        assert_eq!(at(&mut clock, 1000, 101), 0);
        assert_eq!(at(&mut clock, NOW + 4 * DAY, 125), NOW + 4 * DAY - 90 * DAY);
    }

    /// protocol 8.15
    #[test]
    fn entries_of_this_run_are_new_until_the_monotonic_clock_says_otherwise() {
        let start = Instant::now();
        let mut clock = Clock::at(NOW, start, Some(NOW), 50);
        let mut id = |newest, days: u64| {
            let horizon = clock.horizon_at(&KEEP, newest, NOW + 10_000 * DAY, hours(start, 24 * days));
            assert!(!horizon.is_too_old(NOW + 9000 * DAY, horizon.id + 1));
            horizon.id
        };
        assert_eq!(id(60, 0), 50);
        assert_eq!(id(70, 80), 50);
        assert_eq!(id(80, 90), 60);
        assert_eq!(id(90, 180), 80);
    }

    #[test]
    fn a_log_without_entries_believes_its_first_clock() {
        let start = Instant::now();
        let mut clock = Clock::at(NOW, start, None, 0);
        assert_eq!(clock.horizon_at(&KEEP, 0, NOW, start).at, NOW - 90 * DAY);
    }
}
