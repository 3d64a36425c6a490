//! The weather is as bad as it says, and the same for the same seed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use chat_core::{
    memory::{Memory, pipe},
    transport::{BoxLink, Transport},
};
use chat_testkit::weather::{Dice, Odds, Sky, Weather, WeatherTransport};
use futures::{SinkExt, StreamExt, executor::block_on, future::join};

use crate::runtime::{in_time, runtime};

chat_testkit::conformance!(
    drizzle,
    runtime(),
    |runtime| WeatherTransport::new(
        Arc::new(Memory::default()),
        Weather { loss: 5, duplicate: 5, reorder: 10, ..Weather::default() },
        1,
        runtime,
    ),
    "memory://hall"
);

chat_testkit::conformance!(
    slow,
    runtime(),
    |runtime| WeatherTransport::new(
        Arc::new(Memory::default()),
        Weather { delay: Duration::from_millis(2), ..Weather::default() },
        1,
        runtime,
    ),
    "memory://hall"
);

/// Sends 10,000 numbered frames through one sky, as fast as they go.
fn fate(weather: Weather, seed: u64) -> Vec<u32> {
    let (mut sky, now) = (Sky::new(weather, seed), Instant::now());
    let mut arrived = Vec::new();
    for number in 0..10_000_u32 {
        sky.admit(&Bytes::copy_from_slice(&number.to_be_bytes()), now);
        arrived.extend(std::iter::from_fn(|| sky.release(now)));
    }
    let later = now + Duration::from_secs(1);
    arrived.extend(std::iter::from_fn(|| sky.release(later)));
    arrived.iter().map(|frame| u32::from_be_bytes(frame[..].try_into().unwrap())).collect()
}

#[test]
fn the_same_seed_is_the_same_fate() {
    let weather = Weather { loss: 30, duplicate: 5, reorder: 10, ..Weather::default() };
    assert_eq!(fate(weather, 1), fate(weather, 1));
    assert_ne!(fate(weather, 1), fate(weather, 2));
}

#[test]
fn a_clear_sky_changes_nothing() {
    assert_eq!(fate(Weather::default(), 1), Vec::from_iter(0..10_000));
}

#[test]
fn a_third_is_lost_where_a_third_is_to_be_lost() {
    let arrived = fate(Weather { loss: 30, ..Weather::default() }, 1);
    assert!((6_800..7_200).contains(&arrived.len()), "{} of 10,000 arrived", arrived.len());
    assert!(arrived.is_sorted_by(|a, b| a < b), "loss neither doubles nor reorders");
    assert!(fate(Weather { loss: 100, ..Weather::default() }, 1).is_empty());
}

#[test]
fn bursts_are_as_long_and_as_many_as_they_are_to_be() {
    let mut dice = Dice::new(Odds { loss: 20, burst: 8, ..Odds::default() });
    let mut rng = fastrand::Rng::with_seed(1);
    let fates: Vec<bool> = (0..100_000).map(|_| dice.cast(&mut rng) == 0).collect();
    let lost = fates.iter().filter(|lost| **lost).count();
    let bursts = fates.windows(2).filter(|it| !it[0] && it[1]).count();
    assert!((18_000..22_000).contains(&lost), "{lost} of 100,000 are lost");
    assert!((7..=9).contains(&(lost / bursts)), "{lost} in {bursts} bursts");
}

#[test]
fn some_are_doubled_and_none_is_lost() {
    let arrived = fate(Weather { duplicate: 20, ..Weather::default() }, 1);
    assert!((11_800..12_200).contains(&arrived.len()), "{} arrived", arrived.len());
    let mut once = arrived.clone();
    once.dedup();
    assert_eq!(once, Vec::from_iter(0..10_000));
}

#[test]
fn some_are_overtaken_by_as_many_as_allowed() {
    let mut arrived = fate(Weather { reorder: 10, hold: 5, ..Weather::default() }, 1);
    let held = |window: &&[u32]| window[0] > window[1];
    let overtaken = arrived.windows(2).filter(held).count();
    assert!((700..1_000).contains(&overtaken), "{overtaken} were overtaken");
    for (place, number) in (0..).zip(&arrived) {
        assert!(number.abs_diff(place) <= 5, "frame {number} came as number {place}");
    }
    arrived.sort_unstable();
    assert_eq!(arrived, Vec::from_iter(0..10_000));
}

