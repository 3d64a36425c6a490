//! Checks of what is stored: numbers, times, rooms and topics.

use chat_core::{
    ClientId,
    log::{Append, EntryHash, LogEntry, Outcome, Position, Write, parts_of_epoch},
    wire::{Author, Body, EntryKind, MAX_INTEGER},
};
use futures::future::join;
use std::sync::Arc;

use super::{Medium, fixture::*};

/// protocol 6.1
pub async fn numbers_begin_at_one_and_have_no_holes(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let mut heads = [0; 3];
    let mut request = 0;
    for size in [1, 2, 7, 40, 1, 0] {
        let mut batch = Vec::new();
        let mut wanted = Vec::new();
        for n in 0..size {
            request += 1;
            let room = (n * n + size) % 3;
            heads[room] += 1;
            wanted.push(heads[room]);
            batch.push(say(1, request, ["a", "b", "c"][room], &request.to_string()));
        }
        let outcomes = append(log, batch).await.outcomes;
        assert!(outcomes.iter().all(|it| matches!(it, Outcome::Stored(_))), "{outcomes:?}");
        assert_eq!(outcomes.into_iter().map(seq).collect::<Vec<_>>(), wanted);
    }
    for (room, head) in ["a", "b", "c"].into_iter().zip(heads) {
        let numbers: Vec<u64> = entries(log, room, 0).await.iter().map(|it| it.seq).collect();
        assert_eq!(numbers, (1..=head).collect::<Vec<_>>());
    }
}

/// protocol 7.1, 7.4
pub async fn everything_of_an_entry_comes_back(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let largest = "ü".repeat(4096);
    let texts = ["x", "two\nlines\tand a tab", "'; DROP TABLE entries; --", "🦀 नमस्ते 漢字", &largest];
    let mut wanted = Vec::new();
    let mut batch = Vec::new();
    for (n, text) in (1..).zip(texts) {
        for (kind, client) in [(EntryKind::Message, u128::MAX), (EntryKind::Topic, 0)] {
            let from = format!("Zoë-{n}");
            let (at, seq) = (MAX_INTEGER, wanted.len() as u64 + 1);
            let author = Arc::new(Author::person(from));
            let body = Arc::new(Body { kind, text: text.to_owned(), fields: None });
            let entry =
                LogEntry { seq, at, author: author.clone(), body: body.clone(), hash: EntryHash::NONE };
            let hash = hash_of(&entry, "a", wanted.last().map_or(EntryHash::NONE, |it: &LogEntry| it.hash));
            wanted.push(LogEntry { hash, ..entry });
            let (client, request) = (ClientId(client), MAX_INTEGER - n);
            batch.push(Append { client, request, author, body, at, ..say(1, 1, "a", text) });
        }
    }
    let outcomes = append(log, batch).await.outcomes;
    for (outcome, wanted) in outcomes.iter().zip(&wanted) {
        assert!(matches!(outcome, Outcome::Stored(it) if (it.seq, it.at) == (wanted.seq, wanted.at)));
    }
    assert_eq!(entries(log, "a", 0).await, wanted);
}

/// protocol 7.3
pub async fn time_never_runs_backwards_in_a_room(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let at = |room, request, at| Append { at, ..say(1, request, room, "x") };
    let batch = vec![at("a", 1, 500), at("a", 2, 400), at("b", 3, 300), at("a", 4, 600)];
    let mut outcomes = append(log, batch).await.outcomes;
    outcomes.push(append_one(log, at("a", 5, 100)).await);
    outcomes.push(append_one(log, at("b", 6, 350)).await);
    let times: Vec<u64> = outcomes
        .iter()
        .map(|it| if let Outcome::Stored(it) = it { it.at } else { panic!("{it:?}") })
        .collect();
    assert_eq!(times, [500, 500, 300, 600, 600, 350]);
    let stored: Vec<u64> = entries(log, "a", 0).await.iter().map(|it| it.at).collect();
    assert_eq!(stored, [500, 500, 600, 600]);
}

/// protocol 7.3
pub async fn a_time_that_a_wrong_clock_has_left_is_not_followed(medium: &dyn Medium) {
    const DAY: u64 = 86_400_000;
    const NOW: u64 = 1_800_000_000_000;
    let at = |request, at| Append { at, ..say(1, request, "a", "x") };
    let mut log = medium.open(None);
    let mut times = Vec::new();
    for (request, time) in [
        (1, NOW),
        (2, NOW - DAY),       // a clock that is put back by a day or less stands still
        (3, NOW + 365 * DAY), // a wrong one
        (4, NOW + 364 * DAY),
        (5, NOW + 5), // is right again
        (6, NOW + 4),
        (7, 5000), // a clock that was never set is not followed
    ] {
        let Outcome::Stored(stored) = append_one(&*log, at(request, time)).await else { panic!("{request}") };
        times.push(stored.at);
        if medium.is_durable() {
            drop(log);
            log = medium.open(None);
        }
    }
    let ahead = NOW + 365 * DAY;
    assert_eq!(times, [NOW, NOW, ahead, ahead, NOW + 5, NOW + 5, NOW + 5]);
    assert_eq!(entries(&*log, "a", 0).await.iter().map(|entry| entry.at).collect::<Vec<_>>(), times);
}

