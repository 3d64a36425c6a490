//! The measured round trips, and how long to wait for a reply before asking again (RFC 6298).

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::stats::RoundTrips;

/// The estimate of one link's round trip, and the last measurements.
#[derive(Debug)]
pub(super) struct RoundTrip {
    smoothed: Option<Duration>,
    variation: Duration,
    /// How long the session took to open. That may be several round trips, so it counts only until one is measured.
    handshake: Option<Duration>,
    /// The least that a page is waited for, because pages came only after they were requested again.
    page_rto: Duration,
    recent: VecDeque<Duration>,
    measured: u64,
    /// When a frame came last.
    last_heard: Option<Instant>,
    rng: fastrand::Rng,
}

impl RoundTrip {
    pub(super) fn new(seed: u64) -> RoundTrip {
        RoundTrip {
            smoothed: None,
            variation: Duration::ZERO,
            handshake: None,
            page_rto: Duration::ZERO,
            recent: VecDeque::new(),
            measured: 0,
            last_heard: None,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// Takes in how long one reply took, to a request that was sent once (section 2 of the RFC).
    pub(super) fn measure(&mut self, took: Duration) {
        self.measured += 1;
        self.page_rto = Duration::ZERO;
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

    /// Takes in that a page was complete after so many retransmissions of its request. A request that is repeated too soon
    /// can never be measured, and each repetition brings a whole page to a reader who is behind already. So the next
    /// request waits longer (sections 5.5 to 5.7 of the RFC), as long as none is measured.
    pub(super) fn page_came(&mut self, tries: u32) {
        if tries > 0 {
            self.page_rto = self.page_rto.max(MIN_RTO).mul_f64(GROWTH).min(MAX_RTO_WHEN_HEARD);
        }
    }

    /// Takes in how long the session took to open.
    pub(super) fn opened(&mut self, took: Duration) {
        self.handshake = Some(took);
    }

    /// The next link may take another path, so its round trip is not known.
    pub(super) fn link_lost(&mut self) {
        (self.smoothed, self.handshake, self.last_heard) = (None, None, None);
        self.page_rto = Duration::ZERO;
    }

    /// A frame came, so the path is open.
    pub(super) fn heard(&mut self, now: Instant) {
        self.last_heard = Some(now);
    }

    /// The retransmission timeout: how long to wait for a reply that was asked for `tries` times before.
    pub(super) fn rto(&mut self, tries: u32, now: Instant) -> Duration {
        let first = match (self.smoothed, self.handshake) {
            (Some(smoothed), _) => (smoothed + self.variation * 4).clamp(MIN_RTO, MAX_RTO),
            (None, Some(handshake)) => (handshake * 2).clamp(MIN_RTO, MAX_RTO),
            (None, None) => INITIAL_RTO,
        };
        let growths = tries.saturating_sub(TRIES_BEFORE_GROWTH).min(32).cast_signed();
        let was_heard = self.last_heard.is_some_and(|at| now < at + RECENTLY);
        let most = if was_heard { first.max(MAX_RTO_WHEN_HEARD) } else { MAX_RTO };
        let wait = first.mul_f64(GROWTH.powi(growths)).min(most);
        wait + wait.mul_f64(JITTER * self.rng.f64())
    }

    /// The same, for a reply that may be a page of entries.
    pub(super) fn rto_for(&mut self, is_page: bool, tries: u32, now: Instant) -> Duration {
        let rto = self.rto(tries, now);
        if is_page { rto.max(self.page_rto) } else { rto }
    }

    /// For how long frames may be overtaken by later ones before they count as lost.
    pub(super) fn reordering(&self) -> Duration {
        self.smoothed.map_or(MIN_REORDERING, |smoothed| (smoothed / 4).max(MIN_REORDERING))
    }

    /// The last measurement.
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

/// The timeout before a round trip is known.
const INITIAL_RTO: Duration = Duration::from_millis(250);
const MIN_RTO: Duration = Duration::from_millis(20);
const MAX_RTO: Duration = Duration::from_secs(2);
/// The largest timeout while other frames come: then the path is open, and this frame was lost by chance.
const MAX_RTO_WHEN_HEARD: Duration = Duration::from_millis(250);
/// How long ago a frame counts as recent.
const RECENTLY: Duration = Duration::from_secs(1);
/// How many times a request waits the first timeout before the timeout grows. The RFC doubles the timeout at once, for
/// the sake of congested networks; a chat sends little, and its losses on a local network are mostly by chance.
const TRIES_BEFORE_GROWTH: u32 = 2;
const GROWTH: f64 = 1.5;
const JITTER: f64 = 0.25;
const MIN_REORDERING: Duration = Duration::from_millis(10);
/// How many round trips are remembered for the percentiles.
const RECENT: usize = 256;
