//! The log that ends with the process. It holds so many bytes, then lets the oldest entries go.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::{FutureExt, future::BoxFuture};

use super::{
    Append, Appended, Found, LogEntry, LogError, LogPage, Outcome, PageLimit, Position, RoomLog, RoomState,
    Search,
};
use crate::{ClientId, RoomName, id::token, wire::EntryKind};

mod search;

/// Keeps entries in memory, all rooms together within a bound. What is over it is taken from the room that holds
/// (about) most, oldest first, so that a busy room cannot cost a quiet one its history.
#[derive(Debug)]
pub struct MemoryLog {
    epoch: String,
    max_bytes: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    rooms: HashMap<RoomName, Entries>,
    requests: HashMap<(ClientId, u64), (RoomName, u64)>,
    /// The rooms that hold anything, in the order of their size classes.
    by_size: BTreeSet<(usize, RoomName)>,
    bytes: usize,
    /// How many entries were ever stored.
    stored: u64,
}

#[derive(Debug, Default)]
struct Entries {
    entries: VecDeque<Stored>,
    head: u64,
    bytes: usize,
    newest_at: u64,
    topic: String,
}

#[derive(Debug)]
struct Stored {
    client: ClientId,
    request: u64,
    /// Its place among the entries of all rooms.
    place: u64,
    entry: LogEntry,
}

impl MemoryLog {
    /// A log that holds about `max_bytes` of entries. `epoch` is random: another process, another log.
    pub fn new(max_bytes: usize, epoch: u128) -> MemoryLog {
        MemoryLog { epoch: token(epoch), max_bytes, held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RoomLog for MemoryLog {
    fn epoch(&self) -> String {
        self.epoch.clone()
    }

    fn rooms(&self) -> BoxFuture<'_, Result<Vec<RoomState>, LogError>> {
        let held = self.held();
        let state = |(room, it): (&RoomName, &Entries)| RoomState {
            room: room.clone(),
            epoch: self.epoch.clone(),
            oldest: it.oldest(),
            head: it.head,
            topic: it.topic.clone(),
        };
        let rooms = held.rooms.iter().map(state).collect();
        async move { Ok(rooms) }.boxed()
    }

    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Appended, LogError>> {
        let mut held = self.held();
        let outcomes = batch.into_iter().map(|item| held.append(item)).collect();
        let pruned = held.prune(self.max_bytes);
        async move { Ok(Appended { outcomes, pruned }) }.boxed()
    }

    fn lookup(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Vec<Option<Outcome>>, LogError>> {
        let held = self.held();
        let outcomes = batch.iter().map(|item| held.lookup(item)).collect();
        async move { Ok(outcomes) }.boxed()
    }

    fn read<'a>(
        &'a self,
        room: &'a RoomName,
        after: u64,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<LogPage, LogError>> {
        let page = match self.held().rooms.get(room) {
            Some(it) => it.page(after, limit),
            None => LogPage { entries: Vec::new(), through: after },
        };
        async move { Ok(page) }.boxed()
    }

    fn search(&self, search: Search) -> BoxFuture<'_, Result<Found, LogError>> {
        async move { Ok(self.held().search(&search)) }.boxed()
    }
}

impl Held {
    fn lookup(&self, item: &Append) -> Option<Outcome> {
        let (room, seq) = self.requests.get(&(item.client, item.request))?;
        Some(match self.rooms.get(room).and_then(|it| it.get(*seq)) {
            Some(it) if *room == item.room && it.body == item.body && it.author.bot == item.author.bot => {
                Outcome::Known(Position { seq: it.seq, at: it.at })
            }
            _ => Outcome::Conflict,
        })
    }

    fn append(&mut self, item: Append) -> Outcome {
        if let Some(outcome) = self.lookup(&item) {
            return outcome;
        }
        let name = (item.client, item.request);
        let room_name = item.room.clone();
        let room = self.rooms.entry(room_name.clone()).or_default();
        let before = room.bytes;
        self.stored += 1;
        let position = room.push(item, self.stored);
        self.bytes += room.bytes - before;
        if size_class(room.bytes) != size_class(before) {
            self.by_size.remove(&(size_class(before), room_name.clone()));
            self.by_size.insert((size_class(room.bytes), room_name.clone()));
        }
        self.requests.insert(name, (room_name, position.seq));
        Outcome::Stored(position)
    }

    fn prune(&mut self, max_bytes: usize) -> Vec<(RoomName, u64)> {
        let mut pruned: Vec<(RoomName, u64)> = Vec::new();
        while self.bytes > max_bytes
            && let Some((class, name)) = self.by_size.pop_last()
        {
            let room = self.rooms.get_mut(&name).expect("every room with a size exists");
            while self.bytes > max_bytes
                && size_class(room.bytes) == class
                && let Some(gone) = room.entries.pop_front()
            {
                room.bytes -= gone.bytes();
                self.bytes -= gone.bytes();
                self.requests.remove(&(gone.client, gone.request));
            }
            let oldest = room.oldest();
            match pruned.iter_mut().find(|(it, _)| *it == name) {
                Some(known) => known.1 = oldest,
                None => pruned.push((name.clone(), oldest)),
            }
            if room.bytes > 0 {
                self.by_size.insert((size_class(room.bytes), name));
            }
        }
        pruned
    }
}

impl Entries {
    fn oldest(&self) -> u64 {
        self.head + 1 - self.entries.len() as u64
    }

    fn get(&self, seq: u64) -> Option<&LogEntry> {
        let at = seq.checked_sub(self.oldest())?;
        self.entries.get(usize::try_from(at).ok()?).map(|it| &it.entry)
    }

    fn push(&mut self, item: Append, place: u64) -> Position {
        let Append { client, request, author, at, body, .. } = item;
        self.head += 1;
        self.newest_at = self.newest_at.max(at);
        if body.kind == EntryKind::Topic {
            self.topic.clone_from(&body.text);
        }
        let position = Position { seq: self.head, at: self.newest_at };
        let entry = LogEntry { seq: position.seq, at: position.at, author, body };
        let stored = Stored { client, request, place, entry };
        self.bytes += stored.bytes();
        self.entries.push_back(stored);
        position
    }

    fn page(&self, after: u64, limit: PageLimit) -> LogPage {
        let oldest = self.oldest();
        let skip = usize::try_from(after.saturating_add(1).saturating_sub(oldest)).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let entries: Vec<LogEntry> = self
            .entries
            .iter()
            .skip(skip)
            .take(limit.entries.max(1))
            .map(|it| it.entry.clone())
            .take_while(|it| {
                let fits = bytes < limit.bytes.max(1);
                bytes += it.body.text.len();
                fits
            })
            .collect();
        let through = entries.last().map_or(self.head.max(after), |it| it.seq);
        LogPage { entries, through }
    }
}

impl Stored {
    /// What it costs: its strings, and about this much around them and in the table of requests.
    fn bytes(&self) -> usize {
        self.entry.author.name.len() + self.entry.body.text.len() + OVERHEAD
    }
}

/// A room moves among the others only when its class changes: sizes of one class differ by an eighth at most.
fn size_class(bytes: usize) -> usize {
    let magnitude = bytes.max(8).ilog2() as usize;
    (magnitude << 3) | ((bytes >> (magnitude - 3)) & 7)
}

const OVERHEAD: usize = 256;

#[cfg(test)]
mod tests;