/// Names are compared without case, and shown as they were first written.
pub async fn a_room_is_the_same_however_it_is_written(medium: &dyn Medium) {
    let log = &*medium.open(None);
    for (request, room) in (1..).zip(["Lobby", "lobby", "LOBBY"]) {
        assert_eq!(seq(append_one(log, say(1, request, room, "x")).await), request);
    }
    assert_eq!(entries(log, "lObby", 0).await.len(), 3);
    let rooms = rooms(log).await;
    assert_eq!(rooms.len(), 1);
    assert_eq!(rooms[0].room.as_str(), "Lobby", "as it was first written");
    assert!(log.holds(&name("loBBy"), &epoch(log, "lobby").await, 3));
}

/// protocol 7.4
pub async fn topics_are_entries_and_the_newest_is_remembered(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let topic = |request, room, text| topic(1, request, room, text);
    append(log, vec![topic(1, "a", "tea"), topic(2, "a", "cake"), say(1, 3, "a", "hi"), say(1, 4, "b", "x")])
        .await;
    assert_eq!((state(log, "a").await.state.topic(), state(log, "b").await.state.topic()), ("cake", ""));
    append(log, vec![topic(5, "a", "rain"), topic(1, "a", "tea"), topic(2, "a", "other")]).await;
    assert_eq!(state(log, "a").await.state.topic(), "rain", "what is repeated or refused changes nothing");
    let kinds: Vec<EntryKind> = entries(log, "a", 0).await.iter().map(|it| it.body.kind.clone()).collect();
    assert_eq!(kinds, [EntryKind::Topic, EntryKind::Topic, EntryKind::Message, EntryKind::Topic]);
}

/// protocol 7.7
pub async fn what_a_program_said_stays_marked(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let by_bot = |request, text| by(Author::bot("ana"), say(1, request, "a", text));
    append(log, vec![say(1, 1, "a", "hi"), by_bot(2, "HI"), say(1, 3, "a", "thanks")]).await;
    let marks: Vec<bool> = entries(log, "a", 0).await.iter().map(|it| it.author.bot).collect();
    assert_eq!(marks, [false, true, false]);
    let again = append(log, vec![by_bot(2, "HI"), say(1, 2, "a", "HI"), by_bot(1, "hi")]).await.outcomes;
    let known = Outcome::Known(Position { seq: 2, at: NOW + 2 });
    assert_eq!(again, [known, Outcome::Conflict, Outcome::Conflict], "the mark belongs to the content");
    assert_eq!(state(log, "a").await.state.topic(), "", "it is no topic");
}

/// protocol 6.7
pub async fn rooms_are_those_that_have_entries(medium: &dyn Medium) {
    let log = &*medium.open(None);
    assert_eq!(rooms(log).await, []);
    append(log, vec![]).await;
    entries(log, "nowhere", 0).await;
    talk(log, 1, "a", 1..=2).await;
    talk(log, 2, "b", 1..=1).await;
    assert_eq!(append_one(log, say(1, 1, "elsewhere", "y")).await, Outcome::Conflict);
    let rooms = rooms(log).await;
    let listed: Vec<_> =
        rooms.iter().map(|it| (it.room.as_str(), it.oldest, it.head, it.state.topic())).collect();
    assert_eq!(listed, [("a", 1, 2, ""), ("b", 1, 1, "")]);
}

/// protocol 6.4
pub async fn an_epoch_is_a_name_for_the_run(medium: &dyn Medium) {
    let log = &*medium.open(None);
    let epoch = log.epoch();
    assert!(!epoch.is_empty() && epoch.len() <= 64, "{epoch}");
    talk(log, 1, "a", 1..=3).await;
    assert_eq!(log.epoch(), epoch, "it stays the same");
    let epoch = state(log, "a").await.epoch;
    assert!(!epoch.is_empty() && epoch.len() <= 64, "{epoch}");
    assert_eq!(parts_of_epoch(&epoch).map(|(of_log, _)| of_log), Some(log.epoch().as_str()));
    for seq in 0..=3 {
        assert!(log.holds(&name("a"), &epoch, seq));
    }
    for other in ["", "x", "AAAAAAAAAAAAAAAAAAAAAA"] {
        assert!(!log.holds(&name("a"), other, 3), "{other}");
    }
}

/// protocol 7.5
pub async fn a_batch_is_seen_whole_or_not_at_all(medium: &dyn Medium) {
    let log = &*medium.open(None);
    for n in 0..40 {
        let batch = (1..=25).map(|it| Write::Entry(say(1, n * 25 + it, "a", "x"))).collect();
        let (_, read) = join(log.append(batch), log.read(&name("a"), 0, EVERYTHING)).await;
        assert_eq!(read.expect("the log can be read").entries.len() % 25, 0);
    }
}
