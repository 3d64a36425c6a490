//! Messages are taken in by their places, whatever order they come in.

use chat_core::{Rate, server::Rates};

use super::*;

/// protocol 5.9
#[test]
fn messages_that_come_backwards_are_stored_forwards() {
    let time = VirtualTime::new(11);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut ana = Peer::in_the_lobby(&server, "ana", 1).await;
        assert_eq!(ana.ask(&placed(3)).await, []);
        assert_eq!(ana.ask(&placed(2)).await, []);
        assert_eq!(ana.ask(&placed(3)).await, [], "twice is once");
        let heard = ana.ask(&placed(1)).await;
        assert_eq!(texts(&heard), ["1", "2", "3"]);
        assert_eq!(replies(&heard), [101, 102, 103]);
        let plain = ana.ask(&say(7, "without a place")).await;
        assert_eq!(replies(&plain), [7]);
    });
}

/// protocol 5.9
#[test]
fn sixteen_wait_and_the_seventeenth_is_dropped() {
    let time = VirtualTime::new(12);
    time.run(async {
        let server = open(&time, unlimited()).await;
        let mut ana = Peer::in_the_lobby(&server, "ana", 1).await;
        for order in 2..=18 {
            assert_eq!(ana.ask(&placed(order)).await, []);
        }
        assert_eq!(replies(&ana.ask(&placed(1)).await), (101..=117).collect::<Vec<u64>>());
        assert_eq!(replies(&ana.ask(&placed(18)).await), [118]);
    });
}

/// protocol 5.9
#[test]
fn on_a_link_that_keeps_order_whatever_comes_is_the_next() {
    let time = VirtualTime::new(13);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut ana = Peer::enter_at(&server, "memory://firm", "ana", 1).await;
        ana.ask(&join(1, "lobby", 0)).await;
        assert_eq!(replies(&ana.ask(&placed(5)).await), [105]);
        assert_eq!(replies(&ana.ask(&placed(9)).await), [109]);
        assert_eq!(replies(&ana.ask(&placed(3)).await), [103]);
    });
}

/// protocol 5.4, protocol 5.9
#[test]
fn one_that_was_stored_gets_the_first_ack_whenever_it_comes_again() {
    let time = VirtualTime::new(14);
    time.run(async {
        let server = open(&time, Limits::default().unlimited()).await;
        let mut ana = Peer::in_the_lobby(&server, "ana", 1).await;
        let first = ana.ask(&placed(1)).await;
        for order in 2..=40 {
            ana.ask(&placed(order)).await;
        }
        time.pass(ms(1500)).await;
        ana.heard().await;
        let again = ana.ask(&placed(1)).await;
        assert_eq!(again, first[..1], "the ack, and no entry");
    });
}

/// protocol 5.9
#[test]
fn a_session_that_goes_on_counts_on_and_forgets_what_waited() {
    let time = VirtualTime::new(15);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut ana = Peer::dial(&server, "memory://hall").await;
        let heard = ana.ask(&hello("ana", 1)).await;
        let Event::Welcome(welcome) = &heard[0] else { panic!("{heard:?}") };
        ana.ask(&join(1, "lobby", 0)).await;
        ana.ask(&placed(1)).await;
        ana.ask(&placed(3)).await;
        let resume =
            hello("ana", 1).replace("1,\"name", &format!("1,\"resume\":\"{}\",\"name", welcome.resume));
        let mut again = Peer::dial(&server, "memory://hall").await;
        again.ask(&resume).await;
        again.ask(&join(2, "lobby", 1)).await;
        assert_eq!(replies(&again.ask(&placed(2)).await), [102], "3 comes again, or never was");
        assert_eq!(replies(&again.ask(&placed(3)).await), [103]);
    });
}

fn one_a_second(burst: u32) -> Limits {
    let limits = Limits::default();
    let person = Rates { messages: Some(Rate { burst, per_minute: 60 }), ..limits.person };
    Limits { person, ..limits }
}

