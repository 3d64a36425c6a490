//! The timer for `heads`: when a session whose link may lose frames is told where a room stands. The first `heads` come
//! soon after an entry, later ones at growing intervals; the intervals grow faster where nothing was lost for a while,
//! because `heads` are most of what a quiet room costs.

use std::time::{Duration, Instant};

/// The timer of one room.
#[derive(Debug, Default)]
pub(crate) struct HeadsTimer {
    /// When the last entry was sent, and how often the interval was doubled since.
    armed: Option<(Instant, u32)>,
}

/// How fast the intervals grow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pace {
    /// Twice the interval each time.
    Careful,
    /// Four times the interval each time.
    Relaxed,
}

impl Pace {
    /// The pace for a client that asked for entries it lacked at `lacked`: such a link is expected to lose more.
    pub(crate) fn of(lacked: Option<Instant>, now: Instant) -> Pace {
        if lacked.is_some_and(|at| now < at + CAREFUL_FOR) { Pace::Careful } else { Pace::Relaxed }
    }

    fn doublings(self) -> u32 {
        match self {
            Pace::Careful => 1,
            Pace::Relaxed => 2,
        }
    }
}

impl HeadsTimer {
    /// Starts the timer anew: an entry was sent whose loss the client could not notice.
    pub(crate) fn arm(&mut self, now: Instant) {
        self.armed = Some((now, 0));
    }

    /// Starts the timer only if it is idle, so that a steady stream of new entries cannot postpone `heads` for ever.
    pub(crate) fn arm_if_idle(&mut self, now: Instant) {
        self.armed.get_or_insert((now, 0));
    }

    /// When the next `heads` are due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.armed.map(|(since, doubled)| since + FIRST * (1 << doubled))
    }

    /// Returns whether `heads` are due now. If so, they count as sent, and the next interval is longer by `pace`.
    pub(crate) fn is_due(&mut self, pace: Pace, now: Instant) -> bool {
        let is_due = self.due().is_some_and(|at| at <= now);
        if is_due {
            let next = self.armed.map(|(since, doubled)| (since, doubled + pace.doublings()));
            self.armed = next.filter(|(_, doubled)| *doubled <= LAST);
        }
        is_due
    }
}

const FIRST: Duration = Duration::from_millis(50);
/// The last `heads` come 12.8 s after the entry: before the client's next `ping`, which is followed by `heads` anyhow.
const LAST: u32 = 8;
/// For how long a link that has lost something is expected to lose more.
const CAREFUL_FOR: Duration = Duration::from_secs(60);
