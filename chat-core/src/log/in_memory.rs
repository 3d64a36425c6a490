//! The log that ends with the process. It holds so many bytes, then deletes the oldest entries.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::{FutureExt, future::BoxFuture};

use self::{order::Order, room::Room};
use super::{
    Append, Appended, Commit, Feed, Found, LogError, LogPage, Outcome, PageLimit, People, Position, Record,
    RoomLog, RoomState, Search, Snapshot, Tail, Write, parts_of_epoch,
};
use crate::{ClientId, RoomName, id::token};

mod order;
mod room;
mod search;

/// Keeps entries in memory, all rooms together within a bound. Entries over the bound are deleted from the room that
/// holds (about) most, oldest first, so that a busy room cannot cost a quiet one its history.
///
/// Several servers of one process may share it: all of them see one order.
#[derive(Debug)]
pub struct MemoryLog {
    epoch: String,
    max_bytes: usize,
    held: Mutex<Held>,
}

/// Everything behind the lock. Nothing but copying is done under it.
#[derive(Debug, Default)]
struct Held {
    rooms: HashMap<RoomName, Room>,
    requests: HashMap<(ClientId, u64), (RoomName, u64)>,
    /// The rooms that hold anything, in the order of their size classes.
    by_size: BTreeSet<(usize, RoomName)>,
    /// All entries in the order in which they were stored.
    order: Order,
    bytes: usize,
    people: People,
    /// The position of the newest commit.
    position: u64,
    feed: Feed,
}

impl MemoryLog {
    /// A log that holds about `max_bytes` of entries. `epoch` is random, so that no other log has it.
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

    fn holds(&self, room: &RoomName, epoch: &str, seq: u64) -> bool {
        let Some((epoch, incarnation)) = parts_of_epoch(epoch) else { return false };
        let is_held = |room: &Room| room.incarnation() == incarnation && seq <= room.head();
        epoch == self.epoch && (seq == 0 || self.held().rooms.get(room).is_some_and(is_held))
    }

    fn subscribe(&self) -> BoxFuture<'_, Result<(Snapshot, Tail), LogError>> {
        let mut held = self.held();
        let rooms = held.states(&self.epoch);
        let snapshot = Snapshot { position: held.position, rooms, people: held.people.clone() };
        let tail = held.feed.subscribe();
        async move { Ok((snapshot, tail)) }.boxed()
    }

    fn rooms(&self) -> BoxFuture<'_, Result<Vec<RoomState>, LogError>> {
        let rooms = self.held().states(&self.epoch);
        async move { Ok(rooms) }.boxed()
    }

    fn append(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<Appended, LogError>> {
        let mut held = self.held();
        let mut commit = Commit { position: held.position + 1, changes: Vec::new() };
        let outcomes = batch.into_iter().map(|item| held.write(item, &mut commit)).collect();
        held.trim_to(self.max_bytes, &mut commit);
        let position = (!commit.changes.is_empty()).then_some(commit.position);
        if let Some(position) = position {
            held.position = position;
            held.feed.publish(commit);
        }
        drop(held);
        async move { Ok(Appended { outcomes, position }) }.boxed()
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
            Some(room) => room.page(after, limit),
            None => LogPage { entries: Vec::new(), through: after },
        };
        async move { Ok(page) }.boxed()
    }

    fn search(&self, search: Search) -> BoxFuture<'_, Result<Found, LogError>> {
        search::search(self, search).map(Ok).boxed()
    }
}

impl Held {
    fn states(&self, epoch: &str) -> Vec<RoomState> {
        self.rooms.values().map(|room| room.state(epoch)).collect()
    }

    fn lookup(&self, item: &Append) -> Option<Outcome> {
        let (room, seq) = self.requests.get(&(item.client, item.request))?;
        let entry = self.rooms.get(room).and_then(|room| room.get(*seq));
        Some(match entry {
            Some(entry) if *room == item.room && item.is_repeated_by(&entry.author, &entry.body) => {
                Outcome::Known(Position { seq: entry.seq, at: entry.at })
            }
            _ => Outcome::Conflict,
        })
    }

