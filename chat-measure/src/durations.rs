//! A histogram of durations, in microseconds.

use std::{fmt, time::Duration};

use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A histogram of durations, in microseconds with three significant digits. A duration of more than an hour counts as an
/// hour.
///
/// Serialised as `{"count", "mean_us", "p50_us", "p90_us", "p99_us", "p99_9_us", "max_us", "distribution"}`, where the last
/// is a list of `[microseconds, count]`; only that list is read back.
#[derive(Clone, PartialEq)]
pub struct Durations(Histogram<u64>);

impl Durations {
    /// Adds one duration.
    pub fn record(&mut self, duration: Duration) {
        self.0.saturating_record(micros(duration).clamp(SHORTEST, LONGEST));
    }

    /// Adds all durations of `other`.
    pub fn add(&mut self, other: &Durations) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    /// The number of durations.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The quantile (from 0 to 1) of the durations, in microseconds; `None` if there are none.
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        (!self.0.is_empty()).then(|| self.0.value_at_quantile(quantile))
    }

    /// The longest duration, in microseconds; `None` if there are none.
    pub fn max(&self) -> Option<u64> {
        (!self.0.is_empty()).then(|| self.0.max())
    }

    /// The histogram's buckets: microseconds and count, the shortest first.
    pub fn distribution(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter_recorded().map(|bucket| (bucket.value_iterated_to(), bucket.count_since_last_iteration()))
    }
}

impl Default for Durations {
    fn default() -> Durations {
        Durations(Histogram::new_with_bounds(SHORTEST, LONGEST, DIGITS).expect("these bounds make sense"))
    }
}

impl Extend<Duration> for Durations {
    fn extend<I: IntoIterator<Item = Duration>>(&mut self, durations: I) {
        durations.into_iter().for_each(|duration| self.record(duration));
    }
}

impl FromIterator<Duration> for Durations {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Durations {
        let mut all = Durations::default();
        all.extend(durations);
        all
    }
}

/// The serialised form.
#[derive(Deserialize, Serialize)]
struct Written {
    #[serde(skip_deserializing)]
    count: u64,
    #[serde(skip_deserializing)]
    mean_us: u64,
    #[serde(skip_deserializing)]
    p50_us: Option<u64>,
    #[serde(skip_deserializing)]
    p90_us: Option<u64>,
    #[serde(skip_deserializing)]
    p99_us: Option<u64>,
    #[serde(skip_deserializing)]
    p99_9_us: Option<u64>,
    #[serde(skip_deserializing)]
    max_us: Option<u64>,
    distribution: Vec<(u64, u64)>,
}

impl Serialize for Durations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            count: self.count(),
            mean_us: self.0.mean() as u64,
            p50_us: self.quantile(0.5),
            p90_us: self.quantile(0.9),
            p99_us: self.quantile(0.99),
            p99_9_us: self.quantile(0.999),
            max_us: self.max(),
            distribution: self.distribution().collect(),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Durations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Durations, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let mut durations = Durations::default();
        for (micros, count) in written.distribution {
            durations.0.saturating_record_n(micros.clamp(SHORTEST, LONGEST), count);
        }
        Ok(durations)
    }
}

impl fmt::Debug for Durations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Durations")
            .field("count", &self.count())
            .field("p50_us", &self.quantile(0.5))
            .field("max_us", &self.max())
            .finish()
    }
}

/// A duration in microseconds, capped at `u64::MAX`.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

const SHORTEST: u64 = 1;
const LONGEST: u64 = 3_600_000_000;
const DIGITS: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_survive_serialisation() {
        let all: Durations = (1..2000).map(|it| Duration::from_micros(it * it)).collect();
        let written = serde_json::to_value(&all).unwrap();
        assert_eq!(written["count"], 1999);
        let p50 = written["p50_us"].as_u64().unwrap();
        assert!((1_000_000..1_001_000).contains(&p50), "{p50}");
        let read: Durations = serde_json::from_value(written).unwrap();
        assert_eq!(read, all);
    }

    #[test]
    fn an_empty_histogram_has_no_quantiles() {
        let none = Durations::default();
        assert_eq!((none.count(), none.quantile(0.5), none.max()), (0, None, None));
        let one: Durations = [Duration::from_secs(10_000)].into_iter().collect();
        assert!(one.max().unwrap() >= LONGEST, "a longer duration counts as an hour");
    }
}
