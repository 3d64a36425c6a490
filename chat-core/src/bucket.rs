//! The token bucket: so many at once, then so many a minute; and a table of buckets that does not grow.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

/// How much may be asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// How many a minute in the long run.
    pub per_minute: u32,
}

impl Rate {
    /// This rate for so many.
    #[must_use]
    pub(crate) fn times(self, many: u32) -> Rate {
        Rate { burst: self.burst.saturating_mul(many), per_minute: self.per_minute.saturating_mul(many) }
    }

    /// The time in which so many tokens come back.
    fn time_for(self, tokens: u32) -> Duration {
        // In nanoseconds, as a token of a fast bucket is a small number of them.
        let nanos = 60_000_000_000 * u128::from(tokens) / u128::from(self.per_minute.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// How empty a bucket is, whose [`Rate`] is named at each call, as it may change.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Level {
    /// When the bucket will be full again; a token taken moves it on by the time in which the token comes back. Nothing
    /// else is needed to know how many are left (the generic cell rate algorithm, ITU-T I.371).
    full_at: Option<Instant>,
}

impl Level {
    /// Whether no token has been taken that has not come back.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.full_at.is_none_or(|at| at <= now)
    }

    /// How long to wait until so many tokens are there; nothing if they are. More tokens than the bucket holds are there
    /// when it is full.
    pub(crate) fn wait(&self, rate: Rate, tokens: u32, now: Instant) -> Duration {
        let missing = self.full_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        (missing + rate.time_for(tokens.min(rate.burst))).saturating_sub(rate.time_for(rate.burst))
    }

    /// Takes so many tokens, whether they are there or not: what is missing is waited for afterwards.
    pub(crate) fn take(&mut self, rate: Rate, tokens: u32, now: Instant) {
        let full_at = self.full_at.filter(|at| *at > now).unwrap_or(now);
        self.full_at = full_at.checked_add(rate.time_for(tokens));
    }

    /// Puts back so many tokens that were taken at this rate.
    pub(crate) fn give_back(&mut self, rate: Rate, tokens: u32) {
        self.full_at = self.full_at.and_then(|at| at.checked_sub(rate.time_for(tokens)));
    }
}

/// A bucket that fills at a [`Rate`]. Without one it is never empty.
#[derive(Clone, Debug)]
pub struct Bucket {
    rate: Option<Rate>,
    level: Level,
}

impl Bucket {
    /// A full bucket.
    pub fn new(rate: Option<Rate>) -> Bucket {
        Bucket { rate, level: Level::default() }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// How long to wait for the next one if there is none.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let Some(rate) = self.rate else { return Ok(()) };
        let wait = self.level.wait(rate, 1, now);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.level.take(rate, 1, now);
        Ok(())
    }
}

/// Buckets for any number of keys, in a table of a fixed size. Keys whose hashes collide share a bucket; the hash has a
/// secret key, so nobody can choose with whom they share one.
pub struct BucketTable {
    secret: u128,
    buckets: Box<[Bucket]>,
}

impl BucketTable {
    /// A table of `places` full buckets, at least one, that fill at `rate` each. `secret` is random.
    pub fn new(rate: Rate, places: usize, secret: u128) -> BucketTable {
        BucketTable { secret, buckets: vec![Bucket::new(Some(rate)); places.max(1)].into() }
    }

    /// The bucket of `key`.
    pub fn of(&mut self, key: impl Hash) -> &mut Bucket {
        let mut hasher = DefaultHasher::new();
        (self.secret, key).hash(&mut hasher);
        let place = hasher.finish() % self.buckets.len() as u64;
        &mut self.buckets[usize::try_from(place).expect("it is a place in the table")]
    }
}

impl fmt::Debug for BucketTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BucketTable").field("places", &self.buckets.len()).finish_non_exhaustive()
    }
}
