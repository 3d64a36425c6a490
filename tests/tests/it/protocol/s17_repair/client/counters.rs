//! What the client counts, each thing provoked on its own.

use super::*;

/// protocol 17.4
#[test]
fn losses_repairs_copies_and_late_entries_are_counted_each_once() {
    let mut rig = Rig::in_the_lobby(0);
    let counts = |rig: &Rig| {
        let it = rig.client.stats();
        (it.lost, it.repaired, it.duplicates, it.reordered, it.retries)
    };
    rig.entries([1, 3, 2]);
    assert_eq!(counts(&rig), (0, 0, 0, 1, 0), "2 was late");
    rig.entries([3, 1]);
    assert_eq!(counts(&rig), (0, 0, 2, 1, 0), "two came twice");
    rig.entries([6, 6]);
    assert_eq!(counts(&rig), (0, 0, 3, 1, 0));
    rig.now += ms(10);
    let [(id, 4, 5)] = rig.pages()[..] else { panic!("4 and 5 are asked for") };
    assert_eq!(counts(&rig), (2, 0, 3, 1, 0));
    rig.entry(4);
    rig.hear(&replayed(id, 4, 5));
    rig.now += ms(10);
    assert_eq!(rig.replays(), [(5, 5)]);
    assert_eq!(counts(&rig), (2, 1, 3, 1, 0), "asked for twice, lost once");
    assert_eq!(rig.watch(ms(30)).len(), 1);
    rig.entry(5);
    assert_eq!(counts(&rig), (2, 2, 3, 1, 1));
    rig.entry(5);
    assert_eq!(counts(&rig), (2, 2, 4, 1, 1));
}

fn stalls(rig: &Rig) -> (u64, Duration, Duration) {
    let it = rig.client.stats();
    (it.stalls, it.stalled, it.longest_stall)
}

/// protocol 17.4
#[test]
fn what_waits_for_something_missing_is_timed() {
    let mut rig = Rig::in_the_lobby(0);
    rig.entries([1, 3]);
    rig.now += ms(7);
    rig.entries([3, 5]);
    rig.now += ms(1);
    rig.entry(2);
    assert_eq!(stalls(&rig), (0, ms(0), ms(0)), "5 is still waiting");
    rig.now += ms(2);
    rig.entries([4, 4, 6]);
    assert_eq!(stalls(&rig), (1, ms(10), ms(10)));
    rig.entry(8);
    rig.now += ms(5);
    rig.entries([7, 9]);
    assert_eq!(stalls(&rig), (2, ms(15), ms(10)));
    rig.now += ms(3);
    rig.entry(10);
    assert_eq!(stalls(&rig), (2, ms(15), ms(10)), "nothing was missing");
}

/// protocol 17.4
#[test]
fn each_room_waits_on_its_own() {
    let mut rig = Rig::in_the_lobby(0);
    rig.entry(2);
    rig.now += ms(4);
    rig.hear(&entry("@", 2));
    rig.now += ms(4);
    rig.entry(1);
    rig.now += ms(4);
    rig.hear(&entry("@", 1));
    assert_eq!(stalls(&rig), (2, ms(16), ms(8)));
}

/// protocol 17.4
#[test]
fn a_number_that_is_no_longer_held_ends_the_wait() {
    let mut rig = Rig::in_the_lobby(0);
    rig.entry(3);
    rig.now += ms(6);
    rig.hear(&gap(1, 2));
    assert_eq!(stalls(&rig), (1, ms(6), ms(6)));
}

#[test]
fn a_wait_that_ends_with_its_link_is_not_counted() {
    let mut rig = Rig::in_the_lobby(0);
    rig.entry(2);
    rig.now += ms(6);
    rig.client.link_lost("cut", rig.now);
    rig.link_up(ms(1), true);
    let lobby = |it: Request<'_>| match it.body {
        RequestBody::Join(join) if join.room == "lobby" => it.id,
        _ => None,
    };
    let asked = rig.sent().into_iter().find_map(lobby).expect("it joins again");
    rig.hear(&joined(asked, 0, 2));
    rig.entries([1, 2]);
    assert_eq!(stalls(&rig), (0, ms(0), ms(0)));
    rig.entry(4);
    rig.now += ms(2);
    rig.entry(3);
    assert_eq!(stalls(&rig), (1, ms(2), ms(2)));
}

/// protocol 17.5
#[test]
fn a_backlog_that_is_fetched_counts_as_no_loss() {
    let mut rig = Rig::in_the_lobby(40);
    rig.now += ms(10);
    assert_eq!(rig.replays(), [(1, 32)]);
    rig.entries(1..=32);
    assert_eq!(rig.replays(), [(33, 40)]);
    rig.entries(33..=40);
    let stats = rig.client.stats();
    assert_eq!((stats.lost, stats.repaired, stats.duplicates, stats.reordered), (0, 0, 0, 0));
}

#[test]
fn round_trips_are_told_as_percentiles_of_the_last_256() {
    let us = Duration::from_micros;
    let mut rig = Rig::new(1, false);
    assert_eq!(rig.client.stats().round_trips, None);
    rig.link_up(ms(1000), false);
    rig.measure(ms(1000));
    (1..=256).for_each(|it| rig.measure(us(it)));
    let told = rig.client.stats().round_trips.unwrap();
    // Of 1 to 256 µs: the 128th, the 231st (230.4) and the 254th (253.44); the first is forgotten.
    assert_eq!((told.p50, told.p90, told.p99, told.measured), (us(128), us(231), us(254), 257));
    assert_eq!(rig.client.round_trip(), Some(us(256)));
}
