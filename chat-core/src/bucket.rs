//! The token bucket: so many at once, then so many a minute.

use std::time::{Duration, Instant};

/// How much may be asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// How many a minute in the long run.
    pub per_minute: u32,
}

impl Rate {
    /// The time in which one token comes back.
    fn interval(self) -> Duration {
        Duration::from_secs(60) / self.per_minute.max(1)
    }
}

/// A bucket that fills at a [`Rate`]. Without one it is never empty.
#[derive(Clone, Debug)]
pub struct Bucket {
    rate: Option<Rate>,
    /// When the bucket will be full again; a token taken moves it on by one interval. Nothing else is needed to
    /// know how many are left (the generic cell rate algorithm, ITU-T I.371).
    full_at: Option<Instant>,
}

impl Bucket {
    /// A full bucket.
    pub fn new(rate: Option<Rate>) -> Bucket {
        Bucket { rate, full_at: None }
    }

    /// Whether no token has been taken that has not come back.
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at.is_none_or(|at| at <= now)
    }

    /// Takes one token.
    ///
    /// # Errors
    /// How long to wait for the next one if there is none.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let Some(rate) = self.rate else { return Ok(()) };
        let full_at = self.full_at.filter(|at| *at > now).unwrap_or(now) + rate.interval();
        let capacity = rate.interval() * rate.burst;
        match (full_at - now).checked_sub(capacity) {
            None | Some(Duration::ZERO) => {
                self.full_at = Some(full_at);
                Ok(())
            }
            Some(wait) => Err(wait),
        }
    }
}
