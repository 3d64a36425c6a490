//! How far into the tail the figures let one see, and whether two tails differ.

use crate::{estimate::Estimate, summary::Summary};

/// A percentile, such as what 1 message in 100 waits or longer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tail {
    one_in: u64,
}

/// Whether one tail is longer than another, and how many times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Difference {
    /// It is not, or so little that nobody would notice.
    None,
    /// It is in these rounds, which may be chance.
    Doubtful(f64),
    /// It is.
    Clear(f64),
}

impl Tail {
    /// The furthest that all of them support that have enough for any; it is the same for all, so that they can be
    /// compared.
    pub fn seen_by(summaries: &[Summary]) -> Option<Tail> {
        let enough = |it: &Summary| Tail::within(it.latency.count());
        summaries.iter().filter_map(enough).min_by_key(|it| it.one_in)
    }

    fn within(samples: u64) -> Option<Tail> {
        let supported = |one_in: &u64| samples >= BEYOND * one_in;
        TAILS.into_iter().find(supported).map(|one_in| Tail { one_in })
    }

    /// How long it is, in microseconds; nothing where there are too few deliveries to say.
    pub fn of(self, summary: &Summary) -> Option<f64> {
        Tail::within(summary.latency.count()).filter(|it| it.one_in >= self.one_in)?;
        summary.percentile(self.quantile()).map(|it| it.value)
    }

    pub fn quantile(self) -> f64 {
        1.0 - 1.0 / self.one_in as f64
    }

    /// Who waits so long.
    pub fn in_full(self) -> String {
        if self.one_in == 2 {
            "half of the messages wait".into()
        } else {
            format!("1 message in {} waits", self.one_in)
        }
    }

    /// The same where it was said before.
    pub fn in_short(self) -> String {
        if self.one_in == 2 { "half wait".into() } else { format!("1 in {} waits", self.one_in) }
    }

    pub fn name(self) -> &'static str {
        if self.one_in == 2 { "median" } else { "tail" }
    }

    /// How much longer the one is than the other.
    ///
    /// Rounds of the same number had the same conversation on the same link, so they are compared pair by pair. Where
    /// there is but one pair, what is known of chance is how many deliveries there were.
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
            let within = |it: &Summary| it.percentile_within(self.quantile());
            matches!((within(long), within(short)), (Some((low, _)), Some((_, high))) if low > high)
        };
        if clear { Difference::Clear(factor) } else { Difference::Doubtful(factor) }
    }

    /// The logarithms of how many times the one is as long, for each repetition both have.
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

/// Every so many one waits as long or longer; the furthest first.
const TAILS: [u64; 4] = [1000, 100, 10, 2];
/// How many have to be in a tail so that it is more than one of them.
const BEYOND: u64 = 10;
/// Less than this factor is no difference that a person would notice, or that another day would show again.
const NOTICED: f64 = 1.15;
