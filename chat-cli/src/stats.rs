//! Statistics of a connection (round trips, retries, losses), as one JSON event for programs.

use std::time::Duration;

use chat_core::{
    Address,
    client::{RoundTrips, Stats},
};
use serde::Serialize;

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
