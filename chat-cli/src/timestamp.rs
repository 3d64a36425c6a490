//! Parses the points in time of `--since`: a duration before now, a day or a time.

use jiff::{Timestamp, Zoned, civil};

use crate::duration;

/// Parses `90s`, `15m`, `2h`, `3d` or `1w` (before now), a day such as 2026-11-21 or a time such as 2026-11-21T09:30 (both
/// in the time zone of this machine). The result is in milliseconds since 1970 (UTC).
///
/// # Errors
/// A message that lists the accepted forms.
pub(crate) fn parse(raw: &str) -> Result<u64, String> {
    let at = before(raw, &Zoned::now())
        .ok_or("write it like 90s, 15m, 2h, 3d, 1w, 2026-11-21 or 2026-11-21T09:30")?;
    Ok(u64::try_from(at.as_millisecond()).unwrap_or(0))
}

fn before(raw: &str, now: &Zoned) -> Option<Timestamp> {
    if let Ok(at) = raw.parse::<Timestamp>() {
        return Some(at); // `raw` names its own time zone
    }
    if let Ok(age) = duration::parse(raw) {
        return now.timestamp().checked_sub(age).ok();
    }
    let at: civil::DateTime = raw.parse().ok()?; // a day without a time means its midnight
    Some(at.to_zoned(now.time_zone().clone()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn durations_days_and_times_are_parsed() {
        let now =
            civil::date(2026, 11, 21).at(12, 0, 0, 0).to_zoned(TimeZone::fixed(jiff::tz::offset(1))).unwrap();
        for (raw, expected) in [
            ("90s", "2026-11-21T10:58:30Z"),
            ("15m", "2026-11-21T10:45:00Z"),
            ("2h", "2026-11-21T09:00:00Z"),
            ("3d", "2026-11-18T11:00:00Z"),
            ("1w", "2026-11-14T11:00:00Z"),
            ("2026-11-20", "2026-11-19T23:00:00Z"),
            ("2026-11-20T09:30", "2026-11-20T08:30:00Z"),
            ("2026-11-20T09:30:00Z", "2026-11-20T09:30:00Z"),
        ] {
            assert_eq!(before(raw, &now).map(|at| at.to_string()).as_deref(), Some(expected), "{raw}");
        }
        for raw in
            ["", "h", "-2h", "2y", "2 h", "yesterday", "2026-13-01", "99999999999999999999h", "9999999w", "é"]
        {
            assert_eq!(before(raw, &now), None, "{raw}");
        }
        assert!(parse("1h").is_ok() && parse("soon").is_err());
    }
}
