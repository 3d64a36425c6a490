//! The log in a file, where only the crate itself can look: the rest is the suite, in `tests/it`.

mod commits;
mod damage;
mod files;
mod full;
mod keep;
mod migrating;
mod restore;
mod searching;

use std::{path::Path, sync::Arc};

use chat_core::{
    ClientId, RoomName,
    log::{Append, LogError, LogPage, Outcome, PageLimit, Position, RoomLog, RoomState, Write},
    wire::{Author, Body},
};
use futures::executor::block_on;

use crate::{Options, SqliteLog};

fn open(directory: &Path) -> SqliteLog {
    SqliteLog::open(directory, Options::default()).unwrap()
}

fn name(room: &str) -> RoomName {
    RoomName::parse(room).unwrap()
}

/// The `request`th thing that ana says, in this room.
fn say(room: &str, request: u64, text: &str) -> Append {
    Append {
        client: ClientId(7),
        request,
        room: name(room),
        author: Arc::new(Author::person("ana")),
        at: 1000 + request,
        body: Arc::new(Body::message(text)),
    }
}

/// The same as a topic.
fn topic(room: &str, request: u64, text: &str) -> Append {
    Append { body: Arc::new(Body::topic(text)), ..say(room, request, text) }
}

fn append(log: &SqliteLog, batch: Vec<Append>) -> Result<Vec<Outcome>, LogError> {
    block_on(log.append(batch.into_iter().map(Write::Entry).collect())).map(|it| it.outcomes)
}

/// Requests `range`, one batch each, with their numbers as texts.
fn talk(log: &SqliteLog, room: &str, range: std::ops::RangeInclusive<u64>) {
    for n in range {
        append(log, vec![say(room, n, &n.to_string())]).unwrap();
    }
}

fn stored(seq: u64, at: u64) -> Outcome {
    Outcome::Stored(Position { seq, at })
}

fn page(log: &SqliteLog, room: &str, after: u64) -> LogPage {
    block_on(log.read(&name(room), after, PAGE)).unwrap()
}

fn texts(log: &SqliteLog, room: &str) -> Vec<String> {
    page(log, room, 0).entries.into_iter().map(|it| it.body.text.clone()).collect()
}

/// The epoch of a room, or the log's if the room does not exist.
fn epoch(log: &SqliteLog, room: &str) -> String {
    state(log, room).map_or_else(|| log.epoch(), |state| state.epoch)
}

fn state(log: &SqliteLog, room: &str) -> Option<RoomState> {
    block_on(log.rooms()).unwrap().into_iter().find(|it| it.room == name(room))
}

const PAGE: PageLimit = PageLimit { entries: 1_000, bytes: 1 << 20 };
