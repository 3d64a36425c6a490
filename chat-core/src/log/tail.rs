//! The tail of a log: every commit in the one order that all readers see, the server's own entries included.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures::{
    StreamExt,
    channel::mpsc::{self, Sender},
    stream::{self, BoxStream},
};

use super::{Append, LogEntry, LogError, People, PeopleRecord, RoomState};
use crate::RoomName;

/// Something to be stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Write {
    /// An entry.
    Entry(Append),
    /// A record.
    Record(Record),
}

/// Something durable beside the entries. The log and every [`Registry`](crate::Registry) apply records in the order of
/// the log and by the same rules, so that all of them agree.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Record {
    /// A room exists from here on. Refused if it exists already. A log makes a room by itself when an entry is stored
    /// in one that does not exist.
    RoomMade {
        /// Its name.
        room: RoomName,
        /// Distinguishes the room from an earlier one with the same name, which was forgotten; not zero.
        incarnation: u64,
    },
    /// The entries below `oldest` are deleted. Refused if there are none, or if `oldest` is not at most one above the
    /// newest entry. A log trims rooms by itself to keep within its bounds.
    RoomTrimmed {
        /// The room.
        room: RoomName,
        /// The smallest number that stays.
        oldest: u64,
    },
    /// The room does not exist any more, and its numbers begin at 1 if it is made again. Refused if it has entries or
    /// does not exist.
    RoomForgotten {
        /// The room.
        room: RoomName,
    },
    /// Something about people.
    People(PeopleRecord),
}

impl Record {
    /// The room that the record is about, if it is about one.
    pub fn room(&self) -> Option<&RoomName> {
        match self {
            Record::RoomMade { room, .. }
            | Record::RoomTrimmed { room, .. }
            | Record::RoomForgotten { room } => Some(room),
            Record::People(_) => None,
        }
    }
}

/// One step of the log: everything that one transaction has stored.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Commit {
    /// The commit's position in the log. Every later commit has a larger one; positions may be skipped.
    pub position: u64,
    /// The changes. For any one room they are in the order in which they happened.
    pub changes: Vec<Change>,
}

/// A part of a commit.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// Entries were stored in a room.
    Entries {
        /// The room, by the name that it was made with.
        room: RoomName,
        /// Ascending, without holes, from one above the room's head.
        entries: Vec<LogEntry>,
    },
    /// A record was applied.
    Record(Record),
}

impl Commit {
    /// Adds an entry, to the entries of its room where nothing has happened to the room since.
    pub fn add_entry(&mut self, room: &RoomName, entry: LogEntry) {
        // The newest change first, because neighbours are often in the same room. A batch may have a thousand rooms, so
        // the search is bounded, and a room may have several changes.
        let same = |change: &&mut Change| match change {
            Change::Entries { room: other, .. } => other == room,
            Change::Record(record) => record.room() == Some(room),
        };
        match self.changes.iter_mut().rev().take(CHANGES_SEARCHED).find(same) {
            Some(Change::Entries { entries, .. }) => entries.push(entry),
            _ => self.changes.push(Change::Entries { room: room.clone(), entries: vec![entry] }),
        }
    }

    /// Adds a record.
    pub fn add_record(&mut self, record: Record) {
        self.changes.push(Change::Record(record));
    }
}

/// All rooms and people at one position of the log.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Snapshot {
    /// The position of the newest commit that the snapshot includes.
    pub position: u64,
    /// The rooms that exist, in no particular order.
    pub rooms: Vec<RoomState>,
    /// The people who are known.
    pub people: People,
}

/// The commits after a snapshot, in order, without a gap. It ends when the log is closed, and with an error when the
/// reader is too slow.
pub type Tail = BoxStream<'static, Result<Commit, LogError>>;

/// Hands commits to the readers of a log's tail. A log calls it where it commits, so that all readers see one order.
#[derive(Debug, Default)]
pub struct Feed {
    readers: Vec<Reader>,
}

#[derive(Debug)]
struct Reader {
    commits: Sender<Commit>,
    is_too_slow: Arc<AtomicBool>,
}

impl Feed {
    /// The commits published from now on.
    pub fn subscribe(&mut self) -> Tail {
        let (commits, tail) = mpsc::channel(MOST_WAITING);
        let is_too_slow = Arc::new(AtomicBool::new(false));
        self.readers.push(Reader { commits, is_too_slow: is_too_slow.clone() });
        let end = move || is_too_slow.load(Ordering::Acquire).then_some(Err(LogError::TooSlow));
        tail.map(Ok).chain(stream::once(async move { end() }).filter_map(async |end| end)).boxed()
    }

    /// Hands out a commit. A reader for which too many commits wait already is disconnected.
    pub fn publish(&mut self, commit: Commit) {
        if commit.changes.is_empty() {
            return;
        }
        let mut commit = Some(commit);
        let mut left = self.readers.len();
        self.readers.retain_mut(|reader| {
            left -= 1;
            // The last reader is given the commit itself; most logs have one reader.
            let given = if left == 0 { commit.take() } else { commit.clone() };
            let Some(given) = given else { return true };
            match reader.commits.try_send(given) {
                Ok(()) => true,
                Err(refused) => {
                    reader.is_too_slow.store(refused.is_full(), Ordering::Release);
                    false
                }
            }
        });
    }
}

/// How many changes of a commit are looked through for the room of a new entry.
const CHANGES_SEARCHED: usize = 8;
/// How many commits may wait for one reader.
const MOST_WAITING: usize = 4096;

#[cfg(test)]
mod tests;
