//! Requests, which are sent again until they are answered, at times that follow from the round trip.

use super::*;

/// Whether the server says other things meanwhile.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Server {
    Lives,
    IsSilent,
}

/// After what times a request is sent again, in milliseconds, if it is never answered.
fn tries(rig: &mut Rig, server: Server, time: Duration) -> Vec<f64> {
    if server == Server::IsSilent {
        rig.now += SECOND; // since it was heard
    }
    rig.client.ask(rooms(), 1);
    let began = rig.now;
    let (mut said, end) = (Vec::new(), began + time);
    while rig.now < end {
        let from = rig.now;
        said.extend(rig.watch(ms(250).min(end - from)).into_iter().map(|(at, it)| (from, at, it)));
        if server == Server::Lives {
            rig.hear(&heads("nowhere", "e", 1, 1));
        }
    }
    let frame = said[0].2.clone();
    assert!(matches!(request(&frame), Request { body: RequestBody::Rooms(_), .. }));
    said.retain(|it| !it.2.contains("ping"));
    assert!(said.iter().all(|it| it.2 == frame), "byte for byte: {said:?}");
    let at: Vec<f64> = said.iter().map(|(now, at, _)| (*now + *at - began).as_secs_f64() * 1000.0).collect();
    at.windows(2).map(|it| it[1] - it[0]).collect()
}

/// Holds for every seed, and the extremes are reached.
fn waits(prepare: impl Fn(u64) -> Rig, server: Server, time: Duration, least: &[f64]) {
    let mut first = Vec::new();
    for seed in 0..100 {
        let tries = tries(&mut prepare(seed), server, time);
        assert!(tries.len() >= least.len(), "{tries:?}");
        for (wait, least) in tries.iter().zip(least) {
            assert!((least - 0.01..least * 1.25 + 0.01).contains(wait), "seed {seed}: {tries:?}");
        }
        first.push(tries[0] / least[0]);
    }
    first.sort_unstable_by(f64::total_cmp);
    assert!(first[0] < 1.02 && first[99] > 1.23, "{first:?}");
}

/// protocol 17.1
#[test]
fn a_request_is_sent_again_after_the_round_trip_and_four_times_its_variation() {
    // RFC 6298, 2.2: the first sample of 100 ms makes a variation of 50 ms, so 100 + 4 · 50.
    let hundred = |seed| Rig::open(seed, ms(100));
    waits(hundred, Server::IsSilent, SECOND * 4, &[300.0, 300.0, 300.0, 450.0, 675.0, 1012.5]);
    waits(hundred, Server::Lives, SECOND * 4, &[300.0; 8]);
    // 2.3: one of 60 ms makes ¾ · 50 + ¼ · |100 - 60| = 47.5, and ⅞ · 100 + ⅛ · 60 = 95: 95 + 4 · 47.5.
    let two_samples = |seed| {
        let mut rig = Rig::open(seed, ms(100));
        rig.measure(ms(60));
        assert_eq!(rig.client.round_trip(), Some(ms(60)));
        rig
    };
    waits(two_samples, Server::IsSilent, SECOND * 4, &[285.0, 285.0, 285.0, 427.5, 641.25, 961.875]);
}

/// protocol 17.1
#[test]
fn it_is_not_sent_again_before_20_ms_nor_later_than_two_seconds_and_a_quarter() {
    let quick = [20.0, 20.0, 20.0, 30.0, 45.0, 67.5, 101.25, 151.875, 227.8125];
    let at_once = |seed| Rig::open(seed, ms(1));
    waits(at_once, Server::Lives, SECOND * 3, &[&quick[..], &[250.0; 5]].concat());
    waits(
        at_once,
        Server::IsSilent,
        SECOND * 4,
        &[&quick[..], &[341.71875, 512.578125, 768.8671875]].concat(),
    );
    waits(|seed| Rig::open(seed, ms(1000)), Server::Lives, SECOND * 10, &[2000.0; 3]);
    waits(|seed| Rig::open(seed, ms(400)), Server::Lives, SECOND * 12, &[1200.0; 7]);
}

/// protocol 17.1
#[test]
fn before_anything_was_measured_it_is_250_ms_also_on_another_link() {
    let hello_twice = |seed| {
        let mut rig = Rig::new(seed, false);
        rig.dial();
        rig.watch(ms(320));
        rig.hear(&welcome(false));
        assert_eq!(rig.client.stats().round_trips, None, "nobody knows which hello it answers");
        rig
    };
    waits(hello_twice, Server::IsSilent, SECOND * 2, &[250.0, 250.0, 250.0, 375.0]);
    let relinked = |seed| {
        let mut rig = Rig::open(seed, ms(100));
        rig.client.link_lost("cut", rig.now);
        rig.dial();
        rig.watch(ms(320));
        rig.hear(&welcome(false));
        rig
    };
    waits(relinked, Server::IsSilent, SECOND * 2, &[250.0, 250.0, 250.0, 375.0]);
}

