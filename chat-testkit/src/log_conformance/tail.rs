//! Checks of the tail: one order of everything that is stored, for every reader and whoever wrote it.

use std::{sync::Arc, thread};

use chat_core::{
    KeyId, Registry,
    log::{Change, EntryHash, Outcome, Position, RoomLog, RoomState, Tail, Write},
    wire::{Author, Body},
};
use futures::{FutureExt, StreamExt, executor::block_on};

use super::{Medium, fixture::*};

async fn subscribe(log: &dyn RoomLog) -> (Registry, Tail) {
    let (snapshot, tail) = log.subscribe().await.expect("the log can be read");
    (Registry::new(log.epoch(), snapshot), tail)
}

/// Applies the commits up to `position`.
async fn follow(registry: &mut Registry, tail: &mut Tail, position: u64) {
    for commit in commits_up_to(tail, position).await {
        registry.apply(&commit).expect("the commit follows the one before");
    }
}

fn sorted(registry: &Registry) -> Vec<RoomState> {
    let mut rooms: Vec<RoomState> = registry.rooms().cloned().collect();
    rooms.sort_by(|a, b| a.room.cmp(&b.room));
    rooms
}

/// protocol 7.2, 7.5
pub async fn the_tail_says_what_was_stored_in_order(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let (_, mut tail) = subscribe(log).await;
    let mut last = 0;
    for n in 0..20 {
        let batch = vec![
            say(1, n * 10 + 1, "a", "one"),
            topic(1, n * 10 + 2, "b", "two"),
            say(1, n * 10 + 3, "a", "three"),
            say(1, n * 10 + 1, "a", "one"), // again
            say(1, n * 10 + 1, "a", "other"),
        ];
        let appended = append(log, batch).await;
        let position = appended.position.expect("something is stored");
        assert!(position > last, "{position} after {last}");
        last = position;
        let commits = commits_up_to(&mut tail, position).await;
        assert_eq!(commits.len(), 1, "one batch is one commit");
        for room in ["a", "b"] {
            let told: Vec<_> = commits[0]
                .changes
                .iter()
                .filter_map(|change| match change {
                    Change::Entries { room: other, entries } if *other == name(room) => Some(entries.clone()),
                    _ => None,
                })
                .flatten()
                .collect();
            let head = head_of(log, room).await;
            assert_eq!(told, entries(log, room, head - told.len() as u64).await);
            assert_eq!(told.len(), if room == "a" { 2 } else { 1 });
        }
        let nothing = append(log, vec![say(1, n * 10 + 1, "a", "one"), say(1, n * 10 + 2, "a", "x")]).await;
        assert_eq!(nothing.position, None, "nothing was stored");
        assert!(tail.next().now_or_never().is_none(), "and the tail says nothing");
    }
}

/// The broker relies on this to acknowledge before it delivers (protocol 7.2).
pub async fn an_answer_is_there_before_the_tail_has_its_commit(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let (_, mut tail) = subscribe(log).await;
    for n in 1..=200 {
        let mut append = log.append(vec![Write::Entry(say(1, n, "a", "x"))]);
        let at_once = (&mut append).now_or_never();
        tail.next().await.expect("the log is open").expect("the tail is read in time");
        let answer = at_once.or_else(|| append.now_or_never()).expect("the answer comes before the commit");
        assert!(matches!(answer.expect("it is stored").outcomes[..], [Outcome::Stored(_)]));
    }
}

/// protocol 6.4
pub async fn a_subscription_begins_exactly_where_its_snapshot_ends(medium: &dyn Medium) {
    let log = &*medium.open(Some(20_000));
    let mut followers = Vec::new();
    for n in 1..=120 {
        if n % 10 == 1 {
            followers.push(subscribe(log).await);
        }
        let text = "x".repeat(200);
        let batch = vec![say(1, n, "a", &text), topic(2, n, ["b", "c"][n as usize % 2], "tea")];
        let position = append(log, batch).await.position.expect("it is stored");
        let wanted = rooms(log).await;
        for (registry, tail) in &mut followers {
            follow(registry, tail, position).await;
            assert_eq!(sorted(registry), wanted, "batch {n}");
        }
    }
}

