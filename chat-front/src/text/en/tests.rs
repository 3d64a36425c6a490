//! Figures in words, and phrases without places that stay empty.

use chat_core::client::RoundTrips;

use super::*;
use crate::place::Place;

fn stats() -> Stats {
    let (p50, p90, p99) =
        (Duration::from_micros(840), Duration::from_micros(3_456), Duration::from_millis(250));
    let mut stats = Stats::default();
    stats.round_trips = Some(RoundTrips { p50, p90, p99, measured: 300 });
    (stats.retries, stats.lost, stats.repaired, stats.duplicates, stats.reordered) = (1, 2, 3, 4, 5);
    (stats.stalls, stats.longest_stall) = (12, Duration::from_millis(230));
    stats
}

#[test]
fn people_read_one_line() {
    let server = "udp://10.0.0.1:7000";
    assert_eq!(
        figures(&stats(), server).to_string(),
        "-- udp://10.0.0.1:7000: round trip p50 840 µs, p90 3.4 ms, p99 250 ms; \
         retries 1, lost 2, repaired 3, duplicates 4, reordered 5; \
         waited 12 times behind a missing message, at most 230 ms"
    );
    let mut once = Stats::default();
    (once.reordered, once.stalls, once.longest_stall) = (1, 1, Duration::from_micros(900));
    let once = figures(&once, server).to_string();
    assert!(once.ends_with(", reordered 1; waited once behind a missing message, 900 µs"), "{once}");
    let nothing = figures(&Stats::default(), server).to_string();
    assert_eq!(nothing, "-- udp://10.0.0.1:7000: no round trip measured");
}

#[test]
fn a_purpose_is_named_in_a_refusal() {
    let error = |retry_after_ms| Error {
        id: None,
        code: chat_core::wire::Code::Busy,
        message: "full".to_owned(),
        retry_after_ms,
        owned: false,
    };
    let place = Place::Person("bob".to_owned());
    let say = Purpose::Say(place, "psst".to_owned());
    let refused = |error: &Error, purpose: &Purpose| refused(error, purpose).to_string();
    assert_eq!(refused(&error(Some(1_500)), &say), "-- not sent: full; try again in 2 s; it was: psst");
    assert_eq!(refused(&error(None), &Purpose::Join("hall".to_owned())), "-- cannot enter hall: full");
    assert_eq!(refused(&error(Some(1)), &Purpose::Rooms(Vec::new())), "-- refused: full; try again in 1 s");
}