/// protocol 17.1
#[test]
fn until_then_it_is_twice_what_opening_the_session_took_which_is_no_measurement() {
    let opened = |seed| {
        let mut rig = Rig::new(seed, false);
        rig.link_up(ms(100), false);
        assert_eq!(rig.client.stats().round_trips, None);
        rig
    };
    waits(opened, Server::IsSilent, SECOND * 2, &[200.0, 200.0, 200.0, 300.0]);
    let measured = |seed| {
        let mut rig = opened(seed);
        rig.measure(ms(40));
        rig
    };
    waits(measured, Server::IsSilent, SECOND * 2, &[120.0, 120.0, 120.0, 180.0]);
}

/// protocol 17.1
#[test]
fn the_reply_to_a_request_that_was_sent_again_measures_nothing() {
    let mut rig = Rig::open(1, ms(100));
    rig.client.ask(rooms(), 1);
    let id = rig.sent()[0].id.unwrap();
    assert_eq!(rig.watch(ms(400)).len(), 1);
    rig.hear(&format!(r#"{{"type":"rooms","id":{id},"rooms":[],"total":0}}"#));
    let measured = |rig: &Rig| rig.client.stats().round_trips.unwrap().measured;
    assert_eq!((measured(&rig), rig.client.round_trip()), (1, Some(ms(100))));
    rig.measure(ms(30));
    assert_eq!((measured(&rig), rig.client.round_trip()), (2, Some(ms(30))), "one that was not does");
}

/// protocol 17.1
#[test]
fn nor_does_one_that_may_have_waited_for_the_retry_of_another() {
    let mut rig = Rig::open(1, ms(100));
    rig.client.ask(rooms(), 1);
    rig.watch(ms(290));
    rig.client.ask(rooms(), 2);
    let id = rig.sent()[0].id.unwrap();
    assert_eq!(rig.watch(ms(90)).len(), 1, "the first is sent again");
    rig.hear(&format!(r#"{{"type":"rooms","id":{id},"rooms":[],"total":0}}"#));
    assert_eq!(rig.client.stats().round_trips.unwrap().measured, 1, "what was asked first alone");
}

/// protocol 17.1
#[test]
fn at_most_32_requests_are_under_way() {
    let mut rig = Rig::open(1, ms(100));
    (0..100).for_each(|tag| rig.client.ask(rooms(), tag));
    let first = rig.frames();
    assert_eq!(first.len(), 32);
    let mut again: Vec<String> = rig.watch(ms(400)).into_iter().map(|(_, it)| it).collect();
    again.sort_by_key(|it| request(it).id);
    assert_eq!(again, first, "time alone sends the same once more");
    for number in [0, 31, 7] {
        let id = request(&first[number]).id.unwrap();
        rig.hear(&format!(r#"{{"type":"rooms","id":{id},"rooms":[],"total":0}}"#));
        assert_eq!(rig.frames().len(), 1, "one is answered, one more goes");
    }
}

/// protocol 17.1, protocol 5.4
#[test]
fn replies_that_come_twice_say_nothing_new() {
    let mut rig = Rig::in_the_lobby(0);
    rig.client.ask(join("kitchen"), 1);
    rig.client.ask(say("lobby", "hi"), 2);
    rig.client.ask(rooms(), 3);
    let ids: Vec<u64> = rig.sent().iter().filter_map(|it| it.id).collect();
    let replies = [
        joined(ids[0], 0, 0).replace("lobby", "kitchen"),
        ack(ids[1]),
        format!(r#"{{"type":"rooms","id":{},"rooms":[],"total":0}}"#, ids[2]),
    ];
    for reply in &replies {
        rig.hear(reply);
        assert_eq!(rig.updates().len(), 1, "{reply}");
    }
    let late = [
        format!(r#"{{"type":"error","id":{},"code":"conflict","message":""}}"#, ids[1]),
        format!(r#"{{"type":"error","id":{},"code":"busy","message":"","retry_after_ms":9}}"#, ids[1]),
        format!(r#"{{"type":"left","id":{},"room":"kitchen"}}"#, ids[0]),
    ];
    replies.iter().chain(&late).for_each(|it| rig.hear(it));
    assert_eq!(rig.updates(), []);
    assert_eq!(rig.watch(SECOND), [], "nothing is owed");
    rig.hear(&entry("kitchen", 1));
    assert_eq!(rig.numbers(), [1], "it is still in the kitchen");
}