    fn write(&mut self, item: Write, commit: &mut Commit) -> Outcome {
        match item {
            Write::Entry(item) => self.append(item, commit),
            Write::Record(record) if self.apply(&record) => {
                commit.add_record(record);
                Outcome::Applied
            }
            Write::Record(_) => Outcome::Refused,
        }
    }

    fn append(&mut self, item: Append, commit: &mut Commit) -> Outcome {
        if let Some(outcome) = self.lookup(&item) {
            return outcome;
        }
        let name = (item.client, item.request);
        if !self.rooms.contains_key(&item.room) {
            let made = Record::RoomMade { room: item.room.clone(), incarnation: commit.position };
            self.apply(&made);
            commit.add_record(made);
        }
        let room = self.rooms.get_mut(&item.room).expect("the room was made above");
        let before = room.bytes();
        let place = self.order.push(room.name(), room.head() + 1);
        let entry = room.push(item, place);
        let (room_name, bytes) = (room.name().clone(), room.bytes());
        self.bytes += bytes - before;
        if size_class(bytes) != size_class(before) {
            self.by_size.remove(&(size_class(before), room_name.clone()));
            self.by_size.insert((size_class(bytes), room_name.clone()));
        }
        let position = Position { seq: entry.seq, at: entry.at };
        commit.add_entry(&room_name, entry);
        self.requests.insert(name, (room_name, position.seq));
        Outcome::Stored(position)
    }

    /// Applies a record; false if it does not fit.
    fn apply(&mut self, record: &Record) -> bool {
        if let Record::People(record) = record {
            return self.people.apply(record).is_some();
        }
        let known = record.room().and_then(|room| self.rooms.get(room));
        match (record, known) {
            (Record::RoomMade { room, incarnation }, None) if *incarnation != 0 => {
                self.rooms.insert(room.clone(), Room::new(room.clone(), *incarnation));
                true
            }
            (Record::RoomTrimmed { room, oldest }, Some(known)) if known.can_be_trimmed_to(*oldest) => {
                let class = size_class(known.bytes());
                self.by_size.remove(&(class, known.name().clone()));
                self.trim(room, |room| room.oldest() < *oldest);
                true
            }
            (Record::RoomForgotten { room }, Some(known)) if known.oldest() > known.head() => {
                self.rooms.remove(room);
                true
            }
            _ => false,
        }
    }

    /// Deletes entries until all rooms together are within the bound.
    fn trim_to(&mut self, max_bytes: usize, commit: &mut Commit) {
        let mut trimmed: Vec<(RoomName, u64)> = Vec::new();
        while self.bytes > max_bytes
            && let Some((class, name)) = self.by_size.pop_last()
        {
            let mut over = self.bytes - max_bytes;
            let oldest = self.trim(&name, |room| {
                let is_largest = over > 0 && size_class(room.bytes()) == class;
                over = over.saturating_sub(room.bytes_of_oldest());
                is_largest
            });
            match trimmed.iter_mut().find(|(room, _)| *room == name) {
                Some(known) => known.1 = oldest,
                None => trimmed.push((name, oldest)),
            }
        }
        for (room, oldest) in trimmed {
            commit.add_record(Record::RoomTrimmed { room, oldest });
        }
    }

    /// Deletes the oldest entries of a room, which is not in `by_size`, for as long as `goes_on` says so. Returns the
    /// smallest number that the room holds then.
    fn trim(&mut self, name: &RoomName, mut goes_on: impl FnMut(&Room) -> bool) -> u64 {
        let room = self.rooms.get_mut(name).expect("only rooms that exist are trimmed");
        while room.oldest() <= room.head()
            && goes_on(room)
            && let Some(gone) = room.pop()
        {
            self.bytes -= gone.bytes;
            self.requests.remove(&gone.request);
            self.order.note_deleted();
        }
        let (oldest, bytes, name) = (room.oldest(), room.bytes(), room.name().clone());
        if bytes > 0 {
            self.by_size.insert((size_class(bytes), name));
        }
        self.order.tidy(&self.rooms);
        oldest
    }
}

/// A room moves among the others only when its class changes: sizes of one class differ by an eighth at most.
fn size_class(bytes: usize) -> usize {
    let magnitude = bytes.max(8).ilog2() as usize;
    (magnitude << 3) | ((bytes >> (magnitude - 3)) & 7)
}

#[cfg(test)]
mod tests;
