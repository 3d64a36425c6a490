//! The log: where the entries of rooms are numbered and kept. An acknowledged entry is stored.

use std::sync::Arc;

use futures::{
    FutureExt,
    future::{self, BoxFuture},
};

use crate::{
    ClientId, RoomName,
    wire::{Author, Body},
};

pub mod chain;
mod epoch;
mod in_memory;
mod people;
mod search;
mod state;
mod tail;

pub use chain::EntryHash;
pub use epoch::{epoch_of_room, parts_of_epoch};
pub use in_memory::MemoryLog;
pub use people::{
    MAX_KEYS_OF_ONE, MAX_NAMES, MAX_NAMES_OF_ONE, OwnedName, People, PeopleRecord, Person, PersonKey,
};
pub use search::{Found, Hit, Search};
pub use state::{StateEntry, StateMap};
pub use tail::{Change, Commit, Feed, Record, Snapshot, Tail, Write};

/// Keeps the rooms of one server, or of several. It has two halves: [`append`](RoomLog::append) stores, and the
/// [tail](RoomLog::subscribe) says in one order what was stored, by whichever server. A server delivers to its people
/// only what the tail says.
pub trait RoomLog: Send + Sync + 'static {
    /// The log's epoch: a random name that no other log has. A log that outlives its process has a new one in each run,
    /// from when it is opened until it is closed.
    fn epoch(&self) -> String;

    /// Whether entry `seq` of `room`, as read under the [room's epoch](RoomState::epoch) `epoch`, is still the entry
    /// stored here. A log that outlives its process knows its earlier runs and how far each went, so that a log that was
    /// cut, or restored from an older copy, can tell which readers have read what it has lost.
    fn holds(&self, room: &RoomName, epoch: &str, seq: u64) -> bool;

    /// All rooms at one position of the log, and the commits from exactly there on.
    fn subscribe(&self) -> BoxFuture<'_, Result<(Snapshot, Tail), LogError>>;

    /// The rooms that exist now, in no particular order.
    fn rooms(&self) -> BoxFuture<'_, Result<Vec<RoomState>, LogError>> {
        self.subscribe().map(|subscribed| Ok(subscribed?.0.rooms)).boxed()
    }

    /// Stores a batch, all of it or nothing, in one commit, and answers each item in its order. What is answered is
    /// stored as durably as this log ever stores. The answer is there before any tail has the commit.
    ///
    /// Entries get the next numbers of their rooms, in the order of the batch. The name of a request (client and number)
    /// is stored with its entry and kept as long: the same name again is answered with the first number if the content
    /// is the same (room, body, and whether a program said it), and with [`Outcome::Conflict`] if not, also within one
    /// batch.
    ///
    /// # Errors
    /// When nothing of the batch is stored, and nothing of it will be.
    fn append(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<Appended, LogError>>;

    /// Looks up each item by the name of its request: [`Outcome::Known`] or [`Outcome::Conflict`] for a name that is
    /// stored, in order. Stores nothing, so it also works where there is no space left.
    fn lookup(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Vec<Option<Outcome>>, LogError>>;

    /// The entries of `room` with numbers above `after`, ascending, as many as `limit` allows but at least one if
    /// there is one. A room that does not exist is empty.
    fn read<'a>(
        &'a self,
        room: &'a RoomName,
        after: u64,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<LogPage, LogError>>;

    /// The newest entries that match, of all rooms or of one, newest first. A log may stop after any amount of work and
    /// say where; then it may have found nothing although there is more.
    ///
    /// # Errors
    /// [`LogError::Unsearchable`] from a log that does not offer this, as by default.
    fn search(&self, search: Search) -> BoxFuture<'_, Result<Found, LogError>> {
        let _ = search;
        future::ready(Err(LogError::Unsearchable)).boxed()
    }
}

/// A room at some position of the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoomState {
    /// Its name, as it was made.
    pub room: RoomName,
    /// The room's epoch: the [log's](RoomLog::epoch), and for a room that was made by a record something that
    /// distinguishes it from an earlier room with the same name ([`epoch_of_room`]).
    pub epoch: String,
    /// The smallest number held, `head` + 1 if none is.
    pub oldest: u64,
    /// The largest number given.
    pub head: u64,
    /// The newest state entries, such as the topic.
    pub state: StateMap,
}

/// An entry to be stored. Cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Append {
    /// The client that asks. The request's name is this and the next.
    pub client: ClientId,
    /// The client's number for the request.
    pub request: u64,
    /// The room. It is made if it does not exist.
    pub room: RoomName,
    /// The author.
    pub author: Arc<Author>,
    /// The time of day in milliseconds since 1970 (UTC). Stored as the room's newest if it is before that, so that
    /// time never runs backwards in a room.
    pub at: u64,
    /// The content.
    pub body: Arc<Body>,
}

impl Append {
    /// Whether an entry that was stored under the name of this request has the same content.
    pub fn is_repeated_by(&self, author: &Author, body: &Body) -> bool {
        *self.body == *body && self.author.bot == author.bot
    }
}

/// The time with which a log stores an entry that comes at the time `at`, behind one of the time `newest` in its room.
///
/// Time does not run backwards in a room, whatever the clock does. But a time that is more than a day ahead of a clock that
/// is set comes from a clock that was wrong, and is not followed for as long as it is ahead.
pub fn time_after(newest: u64, at: u64) -> u64 {
    let was_wrong = newest > at.saturating_add(DAY) && at >= CLOCKS_ARE_SET;
    if was_wrong { at } else { newest.max(at) }
}

/// The answer to a batch.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Appended {
    /// One for each item, in order.
    pub outcomes: Vec<Outcome>,
    /// The position of the commit, which the tail is about to have; nothing if the batch has changed nothing.
    pub position: Option<u64>,
}

/// What became of one item.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The entry is stored.
    Stored(Position),
    /// The entry was stored before, there.
    Known(Position),
    /// The request's name stands for other content; nothing was stored.
    Conflict,
    /// The record is applied.
    Applied,
    /// The record does not fit the state of the log; nothing was changed.
    Refused,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// Its number in the room.
    pub seq: u64,
    /// Its time, in milliseconds since 1970 (UTC).
    pub at: u64,
}

/// An entry as it is held. Cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogEntry {
    /// Its number in the room.
    pub seq: u64,
    /// Its time, in milliseconds since 1970 (UTC).
    pub at: u64,
    /// The author.
    pub author: Arc<Author>,
    /// The content.
    pub body: Arc<Body>,
    /// The hash, which covers the hash of the entry before it in the room.
    pub hash: EntryHash,
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
    /// The reader of the tail was disconnected.
    #[error("the server is too far behind the log")]
    TooSlow,
    /// It cannot be searched.
    #[error("this log cannot be searched")]
    Unsearchable,
}

/// In milliseconds.
const DAY: u64 = 86_400_000;
/// 2025: a clock that is before that was never set.
const CLOCKS_ARE_SET: u64 = 1_735_689_600_000;
