//! Conditions as text: parsed, printed, and refused with the name of the wrong value.

use std::time::Duration;

use chat_lab::{Condition, Loss, Outage, Settings, Share};
use proptest::prelude::*;

#[test]
fn a_condition_is_read() {
    let text = "delay=20ms, jitter=1.5ms,loss=2.5%,duplicate=1%,reorder=3%/5ms,corrupt=0.01%,rate=10mbit,queue=64KiB,\
                mtu=1400,outage=2s@5s,outage=100ms@0/1s";
    let share = |percent| Share::percent(percent).expect("it is one");
    let settings = Settings {
        delay: Duration::from_millis(20),
        jitter: Duration::from_micros(1500),
        loss: Loss::Even(share(2.5)),
        duplicate: share(1.0),
        reorder: share(3.0),
        late: Duration::from_millis(5),
        corrupt: share(0.01),
        rate: Some(10_000_000),
        queue: Some(65_536),
        mtu: 1400,
        outages: vec![
            Outage { start: Duration::from_secs(5), length: Duration::from_secs(2), every: None },
            Outage {
                start: Duration::ZERO,
                length: Duration::from_millis(100),
                every: Some(Duration::from_secs(1)),
            },
        ],
    };
    let condition: Condition = text.parse().expect("it is possible");
    assert_eq!(*condition.settings(), settings);
    assert_eq!(
        condition.to_string(),
        "delay=20ms,jitter=1500us,loss=2.5%,duplicate=1%,reorder=3%/5ms,corrupt=0.01%,rate=10mbit,queue=65536B,\
         mtu=1400,outage=2s@5s,outage=100ms@0s/1s"
    );
    assert_eq!("".parse(), Ok(Condition::default()));
    assert_eq!(Condition::default().to_string(), "");
}

#[test]
fn the_queue_holds_a_tenth_of_a_second_unless_it_is_said() {
    let queue = |text: &str| text.parse::<Condition>().expect("it is possible").queue();
    assert_eq!(queue("rate=8mbit"), Some(100_000));
    assert_eq!(queue("rate=8kbit"), Some(3000), "two packets at least");
    assert_eq!(queue("rate=8mbit,queue=5kB"), Some(5000));
    assert_eq!(queue("delay=1ms"), None);
}

#[test]
fn what_is_impossible_is_named() {
    for (text, why) in [
        ("loss=120%", "loss: 120% is not between 0% and 100%"),
        ("loss=-1%", "loss: -1% is not between 0% and 100%"),
        ("corrupt=NaN%", "corrupt: NaN% is not between 0% and 100%"),
        ("loss=2", "loss: \"2\" is not a share like 2%"),
        ("delay=20", "delay: \"20\" is not a time like 20ms"),
        ("delay=-1ms", "delay: \"-1ms\" is not a time like 20ms"),
        ("delay=2000000000s", "delay: at most 60s"),
        ("reorder=1%/61s", "reorder: at most 60s"),
        ("delay=1ms,jitter=2ms", "jitter: not more than delay, or packets arrive before they are sent"),
        ("burst=1%", "burst: \"1%\" is not BEGIN%/END%, like 1%/25%"),
        ("burst=1%/0%", "burst: the share at which it ends has to be above 0%"),
        ("rate=0", "rate: from 1bit to 1000gbit; for a link that carries nothing use loss=100%"),
        ("rate=10", "rate: \"10\" is not a rate like 10mbit"),
        ("queue=1kB", "queue: only together with a rate"),
        ("mtu=67", "mtu: 67B is less than the 68B that every link carries"),
        ("mtu=65536", "mtu: \"65536\" is not a size up to 65535, like 1400"),
        ("outage=2s", "outage: \"2s\" is not LENGTH@START or LENGTH@START/EVERY, like 2s@5s/30s"),
        ("outage=2s@0/2s", "outage: longer than 0s, and shorter than the time after which it repeats"),
        ("outage=0@1s", "outage: longer than 0s, and shorter than the time after which it repeats"),
        ("loss=1%,loss=2%", "loss: given twice"),
        ("loss=1%,burst=1%/2%", "burst: given twice"),
        (
            "speed=1mbit",
            "speed: unknown; there are delay, jitter, loss, burst, duplicate, reorder, corrupt, rate, queue, mtu and \
             outage",
        ),
    ] {
        let error = text.parse::<Condition>().expect_err(text);
        assert_eq!(error.to_string(), why, "{text}");
    }
}

prop_compose! {
    fn share()(percent in 0..=1_000_000_u32) -> Share {
        Share::percent(f64::from(percent) / 10_000.0).expect("it is one")
    }
}

fn time() -> impl Strategy<Value = Duration> {
    (0..60_000_u64, 0..4_u32).prop_map(|(n, unit)| Duration::from_nanos(n * 1000_u64.pow(unit.min(2))))
}

fn loss() -> impl Strategy<Value = Loss> {
    let burst = (share(), share(), share(), share());
    prop_oneof![
        Just(Loss::Never),
        share().prop_map(Loss::Even),
        burst
            .prop_filter("it ends", |it| it.1 != Share::NEVER)
            .prop_map(|(begin, end, bad, good)| { Loss::Bursts { begin, end, bad, good } }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(
        (delay, jitter, late) in (time(), time(), time()),
        loss in loss(),
        (duplicate, reorder, corrupt) in (share(), share(), share()),
        (rate, queue) in (prop::option::of(1..=1_000_000_000_000_u64), prop::option::of(any::<u64>())),
        mtu in 68..=u16::MAX,
        outages in prop::collection::vec((time(), time(), prop::option::of(time())), 0..3),
    ) {
        let outages = outages.into_iter().map(|(start, length, more)| {
            let length = length + Duration::from_nanos(1);
            Outage { start, length, every: more.map(|more| length + more + Duration::from_nanos(1)) }
        });
        let condition = Condition::new(Settings {
            delay, jitter: jitter.min(delay), loss, duplicate, reorder, late, corrupt, rate,
            queue: queue.filter(|_| rate.is_some()), mtu, outages: outages.collect(),
        }).expect("it is possible");
        prop_assert_eq!(condition.to_string().parse(), Ok(condition));
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a-z=0-9%./@,-]{0,40}") {
        let _ = text.parse::<Condition>();
    }
}
