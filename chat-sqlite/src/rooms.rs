//! The rooms as they are kept in memory: enough to assign numbers and to answer without the disk, but no entries.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use chat_core::{RoomName, log::RoomState, token, token_value};

use crate::{
    hash::Digest,
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
    pub(crate) runs: Runs,
}

/// One room. Cheap to clone: a batch works on a copy, which takes the room's place once it is committed.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) id: i64,
    /// As it was first written: the hashes of the room's entries cover it.
    pub(crate) name: RoomName,
    /// The largest number given.
    pub(crate) head: u64,
    /// The smallest number held, `head` + 1 if none is.
    pub(crate) oldest: u64,
    /// The time of the newest entry.
    pub(crate) newest_at: u64,
    /// About what its entries take on the disk.
    pub(crate) bytes: u64,
    pub(crate) topic: Arc<str>,
    pub(crate) lineage: Lineage,
    /// The run history in the file is useless, and is replaced when the next entry is stored.
    pub(crate) lineage_is_new: bool,
}

impl Room {
    pub(crate) fn new(id: i64, name: RoomName) -> Room {
        Room {
            id,
            name,
            head: 0,
            oldest: 1,
            newest_at: 0,
            bytes: 0,
            topic: Arc::from(""),
            lineage: Lineage::default(),
            lineage_is_new: false,
        }
    }
}

impl Room {
    /// The hash of its row in `rooms`; `chain` is the hash of its lineage in that row.
    pub(crate) fn hash(&self, chain: i64) -> i64 {
        Digest::of("rooms")
            .number(self.id.cast_unsigned())
            .text(self.name.as_str())
            .number(self.head)
            .number(self.oldest)
            .number(self.newest_at)
            .number(self.bytes)
            .number(chain.cast_unsigned())
            .finish()
    }

    /// The hash of its row in `topics`.
    pub(crate) fn topic_hash(&self) -> i64 {
        Digest::of("topics")
            .number(self.id.cast_unsigned())
            .text(self.name.as_str())
            .text(&self.topic)
            .finish()
    }
}

impl Rooms {
    pub(crate) fn epoch(&self) -> String {
        token(self.runs.current().name)
    }

    pub(crate) fn states(&self) -> Vec<RoomState> {
        let epoch = self.epoch();
        let state = |room: &Room| RoomState {
            room: room.name.clone(),
            epoch: epoch.clone(),
            oldest: room.oldest,
            head: room.head,
            topic: room.topic.to_string(),
        };
        self.by_name.values().map(state).collect()
    }

    pub(crate) fn holds(&self, room: &RoomName, epoch: &str, seq: u64) -> bool {
        if seq == 0 {
            return true;
        }
        let run = token_value(epoch).and_then(|name| self.runs.ordinal(name));
        let Some((run, room)) = run.zip(self.by_name.get(room)) else { return false };
        seq <= room.head && room.lineage.holds(run, seq)
    }

    /// Replaces `before` within the same run. A room that `before` knew with a larger head keeps that head, whatever the
    /// file says now, so that no number is given twice.
    pub(crate) fn not_behind(mut self, before: &Rooms) -> Rooms {
        for (name, old) in &before.by_name {
            if self.by_name.get(name).is_none_or(|it| it.head < old.head || it.id != old.id) {
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
    pub(crate) entry: i64,
}
