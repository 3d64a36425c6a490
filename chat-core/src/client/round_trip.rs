//! Round trips as they were measured, and how long to wait for a reply before asking again (RFC 6298).

use std::{collections::VecDeque, time::Duration};

use super::stats::RoundTrips;

/// The estimate of one link's round trip, and the last ones measured.
#[derive(Debug)]
pub(super) struct RoundTrip {
    smoothed: Option<Duration>,
    variation: Duration,
    recent: VecDeque<Duration>,
    measured: u64,
    rng: fastrand::Rng,
}

impl RoundTrip {
    pub(super) fn new(seed: u64) -> RoundTrip {
        RoundTrip {
            smoothed: None,
            variation: Duration::ZERO,
            recent: VecDeque::new(),
            measured: 0,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// Takes in what one reply took, to a request that was sent once (section 2 of the RFC).
    pub(super) fn measure(&mut self, took: Duration) {
        self.measured += 1;
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(took);
        self.smoothed = Some(match self.smoothed {
            None => {
                self.variation = took / 2;
                took
            }
            Some(smoothed) => {
                self.variation = self.variation * 3 / 4 + smoothed.abs_diff(took) / 4;
                smoothed * 7 / 8 + took / 8
            }
        });
    }

    /// Another link is another way.
    pub(super) fn link_lost(&mut self) {
        self.smoothed = None;
    }

    /// How long to wait for a reply that was asked for `tries` times before.
    pub(super) fn patience(&mut self, tries: u32) -> Duration {
        let first = match self.smoothed {
            Some(smoothed) => (smoothed + self.variation * 4).clamp(LEAST, MOST),
            None => UNMEASURED,
        };
        let wait = first.mul_f64(GROWTH.powi(tries.min(32).cast_signed())).min(MOST);
        wait + wait.mul_f64(JITTER * self.rng.f64())
    }

    /// For how long a frame may be overtaken by others before it counts as lost.
    pub(super) fn reordering(&self) -> Duration {
        self.smoothed.map_or(LEAST_REORDERING, |it| (it / 4).max(LEAST_REORDERING))
    }

    /// The last one that was measured.
    pub(super) fn last(&self) -> Option<Duration> {
        self.recent.back().copied()
    }

    pub(super) fn summary(&self) -> Option<RoundTrips> {
        let mut sorted: Vec<Duration> = self.recent.iter().copied().collect();
        sorted.sort_unstable();
        let at = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).max(1) - 1).copied();
        Some(RoundTrips { p50: at(50)?, p90: at(90)?, p99: at(99)?, measured: self.measured })
    }
}

const UNMEASURED: Duration = Duration::from_millis(250);
const LEAST: Duration = Duration::from_millis(20);
const MOST: Duration = Duration::from_secs(2);
/// Less than the doubling of the RFC, which is for networks that are full: a chat is little, and waits for people.
const GROWTH: f64 = 1.5;
const JITTER: f64 = 0.25;
const LEAST_REORDERING: Duration = Duration::from_millis(10);
/// How many round trips are remembered for the percentiles.
const RECENT: usize = 256;
