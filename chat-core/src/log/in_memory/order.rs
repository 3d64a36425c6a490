//! The order of all entries of the log in memory, over all rooms, for searches.

use std::collections::{HashMap, VecDeque};

use super::room::Room;
use crate::{RoomName, log::LogEntry};

/// All entries by their places, oldest first. Deleted entries stay in it until there are as many of them as others.
#[derive(Debug, Default)]
pub(super) struct Order {
    placed: VecDeque<Placed>,
    newest: u64,
    deleted: usize,
}

#[derive(Debug)]
struct Placed {
    place: u64,
    room: RoomName,
    seq: u64,
}

impl Placed {
    fn entry<'a>(&self, rooms: &'a HashMap<RoomName, Room>) -> Option<&'a LogEntry> {
        rooms.get(&self.room)?.get_at(self.seq, self.place)
    }
}

impl Order {
    /// Adds an entry, and returns its place.
    pub(super) fn push(&mut self, room: &RoomName, seq: u64) -> u64 {
        self.newest += 1;
        self.placed.push_back(Placed { place: self.newest, room: room.clone(), seq });
        self.newest
    }

    /// Takes note that an entry was deleted.
    pub(super) fn note_deleted(&mut self) {
        self.deleted += 1;
    }

    /// Removes deleted entries, if that is worth its cost: each push pays for one of them.
    pub(super) fn tidy(&mut self, rooms: &HashMap<RoomName, Room>) {
        while self.deleted > 0
            && let Some(oldest) = self.placed.front()
            && oldest.entry(rooms).is_none()
        {
            self.placed.pop_front();
            self.deleted -= 1;
        }
        if self.deleted > self.placed.len() / 2 + 1024 {
            self.placed.retain(|placed| placed.entry(rooms).is_some());
            self.deleted = 0;
        }
    }

    /// The entries below `place`, newest first. A deleted entry has its place, and nothing else.
    pub(super) fn below<'a>(
        &'a self,
        place: u64,
        rooms: &'a HashMap<RoomName, Room>,
    ) -> impl Iterator<Item = (u64, Option<(&'a RoomName, &'a LogEntry)>)> {
        let end = self.placed.partition_point(|placed| placed.place < place);
        let entry = |placed: &'a Placed| Some((&placed.room, placed.entry(rooms)?));
        self.placed.range(..end).rev().map(move |placed| (placed.place, entry(placed)))
    }
}
