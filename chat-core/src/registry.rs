//! The registry of people and rooms: one deterministic state machine that the tail of the log feeds.
//!
//! It does no I/O and has no clock. Two registries that were given the same commits are equal, on whichever server they
//! are. It knows the rooms, the people and who owns which name; read marks and bans will be records of other kinds.

use std::collections::HashMap;

use crate::{
    RoomName,
    log::{Change, Commit, People, Record, RoomState, Snapshot, epoch_of_room},
};

/// The rooms that exist and the people who are known, as of one position of the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Registry {
    epoch: String,
    position: u64,
    rooms: HashMap<RoomName, RoomState>,
    people: People,
}

/// A commit that cannot follow what the registry has seen: a part of the tail is missing or doubled.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Misplaced {
    /// The commit is not after the one before it.
    #[error("position {found} of the log comes after position {last}")]
    Position {
        /// The position of the commit before it.
        last: u64,
        /// The position it has.
        found: u64,
    },
    /// Entries do not follow the room's head.
    #[error("entry {found} of room {room} comes where entry {expected} is due")]
    Entry {
        /// The room.
        room: RoomName,
        /// The number that was due.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A record does not fit the rooms.
    #[error("a record about room {room} does not fit the state of that room")]
    Record {
        /// The room.
        room: RoomName,
    },
    /// A record does not fit the people.
    #[error("a record about people does not fit those who are known")]
    People,
}

impl Registry {
    /// What a log with this [epoch](crate::log::RoomLog::epoch) had at the position of the snapshot.
    pub fn new(epoch: String, snapshot: Snapshot) -> Registry {
        let Snapshot { position, rooms, people } = snapshot;
        let rooms = rooms.into_iter().map(|room| (room.room.clone(), room)).collect();
        Registry { epoch, position, rooms, people }
    }

    /// The position of the newest commit that was applied.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The room called `name`, if it exists.
    pub fn room(&self, name: &RoomName) -> Option<&RoomState> {
        self.rooms.get(name)
    }

    /// All rooms.
    pub fn rooms(&self) -> impl Iterator<Item = &RoomState> {
        self.rooms.values()
    }

    /// The people who are known.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// Applies the next commit of the log.
    ///
    /// # Errors
    /// When the commit cannot be the next one. The registry is of no use then.
    pub fn apply(&mut self, commit: &Commit) -> Result<(), Misplaced> {
        if commit.position <= self.position {
            return Err(Misplaced::Position { last: self.position, found: commit.position });
        }
        self.position = commit.position;
        for change in &commit.changes {
            match change {
                Change::Entries { room, entries } => {
                    let Some(known) = self.rooms.get_mut(room) else {
                        return Err(Misplaced::Record { room: room.clone() });
                    };
                    for entry in entries {
                        if entry.seq != known.head + 1 {
                            let (room, expected, found) = (room.clone(), known.head + 1, entry.seq);
                            return Err(Misplaced::Entry { room, expected, found });
                        }
                        known.head = entry.seq;
                        known.state.apply(entry);
                    }
                }
                Change::Record(record) => self.apply_record(record)?,
            }
        }
        Ok(())
    }

    fn apply_record(&mut self, record: &Record) -> Result<(), Misplaced> {
        let room = match record {
            Record::People(record) => return self.people.apply(record).map(|_| ()).ok_or(Misplaced::People),
            Record::RoomMade { room, .. }
            | Record::RoomTrimmed { room, .. }
            | Record::RoomForgotten { room } => room,
        };
        match (record, self.rooms.get_mut(room)) {
            (Record::RoomMade { room, incarnation }, None) => {
                let state = RoomState {
                    room: room.clone(),
                    epoch: epoch_of_room(&self.epoch, *incarnation),
                    oldest: 1,
                    head: 0,
                    state: Default::default(),
                };
                self.rooms.insert(room.clone(), state);
            }
            (Record::RoomTrimmed { oldest, .. }, Some(known))
                if *oldest > known.oldest && *oldest <= known.head + 1 =>
            {
                known.oldest = *oldest;
            }
            (Record::RoomForgotten { room }, Some(known)) if known.oldest > known.head => {
                self.rooms.remove(room);
            }
            _ => return Err(Misplaced::Record { room: room.clone() }),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
