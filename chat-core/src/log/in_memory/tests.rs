//! The bound of the in-memory log. The rest is the suite for logs, in `tests`.

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
