//! Hello and bye, which are said until they are answered.

use super::*;

/// The pauses between frames that are all the same.
fn pauses(said: &[(Duration, String)]) -> Vec<f64> {
    assert!(said.iter().all(|(_, frame)| *frame == said[0].1), "byte for byte: {said:?}");
    said.windows(2).map(|it| (it[1].0 - it[0].0).as_secs_f64() * 1000.0).collect()
}

/// protocol 17.1, protocol 17.2, protocol 17.8
#[test]
fn hello_is_said_again_until_nobody_has_answered_for_five_seconds() {
    let mut all = Vec::new();
    for seed in 0..100 {
        let mut rig = Rig::new(seed, false);
        rig.dial();
        let said = rig.watch(SECOND * 5 - ms(1));
        assert_eq!(said[0].0, Duration::ZERO);
        let pauses = pauses(&said);
        assert_eq!(pauses.len(), 7, "{pauses:?}");
        for (pause, least) in pauses.iter().zip([250.0, 250.0, 250.0, 375.0, 562.5, 843.75, 1265.625]) {
            assert!((least - 0.01..least * 1.25 + 0.01).contains(pause), "{pauses:?}");
            all.push(pause / least);
        }
        let (at, why) = rig.listen(SECOND).expect_err("nobody answered");
        assert_eq!(at, ms(1));
        assert!(why.contains("nobody answers"), "{why}");
        assert!(rig.client.link_lost(&why, rig.now).is_some(), "it dials again");
    }
    all.sort_unstable_by(f64::total_cmp);
    assert!(all[0] < 1.02 && all[all.len() - 1] > 1.23, "drawn at random: {all:?}");
    assert!((1.10..1.15).contains(&(all.iter().sum::<f64>() / all.len() as f64)));
}

/// protocol 17.8, protocol 17.9
#[test]
fn what_is_no_welcome_is_skipped_and_does_not_count_as_an_answer() {
    let mut rig = Rig::new(1, false);
    rig.dial();
    rig.frames();
    for _ in 0..4 {
        for skipped in [
            "",
            "\u{0}",
            "{",
            r#"{"type":1}"#,
            &entry("lobby", 1),
            &entry("@", 1),
            &joined(1, 0, 3),
            &pong(1),
        ] {
            rig.hear(skipped);
        }
        rig.client.on_frame(&[0xff, 0xfe], rig.now).unwrap();
        rig.watch(SECOND);
    }
    assert_eq!(rig.updates(), []);
    let (at, _) = rig.listen(SECOND * 2).expect_err("it was not welcomed");
    assert_eq!(at, SECOND);
}

/// protocol 17.2
#[test]
fn a_welcome_counts_once() {
    let mut rig = Rig::new(1, false);
    rig.dial();
    rig.frames();
    rig.hear(&welcome(false));
    assert!(matches!(rig.updates()[..], [Update::Connected(_)]));
    rig.enter(0);
    rig.entry(1);
    rig.hear(&welcome(false));
    rig.hear(&welcome(true));
    rig.entries([1, 2]);
    assert_eq!(rig.numbers(), [1, 2]);
    assert_eq!(rig.frames(), [""; 0]);
}

/// protocol 17.7
#[test]
fn bye_is_said_again_for_two_seconds() {
    for seed in 0..20 {
        let mut rig = Rig::open(seed, Duration::ZERO);
        rig.now += SECOND; // since anything was heard
        rig.client.bye();
        let said = rig.watch(SECOND * 2 - ms(1));
        assert!(said.iter().all(|(_, it)| it == r#"{"type":"bye"}"#), "{said:?}");
        // 20 ms thrice, and half as long again each time after that, up to a quarter later.
        let mut least = 20.0;
        for (number, pause) in pauses(&said).into_iter().enumerate() {
            assert!((least - 0.01..least * 1.25 + 0.01).contains(&pause), "{said:?}");
            least *= if number < 2 { 1.0 } else { 1.5 };
        }
        assert!((11..=13).contains(&said.len()), "{said:?}");
        assert!(!rig.client.is_over());
        assert_eq!(rig.watch(ms(1)), []);
        assert!(rig.client.is_over(), "two seconds are enough");
    }
}

/// protocol 17.7
#[test]
fn bye_is_over_with_goodbye_and_not_before() {
    let mut rig = Rig::in_the_lobby(0);
    rig.client.ask(say("lobby", "last words"), 1);
    rig.client.bye();
    let said = rig.sent();
    assert!(
        matches!(&said[..], [Request { body: RequestBody::Post(_), .. }]),
        "what was asked is answered first: {said:?}"
    );
    rig.hear(&ack(said[0].id.unwrap()));
    assert_eq!(rig.frames(), [r#"{"type":"bye"}"#]);
    for skipped in [entry("lobby", 1), ack(1), heads("lobby", "e", 9, 9), "{".to_owned()] {
        rig.hear(&skipped);
    }
    assert_eq!(rig.numbers(), [0; 0]);
    assert!(!rig.client.is_over());
    let goodbye = br#"{"type":"goodbye","reason":"bye"}"#;
    rig.client.on_frame(goodbye, rig.now).expect_err("the link is done with");
    assert!(rig.client.is_over());
    assert_eq!(rig.frames(), [""; 0]);
    assert_eq!(rig.client.link_lost("closed", rig.now), None);
}
