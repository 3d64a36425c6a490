//! Entries that come early, twice or not at all are shown once and in order, and what is missing is asked for.

use super::*;

/// protocol 17.4
#[test]
fn what_is_ahead_is_kept_and_shown_in_order_and_once() {
    let mut rig = Rig::in_the_lobby(0);
    rig.entries([3, 2, 3]);
    assert_eq!(rig.numbers(), [0; 0]);
    rig.entries([1, 2, 1, 3]);
    assert_eq!(rig.numbers(), [1, 2, 3]);
    rig.entry(4);
    assert_eq!(rig.numbers(), [4]);
    assert_eq!(rig.watch(SECOND), []);
}

/// protocol 17.4
#[test]
fn what_three_later_ones_overtook_is_asked_for_at_once() {
    let mut rig = Rig::in_the_lobby(0);
    rig.entries([1, 3, 4, 3, 4, 3]);
    assert_eq!(rig.replays(), [], "copies are no later ones");
    rig.entry(5);
    assert_eq!(rig.replays(), [(2, 2)]);
    rig.entries([7, 9, 10, 11]);
    assert_eq!(rig.replays(), [], "one page at a time");
    rig.entry(2);
    assert_eq!(rig.numbers(), [1, 2, 3, 4, 5]);
    assert_eq!(rig.replays(), [(6, 8)]);
}

