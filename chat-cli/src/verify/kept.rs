//! What servers have signed, kept for later checks: a server whose owner has changed the history of a room can sign it anew,
//! but cannot take back what it has signed before.

use std::io;

use chat_core::{KeyId, wire::SignedHead};
use serde::{Deserialize, Serialize};

use crate::state_file;

/// What one server has signed of one room.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Kept {
    /// Which room of that name it was: a room that was forgotten and made again has another one.
    pub(super) incarnation: u64,
    pub(super) head: SignedHead,
}

/// All that this account keeps.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct KeptHeads(Vec<Kept>);

impl KeptHeads {
    pub(super) fn of_account() -> KeptHeads {
        state_file::path(FILE).and_then(|path| state_file::read(&path)).unwrap_or_default()
    }

    /// What the server with this key has signed of this room.
    pub(super) fn of(&self, key: KeyId, room: &str, incarnation: u64) -> impl Iterator<Item = &SignedHead> {
        let is_it = move |kept: &&Kept| {
            kept.incarnation == incarnation && kept.head.key == key && kept.head.room == room
        };
        self.0.iter().filter(is_it).map(|kept| &kept.head)
    }

    /// Keeps what was signed now: of each room the first signature and the newest few.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn keep(&mut self, new: Kept) -> io::Result<()> {
        let is_same_room = |kept: &Kept| {
            (kept.incarnation, kept.head.key, &kept.head.room)
                == (new.incarnation, new.head.key, &new.head.room)
        };
        self.0.retain(|kept| !is_same_room(kept) || kept.head.seq != new.head.seq);
        self.0.push(new.clone());
        let of_room: Vec<usize> = (0..self.0.len()).filter(|&place| is_same_room(&self.0[place])).collect();
        if of_room.len() > OF_ROOM {
            self.0.remove(of_room[1]); // the second oldest: the first signature stays
        }
        let oldest = self.0.len().saturating_sub(MOST);
        self.0.drain(..oldest);
        state_file::path(FILE).map_or(Ok(()), |path| state_file::write(&path, self))
    }
}

/// The name of the state file.
const FILE: &str = "signed-history.json";

/// How many signatures of one room are kept.
const OF_ROOM: usize = 8;

/// How many are kept in all: the file stays well below what is read of it.
const MOST: usize = 128;
