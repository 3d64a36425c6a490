//! Round trips as they were measured, and how long to wait for a reply before asking again (RFC 6298).

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::stats::RoundTrips;

/// The estimate of one link's round trip, and the last ones measured.
#[derive(Debug)]
pub(super) struct RoundTrip {
    smoothed: Option<Duration>,
    /// What opening the session took. That may be several round trips, so it holds only until one is measured.
    handshake: Option<Duration>,
    variation: Duration,
    /// The least that a page is waited for, since pages came only after they were asked for again.
    page: Duration,
    recent: VecDeque<Duration>,
    measured: u64,
    /// When something came last.
    heard: Option<Instant>,
    rng: fastrand::Rng,
}

impl RoundTrip {
    pub(super) fn new(seed: u64) -> RoundTrip {
        RoundTrip {
            smoothed: None,
            handshake: None,
            variation: Duration::ZERO,
            page: Duration::ZERO,
            recent: VecDeque::new(),
            measured: 0,
            heard: None,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// Takes in what one reply took, to a request that was sent once (section 2 of the RFC).
    pub(super) fn measure(&mut self, took: Duration) {
        self.measured += 1;
        self.page = Duration::ZERO;
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

    /// Takes note that a page was here after so many retries. What is asked for again too soon can never be measured, and
    /// each time brings a whole page to a reader who has more to read than it can: so the next one is given longer
    /// (sections 5.5 to 5.7 of the RFC), as long as nothing is measured.
    pub(super) fn page_came(&mut self, tries: u32) {
        if tries > 0 {
            self.page = self.page.max(MIN_RTO).mul_f64(GROWTH).min(MAX_RTO_WHEN_RECEIVING);
        }
    }

    /// Takes in what opening the session took.
    pub(super) fn opened(&mut self, took: Duration) {
        self.handshake = Some(took);
    }

    /// Another link is another way.
    pub(super) fn link_lost(&mut self) {
        (self.smoothed, self.handshake, self.heard, self.page) = (None, None, None, Duration::ZERO);
    }

    /// Something came: the way is open.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = Some(now);
    }

    /// How long to wait from now on for a reply that was asked for `tries` times before.
    pub(super) fn rto(&mut self, tries: u32, now: Instant) -> Duration {
        let first = match (self.smoothed, self.handshake) {
            (Some(smoothed), _) => (smoothed + self.variation * 4).clamp(MIN_RTO, MAX_RTO),
            (None, Some(handshake)) => (handshake * 2).clamp(MIN_RTO, MAX_RTO),
            (None, None) => INITIAL_RTO,
        };
        let grown = tries.saturating_sub(TRIES_BEFORE_GROWTH).min(32).cast_signed();
        let is_receiving = self.heard.is_some_and(|at| now < at + RECENTLY);
        let most = if is_receiving { first.max(MAX_RTO_WHEN_RECEIVING) } else { MAX_RTO };
        let wait = first.mul_f64(GROWTH.powi(grown)).min(most);
        wait + wait.mul_f64(JITTER * self.rng.f64())
    }

    /// The same, for a reply that may be a page of entries.
    pub(super) fn rto_for(&mut self, is_page: bool, tries: u32, now: Instant) -> Duration {
        let rto = self.rto(tries, now);
        if is_page { rto.max(self.page) } else { rto }
    }

    /// For how long a frame may be overtaken by others before it counts as lost.
    pub(super) fn reordering(&self) -> Duration {
        self.smoothed.map_or(MIN_REORDERING, |it| (it / 4).max(MIN_REORDERING))
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

const INITIAL_RTO: Duration = Duration::from_millis(250);
const MIN_RTO: Duration = Duration::from_millis(20);
const MAX_RTO: Duration = Duration::from_secs(2);
/// The same while other frames come: then it is by chance that this one does not.
const MAX_RTO_WHEN_RECEIVING: Duration = Duration::from_millis(250);
const RECENTLY: Duration = Duration::from_secs(1);
/// How often the wait stays as it is. The RFC doubles it at once, for the sake of networks that are full; a chat is
/// little, and what it loses on a local network is mostly lost by chance.
const TRIES_BEFORE_GROWTH: u32 = 2;
const GROWTH: f64 = 1.5;
const JITTER: f64 = 0.25;
const MIN_REORDERING: Duration = Duration::from_millis(10);
/// How many round trips are remembered for the percentiles.
const RECENT: usize = 256;
