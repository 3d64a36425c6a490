//! Loads that are impossible are refused, with the flag that says so.

use std::{ops::RangeInclusive, time::Duration};

use chat_measure::load::{ImpossibleLoad, Lasts, Load, Pace};

use super::load::LOAD;

#[test]
fn what_is_impossible_is_named_by_its_flag() {
    use ImpossibleLoad as Not;
    let idle = Load { pace: Pace::Idle, lasts: Lasts::Messages(5), ..LOAD };
    for (load, why) in [
        (Load { clients: 0, ..LOAD }, Not::Clients),
        (Load { rooms: 0, ..LOAD }, Not::Rooms),
        (Load { rooms: 21, ..LOAD }, Not::Rooms),
        (Load { senders: 0, ..LOAD }, Not::Senders),
        (Load { senders: 21, ..LOAD }, Not::Senders),
        (Load { pace: Pace::Rate(0.0), ..LOAD }, Not::Rate),
        (Load { pace: Pace::Rate(f64::NAN), ..LOAD }, Not::Rate),
        (Load { pace: Pace::Window(0), ..LOAD }, Not::Window),
        (Load { size: 23..=100, ..LOAD }, Not::Size),
        (Load { size: RangeInclusive::new(100, 24), ..LOAD }, Not::Size),
        (Load { size: 24..=8193, ..LOAD }, Not::Size),
        (Load { lasts: Lasts::Time(Duration::ZERO), ..LOAD }, Not::Duration),
        (Load { lasts: Lasts::Messages(0), ..LOAD }, Not::Messages),
        (Load { warmup: Duration::from_secs(1 << 30), ..LOAD }, Not::Warmup),
        (Load { ramp: Some(0.0), ..LOAD }, Not::Ramp),
        (idle, Not::IdleMessages),
    ] {
        assert_eq!(load.clone().checked(), Err(why), "{load:?}");
        assert!(why.to_string().starts_with("--"), "{why}");
    }
}
