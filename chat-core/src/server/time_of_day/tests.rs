//! The time of day, when the clock jumps.
#![expect(clippy::disallowed_methods, reason = "a test has to begin at some time")]

use super::*;

const NOW: u64 = 1_800_000_000_000;

/// protocol 7.3
#[test]
fn a_clock_that_jumps_ahead_is_believed_after_an_hour_and_one_that_is_put_back_at_once() {
    let (time, start) = (TimeOfDay::default(), Instant::now());
    let at = |seconds: u64, clock| time.at(start + Duration::from_secs(seconds), clock);
    assert_eq!(at(0, NOW), NOW);
    assert_eq!(at(10, NOW + DAY), NOW + DAY, "less than a day and what has passed");
    assert_eq!(at(20, NOW + 365 * DAY), NOW + DAY + 10_000);
    assert_eq!(at(3600, NOW + 365 * DAY), NOW + DAY + 3_590_000);
    assert_eq!(at(3601, NOW + 3_601_000), NOW + 3_601_000, "it is right again");
    assert_eq!(at(3700, NOW + 365 * DAY), NOW + 3_700_000, "and the hour begins anew");
    assert_eq!(at(7300, NOW + 365 * DAY), NOW + 365 * DAY);
    assert_eq!(at(7301, NOW), NOW);
}

/// protocol 7.3
#[test]
fn a_clock_that_was_never_set_is_followed_at_once() {
    let (time, start) = (TimeOfDay::default(), Instant::now());
    assert_eq!(time.at(start, 5000), 5000);
    assert_eq!(time.at(start, NOW), NOW);
}