#[test]
fn a_frame_that_nothing_follows_is_not_held_for_ever() {
    let weather = Weather { reorder: 100, delay: Duration::from_millis(5), ..Weather::default() };
    let (mut sky, now) = (Sky::new(weather, 1), Instant::now());
    sky.admit(&Bytes::from_static(b"last"), now);
    assert_eq!(sky.release(now + Duration::from_millis(5)), None);
    let arrival = sky.next_arrival().unwrap();
    assert_eq!(arrival, now + Duration::from_millis(25));
    assert_eq!(sky.release(arrival), Some(Bytes::from_static(b"last")));
    assert_eq!((sky.in_flight(), sky.next_arrival()), (0, None));
}

#[test]
fn delay_is_the_time_on_the_way() {
    let delay = Duration::from_millis(50);
    let (near, mut far) = pipe();
    let mut near = Weather { delay, ..Weather::default() }.over(Box::pin(near), 1, &runtime());
    let started = Instant::now();
    block_on(in_time(async {
        near.send(Bytes::from_static(b"there")).await.unwrap();
        assert_eq!(far.next().await.unwrap().unwrap(), "there");
        assert!(started.elapsed() >= delay);
        far.send(Bytes::from_static(b"and back")).await.unwrap();
        assert_eq!(near.next().await.unwrap().unwrap(), "and back");
        assert!(started.elapsed() >= 2 * delay);
    }));
}

/// Sends through a link that is cut and gives what arrived, which is checked to be the beginning of what was sent.
async fn until_cut(seed: u64) -> u32 {
    let (near, mut far) = pipe();
    let mut near = Weather { cut_after: 50, ..Weather::default() }.over(Box::pin(near), seed, &runtime());
    let sending = async {
        let mut number = 0_u32;
        let error = loop {
            if let Err(error) = near.send(Bytes::copy_from_slice(&number.to_be_bytes())).await {
                break error;
            }
            number += 1;
        };
        assert!(error.to_string().contains("weather"), "{error}");
        let end =
            near.next().await.expect("an error, not an orderly end").expect_err("nothing was sent back");
        assert!(end.to_string().contains("weather"), "{end}");
        assert!(near.next().await.is_none(), "nothing follows the error");
    };
    let reading = async {
        let mut arrived = 0_u32;
        while let Some(frame) = far.next().await {
            assert_eq!(frame.unwrap(), arrived.to_be_bytes()[..]);
            arrived += 1;
        }
        arrived
    };
    join(sending, reading).await.1
}

#[test]
fn a_cut_link_ends_with_an_error_after_a_seeded_number_of_frames() {
    block_on(in_time(async {
        let mut arrived = Vec::new();
        for seed in 0..100 {
            arrived.push(until_cut(seed).await);
        }
        assert!(arrived.iter().all(|frames| (1..100).contains(frames)), "{arrived:?}");
        let mean = arrived.iter().sum::<u32>() / 100;
        assert!((40..60).contains(&mean), "cut after {mean} frames on average");
        assert_eq!(until_cut(7).await, arrived[7]);
    }));
}

#[test]
fn what_was_sent_before_a_drop_arrives() {
    let (near, mut far) = pipe();
    let weather = Weather { delay: Duration::from_millis(20), ..Weather::default() };
    let mut near: BoxLink = weather.over(Box::pin(near), 1, &runtime());
    block_on(in_time(async {
        near.send(Bytes::from_static(b"goodbye")).await.unwrap();
        drop(near);
        assert_eq!(far.next().await.unwrap().unwrap(), "goodbye");
        assert!(far.next().await.is_none());
    }));
}

#[test]
fn promises_are_as_weak_as_the_weather() {
    let promises =
        |weather| WeatherTransport::new(Arc::new(Memory::default()), weather, 1, runtime()).promises();
    let clear = Memory::default().promises();
    assert_eq!(promises(Weather::default()), clear);
    assert_eq!(
        promises(Weather { cut_after: 9, delay: Duration::from_secs(1), ..Weather::default() }),
        clear
    );
    for (weather, ordered, reliable) in [
        (Weather { loss: 1, ..Weather::default() }, true, false),
        (Weather { duplicate: 1, ..Weather::default() }, true, false),
        (Weather { reorder: 1, ..Weather::default() }, false, true),
        (Weather { loss: 1, reorder: 1, ..Weather::default() }, false, false),
    ] {
        let weak = promises(weather);
        assert_eq!((weak.ordered, weak.reliable, weak.max_frame), (ordered, reliable, clear.max_frame));
        assert!(!weak.is_lossless(), "{weather:?}");
    }
}
