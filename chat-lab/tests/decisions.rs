//! The decisions of a path in virtual time: as often as asked for, and the same for the same seed and number.

use std::time::Duration;

use chat_lab::{Condition, Delivery, Direction, DropReason, Fate, Path};
use proptest::prelude::*;

const PACKETS: u32 = 100_000;

fn path(condition: &str, seed: u64) -> Path {
    Path::new(condition.parse().expect("it is possible"), Direction::Up, seed)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A packet of 100 bytes every millisecond.
fn fates(condition: &str, seed: u64) -> Vec<Fate> {
    let mut path = path(condition, seed);
    (0..PACKETS).map(|n| path.send(ms(n.into()), 100)).collect()
}

fn share(fates: &[Fate], of: impl Fn(&Fate) -> bool) -> f64 {
    fates.iter().filter(|it| of(it)).count() as f64 / fates.len() as f64
}

fn lost(fate: &Fate) -> bool {
    *fate == Fate::Dropped(DropReason::Lost)
}

/// For each packet: how long it took.
fn delays(fates: &[Fate]) -> Vec<Duration> {
    let taken = |(n, fate): (usize, &Fate)| match fate {
        Fate::Delivered { packet, .. } => Some(packet.at - ms(n as u64)),
        Fate::Dropped(_) => None,
    };
    fates.iter().enumerate().filter_map(taken).collect()
}

#[test]
fn a_link_without_faults_delivers_at_once() {
    let at = |n: u32| Delivery { at: ms(n.into()), flip: None };
    let expected = |n| Fate::Delivered { packet: at(n), copy: None, late: false };
    assert_eq!(fates("", 1), (0..PACKETS).map(expected).collect::<Vec<_>>());
}

/// Within five standard deviations of 100,000 tosses.
#[test]
fn chances_are_as_asked() {
    for seed in 0..5 {
        for percent in [0.1, 2.0, 50.0, 100.0] {
            let asked = percent / 100.0;
            let bound = 5.0 * (asked * (1.0 - asked) / f64::from(PACKETS)).sqrt();
            let check = |what: &str, of: &dyn Fn(&Fate) -> bool| {
                let seen = share(&fates(&format!("{what}={percent}%"), seed), of);
                assert!((seen - asked).abs() <= bound, "{what}={percent}%: {seen}, seed {seed}");
            };
            check("loss", &lost);
            check("duplicate", &|it| matches!(it, Fate::Delivered { copy: Some(_), .. }));
            check("reorder", &|it| matches!(it, Fate::Delivered { late: true, .. }));
            check("corrupt", &|it| {
                matches!(it, Fate::Delivered { packet: Delivery { flip: Some(_), .. }, .. })
            });
        }
    }
}

#[test]
fn one_decision_says_nothing_of_another() {
    let fates = fates("loss=50%,duplicate=50%,reorder=50%,corrupt=50%", 9);
    let arrive = |fate: &&Fate| matches!(fate, Fate::Delivered { .. });
    let faults = |fate: &Fate| match fate {
        Fate::Delivered { packet, copy, late } => [copy.is_some(), *late, packet.flip.is_some()],
        Fate::Dropped(_) => [false; 3],
    };
    for combination in 0..8 {
        let faulty = [1, 2, 4].map(|bit| combination & bit != 0);
        let seen = fates.iter().filter(arrive).filter(|it| faults(it) == faulty).count();
        assert!((5_900..6_600).contains(&seen), "{faulty:?}: {seen} of 6250");
    }
}

#[test]
fn bursts_lose_as_much_and_last_as_long_as_asked() {
    for seed in 0..5 {
        let condition = "burst=1%/25%";
        let fates = fates(condition, seed);
        let mean = condition.parse::<Condition>().expect("it is possible").settings().loss.mean();
        assert!((mean - 1.0 / 26.0).abs() < 1e-9, "{mean}");
        let seen = share(&fates, lost);
        assert!((seen / mean - 1.0).abs() < 0.15, "{seen} of {mean}, seed {seed}");
        let bursts = fates.windows(2).filter(|it| !lost(&it[0]) && lost(&it[1])).count();
        let length = seen * f64::from(PACKETS) / bursts as f64;
        assert!((length - 4.0).abs() < 0.4, "a burst has {length} packets, seed {seed}");
    }
}

#[test]
fn a_delay_with_jitter_is_even_around_its_mean() {
    let delays = delays(&fates("delay=20ms,jitter=400us", 3));
    let mean = delays.iter().sum::<Duration>() / PACKETS;
    assert!(mean.abs_diff(ms(20)) < Duration::from_micros(5), "{mean:?}");
    let (shortest, longest) = (delays.iter().min().copied(), delays.iter().max().copied());
    assert!(
        shortest >= Some(Duration::from_micros(19_600)) && shortest < Some(Duration::from_micros(19_610))
    );
    assert!(longest <= Some(Duration::from_micros(20_400)) && longest > Some(Duration::from_micros(20_390)));
}

#[test]
fn only_what_is_held_back_is_overtaken() {
    let order = |condition| {
        let fates = fates(condition, 7);
        let at = |it: &Fate| match it {
            Fate::Delivered { packet, late, .. } => (packet.at, *late),
            Fate::Dropped(_) => panic!("nothing is lost here"),
        };
        fates.iter().map(at).collect::<Vec<_>>()
    };
    let jitter = order("delay=50ms,jitter=50ms");
    assert!(jitter.is_sorted(), "jitter alone overtakes nobody");
    let reordered = order("delay=50ms,jitter=20ms,reorder=5%/40ms");
    assert!(!reordered.is_sorted());
    let rest: Vec<_> = reordered.iter().filter(|it| !it.1).collect();
    assert!(rest.is_sorted(), "those that are not held back stay in order");
}

#[test]
fn a_rate_spaces_packets_and_a_full_queue_drops_them() {
    // 100 bytes take 100 us; ten may wait.
    let mut path = path("rate=8mbit,queue=1kB", 1);
    for n in 1..=10 {
        let at = Duration::from_micros(100 * n);
        assert_eq!(
            path.send(Duration::ZERO, 100),
            Fate::Delivered { packet: Delivery { at, flip: None }, copy: None, late: false }
        );
    }
    assert_eq!(path.send(Duration::ZERO, 100), Fate::Dropped(DropReason::QueueFull));
    let later = path.send(Duration::from_micros(150), 100);
    assert!(
        matches!(later, Fate::Delivered { packet, .. } if packet.at == Duration::from_micros(1100)),
        "{later:?}"
    );
}

/// Bufferbloat: a queue that is never empty is a delay of its size.
#[test]
fn a_long_queue_becomes_delay() {
    let mut path = path("delay=10ms,rate=1mbit,queue=125kB", 1);
    let taken = (0..20_000).filter_map(|n| match path.send(ms(n), 250) {
        Fate::Delivered { packet, .. } => Some(packet.at - ms(n)),
        Fate::Dropped(_) => None,
    });
    let last = taken.last().expect("some arrive");
    assert!(last > ms(1000) && last <= ms(1010), "{last:?}");
}

#[test]
fn a_packet_that_finds_nobody_waiting_is_sent_whatever_the_queue() {
    let mut path = path("rate=8mbit,queue=0", 1);
    assert!(matches!(path.send(Duration::ZERO, 1500), Fate::Delivered { .. }));
    assert_eq!(path.send(Duration::ZERO, 40), Fate::Dropped(DropReason::QueueFull));
    assert!(matches!(path.send(ms(2), 1500), Fate::Delivered { .. }));
}

#[test]
fn an_outage_lets_nothing_in_and_comes_again() {
    let mut path = path("outage=2s@5s/30s,outage=1s@20s,delay=100ms", 1);
    let down: Vec<u64> =
        (0..60).filter(|s| path.send(ms(1000 * s), 100) == Fate::Dropped(DropReason::Outage)).collect();
    assert_eq!(down, [5, 6, 20, 35, 36]);
}

#[test]
fn what_is_too_long_is_dropped() {
    let mut path = path("mtu=1400", 1);
    assert!(matches!(path.send(Duration::ZERO, 1400), Fate::Delivered { .. }));
    assert_eq!(path.send(Duration::ZERO, 1401), Fate::Dropped(DropReason::TooLong));
}

#[test]
fn a_new_condition_holds_from_the_next_packet_on_and_overtakes_nobody() {
    let mut path = path("delay=100ms", 1);
    path.send(ms(0), 100);
    path.set_condition(ms(1), "delay=10ms,outage=1s@1s".parse().expect("it is possible"));
    let next = path.send(ms(1), 100);
    assert!(matches!(next, Fate::Delivered { packet, .. } if packet.at == ms(100)), "{next:?}");
    assert!(
        matches!(path.send(ms(999), 100), Fate::Delivered { .. }),
        "an outage counts from when it was set"
    );
    assert_eq!(path.send(ms(1001), 100), Fate::Dropped(DropReason::Outage));
}

#[test]
fn both_directions_have_chances_of_their_own() {
    let condition: Condition = "loss=50%".parse().expect("it is possible");
    let [up, down] = [Direction::Up, Direction::Down].map(|direction| {
        let mut path = Path::new(condition.clone(), direction, 5);
        (0..PACKETS).map(|_| lost(&path.send(Duration::ZERO, 100))).collect::<Vec<_>>()
    });
    let same = up.iter().zip(&down).filter(|(up, down)| up == down).count();
    assert!((49_000..51_000).contains(&same), "{same} are the same");
}

const BAD: &str = "delay=9ms,jitter=3ms,burst=3%/30%/90%/1%,duplicate=5%,reorder=4%/7ms,corrupt=3%";

proptest! {
    /// The same packets have the same fate; and the same luck whenever they are sent.
    #[test]
    fn one_seed_decides_the_same(
        seed: u64,
        gaps in prop::collection::vec((0..50_000_u64, 20..1501_usize), 1..300),
    ) {
        let run = |condition: &str, pace: u64| {
            let mut path = path(condition, seed);
            let mut now = Duration::ZERO;
            let send = |(gap, length): &(u64, usize)| {
                now += Duration::from_micros(gap * pace);
                path.send(now, *length)
            };
            gaps.iter().map(send).collect::<Vec<_>>()
        };
        let with_a_queue = format!("{BAD},rate=1mbit,queue=9kB,outage=10ms@20ms/100ms");
        prop_assert_eq!(run(&with_a_queue, 1), run(&with_a_queue, 1));
        let luck = |fate: &Fate| match fate {
            Fate::Dropped(why) => (Some(*why), None, None, None),
            Fate::Delivered { packet, copy, late } => (None, packet.flip, Some(copy.is_some()), Some(*late)),
        };
        let (slow, fast) = (run(BAD, 3), run(BAD, 1));
        prop_assert_eq!(slow.iter().map(luck).collect::<Vec<_>>(), fast.iter().map(luck).collect::<Vec<_>>());
        // A packet that the queue drops changes no random decision about other packets.
        for (free, queued) in fast.iter().zip(run(&with_a_queue, 1)) {
            prop_assert!(queued == Fate::Dropped(DropReason::QueueFull)
                || queued == Fate::Dropped(DropReason::Outage)
                || luck(&queued) == luck(free));
        }
    }

    /// Nothing arrives before it was sent, or before its delay.
    #[test]
    fn nothing_arrives_too_early(seed: u64, times in prop::collection::vec(0..100_000_u64, 1..300)) {
        let mut path = path(BAD, seed);
        let mut now = Duration::ZERO;
        for time in times {
            now += Duration::from_micros(time);
            if let Fate::Delivered { packet, copy, .. } = path.send(now, 500) {
                prop_assert!(packet.at >= now + ms(6));
                prop_assert!(copy.is_none_or(|copy| copy.at >= packet.at));
            }
        }
    }
}
