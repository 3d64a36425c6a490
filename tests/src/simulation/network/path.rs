//! One direction of a link: when each frame arrives, and how often.

use std::time::{Duration, Instant};

use chat_testkit::weather::{Dice, Odds};

/// What one direction is like.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// Loss and duplication, of links that do not promise delivery.
    pub odds: Odds,
    /// How long every frame is on its way.
    pub delay: Duration,
    /// How much longer at most; so frames overtake each other, unless the link promises order.
    pub jitter: Duration,
    /// From when to when nothing gets through: it is lost, or where the link promises delivery, it waits.
    pub dark: Vec<(Duration, Duration)>,
}

/// The dice of one direction of one link.
#[derive(Debug)]
pub(super) struct Path {
    conditions: Conditions,
    dice: Dice,
    rng: fastrand::Rng,
    /// The latest arrival so far.
    latest: Option<Instant>,
}

/// When a frame arrives, once for each copy.
#[derive(Debug, Default)]
pub(super) struct Fate {
    pub(super) arrivals: Vec<Instant>,
    pub(super) overtakes: bool,
}

impl Path {
    pub(super) fn new(conditions: Conditions, seed: u64) -> Path {
        let dice = Dice::new(conditions.odds);
        Path { conditions, dice, rng: fastrand::Rng::with_seed(seed), latest: None }
    }

    /// The fate of a frame where delivery is not promised. `calm` is the end of all faults.
    pub(super) fn scatter(&mut self, now: Instant, elapsed: Duration, calm: bool, is_ordered: bool) -> Fate {
        let copies = if calm { 1 } else { self.dice.cast(&mut self.rng) };
        if !calm && self.dark_until(elapsed).is_some() {
            return Fate::default();
        }
        let mut fate = Fate::default();
        for _ in 0..copies {
            let mut at = now + self.span(calm);
            if is_ordered {
                at = self.latest.map_or(at, |latest| at.max(latest));
            }
            fate.overtakes |= self.latest.is_some_and(|latest| at < latest);
            self.latest = self.latest.max(Some(at));
            fate.arrivals.push(at);
        }
        fate
    }

    /// When a frame arrives where order and delivery are promised.
    pub(super) fn queue(&mut self, now: Instant, elapsed: Duration, calm: bool) -> Instant {
        let at = self.delivery(now, elapsed, calm);
        let at = self.latest.map_or(at, |latest| at.max(latest));
        self.latest = Some(at);
        at
    }

    /// When a frame arrives where delivery alone is promised, and whether it overtakes another.
    pub(super) fn stray(&mut self, now: Instant, elapsed: Duration, calm: bool) -> (Instant, bool) {
        let at = self.delivery(now, elapsed, calm);
        let overtakes = self.latest.is_some_and(|latest| at < latest);
        self.latest = self.latest.max(Some(at));
        (at, overtakes)
    }

    fn delivery(&mut self, now: Instant, elapsed: Duration, calm: bool) -> Instant {
        let stall = if calm { None } else { self.dark_until(elapsed) };
        now + stall.map_or(Duration::ZERO, |until| until - elapsed) + self.span(calm)
    }

    /// How many of those on their way still arrive when the link is cut.
    pub(super) fn arrives_of(&mut self, on_their_way: usize) -> usize {
        self.rng.usize(..=on_their_way)
    }

    pub(super) fn dark_until(&self, elapsed: Duration) -> Option<Duration> {
        let dark = self.conditions.dark.iter().find(|(from, to)| (*from..*to).contains(&elapsed));
        dark.map(|(_, until)| *until)
    }

    fn span(&mut self, calm: bool) -> Duration {
        let jitter = self.conditions.jitter.mul_f64(self.rng.f64());
        self.conditions.delay + if calm { jitter / 8 } else { jitter }
    }
}