/// Two servers write to one log at the same time: numbers have no holes, and both read the same order, which has what
/// each of them wrote.
pub async fn two_writers_see_one_order_without_holes(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let write = |client: u128| {
        let (mut registry, mut tail) = block_on(subscribe(log));
        let (mut seen, mut own) = (Vec::new(), Vec::new());
        for n in 1..=EACH {
            let room = ["a", "b", "c"][n as usize % 3];
            let appended = block_on(append(log, vec![say(client, n, room, &format!("{client} {n}"))]));
            own.push((room, seq(appended.outcomes[0]), appended.position.expect("it is stored")));
            while let Some(Some(commit)) = tail.next().now_or_never() {
                let commit = commit.expect("the tail is read in time");
                registry.apply(&commit).expect("the commit follows the one before");
                seen.push(commit);
            }
        }
        while registry.rooms().map(|room| room.head).sum::<u64>() < 2 * EACH {
            let commit = block_on(tail.next()).expect("the log is open").expect("the tail is read in time");
            registry.apply(&commit).expect("the commit follows the one before");
            seen.push(commit);
        }
        (seen, own, registry)
    };
    let write = &write;
    let [(one, of_one, a), (other, of_other, b)] = thread::scope(|scope| {
        [1, 2]
            .map(|client| scope.spawn(move || write(client)))
            .map(|thread| thread.join().expect("it passes"))
    });
    assert_eq!((sorted(&a), sorted(&b)), (rooms(log).await, rooms(log).await));
    // A reader that came a little later has missed the first commits, and nothing after.
    let shared = one.len().min(other.len());
    assert!(shared as u64 >= EACH);
    assert_eq!(one[one.len() - shared..], other[other.len() - shared..]);
    for (room, seq, position) in of_one.into_iter().chain(of_other) {
        let is_it = |change: &Change| {
            matches!(change, Change::Entries { room: other, entries }
            if *other == name(room) && entries.iter().any(|entry| entry.seq == seq))
        };
        let commit = one.iter().chain(&other).find(|commit| commit.position == position);
        assert!(
            commit.is_some_and(|commit| commit.changes.iter().any(is_it)),
            "{seq} of {room} at {position}"
        );
    }
    for room in ["a", "b", "c"] {
        let numbers: Vec<u64> = entries(log, room, 0).await.iter().map(|entry| entry.seq).collect();
        assert_eq!(numbers, (1..=2 * EACH / 3).collect::<Vec<_>>());
    }
}

/// protocol 6.7
pub async fn records_and_entries_are_in_one_order(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let (mut registry, mut tail) = subscribe(log).await;
    let entry = |n, room| Write::Entry(say(1, n, room, "x"));
    let batch = vec![
        Write::Record(made("a", 77)),
        entry(1, "a"),
        entry(2, "b"),
        Write::Record(trimmed("a", 2)),
        Write::Record(forgotten("a")),
        Write::Record(made("a", 78)),
        entry(3, "a"),
        entry(4, "a"),
    ];
    let appended = write(log, batch).await;
    let at = |n| Position { seq: if n == 4 { 2 } else { 1 }, at: NOW + n };
    let stored = |n| Outcome::Stored(at(n));
    let applied = Outcome::Applied;
    assert_eq!(
        appended.outcomes,
        [applied, stored(1), stored(2), applied, applied, applied, stored(3), stored(4)]
    );
    let commits = commits_up_to(&mut tail, appended.position.expect("it is stored")).await;
    let of_a: Vec<String> = commits
        .iter()
        .flat_map(|commit| &commit.changes)
        .filter_map(|change| match change {
            Change::Entries { room, entries } => (*room == name("a"))
                .then(|| format!("{:?}", entries.iter().map(|it| it.seq).collect::<Vec<_>>())),
            Change::Record(record) => (record.room() == Some(&name("a"))).then(|| format!("{record:?}")),
            _ => None,
        })
        .collect();
    let record = |record| format!("{record:?}");
    let wanted = [
        record(made("a", 77)),
        "[1]".to_owned(),
        record(trimmed("a", 2)),
        record(forgotten("a")),
        record(made("a", 78)),
        "[1, 2]".to_owned(),
    ];
    assert_eq!(of_a, wanted);
    commits.iter().for_each(|commit| registry.apply(commit).expect("the commit fits"));
    assert_eq!(sorted(&registry), rooms(log).await);
    assert_eq!(head_of(log, "a").await, 2);
}