/// protocol 5.10
#[test]
fn those_after_one_that_was_refused_are_refused_until_it_came_again() {
    for (seed, address) in [(16, "memory://hall"), (17, "memory://firm")] {
        let time = VirtualTime::new(seed);
        time.run(async {
            let server = open(&time, one_a_second(2)).await;
            let mut ana = Peer::enter_at(&server, address, "ana", 1).await;
            ana.ask(&join(1, "lobby", 0)).await;
            for order in 1..=3 {
                ana.say(&placed(order)).await;
            }
            assert_eq!(replies(&ana.heard().await), [101, 102, 1103]);
            // What follows left before the refusal was heard, and comes after the wait: the way is that long.
            time.pass(ms(3000)).await;
            ana.heard().await;
            assert_eq!(replies(&ana.ask(&placed(4)).await), [1104], "it would overtake");
            assert_eq!(replies(&ana.ask(&placed(5)).await), [1105]);
            assert_eq!(replies(&ana.ask(&placed(4)).await), [1104]);
            assert_eq!(replies(&ana.ask(&placed(3)).await), [103]);
            assert_eq!(replies(&ana.ask(&placed(5)).await), [1105], "4 has not come again");
            assert_eq!(replies(&ana.ask(&placed(4)).await), [104]);
            time.pass(ms(3000)).await;
            ana.heard().await;
            assert_eq!(replies(&ana.ask(&placed(5)).await), [105]);
            ana.heard().await;
            let heard = ana.ask(&join(9, "lobby", 0)).await;
            assert_eq!(texts(&heard), ["1", "2", "3", "4", "5"]);
        });
    }
}

/// protocol 5.10
#[test]
fn one_that_overtakes_the_retry_of_the_refused_one_waits_for_nobody() {
    let time = VirtualTime::new(18);
    time.run(async {
        let server = open(&time, one_a_second(22)).await;
        let mut ana = Peer::in_the_lobby(&server, "ana", 1).await;
        for order in 1..=23 {
            ana.say(&placed(order)).await;
        }
        assert_eq!(replies(&ana.heard().await).last(), Some(&1123));
        time.pass(ms(5000)).await;
        ana.heard().await;
        assert_eq!(replies(&ana.ask(&placed(24)).await), [1124], "it comes first, and is refused");
        assert_eq!(replies(&ana.ask(&placed(23)).await), [123]);
        assert_eq!(replies(&ana.ask(&placed(25)).await), [1125], "refused, not kept without a word");
        assert_eq!(replies(&ana.ask(&placed(24)).await), [124]);
        assert_eq!(replies(&ana.ask(&placed(25)).await), [125]);
    });
}

/// protocol 5.10, protocol 5.9
#[test]
fn those_that_waited_for_one_that_is_refused_are_refused_with_it() {
    let time = VirtualTime::new(19);
    time.run(async {
        let server = open(&time, one_a_second(1)).await;
        let mut ana = Peer::in_the_lobby(&server, "ana", 1).await;
        ana.ask(&placed(1)).await;
        for order in [5, 4, 3] {
            assert_eq!(ana.ask(&placed(order)).await, []);
        }
        let heard = ana.ask(&placed(2)).await;
        assert_eq!(replies(&heard), [1102, 1103, 1104, 1105]);
        let waits = heard.iter().map(|it| if let Event::Error(it) = it { it.retry_after_ms } else { None });
        assert!(waits.into_iter().all(|it| it >= Some(1000)), "{heard:?}");
    });
}

/// protocol 5.10
#[test]
fn what_is_refused_for_good_is_waited_for_by_nobody() {
    let time = VirtualTime::new(20);
    time.run(async {
        let server = open(&time, Limits::default()).await;
        let mut ana = Peer::in_the_lobby(&server, "ana", 1).await;
        ana.ask(&placed(2)).await;
        let heard = ana.ask(&placed(1).replace(r#""text":"1""#, r#""text":"""#)).await;
        assert_eq!(replies(&heard), [102, 1101]);
        let elsewhere = placed(3).replace("lobby", "kitchen");
        assert_eq!(replies(&ana.ask(&elsewhere).await), [1103]);
        let nobody = r#"{"type":"tell","id":104,"to":"bob","text":"hi","order":4}"#;
        assert_eq!(replies(&ana.ask(nobody).await), [1104]);
        assert_eq!(replies(&ana.ask(&placed(5)).await), [105]);
    });
}
