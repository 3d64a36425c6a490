//! The log: where a room's entries are numbered and kept. What it has said yes to is stored.

use std::sync::Arc;

use futures::{
    FutureExt,
    future::{self, BoxFuture},
    stream::{self, BoxStream, StreamExt},
};

use crate::{
    ClientId, RoomName,
    wire::{Author, Body},
};

mod in_memory;
mod search;

pub use in_memory::MemoryLog;
pub use search::{Found, Hit, Search};

/// Keeps the rooms of a server. There is one writer, the broker; readers come from everywhere.
pub trait RoomLog: Send + Sync + 'static {
    /// The epoch: the name of the present run of this log, from when it was opened until it is closed. Random, so that
    /// no other run of this or another log has it.
    fn epoch(&self) -> String;

    /// Whether a reader that was given number `seq` of `room` in the run called `epoch` was given what this log holds
    /// under it. A log that outlives its process knows its earlier runs and how far each went: then also one that was
    /// cut, or restored from an older copy, can tell what it has lost.
    fn holds(&self, room: &RoomName, epoch: &str, seq: u64) -> bool {
        let _ = (room, seq);
        epoch == self.epoch()
    }

    /// The rooms that have entries, or had them.
    fn rooms(&self) -> BoxFuture<'_, Result<Vec<RoomState>, LogError>>;

    /// Stores a batch, all of it or nothing, and answers each item in its order. What is answered is stored as
    /// durably as this log ever stores.
    ///
    /// Entries get the next numbers of their rooms, in the order of the batch. The name of a request is stored with
    /// its entry and kept as long: the same name again is answered with the first number if the content is the
    /// same (room, body, and whether a program said it), and with [`Outcome::Conflict`] if not, also within one batch.
    ///
    /// # Errors
    /// When nothing of the batch is stored, and nothing of it will be.
    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Appended, LogError>>;

    /// What became of these before: [`Outcome::Known`] or [`Outcome::Conflict`] for each name that is known, in order.
    /// Stores nothing, so it also works where there is no space left.
    fn lookup(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Vec<Option<Outcome>>, LogError>>;

    /// The entries of `room` with numbers above `after`, ascending, as many as `limit` allows but at least one if
    /// there is one. A room it has never heard of is empty.
    fn read<'a>(
        &'a self,
        room: &'a RoomName,
        after: u64,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<LogPage, LogError>>;

    /// The newest entries, of all rooms or of one, that are what is looked for, newest first. A log may stop after any
    /// amount of work and say where; then it may have found nothing and still there is more.
    ///
    /// # Errors
    /// [`LogError::Unsearchable`] from a log that does not offer this, which is what it says unless told otherwise.
    fn search(&self, search: Search) -> BoxFuture<'_, Result<Found, LogError>> {
        let _ = search;
        future::ready(Err(LogError::Unsearchable)).boxed()
    }

    /// Entries that others than this server's broker appended, as they come. Most logs have one writer and need
    /// nothing here.
    fn follow(&self) -> BoxStream<'static, (RoomName, LogEntry)> {
        stream::pending().boxed()
    }
}

/// Where a room stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoomState {
    /// Its name.
    pub room: RoomName,
    /// The log's [epoch](RoomLog::epoch).
    pub epoch: String,
    /// The smallest number held, `head` + 1 if none is.
    pub oldest: u64,
    /// The largest number given.
    pub head: u64,
    /// The newest topic, empty if there was none.
    pub topic: String,
}

/// What is to be stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Append {
    /// Who asks: the request's name is this and the next.
    pub client: ClientId,
    /// The client's number for the request.
    pub request: u64,
    /// The room.
    pub room: RoomName,
    /// The author.
    pub author: Arc<Author>,
    /// The time of day in milliseconds since 1970 (UTC). Stored as the room's newest if it is before that, so that
    /// time never runs backwards in a room.
    pub at: u64,
    /// The content.
    pub body: Arc<Body>,
}

/// The answer to a batch.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Appended {
    /// One for each item, in order.
    pub outcomes: Vec<Outcome>,
    /// Rooms that lost their oldest entries to make room, with the smallest number they still hold.
    pub pruned: Vec<(RoomName, u64)>,
}

/// What became of one item.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It is stored.
    Stored(Position),
    /// It was stored before, there.
    Known(Position),
    /// The request's name stands for other content; nothing was stored.
    Conflict,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// Its number in the room.
    pub seq: u64,
    /// Its time, in milliseconds since 1970 (UTC).
    pub at: u64,
}

/// An entry as it is held.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogEntry {
    /// Its number in the room.
    pub seq: u64,
    /// Its time, in milliseconds since 1970 (UTC).
    pub at: u64,
    /// Who said it.
    pub author: Arc<Author>,
    /// What was said.
    pub body: Arc<Body>,
}

/// How much one read may bring, so that no reader holds the log for long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PageLimit {
    /// Entries at most.
    pub entries: usize,
    /// Bytes of text at most; the entry that goes over it is the last.
    pub bytes: usize,
}

/// What one read brought.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LogPage {
    /// Ascending.
    pub entries: Vec<LogEntry>,
    /// How far the page goes: numbers above the one it was to begin after, up to this, that are not among the entries
    /// are gone. At least that number itself; the head, where no limit cut the page short.
    pub through: u64,
}

/// Why a log could not do what it was asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// It cannot be read or written.
    #[error("the log failed: {0}")]
    Failed(String),
    /// There is no space left.
    #[error("the log is full: {0}")]
    Full(String),
    /// It cannot be searched.
    #[error("this log cannot be searched")]
    Unsearchable,
}
