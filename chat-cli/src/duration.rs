//! Parses durations on the command line: 90s, 15m, 2h, 3d, 1w.

use std::time::Duration;

/// Parses a number followed by a unit.
///
/// # Errors
/// A message for the user, when `raw` is anything else.
pub(crate) fn parse(raw: &str) -> Result<Duration, String> {
    let unit = |seconds: u64| move |number: u64| number.checked_mul(seconds);
    let (number, unit): (&str, &dyn Fn(u64) -> Option<u64>) = match raw.char_indices().last() {
        Some((at, 's')) => (&raw[..at], &unit(1)),
        Some((at, 'm')) => (&raw[..at], &unit(60)),
        Some((at, 'h')) => (&raw[..at], &unit(3600)),
        Some((at, 'd')) => (&raw[..at], &unit(86_400)),
        Some((at, 'w')) => (&raw[..at], &unit(7 * 86_400)),
        _ => return Err(NOT_A_DURATION.to_owned()),
    };
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = number.parse().ok().filter(|_| digits).and_then(unit);
    seconds.map(Duration::from_secs).ok_or_else(|| NOT_A_DURATION.to_owned())
}

const NOT_A_DURATION: &str = "not a duration; write it like 90s, 15m, 2h, 3d or 1w";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (raw, seconds) in
            [("90s", 90), ("15m", 900), ("2h", 7200), ("3d", 259_200), ("1w", 604_800), ("0s", 0)]
        {
            assert_eq!(parse(raw), Ok(Duration::from_secs(seconds)), "{raw}");
        }
        for raw in ["", "s", "2", "+2h", "-2h", "2 h", "2H", "2.5h", "99999999999999999999w", "中"] {
            assert!(parse(raw).is_err(), "{raw}");
        }
    }
}
