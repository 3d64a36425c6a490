//! Short words for what the checks do over and over.

use std::sync::Arc;

use chat_core::{
    ClientId, RoomName,
    log::{Append, Appended, LogEntry, LogPage, Outcome, PageLimit, Position, RoomLog, RoomState},
    wire::{Author, Body},
};

/// The `request`th thing that the client with this number says.
pub(super) fn say(client: u128, request: u64, room: &str, text: &str) -> Append {
    Append {
        client: ClientId(client),
        request,
        room: name(room),
        author: Arc::new(Author::person("ana")),
        at: NOW + request,
        body: Arc::new(Body::message(text)),
    }
}

/// The same, as a topic.
pub(super) fn topic(client: u128, request: u64, room: &str, text: &str) -> Append {
    Append { body: Arc::new(Body::topic(text)), ..say(client, request, room, text) }
}

/// The same, by another author.
pub(super) fn by(author: Author, item: Append) -> Append {
    Append { author: Arc::new(author), ..item }
}

pub(super) fn name(room: &str) -> RoomName {
    RoomName::parse(room).expect("the suite uses names that are good")
}

pub(super) async fn append(log: &dyn RoomLog, batch: Vec<Append>) -> Appended {
    let wanted = batch.len();
    let appended = log.append(batch).await.expect("the log stores it");
    assert_eq!(appended.outcomes.len(), wanted, "one outcome for each item");
    appended
}

/// Appends one thing.
pub(super) async fn append_one(log: &dyn RoomLog, item: Append) -> Outcome {
    append(log, vec![item]).await.outcomes[0]
}

/// Says the requests in `range`, one batch each, with their numbers as texts.
pub(super) async fn talk(log: &dyn RoomLog, client: u128, room: &str, range: std::ops::RangeInclusive<u64>) {
    for n in range {
        let outcome = append_one(log, say(client, n, room, &n.to_string())).await;
        assert!(matches!(outcome, Outcome::Stored(_)), "{outcome:?}");
    }
}

pub(super) fn seq(outcome: Outcome) -> u64 {
    match outcome {
        Outcome::Stored(Position { seq, .. }) | Outcome::Known(Position { seq, .. }) => seq,
        Outcome::Conflict => panic!("a conflict has no number"),
    }
}

pub(super) async fn page(log: &dyn RoomLog, room: &str, after: u64, limit: PageLimit) -> LogPage {
    log.read(&name(room), after, limit).await.expect("the log can be read")
}

/// Everything a room has above `after`.
pub(super) async fn entries(log: &dyn RoomLog, room: &str, after: u64) -> Vec<LogEntry> {
    page(log, room, after, EVERYTHING).await.entries
}

pub(super) async fn texts(log: &dyn RoomLog, room: &str) -> Vec<String> {
    entries(log, room, 0).await.into_iter().map(|it| it.body.text.clone()).collect()
}

pub(super) async fn rooms(log: &dyn RoomLog) -> Vec<RoomState> {
    let mut rooms = log.rooms().await.expect("the log can be read");
    rooms.sort_by(|a, b| a.room.cmp(&b.room));
    rooms
}

/// Where a room stands. It has entries, or had some.
pub(super) async fn state(log: &dyn RoomLog, room: &str) -> RoomState {
    let room = name(room);
    rooms(log).await.into_iter().find(|it| it.room == room).expect("the room is listed")
}

pub(super) const EVERYTHING: PageLimit = PageLimit { entries: usize::MAX, bytes: usize::MAX };
/// Some time in 2026.
pub(super) const NOW: u64 = 1_790_000_000_000;
