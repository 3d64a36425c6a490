//! Checks of what a log is when it is opened again. One that is not durable begins anew, and says so.

use chat_core::log::{Append, EntryHash, Outcome, Write, epoch_of_room, parts_of_epoch};

use super::{Medium, fixture::*, model};

/// protocol 7.5
pub async fn what_was_stored_is_there_again(medium: &dyn Medium) {
    let log = medium.open(None);
    let topic = topic(1, 9, "a", "tea");
    append(&*log, vec![say(1, 1, "a", "x"), topic, say(1, 2, "b", "y")]).await;
    let before = (entries(&*log, "a", 0).await, entries(&*log, "b", 0).await);
    let mut states = rooms(&*log).await;
    drop(log);
    let log = &*medium.open(None);
    if !medium.is_durable() {
        return assert_eq!((rooms(log).await, texts(log, "a").await), (vec![], vec![]));
    }
    assert_eq!((entries(log, "a", 0).await, entries(log, "b", 0).await), before);
    for state in &mut states {
        let (_, incarnation) = parts_of_epoch(&state.epoch).expect("the epoch of a room");
        state.epoch = epoch_of_room(&log.epoch(), incarnation);
    }
    assert_eq!(rooms(log).await, states);
}

/// protocol 6.1, 7.3
pub async fn numbers_and_times_go_on(medium: &dyn Medium) {
    for run in 0..4_u64 {
        let log = &*medium.open(None);
        let first = if medium.is_durable() { run * 3 + 1 } else { 1 };
        for n in 0..3 {
            // The clock was put back.
            let item = Append { at: NOW - run * 1000, ..say(u128::from(run), n, "a", "x") };
            let at = if medium.is_durable() { NOW } else { item.at };
            let outcome = append_one(log, item).await;
            assert!(
                matches!(outcome, Outcome::Stored(it) if (it.seq, it.at) == (first + n, at)),
                "{outcome:?}"
            );
        }
    }
}

/// protocol 5.4, 5.5
pub async fn requests_are_known_again(medium: &dyn Medium) {
    let log = medium.open(None);
    talk(&*log, 1, "a", 1..=3).await;
    drop(log);
    let log = &*medium.open(None);
    let batch = vec![say(1, 2, "a", "2"), say(1, 3, "a", "other"), say(1, 4, "a", "4")];
    let outcomes = append(log, batch).await.outcomes;
    if medium.is_durable() {
        assert!(matches!(outcomes[0], Outcome::Known(it) if (it.seq, it.at) == (2, NOW + 2)), "{outcomes:?}");
        assert_eq!(outcomes[1], Outcome::Conflict);
        assert!(matches!(outcomes[2], Outcome::Stored(it) if it.seq == 4), "{outcomes:?}");
    } else {
        assert_eq!(outcomes.into_iter().map(seq).collect::<Vec<_>>(), [1, 2, 3]);
    }
}

/// protocol 6.4
pub async fn every_run_has_an_epoch_of_its_own(medium: &dyn Medium) {
    let mut epochs = Vec::new();
    for _ in 0..4 {
        let log = medium.open(None);
        assert!(!epochs.contains(&log.epoch()));
        epochs.push(log.epoch());
        talk(&*log, epochs.len() as u128, "a", 1..=1).await;
        let of_room = epoch(&*log, "a").await;
        assert_eq!(parts_of_epoch(&of_room).map(|(of_log, _)| of_log), Some(log.epoch().as_str()));
    }
}

/// protocol 6.4
pub async fn a_reader_from_an_earlier_run_goes_on(medium: &dyn Medium) {
    let mut cursors: Vec<(String, u64)> = Vec::new();
    for run in 1..=4_u64 {
        let log = &*medium.open(None);
        for (epoch, seq) in &cursors {
            assert_eq!(log.holds(&name("a"), epoch, *seq), medium.is_durable(), "run {run}: {seq}");
            assert!(!log.holds(&name("a"), epoch, seq + 100), "nobody has read that");
        }
        // Nothing is said in the third run, and its readers are no strangers.
        if run != 3 {
            talk(log, u128::from(run), "a", 1..=2).await;
        }
        if run == 3 && !medium.is_durable() {
            continue;
        }
        let head = state(log, "a").await.head;
        let epoch = epoch(log, "a").await;
        cursors.push((epoch.clone(), head));
        cursors.push((epoch.clone(), head - 1));
        assert!(log.holds(&name("a"), &epoch, head));
        if medium.is_durable() && run > 1 {
            // A number that is new in this run cannot have been read in the first.
            let (first, _) = &cursors[0];
            assert_eq!(log.holds(&name("a"), first, head), head <= 2, "run {run}");
        }
    }
}

/// protocol 6.3
pub async fn what_is_gone_stays_gone(medium: &dyn Medium) {
    let log = medium.open(Some(20_000));
    for n in 1..=400 {
        append(&*log, vec![say(1, n, "a", &"x".repeat(100))]).await;
    }
    let before = state(&*log, "a").await;
    drop(log);
    let log = &*medium.open(None);
    if medium.is_durable() {
        let after = state(log, "a").await;
        assert_eq!((after.oldest, after.head), (before.oldest, before.head));
        assert_eq!(entries(log, "a", 0).await.first().map(|it| it.seq), Some(before.oldest));
        assert_eq!(seq(append_one(log, say(2, 1, "a", "x")).await), before.head + 1);
    } else {
        assert_eq!(seq(append_one(log, say(2, 1, "a", "x")).await), 1);
    }
}

/// All of it together, in a random order.
pub async fn a_life_is_as_the_model_says(medium: &dyn Medium) {
    model::live(medium).await;
}

/// protocol 6.4, 6.7
pub async fn what_was_forgotten_stays_forgotten(medium: &dyn Medium) {
    let log = medium.open(None);
    talk(&*log, 1, "a", 1..=3).await;
    let first = epoch(&*log, "a").await;
    for record in [trimmed("a", 4), forgotten("a")] {
        assert_eq!(write(&*log, vec![Write::Record(record)]).await.outcomes, [Outcome::Applied]);
    }
    drop(log);
    let log = &*medium.open(None);
    assert_eq!(rooms(log).await, []);
    talk(log, 2, "a", 1..=5).await;
    assert!(!log.holds(&name("a"), &first, 3), "these are other entries");
    assert!(log.holds(&name("a"), &epoch(log, "a").await, 5));
}

/// protocol 8.13
pub async fn positions_and_hashes_go_on(medium: &dyn Medium) {
    let (mut position, mut previous) = (0, EntryHash::NONE);
    for run in 1..=4_u64 {
        let log = &*medium.open(None);
        let (snapshot, _) = log.subscribe().await.expect("the log can be read");
        if medium.is_durable() {
            assert!(snapshot.position >= position, "run {run}: {} after {position}", snapshot.position);
        } else {
            previous = EntryHash::NONE;
        }
        let before = head_of(log, "a").await;
        position = append(log, vec![say(u128::from(run), 1, "a", "x")]).await.position.expect("it is stored");
        assert!(position > snapshot.position);
        let newest = entries(log, "a", before).await.remove(0);
        assert_eq!(newest.hash, hash_of(&newest, "a", previous), "run {run}");
        previous = newest.hash;
        // What is deleted last must not be what its position is known by.
        position = write(log, vec![Write::Record(trimmed("a", newest.seq + 1))])
            .await
            .position
            .expect("it is applied");
    }
}
