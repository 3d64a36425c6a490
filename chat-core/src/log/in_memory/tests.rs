//! The in-memory log: numbers, names of requests, pages and the bound.

use futures::executor::block_on;

use super::*;

fn say(client: u128, request: u64, room: &str, text: &str) -> Append {
    Append {
        client: ClientId(client),
        request,
        room: RoomName::parse(room).unwrap(),
        kind: EntryKind::Message,
        from: "ana".to_owned(),
        at: 1000 - request,
        text: text.to_owned(),
    }
}

fn append(log: &MemoryLog, batch: Vec<Append>) -> Appended {
    block_on(log.append(batch)).unwrap()
}

fn texts(log: &MemoryLog, room: &str, after: u64, limit: PageLimit) -> (u64, Vec<String>) {
    let page = block_on(log.read(&RoomName::parse(room).unwrap(), after, limit)).unwrap();
    (
        page.entries.first().map_or(page.through + 1, |it| it.seq),
        page.entries.into_iter().map(|it| it.text).collect(),
    )
}

const PAGE: PageLimit = PageLimit { entries: 100, bytes: 1 << 16 };

#[test]
fn a_request_is_stored_once_and_answered_alike() {
    let log = MemoryLog::new(1 << 20, 7);
    let batch = vec![say(1, 1, "a", "x"), say(1, 1, "a", "x"), say(1, 1, "a", "y"), say(2, 1, "a", "x")];
    let first = Position { seq: 1, at: 999 };
    let other = Position { seq: 2, at: 999 };
    assert_eq!(
        append(&log, batch).outcomes,
        [Outcome::Stored(first), Outcome::Known(first), Outcome::Conflict, Outcome::Stored(other)]
    );
    assert_eq!(append(&log, vec![say(1, 1, "b", "x")]).outcomes, [Outcome::Conflict]);
    let topic = Append { kind: EntryKind::Topic, ..say(1, 1, "a", "x") };
    assert_eq!(append(&log, vec![topic]).outcomes, [Outcome::Conflict]);
}

#[test]
fn time_does_not_run_backwards_in_a_room() {
    let log = MemoryLog::new(1 << 20, 7);
    let appended = append(&log, vec![say(1, 1, "a", "x"), say(1, 2, "a", "x"), say(1, 3, "b", "x")]);
    let at = |outcome: &Outcome| match outcome {
        Outcome::Stored(it) => it.at,
        other => panic!("{other:?}"),
    };
    assert_eq!(appended.outcomes.iter().map(at).collect::<Vec<_>>(), [999, 999, 997]);
}

#[test]
fn pages_keep_to_their_limit_but_bring_something() {
    let log = MemoryLog::new(1 << 20, 7);
    append(&log, (1..=5).map(|n| say(1, n, "a", &n.to_string().repeat(10))).collect());
    let text = |n: u64| n.to_string().repeat(10);
    assert_eq!(texts(&log, "a", 3, PAGE), (4, vec![text(4), text(5)]));
    assert_eq!(texts(&log, "a", 0, PageLimit { entries: 2, bytes: 1 << 16 }), (1, vec![text(1), text(2)]));
    assert_eq!(texts(&log, "a", 1, PageLimit { entries: 9, bytes: 1 }), (2, vec![text(2)]));
    assert_eq!(texts(&log, "a", 5, PAGE), (6, vec![]));
    assert_eq!(texts(&log, "elsewhere", 0, PAGE), (1, vec![]));
}

#[test]
fn what_is_over_the_bound_is_taken_from_the_largest_room() {
    let log = MemoryLog::new(10 * (OVERHEAD + 4), 7);
    append(&log, (1..=3).map(|n| say(1, n, "quiet", "x")).collect());
    let mut pruned = Vec::new();
    for n in 1..=20 {
        pruned.extend(append(&log, vec![say(2, n, "loud", "x")]).pruned);
    }
    assert_eq!(texts(&log, "quiet", 0, PAGE).0, 1, "the quiet room keeps its history");
    let (oldest, held) = texts(&log, "loud", 0, PAGE);
    assert_eq!((oldest, held.len()), (14, 7));
    assert_eq!(pruned.last().unwrap(), &(RoomName::parse("loud").unwrap(), 14));
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
