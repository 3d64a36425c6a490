//! The latency tail: which percentile the figures support, and whether two tails differ.

use crate::{estimate::Estimate, summary::Summary};

/// A percentile of the latency, such as the time that 1 message in 100 waits or longer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tail {
    one_in: u64,
}

/// Whether one tail is longer than another, and by what factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Difference {
    /// The tail is not longer, or not noticeably.
    None,
    /// The tail is longer in these rounds, but that may be chance.
    Doubtful(f64),
    /// The tail is longer.
    Clear(f64),
}

impl Tail {
    /// The furthest percentile that every contestant supports, not counting those with too few deliveries for any. It is the
    /// same for all contestants, so that they can be compared.
    pub fn seen_by(summaries: &[Summary]) -> Option<Tail> {
        let enough = |summary: &Summary| Tail::within(summary.latency.count());
        summaries.iter().filter_map(enough).min_by_key(|it| it.one_in)
    }

    fn within(samples: u64) -> Option<Tail> {
        let supported = |one_in: &u64| samples >= BEYOND * one_in;
        TAILS.into_iter().find(supported).map(|one_in| Tail { one_in })
    }

    /// The percentile in microseconds; `None` if the contestant has too few deliveries.
    pub fn of(self, summary: &Summary) -> Option<f64> {
        Tail::within(summary.latency.count()).filter(|it| it.one_in >= self.one_in)?;
        summary.percentile(self.quantile()).map(|it| it.value)
    }

    pub fn quantile(self) -> f64 {
        1.0 - 1.0 / self.one_in as f64
    }

    /// Which messages wait so long, at the first mention.
    pub fn in_full(self) -> String {
        if self.one_in == 2 {
            "half of the messages wait".into()
        } else {
            format!("1 message in {} waits", self.one_in)
        }
    }

    /// Which messages wait so long, at a later mention.
    pub fn in_short(self) -> String {
        if self.one_in == 2 { "half wait".into() } else { format!("1 in {} waits", self.one_in) }
    }

    pub fn name(self) -> &'static str {
        if self.one_in == 2 { "median" } else { "tail" }
    }

    /// How much longer the tail of `long` is than that of `short`.
    ///
    /// Rounds with the same repetition had the same conversation over the same link, so they are compared pair by pair. If
    /// there is only one pair, the number of deliveries tells how much may be chance.
    pub fn difference(self, long: &Summary, short: &Summary) -> Difference {
        let (Some(longer), Some(shorter)) = (self.of(long), self.of(short)) else { return Difference::None };
        let factor = longer / shorter;
        if factor < NOTICED {
            return Difference::None;
        }
        let logarithms = self.pairs(long, short);
        let clear = if logarithms.len() > 1 {
            Estimate::of(&logarithms).is_some_and(Estimate::is_above_zero)
        } else {
            let within = |summary: &Summary| summary.percentile_within(self.quantile());
            matches!((within(long), within(short)), (Some((low, _)), Some((_, high))) if low > high)
        };
        if clear { Difference::Clear(factor) } else { Difference::Doubtful(factor) }
    }

    /// The logarithms of the ratio of both tails, for each repetition that both contestants have.
    fn pairs(self, long: &Summary, short: &Summary) -> Vec<f64> {
        let mut logarithms = Vec::new();
        for (repetition, figures) in &long.rounds {
            let Some((_, others)) = short.rounds.iter().find(|(it, _)| it == repetition) else { continue };
            let both = (figures.latency.quantile(self.quantile()), others.latency.quantile(self.quantile()));
            if let (Some(longer), Some(shorter)) = both {
                logarithms.push((longer as f64 / shorter as f64).ln());
            }
        }
        logarithms
    }
}

/// The percentiles, as one message in so many; the furthest first.
const TAILS: [u64; 4] = [1000, 100, 10, 2];
/// How many deliveries a tail must have, so that it does not depend on a single one.
const BEYOND: u64 = 10;
/// A factor below this is not noticeable, and would not be reproduced on another day.
const NOTICED: f64 = 1.15;
