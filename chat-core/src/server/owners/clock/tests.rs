//! The slow clock, when the time of day jumps.
#![expect(clippy::disallowed_methods, reason = "a test has to begin at some time")]

use super::*;

const NOW: u64 = 1_800_000_000_000;
const HOUR: u64 = 3_600_000;

/// protocol 21.2.4
#[test]
fn a_clock_that_jumps_ahead_is_believed_a_day_an_hour() {
    let start = Instant::now();
    let after = |hours: u64| start + Duration::from_millis(hours * HOUR);
    let mut clock = SlowClock::new(NOW, (NOW, start));
    assert_eq!(clock.follow((NOW + 10 * HOUR, after(10))), NOW + 10 * HOUR, "time passes");
    // However long nobody has looked before.
    let jumped = NOW + 365 * 24 * HOUR;
    assert_eq!(clock.follow((jumped, after(1000))), NOW + 1000 * HOUR);
    assert_eq!(clock.follow((jumped, after(1001))), NOW + 1024 * HOUR);
    assert_eq!(clock.follow((NOW + 1002 * HOUR, after(1002))), NOW + 1002 * HOUR, "it is right again");
    assert_eq!(clock.follow((NOW + 1050 * HOUR, after(1050))), NOW + 1050 * HOUR);
    assert_eq!(clock.follow((NOW, after(1051))), NOW, "and behind");
}

/// protocol 21.2.4
#[test]
fn a_server_that_was_off_catches_up() {
    let start = Instant::now();
    let mut clock = SlowClock::new(NOW, (NOW + 48 * HOUR, start));
    assert_eq!(clock.follow((NOW + 48 * HOUR, start)), NOW);
    let later = start + Duration::from_millis(3 * HOUR);
    assert_eq!(clock.follow((NOW + 51 * HOUR, later)), NOW + 51 * HOUR);
}
