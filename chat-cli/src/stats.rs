//! Statistics of a connection (round trips, retries, losses), as one line for people or one JSON event for programs.

use std::time::Duration;

use chat_core::{
    Address,
    client::{RoundTrips, Stats},
};
use serde::Serialize;

use crate::{output::Line, sanitize::Sanitized};

/// The line for people.
pub(crate) fn line(stats: &Stats, server: &Address) -> Line {
    let line = Line::note("").shown(&Sanitized::line(&server.to_string())).words(": ");
    let line = match &stats.round_trips {
        Some(times) => line
            .words("round trip p50 ")
            .took(times.p50)
            .words(", p90 ")
            .took(times.p90)
            .words(", p99 ")
            .took(times.p99),
        None => line.words("no round trip measured"),
    };
    let counts = [
        (stats.retries, "retries "),
        (stats.lost, "lost "),
        (stats.repaired, "repaired "),
        (stats.duplicates, "duplicates "),
        (stats.reordered, "reordered "),
    ];
    if counts.iter().all(|(count, _)| *count == 0) {
        return line; // as over every lossless link
    }
    let line = counts.into_iter().enumerate().fold(line, |line, (at, (count, what))| {
        line.words(if at == 0 { "; " } else { ", " }).words(what).number(count)
    });
    let line = match stats.stalls {
        0 => return line,
        1 => line.words("; waited once behind a missing message, "),
        times => line.words("; waited ").number(times).words(" times behind a missing message, at most "),
    };
    line.took(stats.longest_stall)
}

/// The JSON event. Times are whole microseconds.
pub(crate) fn event(stats: &Stats, server: &Address) -> impl Serialize {
    Event {
        kind: "stats",
        server: server.to_string(),
        round_trip_us: stats.round_trips.as_ref().map(RoundTripUs::from),
        retries: stats.retries,
        lost: stats.lost,
        repaired: stats.repaired,
        duplicates: stats.duplicates,
        reordered: stats.reordered,
        stalls: stats.stalls,
        stalled_us: us(stats.stalled),
        longest_stall_us: us(stats.longest_stall),
    }
}

#[derive(Serialize)]
struct Event {
    #[serde(rename = "type")]
    kind: &'static str,
    server: String,
    /// Absent until a round trip was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    round_trip_us: Option<RoundTripUs>,
    retries: u64,
    lost: u64,
    repaired: u64,
    duplicates: u64,
    reordered: u64,
    stalls: u64,
    stalled_us: u64,
    longest_stall_us: u64,
}

#[derive(Serialize)]
struct RoundTripUs {
    p50: u64,
    p90: u64,
    p99: u64,
    measured: u64,
}

impl From<&RoundTrips> for RoundTripUs {
    fn from(it: &RoundTrips) -> RoundTripUs {
        RoundTripUs { p50: us(it.p50), p90: us(it.p90), p99: us(it.p99), measured: it.measured }
    }
}

fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats() -> Stats {
        let (p50, p90, p99) =
            (Duration::from_micros(840), Duration::from_micros(3_456), Duration::from_millis(250));
        let mut stats = Stats::default();
        stats.round_trips = Some(RoundTrips { p50, p90, p99, measured: 300 });
        (stats.retries, stats.lost, stats.repaired, stats.duplicates, stats.reordered) = (1, 2, 3, 4, 5);
        (stats.stalls, stats.longest_stall) = (12, Duration::from_millis(230));
        stats.stalled = Duration::from_micros(1_234_567);
        stats
    }

    #[test]
    fn people_read_one_line() {
        let server: Address = "udp://10.0.0.1:7000".parse().unwrap();
        assert_eq!(
            line(&stats(), &server).to_string(),
            "-- udp://10.0.0.1:7000: round trip p50 840 µs, p90 3.4 ms, p99 250 ms; \
             retries 1, lost 2, repaired 3, duplicates 4, reordered 5; \
             waited 12 times behind a missing message, at most 230 ms"
        );
        let mut once = Stats::default();
        (once.reordered, once.stalls, once.longest_stall) = (1, 1, Duration::from_micros(900));
        let once = line(&once, &server).to_string();
        assert!(once.ends_with(", reordered 1; waited once behind a missing message, 900 µs"), "{once}");
        let nothing = line(&Stats::default(), &server).to_string();
        assert_eq!(nothing, "-- udp://10.0.0.1:7000: no round trip measured");
    }

    #[test]
    fn programs_get_whole_numbers() {
        let server: Address = "udp://10.0.0.1:7000".parse().unwrap();
        assert_eq!(
            serde_json::to_string(&event(&stats(), &server)).unwrap(),
            r#"{"type":"stats","server":"udp://10.0.0.1:7000","round_trip_us":{"p50":840,"p90":3456,"p99":250000,"measured":300},"retries":1,"lost":2,"repaired":3,"duplicates":4,"reordered":5,"stalls":12,"stalled_us":1234567,"longest_stall_us":230000}"#
        );
        let nothing = serde_json::to_string(&event(&Stats::default(), &server)).unwrap();
        assert!(!nothing.contains("round_trip"), "{nothing}");
    }
}