/// protocol 6.7
pub async fn a_record_that_does_not_fit_is_refused(medium: &dyn Medium) {
    let log = &*medium.open(None);
    talk(log, 1, "a", 1..=3).await;
    let before = rooms(log).await;
    let (_, mut tail) = subscribe(log).await;
    let misfits = [
        made("A", 5),
        made("b", 0),
        trimmed("a", 1),
        trimmed("a", 5),
        trimmed("b", 1),
        forgotten("a"),
        forgotten("b"),
    ];
    for record in misfits {
        let appended = write(log, vec![Write::Record(record.clone())]).await;
        assert_eq!(
            (&appended.outcomes[..], appended.position),
            (&[Outcome::Refused][..], None),
            "{record:?}"
        );
    }
    assert_eq!(rooms(log).await, before);
    assert!(tail.next().now_or_never().is_none());
}

/// protocol 6.3, 6.5
pub async fn a_trimmed_room_keeps_its_head(medium: &dyn Medium) {
    let log = &*medium.open(None);
    talk(log, 1, "a", 1..=9).await;
    append(log, vec![topic(1, 10, "a", "tea")]).await;
    for (oldest, held) in [(4, 7), (11, 0)] {
        assert_eq!(write(log, vec![Write::Record(trimmed("a", oldest))]).await.outcomes, [Outcome::Applied]);
        let state = state(log, "a").await;
        assert_eq!((state.oldest, state.head, state.state.topic()), (oldest, 10, "tea"));
        assert_eq!(entries(log, "a", 0).await.len(), held);
    }
    assert_eq!(
        seq(append_one(log, say(1, 1, "a", "another")).await),
        11,
        "the name is free, the number is not"
    );
}

/// protocol 6.4
pub async fn a_room_that_is_made_again_is_another_room(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let mut epochs: Vec<String> = Vec::new();
    for round in 0..3 {
        talk(log, round, "a", 1..=5).await;
        let epoch = epoch(log, "a").await;
        assert!(!epochs.contains(&epoch));
        for old in &epochs {
            assert!(
                (1..=5).all(|seq| !log.holds(&name("a"), old, seq)),
                "{old} is the epoch of another room"
            );
        }
        assert!((1..=5).all(|seq| log.holds(&name("a"), &epoch, seq)));
        epochs.push(epoch);
        for record in [trimmed("a", 6), forgotten("a")] {
            assert_eq!(write(log, vec![Write::Record(record)]).await.outcomes, [Outcome::Applied]);
        }
        assert_eq!((rooms(log).await, texts(log, "a").await), (vec![], vec![]));
    }
}

/// protocol 8.13
pub async fn every_hash_covers_the_entry_before(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let key = |byte| Author { identity: Some(KeyId([byte; 32])), ..Author::person("cleo") };
    let other = Body { kind: chat_core::wire::EntryKind::of("poll"), ..Body::message("tea or coffee?") };
    let batch = vec![
        say(1, 1, "Lobby", "one"),
        by(Author::bot("bob"), say(1, 2, "lobby", "two")),
        by(key(7), topic(1, 3, "LOBBY", "")),
        chat_core::log::Append { body: Arc::new(other), ..by(key(8), say(1, 4, "lobby", "")) },
    ];
    append(log, batch).await;
    talk(log, 2, "lobby", 5..=9).await;
    let mut previous = EntryHash::NONE;
    for entry in entries(log, "lobby", 0).await {
        assert_eq!(entry.hash, hash_of(&entry, "Lobby", previous), "entry {}", entry.seq);
        previous = entry.hash;
    }
}

/// How many entries each of two writers appends. A multiple of three.
const EACH: u64 = 300;
