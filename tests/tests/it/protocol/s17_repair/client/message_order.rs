//! The place of a message among those of its session.

use super::*;

/// The places of the messages that are sent now, with their texts.
fn places(rig: &mut Rig) -> Vec<(Option<u64>, String)> {
    let place = |it: Request<'static>| match it {
        Request { order, body: RequestBody::Post(it), .. } => Some((order, it.text.into_owned())),
        _ => None,
    };
    rig.sent().into_iter().filter_map(place).collect()
}

fn placed(said: &[(u64, &str)]) -> Vec<(Option<u64>, String)> {
    said.iter().map(|(place, text)| (Some(*place), (*text).to_owned())).collect()
}

fn rejoin(rig: &mut Rig) {
    let lobby = |it: &Request<'_>| {
        matches!(it, Request { body: RequestBody::Join(join), .. } if join.room == "lobby").then(|| it.id)
    };
    let id = rig.sent().iter().find_map(lobby).flatten();
    rig.hear(&joined(id.expect("the lobby is joined again"), 0, 0));
}

/// protocol 5.9
#[test]
fn messages_count_from_one_and_keep_their_place_when_sent_again() {
    let mut rig = Rig::in_the_lobby(0);
    for text in ["a", "b", "c"] {
        rig.client.ask(rooms(), 9);
        rig.client.ask(say("lobby", text), 0);
    }
    let first = rig.frames();
    let places_of =
        |frames: &[String]| -> Vec<u64> { frames.iter().filter_map(|it| request(it).order).collect() };
    assert_eq!(places_of(&first), [1, 2, 3]);
    let mut again = places_of(&rig.watch(ms(26)).into_iter().map(|it| it.1).collect::<Vec<_>>());
    again.sort_unstable();
    assert_eq!(again, [1, 2, 3]);
}

/// protocol 5.9, protocol 3.6
#[test]
fn they_keep_it_in_a_session_that_goes_on_and_count_anew_in_another() {
    let mut rig = Rig::in_the_lobby(0);
    for text in ["a", "b", "c"] {
        rig.client.ask(say("lobby", text), 0);
    }
    let ids: Vec<u64> = rig.sent().iter().filter_map(|it| it.id).collect();
    rig.hear(&ack(ids[1]));
    rig.client.link_lost("cut", rig.now);
    rig.client.ask(say("lobby", "d"), 0);
    rig.link_up(Duration::ZERO, true);
    rejoin(&mut rig);
    assert_eq!(places(&mut rig), placed(&[(1, "a"), (3, "c"), (4, "d")]));
    rig.client.link_lost("cut", rig.now);
    rig.link_up(Duration::ZERO, false);
    rejoin(&mut rig);
    assert_eq!(places(&mut rig), placed(&[(1, "a"), (2, "c"), (3, "d")]));
}

/// protocol 5.10
#[test]
fn what_was_refused_for_now_comes_again_in_its_place() {
    let mut rig = Rig::in_the_lobby(0);
    for text in ["a", "b"] {
        rig.client.ask(say("lobby", text), 0);
    }
    let ids: Vec<u64> = rig.sent().iter().filter_map(|it| it.id).collect();
    for id in ids {
        rig.hear(&format!(r#"{{"type":"error","id":{id},"code":"busy","message":"","retry_after_ms":300}}"#));
    }
    rig.client.ask(say("lobby", "c"), 0);
    assert_eq!(rig.watch(ms(299)), [], "not before the time that was named");
    rig.now += ms(1);
    assert_eq!(places(&mut rig), placed(&[(1, "a"), (2, "b"), (3, "c")]));
}

/// protocol 5.9
#[test]
fn no_more_are_under_way_than_the_server_keeps() {
    let mut rig = Rig::in_the_lobby(0);
    (0..50).for_each(|tag| rig.client.ask(say("lobby", "hi"), tag));
    rig.client.ask(rooms(), 50);
    let sent = rig.sent();
    let places: Vec<u64> = sent.iter().filter_map(|it| it.order).collect();
    assert_eq!(places, (1..=17).collect::<Vec<u64>>(), "the first, and 16 that wait for it");
    assert_eq!(sent.len(), 18, "other requests go on");
    rig.hear(&ack(sent[1].id.unwrap()));
    assert_eq!(rig.sent(), [], "the first is still missing");
    rig.hear(&ack(sent[0].id.unwrap()));
    let places: Vec<u64> = rig.sent().iter().filter_map(|it| it.order).collect();
    assert_eq!(places, [18, 19]);
}

/// protocol 5.9, protocol 11.12
#[test]
fn the_server_says_how_many_messages_it_keeps() {
    for ahead in [0, 3, 25] {
        let mut rig = Rig::new(1, false);
        rig.dial();
        rig.client.poll_transmit(rig.now).expect("hello comes first");
        rig.hear(&welcome_with(ahead));
        rig.enter(0);
        (0..50).for_each(|tag| rig.client.ask(say("lobby", "hi"), tag));
        let places: Vec<u64> = rig.sent().iter().filter_map(|request| request.order).collect();
        assert_eq!(places, (1..=1 + ahead).collect::<Vec<u64>>());
    }
}

/// protocol 17.1
#[test]
fn the_reply_to_a_later_message_says_that_those_before_it_were_answered() {
    let mut rig = Rig::open(1, ms(100));
    rig.client.ask(join("lobby"), 0);
    let id = rig.sent()[0].id.unwrap();
    rig.hear(&joined(id, 0, 0));
    for text in ["a", "b", "c"] {
        rig.client.ask(say("lobby", text), 0);
    }
    let ids: Vec<u64> = rig.sent().iter().filter_map(|it| it.id).collect();
    rig.hear(&ack(ids[1]));
    // A quarter of a round trip, of 87.5 ms by now, while the first wait would be ten times that.
    assert_eq!(rig.watch(ms(21)), []);
    assert_eq!(rig.watch(ms(1)).len(), 1, "the first again, and not the third");
}

/// protocol 1.10, protocol 5.9
#[test]
fn what_no_frame_can_carry_has_no_place_that_would_be_waited_for() {
    let mut rig = Rig::in_the_lobby(0);
    for text in ["a".to_owned(), "x".repeat(65_400), "b".to_owned()] {
        rig.client.ask(say("lobby", text), 0);
    }
    assert_eq!(places(&mut rig), placed(&[(1, "a"), (2, "b")]));
}
