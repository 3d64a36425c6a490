//! `--since`: how long ago, or since which day.

use jiff::{Timestamp, Zoned, civil};

use crate::span;

/// Reads `90s`, `15m`, `2h`, `3d`, `1w`, a day as 2026-11-21 or a time as 2026-11-21T09:30, in the zone of this machine,
/// as milliseconds since 1970 (UTC).
///
/// # Errors
/// How it is written.
pub(crate) fn parse(raw: &str) -> Result<u64, String> {
    let at = before(raw, &Zoned::now())
        .ok_or("write it like 90s, 15m, 2h, 3d, 1w, 2026-11-21 or 2026-11-21T09:30")?;
    Ok(u64::try_from(at.as_millisecond()).unwrap_or(0))
}

fn before(raw: &str, now: &Zoned) -> Option<Timestamp> {
    if let Ok(at) = raw.parse::<Timestamp>() {
        return Some(at); // with a zone of its own
    }
    if let Ok(span) = span::parse(raw) {
        return now.timestamp().checked_sub(span).ok();
    }
    let at: civil::DateTime = raw.parse().ok()?; // a day alone is its midnight
    Some(at.to_zoned(now.time_zone().clone()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn spans_days_and_times_are_read() {
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
            assert_eq!(before(raw, &now).map(|it| it.to_string()).as_deref(), Some(expected), "{raw}");
        }
        for raw in
            ["", "h", "-2h", "2y", "2 h", "yesterday", "2026-13-01", "99999999999999999999h", "9999999w", "é"]
        {
            assert_eq!(before(raw, &now), None, "{raw}");
        }
        assert!(parse("1h").is_ok() && parse("soon").is_err());
    }
}
