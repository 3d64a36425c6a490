//! The bound of the in-memory log. The rest is the suite for logs, in `tests`.

use std::sync::Arc;

use futures::{FutureExt, StreamExt, executor::block_on};

use super::{room::OVERHEAD, *};
use crate::{
    PersonName,
    log::Change,
    wire::{Author, Body},
    words::Query,
};

fn say(client: u128, request: u64, room: &str, text: &str) -> Append {
    Append {
        client: ClientId(client),
        request,
        room: RoomName::parse(room).unwrap(),
        author: Arc::new(Author::person("ana")),
        at: 1000_u64.saturating_sub(request),
        body: Arc::new(Body::message(text)),
    }
}

fn append(log: &MemoryLog, batch: Vec<Append>) -> Appended {
    block_on(log.append(batch.into_iter().map(Write::Entry).collect())).unwrap()
}

fn texts(log: &MemoryLog, room: &str, after: u64, limit: PageLimit) -> (u64, Vec<String>) {
    let page = block_on(log.read(&RoomName::parse(room).unwrap(), after, limit)).unwrap();
    (
        page.entries.first().map_or(page.through + 1, |it| it.seq),
        page.entries.into_iter().map(|it| it.body.text.clone()).collect(),
    )
}

const PAGE: PageLimit = PageLimit { entries: 100, bytes: 1 << 16 };

#[test]
fn what_is_over_the_bound_is_taken_from_the_largest_room() {
    let log = MemoryLog::new(10 * (OVERHEAD + 4), 7);
    append(&log, (1..=3).map(|n| say(1, n, "quiet", "x")).collect());
    let (_, mut tail) = block_on(log.subscribe()).unwrap();
    let mut trimmed = Vec::new();
    for n in 1..=20 {
        append(&log, vec![say(2, n, "loud", "x")]);
        let commit = block_on(tail.next()).unwrap().unwrap();
        trimmed.extend(
            commit.changes.into_iter().filter(|it| matches!(it, Change::Record(Record::RoomTrimmed { .. }))),
        );
    }
    assert_eq!(texts(&log, "quiet", 0, PAGE).0, 1, "the quiet room keeps its history");
    let (oldest, held) = texts(&log, "loud", 0, PAGE);
    assert_eq!((oldest, held.len()), (14, 7));
    let room = RoomName::parse("loud").unwrap();
    assert_eq!(trimmed.last().unwrap(), &Change::Record(Record::RoomTrimmed { room, oldest: 14 }));
    // The name of a request is forgotten with its message, and only then.
    let outcomes = append(&log, vec![say(2, 20, "loud", "x"), say(2, 1, "loud", "x")]).outcomes;
    assert!(matches!(outcomes[0], Outcome::Known(Position { seq: 20, .. })));
    assert!(matches!(outcomes[1], Outcome::Stored(Position { seq: 21, .. })));
}

#[test]
fn one_entry_larger_than_the_bound_leaves_an_empty_room_with_its_head() {
    let log = MemoryLog::new(10, 7);
    append(&log, vec![say(1, 1, "a", "x")]);
    let rooms = block_on(log.rooms()).unwrap();
    assert_eq!((rooms[0].oldest, rooms[0].head), (2, 1));
}

fn found(log: &MemoryLog, search: &Search) -> (Vec<(String, u64)>, Option<u64>) {
    let found = block_on(log.search(search.clone())).unwrap();
    (found.hits.into_iter().map(|it| (it.room.to_string(), it.entry.seq)).collect(), found.more)
}

fn search(words: &str) -> Search {
    let query = Query::parse(words).unwrap();
    Search { query, room: None, from: None, since: None, before: None, limit: 100 }
}

#[test]
fn what_is_found_is_newest_first_over_all_rooms_and_goes_on_where_it_stopped() {
    let log = MemoryLog::new(1 << 20, 7);
    let topic = Append {
        author: Arc::new(Author::person("Bob")),
        body: Arc::new(Body::topic("red tea")),
        ..say(1, 5, "b", "")
    };
    for item in [
        say(1, 1, "a", "tea one"),
        say(1, 2, "b", "Tea two"),
        say(1, 3, "a", "coffee"),
        say(1, 4, "a", "téa three"),
        topic,
    ] {
        append(&log, vec![item]);
    }
    let hit = |room: &str, seq| (room.to_owned(), seq);
    let all = [hit("b", 2), hit("a", 3), hit("b", 1), hit("a", 1)];
    assert_eq!(found(&log, &search("tea")), (all.to_vec(), None));
    let room = Some(RoomName::parse("A").unwrap());
    assert_eq!(found(&log, &Search { room, ..search("tea") }).0, [hit("a", 3), hit("a", 1)]);
    let from = Some(PersonName::parse("bOB").unwrap());
    assert_eq!(found(&log, &Search { from, ..search("tea") }).0, [hit("b", 2)]);
    // In room a it is 999 all along, in b 998.
    assert_eq!(found(&log, &Search { since: Some(999), ..search("tea") }).0, [hit("a", 3), hit("a", 1)]);
    assert_eq!(found(&log, &search("tea missing")), (Vec::new(), None));

    let mut pages = Vec::new();
    let mut one = Search { limit: 1, ..search("tea") };
    loop {
        let (hits, more) = found(&log, &one);
        pages.extend(hits);
        append(&log, vec![say(2, pages.len() as u64, "c", "tea that came in between")]);
        one.before = more;
        if more.is_none() {
            break;
        }
    }
    assert_eq!(pages, all);
    let places: Vec<u64> =
        block_on(log.search(search("tea"))).unwrap().hits.iter().map(|it| it.place).collect();
    assert!(places.is_sorted_by(|a, b| a > b), "{places:?}");
}

#[test]
fn one_search_does_not_look_at_everything() {
    let log = MemoryLog::new(64 << 20, 7);
    append(&log, vec![say(1, 1, "a", "needle")]);
    append(&log, (2..502).map(|it| say(1, it, "a", &"hay ".repeat(2000))).collect());
    let mut it = search("needle");
    let (mut hits, mut searches) = (Vec::new(), 0);
    while searches < 100 {
        let (some, more) = found(&log, &it);
        hits.extend(some);
        (searches, it.before) = (searches + 1, more);
        if more.is_none() {
            break;
        }
    }
    assert_eq!(hits, [("a".to_owned(), 1)]);
    assert_eq!(searches, 4, "500 times 8000 bytes, a MiB at a time");
}

/// A search gives other tasks their turn, and holds no lock meanwhile.
#[test]
fn an_append_does_not_wait_for_a_search() {
    let log = MemoryLog::new(64 << 20, 7);
    append(&log, (1..=10_000).map(|n| say(1, n, "a", "hay")).collect());
    let mut search = log.search(search("needle"));
    let mut polls = 0;
    while (&mut search).now_or_never().is_none() {
        polls += 1;
        append(&log, vec![say(2, polls, "b", "needle")]);
    }
    assert!(polls >= 50, "10,000 entries were compared in {polls} turns");
}