/// protocol 17.4
#[test]
fn what_is_only_late_is_not_asked_for_before_a_quarter_of_the_round_trip() {
    for (round_trip, wait) in [(0, 10), (20, 10), (40, 10), (100, 25), (400, 100)] {
        let mut rig = Rig::open(1, ms(round_trip));
        rig.enter(0);
        // Entering took no time, which counts: ⅞ of what was measured before.
        let wait = if round_trip * 7 / 8 / 4 > 10 { ms(wait) * 7 / 8 } else { ms(wait).min(ms(10)) };
        rig.entry(2);
        assert_eq!(rig.watch(wait - Duration::from_nanos(1)), [], "{round_trip}");
        let asked = rig.watch(Duration::from_nanos(1));
        assert!(asked.len() == 1 && asked[0].1.contains(r#""from":1,"to":1"#), "{asked:?}");
        rig.entry(1);
        rig.entry(4);
        rig.now += wait / 2;
        rig.entry(3);
        assert_eq!(rig.watch(SECOND), [], "it was only late");
        assert_eq!(rig.numbers(), [1, 2, 3, 4]);
    }
}

/// protocol 17.4, protocol 8.4
#[test]
fn a_backlog_is_asked_for_a_page_of_32_at_a_time() {
    let mut rig = Rig::in_the_lobby(100);
    assert_eq!(rig.replays(), [], "it may come by itself");
    rig.now += ms(10);
    let [(first, 1, 32)] = rig.pages()[..] else { panic!("the first page is asked for") };
    rig.entries(1..=31);
    assert_eq!(rig.replays(), [], "it is under way");
    rig.entry(32);
    assert_eq!(rig.numbers().len(), 32);
    let [(second, 33, 64)] = rig.pages()[..] else { panic!("all of it is here: the next one at once") };
    rig.hear(&replayed(first, 1, 32));
    assert_eq!(rig.watch(ms(15)), [], "that reply is late");
    rig.entries(33..=50);
    rig.hear(&replayed(second, 33, 50));
    let [(third, 51, 82)] = rig.pages()[..] else { panic!("a short page was complete: the next at once") };
    rig.entries(51..=82);
    rig.hear(&replayed(third, 51, 82));
    assert_eq!(rig.replays(), [(83, 100)]);
    rig.entries(83..=100);
    assert_eq!(rig.numbers().len(), 68);
    assert_eq!(rig.watch(SECOND), []);
}

/// protocol 17.4
#[test]
fn a_page_whose_entries_were_lost_is_asked_for_again() {
    let mut rig = Rig::in_the_lobby(5);
    rig.now += ms(10);
    let [(first, 1, 5)] = rig.pages()[..] else { panic!("all five are asked for") };
    rig.entries([1, 4]);
    rig.hear(&replayed(first, 1, 5));
    assert_eq!(rig.numbers(), [1]);
    let asked = rig.watch(ms(10) - Duration::from_nanos(1));
    assert_eq!(asked, [], "they may be late");
    rig.now += Duration::from_nanos(1);
    let [(second, 2, 5)] = rig.pages()[..] else { panic!("the rest is asked for anew") };
    assert_ne!(first, second);
    rig.hear(&replayed(first, 1, 5));
    rig.hear(&replayed(second, 2, 5));
    rig.now += ms(10);
    assert_eq!(rig.replays(), [(2, 5)], "and again, if all of it was lost");
    rig.entries([5, 3, 2]);
    assert_eq!(rig.numbers(), [2, 3, 4, 5]);
    assert_eq!(rig.watch(SECOND), []);
}

/// protocol 17.1, protocol 17.4
#[test]
fn a_page_that_is_not_answered_is_asked_for_like_any_request() {
    let mut rig = Rig::in_the_lobby(5);
    rig.now += ms(10);
    let first = rig.frames();
    rig.entries([7, 8, 9, 10]);
    let again = rig.watch(ms(60));
    assert_eq!(again.len(), 2, "after 20 ms and 30 ms more: {again:?}");
    assert!(again.iter().all(|it| it.1 == first[0]), "{again:?}");
    assert_eq!(rig.client.stats().retries, 2);
    rig.entries([1, 2, 3, 4, 5]);
    assert_eq!(rig.replays(), [(6, 6)], "not what was asked for before: that is here");
}

/// protocol 17.6
#[test]
fn heads_tell_of_a_last_entry_that_was_lost() {
    let mut rig = Rig::in_the_lobby(0);
    rig.entry(1);
    rig.hear(&heads("lobby", "e", 3, 4));
    assert_eq!(rig.watch(ms(10) - Duration::from_nanos(1)), []);
    rig.now += Duration::from_nanos(1);
    assert_eq!(rig.replays(), [(2, 3)]);
    rig.hear(&heads("lobby", "e", 3, 4));
    assert_eq!(rig.watch(ms(15)), [], "it is under way");
    rig.entries([2, 3]);
    assert_eq!(rig.numbers(), [1, 2, 3]);
    rig.hear(&heads("lobby", "e", 3, 4));
    rig.hear(&heads("lobby", "e", 2, 3));
    rig.hear(&heads("nowhere", "e", 9, 9));
    rig.hear(&heads("@", "f", 0, 0));
    assert_eq!(rig.watch(SECOND), []);
    rig.hear(&heads("@", "f", 1, 0));
    rig.now += ms(10);
    assert!(
        matches!(&rig.sent()[..], [Request { body: RequestBody::Replay(it), .. }] if (&*it.room, it.from, it.to) == ("@", 1, 1))
    );
}

/// protocol 17.6, protocol 6.4
#[test]
fn heads_of_another_epoch_make_it_join_anew() {
    let mut rig = Rig::in_the_lobby(0);
    rig.entries([1, 2]);
    rig.hear(&heads("lobby", "other", 1, 4));
    rig.hear(&heads("lobby", "other", 1, 4));
    let sent = rig.sent();
    let [Request { id: Some(id), body: RequestBody::Join(join), .. }] = &sent[..] else {
        panic!("the room is joined, once: {sent:?}")
    };
    assert_eq!((join.after, join.epoch.as_deref()), (Some(2), Some("e")));
    let reset = joined(*id, 0, 1)
        .replace(r#""epoch":"e""#, r#""epoch":"other""#)
        .replace(r#""topic""#, r#""reset":true,"topic""#);
    rig.updates();
    rig.hear(&reset);
    rig.entry(1);
    let updates = rig.updates();
    assert!(
        matches!(&updates[..], [Update::Reset { .. }, Update::Joined { .. }, Update::Entry(_)]),
        "{updates:?}"
    );
    rig.hear(&heads("lobby", "other", 1, 4));
    assert_eq!(rig.watch(SECOND), []);
}

/// protocol 17.4
#[test]
fn entries_before_joined_are_skipped() {
    let mut rig = Rig::open(1, Duration::ZERO);
    rig.client.ask(join("lobby"), 0);
    let id = rig.sent()[0].id.unwrap();
    rig.entries([1, 2]);
    assert_eq!(rig.updates(), []);
    rig.hear(&joined(id, 5, 6));
    rig.entries([5, 6]);
    assert_eq!(rig.numbers(), [6]);
    rig.client.link_lost("cut", rig.now);
    rig.link_up(Duration::ZERO, true);
    rig.entries([7]);
    rig.hear(&gap(7, 9));
    assert_eq!(rig.shown(), [], "of a link or a time before");
    let id = rig
        .sent()
        .iter()
        .find(|it| matches!(it, Request { body: RequestBody::Join(it), .. } if it.room == "lobby"))
        .unwrap()
        .id;
    rig.hear(&joined(id.unwrap(), 6, 7));
    rig.entry(7);
    assert_eq!(rig.numbers(), [7]);
}

/// protocol 17.4, protocol 6.5
#[test]
fn gaps_take_their_place_like_entries() {
    let mut rig = Rig::in_the_lobby(0);
    rig.entry(6);
    rig.hear(&gap(3, 5));
    rig.hear(&gap(3, 5));
    rig.entry(1);
    assert_eq!(rig.shown(), [Shown::Entry(1)]);
    rig.entry(2);
    assert_eq!(rig.shown(), [Shown::Entry(2), Shown::Gap(3, 5), Shown::Entry(6)]);
    rig.hear(&gap(3, 5));
    rig.hear(&gap(9, 8));
    assert_eq!(rig.shown(), []);
    rig.hear(&gap(7, 70));
    rig.entries([71, 30]);
    assert_eq!(rig.shown(), [Shown::Gap(7, 70), Shown::Entry(71)]);
    assert_eq!(rig.watch(SECOND), []);
}

/// protocol 17.4
#[test]
fn the_next_128_that_are_ahead_are_kept_and_no_more() {
    let mut rig = Rig::in_the_lobby(0);
    rig.entries(2..=200);
    rig.entry(1);
    assert_eq!(rig.numbers(), (1..=129).collect::<Vec<u64>>());
    let mut rig = Rig::in_the_lobby(0);
    rig.entries(1001..=1200);
    rig.entries(2..=128);
    rig.entry(1);
    assert_eq!(rig.numbers(), (1..=128).collect::<Vec<u64>>(), "the nearer ones count");
}

/// protocol 8.4, protocol 13.1
#[test]
fn what_the_server_will_not_send_again_is_not_asked_for_at_once() {
    let mut rig = Rig::in_the_lobby(0);
    rig.entries([2]);
    rig.now += ms(10);
    let [(id, 1, 1)] = rig.pages()[..] else { panic!("it is asked for") };
    rig.hear(&format!(r#"{{"type":"error","id":{id},"code":"storage_failed","message":""}}"#));
    let again = rig.watch(SECOND * 2);
    assert!(!again.is_empty() && again[0].0 >= SECOND, "{again:?}");
    let mut rig = Rig::in_the_lobby(0);
    rig.entries([2]);
    rig.now += ms(10);
    let frame = rig.frames();
    let id = request(&frame[0]).id.unwrap();
    rig.hear(&format!(
        r#"{{"type":"error","id":{id},"code":"rate_limited","message":"","retry_after_ms":300}}"#
    ));
    let again = rig.watch(ms(310));
    assert_eq!(again[0], (ms(300), frame[0].clone()));
}

/// How often each of so many pages is asked for again, when all of them take that long.
fn retries_of_pages(count: usize, take: Duration) -> Vec<usize> {
    let mut rig = Rig::in_the_lobby(1000);
    rig.now += ms(10);
    let mut retries = Vec::new();
    for _ in 0..count {
        let [(_, from, to)] = rig.pages()[..] else { panic!("a page is asked for") };
        let again = rig.watch(take);
        retries.push(again.iter().filter(|(_, it)| it.contains(r#""type":"replay""#)).count());
        rig.entries(from..=to);
    }
    retries
}

/// protocol 17.1
#[test]
fn pages_that_take_their_time_are_not_asked_for_again_and_again() {
    for (take, patient_after) in [(ms(19), 1), (ms(60), 4), (ms(200), 8)] {
        let retries = retries_of_pages(20, take);
        let later = &retries[patient_after..];
        assert!(later.iter().all(|it| *it == 0), "{take:?}: {retries:?}");
    }
}
