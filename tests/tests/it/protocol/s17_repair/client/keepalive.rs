//! Whether somebody is there: asked after a second of unanswered silence, given up after five.

use super::*;

fn is_ping(frame: &str) -> bool {
    matches!(request(frame), Request { body: RequestBody::Ping, .. })
}

/// protocol 17.8
#[test]
fn unanswered_silence_is_pinged_after_a_second_and_given_up_after_five() {
    let mut rig = Rig::in_the_lobby(0);
    rig.now += SECOND * 7;
    assert_eq!(rig.watch(ms(1)), [], "nothing is waited for, so silence means nothing");
    rig.client.ask(say("lobby", "hi"), 1);
    let said = rig.watch(SECOND * 5 - ms(1));
    let first = said.iter().find(|(_, it)| is_ping(it)).expect("a ping");
    assert_eq!(first.0, SECOND);
    let (at, why) = rig.listen(SECOND).expect_err("five seconds are over");
    assert_eq!((at, why.contains("nobody answers")), (ms(1), true), "{why}");
    assert!(rig.client.link_lost(&why, rig.now).is_some());
}

/// protocol 17.8
#[test]
fn a_server_that_only_replies_to_pings_is_not_given_up() {
    for under_way in [1, 32, 100] {
        let mut rig = Rig::in_the_lobby(0);
        (0..under_way).for_each(|tag| rig.client.ask(rooms(), tag));
        let (mut pings, began) = (Vec::new(), rig.now);
        while rig.now < began + SECOND * 60 {
            let said = rig.watch(ms(10));
            let asked: Vec<u64> =
                said.iter().filter(|it| is_ping(&it.1)).filter_map(|it| request(&it.1).id).collect();
            for id in asked {
                pings.push(id);
                rig.hear(&pong(id));
            }
        }
        pings.dedup();
        assert!((50..=60).contains(&pings.len()), "{under_way}: {}", pings.len());
        assert_eq!(rig.updates(), [], "nobody asked for those");
    }
}

/// protocol 17.8
#[test]
fn whatever_the_server_says_is_a_sign_of_life() {
    let mut rig = Rig::in_the_lobby(0);
    rig.client.ask(say("lobby", "hi"), 1);
    for seq in 1..=10 {
        rig.watch(SECOND * 4);
        rig.entry(seq);
    }
    let (at, _) = rig.listen(SECOND * 9).expect_err("then nothing more came");
    assert_eq!(at, SECOND * 5);
}
