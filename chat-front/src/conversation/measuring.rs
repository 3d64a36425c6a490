//! When the user is shown what the network does: once, or every so often.

use std::time::{Duration, Instant};

use crate::command::Measure;

/// What the user asked to be shown.
#[derive(Debug, Default)]
pub(super) struct Measuring {
    /// The user waits for the next figures.
    is_asked: bool,
    every: Option<(Duration, Instant)>,
}

impl Measuring {
    /// Takes the user's wish. Returns whether to measure now.
    pub(super) fn begin(&mut self, measure: Measure, now: Instant) -> bool {
        match measure {
            Measure::NoMore => {
                self.every = None;
                return false;
            }
            Measure::Once => {}
            Measure::Every(period) => self.every = Some((period, now + period)),
        }
        self.is_asked = true;
        true
    }

    /// When to measure next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.every.map(|(_, at)| at)
    }

    /// Whether to measure at `now`.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        match &mut self.every {
            Some((period, at)) if *at <= now => {
                *at = now + *period;
                self.is_asked = true;
                true
            }
            _ => false,
        }
    }

    /// Figures have come. Returns whether the user asked for them.
    pub(super) fn has_come(&mut self) -> bool {
        std::mem::take(&mut self.is_asked)
    }
}
