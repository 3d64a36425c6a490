//! Shares, times, rates and sizes: parsed from text and printed.

use std::{fmt, time::Duration};

use super::impossible::Impossible;

/// A share or probability from 0 % to 100 %, in steps of 0.0001 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u32);

impl Share {
    /// 0 %.
    pub const NEVER: Self = Self(0);
    /// 100 %.
    pub const ALWAYS: Self = Self(MILLION);

    /// The share of this many percent.
    ///
    /// # Errors
    ///
    /// `percent` is below 0, above 100, or not a number.
    pub fn percent(percent: f64) -> Result<Self, Impossible> {
        if !(0.0..=100.0).contains(&percent) {
            return Err(Impossible::Share(percent));
        }
        Ok(Self((percent * 10_000.0).round() as u32))
    }

    /// The share as a number from 0 to 1.
    pub fn as_fraction(self) -> f64 {
        f64::from(self.0) / f64::from(MILLION)
    }

    /// Whether an event of this probability happens, for a uniformly random `draw`.
    pub(crate) fn hits(self, draw: u64) -> bool {
        (u128::from(draw) * u128::from(MILLION)) >> 64 < u128::from(self.0)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 10_000, self.0 % 10_000);
        match format!("{rest:04}").trim_end_matches('0') {
            "" => write!(f, "{whole}%"),
            decimals => write!(f, "{whole}.{decimals}%"),
        }
    }
}

const MILLION: u32 = 1_000_000;

/// `2%` or `0.5%`.
pub(super) fn share(text: &str) -> Result<Share, Impossible> {
    let percent = text.strip_suffix('%').and_then(|it| it.trim().parse().ok());
    Share::percent(percent.ok_or_else(|| Impossible::unreadable(text, "a share like 2%"))?)
}

/// Reads a length of time: `20ms`, `1.5s`, `50us`, `7ns`; `0` needs no unit.
///
/// # Errors
///
/// The text is not a time.
pub fn time(text: &str) -> Result<Duration, Impossible> {
    let nanos = scaled(text, &[("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)]);
    nanos.map(Duration::from_nanos).ok_or_else(|| Impossible::unreadable(text, "a time like 20ms"))
}

/// Bits per second: `10mbit`, `500kbit`, `1gbit`, `8000bit`.
pub(super) fn rate(text: &str) -> Result<u64, Impossible> {
    let units = [("kbit", 1_000), ("mbit", 1_000_000), ("gbit", 1_000_000_000), ("bit", 1)];
    scaled(text, &units).ok_or_else(|| Impossible::unreadable(text, "a rate like 10mbit"))
}

/// Bytes: `100kB`, `1MB`, `1500B`, `64KiB`.
pub(super) fn size(text: &str) -> Result<u64, Impossible> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("kB", 1_000), ("MB", 1_000_000), ("B", 1)];
    scaled(text, &units).ok_or_else(|| Impossible::unreadable(text, "a size like 100kB"))
}

/// A number with one of these units. The result is rounded to whole smallest units.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))?;
    if let Ok(whole) = number.trim().parse::<u64>() {
        return whole.checked_mul(unit);
    }
    let value = number.trim().parse::<f64>().ok().filter(|it| it.is_finite() && *it >= 0.0)? * unit as f64;
    (value < u64::MAX as f64).then_some(value.round() as u64)
}

/// A time in the notation of [`time`].
pub(super) struct Time(pub Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")];
        let (unit, name) =
            units.into_iter().find(|(unit, _)| nanos.is_multiple_of(*unit)).expect("one divides all");
        write!(f, "{}{name}", nanos / unit)
    }
}

/// An amount in the notation of [`rate`] and [`size`].
pub(super) struct Amount(pub u64, pub &'static [(u64, &'static str)]);

pub(super) const BITS: &[(u64, &str)] =
    &[(1_000_000_000, "gbit"), (1_000_000, "mbit"), (1_000, "kbit"), (1, "bit")];
pub(super) const BYTES: &[(u64, &str)] = &[(1_000_000, "MB"), (1_000, "kB"), (1, "B")];

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) =
            self.1.iter().find(|(unit, _)| self.0.is_multiple_of(*unit)).expect("one divides all");
        write!(f, "{}{name}", self.0 / unit)
    }
}
