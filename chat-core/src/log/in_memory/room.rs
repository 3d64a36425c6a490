//! One room of the log in memory: its entries, and what is known of it when they are gone.

use std::collections::VecDeque;

use crate::{
    ClientId, RoomName,
    log::{
        Append, EntryHash, LogEntry, LogPage, PageLimit, RoomState, StateMap,
        chain::{self, Link},
        epoch_of_room, time_after,
    },
};

#[derive(Debug)]
pub(super) struct Room {
    name: RoomName,
    incarnation: u64,
    entries: VecDeque<Stored>,
    head: u64,
    bytes: usize,
    newest_at: u64,
    newest_hash: EntryHash,
    state: StateMap,
}

#[derive(Debug)]
struct Stored {
    request: (ClientId, u64),
    /// Its place among the entries of all rooms.
    place: u64,
    entry: LogEntry,
}

/// An entry that was deleted.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) request: (ClientId, u64),
    pub(super) bytes: usize,
}

impl Room {
    pub(super) fn new(name: RoomName, incarnation: u64) -> Room {
        Room {
            name,
            incarnation,
            entries: VecDeque::new(),
            head: 0,
            bytes: 0,
            newest_at: 0,
            newest_hash: EntryHash::NONE,
            state: StateMap::default(),
        }
    }

    pub(super) fn name(&self) -> &RoomName {
        &self.name
    }

    pub(super) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    pub(super) fn head(&self) -> u64 {
        self.head
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn state(&self, epoch: &str) -> RoomState {
        RoomState {
            room: self.name.clone(),
            epoch: epoch_of_room(epoch, self.incarnation),
            oldest: self.oldest(),
            head: self.head,
            state: self.state.clone(),
        }
    }

    pub(super) fn oldest(&self) -> u64 {
        self.head + 1 - self.entries.len() as u64
    }

    pub(super) fn can_be_trimmed_to(&self, oldest: u64) -> bool {
        self.oldest() < oldest && oldest <= self.head + 1
    }

    pub(super) fn get(&self, seq: u64) -> Option<&LogEntry> {
        Some(&self.stored(seq)?.entry)
    }

    fn stored(&self, seq: u64) -> Option<&Stored> {
        let at = seq.checked_sub(self.oldest())?;
        self.entries.get(usize::try_from(at).ok()?)
    }

    /// The entry with this number, if it is the one at this place among the entries of all rooms: a room that was made
    /// again has other entries under the same numbers.
    pub(super) fn get_at(&self, seq: u64, place: u64) -> Option<&LogEntry> {
        self.stored(seq).filter(|stored| stored.place == place).map(|stored| &stored.entry)
    }

    /// The entries from the newest below `place` on, newest first.
    pub(super) fn below(&self, place: u64) -> impl Iterator<Item = (u64, &LogEntry)> {
        let end = self.entries.partition_point(|stored| stored.place < place);
        self.entries.range(..end).rev().map(|stored| (stored.place, &stored.entry))
    }

    pub(super) fn push(&mut self, item: Append, place: u64) -> LogEntry {
        let Append { client, request, author, at, body, .. } = item;
        self.head += 1;
        self.newest_at = time_after(self.newest_at, at);
        let link = Link {
            previous: self.newest_hash,
            room: self.name.as_str(),
            seq: self.head,
            at: self.newest_at,
            author: &author,
            kind: &body.kind,
            digest: chain::digest(&body),
        };
        self.newest_hash = link.hash();
        let entry = LogEntry { seq: self.head, at: self.newest_at, author, body, hash: self.newest_hash };
        self.state.apply(&entry);
        let stored = Stored { request: (client, request), place, entry: entry.clone() };
        self.bytes += stored.bytes();
        self.entries.push_back(stored);
        entry
    }

    /// Deletes the oldest entry.
    pub(super) fn pop(&mut self) -> Option<Gone> {
        let gone = self.entries.pop_front()?;
        let bytes = gone.bytes();
        self.bytes -= bytes;
        Some(Gone { request: gone.request, bytes })
    }

    pub(super) fn bytes_of_oldest(&self) -> usize {
        self.entries.front().map_or(0, Stored::bytes)
    }

    pub(super) fn page(&self, after: u64, limit: PageLimit) -> LogPage {
        let oldest = self.oldest();
        let skip = usize::try_from(after.saturating_add(1).saturating_sub(oldest)).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let entries: Vec<LogEntry> = self
            .entries
            .iter()
            .skip(skip)
            .take(limit.entries.max(1))
            .map(|stored| stored.entry.clone())
            .take_while(|entry| {
                let fits = bytes < limit.bytes.max(1);
                bytes += entry.body.text.len();
                fits
            })
            .collect();
        let through = entries.last().map_or(self.head.max(after), |entry| entry.seq);
        LogPage { entries, through }
    }
}

impl Stored {
    /// What the entry costs: its texts, and about this much around them, in the table of requests and in the order of
    /// all entries.
    fn bytes(&self) -> usize {
        self.entry.author.name.len() + self.entry.body.text.len() + OVERHEAD
    }
}

pub(super) const OVERHEAD: usize = 320;
