//! The rooms a client is in: how far each was read, and whether the present link has joined it.

use std::collections::BTreeMap;

use super::{Update, UpdateQueue};
use crate::{
    RoomName,
    wire::{EntryFrame, Gap, Join, Joined, Members, Presence},
};

/// All rooms of one client, the inbox of direct messages among them.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: BTreeMap<RoomName, Room>,
}

/// One room as the client knows it.
#[derive(Debug, Default)]
struct Room {
    epoch: Option<String>,
    /// The last number that was shown.
    cursor: Option<u64>,
    /// The present link has joined it.
    joined: bool,
    version: u64,
}

/// The numbers of a room jumped, although the link promised that nothing is lost.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Hole {
    pub(super) room: String,
    pub(super) expected: u64,
    pub(super) got: u64,
}

impl Rooms {
    /// Whether the present link has joined `room`, or no link before it had: then there is nothing to go back to.
    pub(super) fn is_ready(&self, room: &RoomName) -> bool {
        self.rooms.get(room).is_none_or(|it| it.joined || it.cursor.is_none())
    }

    pub(super) fn cursor(&self, room: &RoomName) -> Option<u64> {
        self.rooms.get(room)?.cursor
    }

    /// Notes that `join` is asked, and fills in where the room was read to if it does not say.
    pub(super) fn joining(&mut self, join: &mut Join<'static>) {
        let Ok(name) = RoomName::from_wire(&join.room) else { return };
        let room = self.rooms.entry(name).or_default();
        if join.after.is_none() && join.recent.is_none() && room.cursor.is_some() {
            (join.after, join.epoch) = (room.cursor, room.epoch.clone().map(Into::into));
        }
    }

    pub(super) fn left(&mut self, room: &str) {
        if let Ok(name) = RoomName::from_wire(room) {
            self.rooms.remove(&name);
        }
    }

    /// The link is gone; every room has to be joined again.
    pub(super) fn link_lost(&mut self) {
        self.rooms.values_mut().for_each(|it| it.joined = false);
    }

    /// The session is open. A new one has a new inbox, which needs no joining.
    pub(super) fn session_opened(&mut self, resumed: bool) {
        let inbox = self.rooms.entry(RoomName::inbox()).or_default();
        if !resumed {
            *inbox = Room { cursor: Some(0), joined: true, ..Room::default() };
        }
    }

    /// The joins that bring the present link to where the last one was. Also for rooms that are to be left: what was
    /// asked in them before comes first.
    pub(super) fn rejoins(&self) -> Vec<(RoomName, Join<'static>)> {
        let behind = self.rooms.iter().filter(|(_, it)| !it.joined && it.cursor.is_some());
        let join = |(name, it): (&RoomName, &Room)| Join {
            id: 0,
            room: name.to_string().into(),
            after: it.cursor,
            recent: None,
            epoch: it.epoch.clone().map(Into::into),
        };
        behind.map(|room| (room.0.clone(), join(room))).collect()
    }

    pub(super) fn joined(&mut self, tag: Option<u64>, joined: Joined, updates: &mut UpdateQueue) {
        // It may have been left since it was asked to join.
        let Ok(name) = RoomName::from_wire(&joined.room) else { return };
        let room = self.rooms.entry(name).or_default();
        let another = room.epoch.as_ref().is_some_and(|it| *it != joined.epoch);
        if joined.reset || another {
            updates.push_back(Update::Reset { room: joined.room.clone() });
        }
        room.epoch = Some(joined.epoch.clone());
        room.cursor = Some(joined.after);
        room.version = joined.version;
        room.joined = true;
        updates.push_back(Update::Joined { tag, joined });
    }

    pub(super) fn entry(&mut self, entry: EntryFrame, updates: &mut UpdateQueue) -> Result<(), Hole> {
        let Some(cursor) = self.get(&entry.room).and_then(|it| it.cursor.as_mut()) else { return Ok(()) };
        let expected = *cursor + 1;
        if entry.seq > expected {
            return Err(Hole { room: entry.room, expected, got: entry.seq });
        }
        if entry.seq == expected {
            *cursor = entry.seq;
            updates.push_back(Update::Entry(entry));
        }
        Ok(())
    }

    pub(super) fn gap(&mut self, gap: Gap, updates: &mut UpdateQueue) {
        let Some(cursor) = self.get(&gap.room).and_then(|it| it.cursor.as_mut()) else { return };
        if gap.from <= *cursor + 1 && gap.to > *cursor {
            *cursor = gap.to;
            updates.push_back(Update::Gap(gap));
        }
    }

    /// Takes in a change of members; false if changes before it were missed.
    pub(super) fn presence(&mut self, presence: Presence, updates: &mut UpdateQueue) -> bool {
        let Some(room) = self.get(&presence.room) else { return true };
        if presence.version <= room.version {
            return true;
        }
        if presence.since != room.version {
            return false;
        }
        room.version = presence.version;
        updates.push_back(Update::Presence(presence));
        true
    }

    pub(super) fn members(&mut self, members: &Members) {
        if let Some(room) = self.get(&members.room) {
            room.version = room.version.max(members.version);
        }
    }

    fn get(&mut self, room: &str) -> Option<&mut Room> {
        self.rooms.get_mut(&RoomName::from_wire(room).ok()?)
    }
}
