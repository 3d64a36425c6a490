//! The rooms and the people as they are kept in memory: enough to assign numbers and to answer without the disk, but no
//! entries.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use chat_core::{
    RoomName,
    log::{EntryHash, People, RoomState, StateMap, epoch_of_room, parts_of_epoch},
    token, token_value,
};

use crate::{
    checksum::Checksum,
    lineage::{Lineage, Runs},
};

/// All rooms. The writer thread alone changes them, after each commit; the lock is never held during a commit.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<RwLock<Rooms>>);

impl Shared {
    pub(crate) fn new(rooms: Rooms) -> Shared {
        Shared(Arc::new(RwLock::new(rooms)))
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Rooms> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Rooms> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(crate) struct Rooms {
    pub(crate) by_name: HashMap<RoomName, Room>,
    pub(crate) people: People,
    pub(crate) runs: Runs,
}

/// One room. Cheap to clone: a batch works on a copy, which takes the room's place once it is committed.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) id: i64,
    /// As it was first written: the checksums of the room's entries cover it.
    pub(crate) name: RoomName,
    /// Distinguishes it from an earlier room with its name; zero if it is older than such numbers, or was not made yet.
    pub(crate) incarnation: u64,
    /// The largest number given.
    pub(crate) head: u64,
    /// The smallest number held, `head` + 1 if none is.
    pub(crate) oldest: u64,
    /// The time of the newest entry.
    pub(crate) newest_at: u64,
    /// About what its entries take on the disk.
    pub(crate) bytes: u64,
    /// The id of the newest entry or record of the room.
    pub(crate) position: i64,
    /// The hash of the newest entry.
    pub(crate) hash: EntryHash,
    pub(crate) state: Arc<StateMap>,
    pub(crate) lineage: Lineage,
    /// The run history in the file is useless, and is replaced when the next entry is stored.
    pub(crate) lineage_is_new: bool,
}

impl Room {
    pub(crate) fn new(id: i64, name: RoomName) -> Room {
        Room {
            id,
            name,
            incarnation: 0,
            head: 0,
            oldest: 1,
            newest_at: 0,
            bytes: 0,
            position: 0,
            hash: EntryHash::NONE,
            state: Arc::default(),
            lineage: Lineage::default(),
            lineage_is_new: false,
        }
    }

    /// Whether the room exists, rather than being only looked up.
    pub(crate) fn is_made(&self) -> bool {
        self.incarnation != 0 || self.head > 0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.oldest > self.head
    }

    /// The checksum of its row in `rooms`; `chain` is the hash of its lineage in that row.
    pub(crate) fn checksum(&self, chain: i64) -> i64 {
        Checksum::of("rooms")
            .number(self.id.cast_unsigned())
            .text(self.name.as_str())
            .number(self.incarnation)
            .number(self.head)
            .number(self.oldest)
            .number(self.newest_at)
            .number(self.bytes)
            .number(self.position.cast_unsigned())
            .number(chain.cast_unsigned())
            .bytes(&self.hash.0)
            .finish()
    }

    fn state(&self, epoch: &str) -> RoomState {
        RoomState {
            room: self.name.clone(),
            epoch: epoch_of_room(epoch, self.incarnation),
            oldest: self.oldest,
            head: self.head,
            state: (*self.state).clone(),
        }
    }
}

impl Rooms {
    pub(crate) fn epoch(&self) -> String {
        token(self.runs.current().name)
    }

    pub(crate) fn states(&self) -> Vec<RoomState> {
        let epoch = self.epoch();
        self.by_name.values().map(|room| room.state(&epoch)).collect()
    }

    pub(crate) fn with_id(&self, id: i64) -> Option<Room> {
        self.by_name.values().find(|room| room.id == id).cloned()
    }

    pub(crate) fn holds(&self, room: &RoomName, epoch: &str, seq: u64) -> bool {
        if seq == 0 {
            return true;
        }
        let Some((run, incarnation)) = parts_of_epoch(epoch) else { return false };
        let run = token_value(run).and_then(|name| self.runs.ordinal(name));
        let Some((run, room)) = run.zip(self.by_name.get(room)) else { return false };
        room.incarnation == incarnation && seq <= room.head && room.lineage.holds(run, seq)
    }

    /// Replaces `before` within the same run. A room with entries that `before` knew with a larger head keeps that head,
    /// whatever the file says now, so that no number is given twice.
    pub(crate) fn not_behind(mut self, before: &Rooms) -> Rooms {
        for (name, old) in &before.by_name {
            let is_behind = match self.by_name.get(name) {
                Some(room) => {
                    room.incarnation == old.incarnation && (room.head < old.head || room.id != old.id)
                }
                // An empty room may have been forgotten.
                None => !old.is_empty(),
            };
            if is_behind {
                self.by_name.insert(name.clone(), old.clone());
            }
        }
        self
    }
}

/// The next free ids. No id is given twice, not even if the row that had it was lost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Next {
    pub(crate) room: i64,
    /// Of an entry or a record.
    pub(crate) entry: i64,
}
