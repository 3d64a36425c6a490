//! Short words for what the checks do over and over.

use std::sync::Arc;

use chat_core::{
    ClientId, RoomName,
    log::{
        Append, Appended, Commit, EntryHash, LogEntry, LogPage, Outcome, PageLimit, Position, Record,
        RoomLog, RoomState, Tail, Write,
        chain::{self, Link},
    },
    wire::{Author, Body},
};
use futures::StreamExt;

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
    write(log, batch.into_iter().map(Write::Entry).collect()).await
}

/// Appends entries and records.
pub(super) async fn write(log: &dyn RoomLog, batch: Vec<Write>) -> Appended {
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
        other => panic!("{other:?} has no number"),
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

/// The epoch of a room that exists.
pub(super) async fn epoch(log: &dyn RoomLog, room: &str) -> String {
    state(log, room).await.epoch
}

/// The room's head, or zero if the room does not exist.
pub(super) async fn head_of(log: &dyn RoomLog, room: &str) -> u64 {
    let room = name(room);
    rooms(log).await.into_iter().find(|it| it.room == room).map_or(0, |it| it.head)
}

/// The hash that an entry has to have.
pub(super) fn hash_of(entry: &LogEntry, room: &str, previous: EntryHash) -> EntryHash {
    let LogEntry { seq, at, author, body, .. } = entry;
    let digest = chain::digest(body);
    Link { previous, room, seq: *seq, at: *at, author, kind: &body.kind, digest }.hash()
}

pub(super) fn made(room: &str, incarnation: u64) -> Record {
    Record::RoomMade { room: name(room), incarnation }
}

pub(super) fn trimmed(room: &str, oldest: u64) -> Record {
    Record::RoomTrimmed { room: name(room), oldest }
}

pub(super) fn forgotten(room: &str) -> Record {
    Record::RoomForgotten { room: name(room) }
}

/// The commits up to the one at `position`.
pub(super) async fn commits_up_to(tail: &mut Tail, position: u64) -> Vec<Commit> {
    let mut commits: Vec<Commit> = Vec::new();
    while commits.last().is_none_or(|last| last.position < position) {
        commits.push(tail.next().await.expect("the log is open").expect("the tail is read in time"));
    }
    assert_eq!(commits.last().map(|last| last.position), Some(position), "the position is the commit's");
    commits
}

pub(super) const EVERYTHING: PageLimit = PageLimit { entries: usize::MAX, bytes: usize::MAX };
/// Some time in 2026.
pub(super) const NOW: u64 = 1_790_000_000_000;
