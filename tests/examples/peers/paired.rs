//! Two programs of ours compared round by round: the ratio of what a delivery costs them, and how sure it is.

use std::fmt;

/// The ratios of two programs, one for each round in which both were measured.
pub struct Paired {
    /// In ascending order, never empty.
    ratios: Vec<f64>,
}

impl Paired {
    /// Nothing without a ratio.
    pub fn new(ratios: impl Iterator<Item = f64>) -> Option<Paired> {
        let mut ratios: Vec<f64> = ratios.collect();
        ratios.sort_by(f64::total_cmp);
        (!ratios.is_empty()).then_some(Paired { ratios })
    }

    fn median(&self) -> f64 {
        let count = self.ratios.len();
        (self.ratios[(count - 1) / 2] + self.ratios[count / 2]) / 2.0
    }

    /// Between which two ratios the true median is, with a probability of 95 % at least: so many rounds are above it
    /// and below it as coins fall on one side. It assumes nothing of how the ratios are spread. Nothing where there are
    /// too few rounds to say so.
    fn interval(&self) -> Option<(f64, f64)> {
        let count = self.ratios.len();
        let (mut below, mut chance) = (0, 0.5_f64.powi(i32::try_from(count).ok()?));
        let mut sum = chance;
        while sum <= 0.025 {
            below += 1;
            chance *= (count - below + 1) as f64 / below as f64;
            sum += chance;
        }
        let outside = below.checked_sub(1)?;
        Some((self.ratios[outside], self.ratios[count - 1 - outside]))
    }

    /// Whether the program costs more than the other, beyond what counts as none.
    pub fn is_loss(&self) -> bool {
        self.ratios.len() >= LEAST_ROUNDS && self.interval().is_some_and(|(low, _)| low > 1.0 + NO_LOSS)
    }
}

impl fmt::Display for Paired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounds = self.ratios.len();
        write!(f, "{:.3} times", self.median())?;
        match self.interval() {
            Some((low, high)) => write!(f, ", 95 % interval {low:.3} to {high:.3} over {rounds} rounds")?,
            None => write!(f, " over {rounds} rounds, too few for an interval")?,
        }
        match (self.is_loss(), rounds >= LEAST_ROUNDS) {
            (true, _) => f.write_str(": a loss"),
            (false, true) => f.write_str(": no loss"),
            (false, false) => write!(f, "; it takes {LEAST_ROUNDS} to call it a loss or none"),
        }
    }
}

/// Rounds without which nothing is called a loss.
const LEAST_ROUNDS: usize = 11;
/// A loss of which all of the interval is within this is none.
const NO_LOSS: f64 = 0.05;

#[cfg(test)]
mod tests {
    use super::*;

    fn paired(ratios: impl IntoIterator<Item = f64>) -> Paired {
        Paired::new(ratios.into_iter()).expect("there are ratios")
    }

    #[test]
    fn the_interval_leaves_out_the_rounds_that_chance_allows() {
        assert!(Paired::new(std::iter::empty()).is_none());
        assert_eq!(paired([1.0; 5]).interval(), None, "all of five above it: 3 % on each side");
        assert_eq!(paired([6.0, 1.0, 3.0, 4.0, 2.0, 5.0]).interval(), Some((1.0, 6.0)));
        let eleven = paired((1..=11).rev().map(f64::from));
        assert_eq!((eleven.median(), eleven.interval()), (6.0, Some((2.0, 10.0))));
        let twenty = paired((1..=20).map(f64::from));
        assert_eq!((twenty.median(), twenty.interval()), (10.5, Some((6.0, 15.0))));
    }

    #[test]
    fn a_loss_is_one_whose_whole_interval_is_beyond_five_per_cent() {
        let around = |middle: f64| (0..11).map(move |n| middle + (f64::from(n) - 5.0) / 100.0);
        assert!(paired(around(1.10)).is_loss());
        assert!(!paired(around(1.08)).is_loss(), "its interval begins at 1.04");
        assert!(!paired(around(0.9)).is_loss());
        assert!(!paired(around(1.10).take(10)).is_loss(), "too few rounds");
        let said = paired(around(1.10)).to_string();
        assert_eq!(said, "1.100 times, 95 % interval 1.060 to 1.140 over 11 rounds: a loss");
    }
}
