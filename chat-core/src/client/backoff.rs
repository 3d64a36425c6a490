//! How long to wait before dialling again.

use std::time::Duration;

/// Waits that double from try to try. Each is drawn at random from the upper half of its range, so that the clients of a
/// server that restarts do not all come at once.
#[derive(Debug)]
pub(super) struct Backoff {
    rng: fastrand::Rng,
    tries: u32,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Backoff {
        Backoff { rng: fastrand::Rng::with_seed(seed), tries: 0 }
    }

    /// Begins again with the shortest wait.
    pub(super) fn reset(&mut self) {
        self.tries = 0;
    }

    /// The next wait. A `hint` of the server is waited for in addition.
    pub(super) fn next(&mut self, hint: Option<Duration>) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.tries.min(16)).min(LONGEST);
        self.tries += 1;
        hint.unwrap_or_default() + whole / 2 + (whole / 2).mul_f64(self.rng.f64())
    }
}

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(10);
