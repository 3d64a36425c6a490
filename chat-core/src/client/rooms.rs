//! The rooms a client is in: how far each was read, and whether the present link has joined it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    Update, UpdateQueue,
    in_flight::Mode,
    raw::Raw,
    repair::{Piece, Repair},
    stats::Stats,
};
use crate::{
    RoomName,
    wire::{EntryFrame, Gap, Head, Join, Joined, Members, Presence},
};

/// All rooms of one client, the inbox of direct messages among them.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: BTreeMap<RoomName, Room>,
    pub(super) mode: Mode,
    pub(super) stats: Stats,
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
    repair: Repair,
    raw: Raw,
}

/// The numbers of a room jumped, although the link promised that nothing is lost.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct SequenceJump {
    pub(super) room: String,
    pub(super) expected: u64,
    pub(super) got: u64,
}

/// What a client that was told where a room stands has to do about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum HeadStatus {
    /// Nothing, or only to repair.
    Good,
    /// To ask who is in it.
    OtherMembers,
    /// To join it anew: its numbers are others.
    OtherEpoch,
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
        if join.after.is_none() && join.recent.is_none() {
            join.after = room.cursor;
        }
        // Whoever says a number has it from the log that was read here.
        if join.after.is_some() && join.epoch.is_none() {
            join.epoch = room.epoch.clone().map(Into::into);
        }
    }

    pub(super) fn left(&mut self, room: &str) {
        if let Ok(name) = RoomName::from_wire(room) {
            self.rooms.remove(&name);
        }
    }

    /// The link is gone; every room has to be joined again.
    pub(super) fn link_lost(&mut self) {
        for room in self.rooms.values_mut() {
            room.joined = false;
            room.repair = Repair::default();
        }
    }

    /// The session is open. A new one has a new inbox, which needs no joining.
    pub(super) fn session_opened(&mut self, resumed: bool, now: Instant) {
        let inbox = self.rooms.entry(RoomName::inbox()).or_default();
        if !resumed {
            let repair = Repair::begin(0, 0, now);
            *inbox = Room { cursor: Some(0), joined: true, repair, ..Room::default() };
        }
    }

    /// The joins that bring the present link to where the last one was. Also for rooms that are to be left: what was
    /// asked in them before comes first.
    pub(super) fn rejoins(&self) -> Vec<(RoomName, Join<'static>)> {
        let behind = self.rooms.iter().filter(|(_, it)| !it.joined && it.cursor.is_some());
        behind.map(|(name, room)| (name.clone(), rejoin(name, room))).collect()
    }

    /// The name under which `room` is known.
    pub(super) fn known_as(&self, room: &str) -> Option<String> {
        let (name, _) = self.rooms.get_key_value(&RoomName::from_wire(room).ok()?)?;
        Some(name.to_string())
    }

    /// The join that reads `room` on from where it was read to.
    pub(super) fn rejoin(&self, room: &str) -> Option<Join<'static>> {
        let (name, room) = self.rooms.get_key_value(&RoomName::from_wire(room).ok()?)?;
        Some(rejoin(name, room))
    }

    pub(super) fn joined(
        &mut self,
        tag: Option<u64>,
        joined: Joined,
        now: Instant,
        updates: &mut UpdateQueue,
    ) {
        // It may have been left since it was asked to join.
        let Ok(name) = RoomName::from_wire(&joined.room) else { return };
        let room = self.rooms.entry(name).or_default();
        if joined.reset {
            updates.push_back(Update::Reset { room: joined.room.clone() });
        }
        room.epoch = Some(joined.epoch.clone());
        room.cursor = Some(joined.after);
        room.version = joined.version;
        room.joined = true;
        room.repair = Repair::begin(joined.after, joined.head, now);
        room.raw = Raw::default();
        updates.push_back(Update::Joined { tag, joined });
    }

    pub(super) fn entry(
        &mut self,
        entry: EntryFrame,
        now: Instant,
        updates: &mut UpdateQueue,
    ) -> Result<(), SequenceJump> {
        let mode = self.mode;
        let Some((room, stats)) = self.get(&entry.room) else { return Ok(()) };
        let Some(cursor) = &mut room.cursor else { return Ok(()) };
        match mode {
            Mode::Lossless if entry.seq > *cursor + 1 => {
                return Err(SequenceJump { room: entry.room, expected: *cursor + 1, got: entry.seq });
            }
            Mode::Lossless if entry.seq <= *cursor => {}
            Mode::Lossless => {
                *cursor = entry.seq;
                updates.push_back(Update::Entry(entry));
            }
            Mode::Repair if room.joined => {
                room.repair.take(Piece::Entry(entry), cursor, now, stats, &mut |it| show(it, updates));
            }
            Mode::Repair => {} // of a joined that is late, or of a time before
            Mode::Raw => {
                room.raw.note(entry.seq, cursor, stats);
                updates.push_back(Update::Entry(entry));
            }
        }
        Ok(())
    }

    pub(super) fn gap(&mut self, gap: Gap, now: Instant, updates: &mut UpdateQueue) {
        let mode = self.mode;
        let Some((room, stats)) = self.get(&gap.room) else { return };
        let Some(cursor) = &mut room.cursor else { return };
        if mode == Mode::Repair {
            if room.joined && gap.from <= gap.to {
                room.repair.take(Piece::Gap(gap), cursor, now, stats, &mut |it| show(it, updates));
            }
        } else if gap.from <= *cursor + 1 && gap.to > *cursor {
            *cursor = gap.to;
            updates.push_back(Update::Gap(gap));
        }
    }

    /// Takes in where a room stands.
    pub(super) fn head(&mut self, room: &str, head: &Head, now: Instant) -> HeadStatus {
        let mode = self.mode;
        let Some((room, _)) = self.get(room).filter(|(it, _)| it.joined && mode == Mode::Repair) else {
            return HeadStatus::Good;
        };
        // The inbox is read from the beginning without a word about its epoch.
        let epoch = room.epoch.get_or_insert_with(|| head.epoch.clone());
        if *epoch != head.epoch {
            return HeadStatus::OtherEpoch;
        }
        room.repair.reaches(head.head, room.cursor.unwrap_or_default(), now);
        if head.presence > room.version { HeadStatus::OtherMembers } else { HeadStatus::Good }
    }

    /// The next room of which something is missing that has to be asked for now: its name, the first and the last
    /// number.
    pub(super) fn missing_range(&self, now: Instant, reordering: Duration) -> Option<(String, u64, u64)> {
        let missing_range = |(name, it): (&RoomName, &Room)| {
            let (from, to) = it.repair.missing_range(it.cursor?, now, reordering)?;
            Some((name.to_string(), from, to))
        };
        self.rooms
            .iter()
            .filter(|(_, it)| it.joined)
            .find_map(missing_range)
            .filter(|_| self.mode == Mode::Repair)
    }

    /// When something has to be asked for if it does not come by itself.
    pub(super) fn repair_due(&self, reordering: Duration) -> Option<Instant> {
        if self.mode != Mode::Repair {
            return None;
        }
        self.rooms.values().filter(|it| it.joined).filter_map(|it| it.repair.due(reordering)).min()
    }

    pub(super) fn replay_asked(&mut self, room: &str, id: u64, from: u64, to: u64) {
        if let Some((room, stats)) = self.get(room) {
            room.repair.outstanding(id, from, to, stats);
        }
    }

    /// A request for entries of `room` that is of no use any more.
    pub(super) fn satisfied(&mut self, room: &str) -> Option<u64> {
        let (room, _) = self.get(room)?;
        room.repair.satisfied(room.cursor?)
    }

    pub(super) fn replayed(&mut self, room: &str, id: u64, to: u64, now: Instant) {
        if let Some((room, _)) = self.get(room) {
            room.repair.answered(id, to, room.cursor.unwrap_or_default(), now);
        }
    }

    pub(super) fn replay_refused(&mut self, room: &str, id: u64, now: Instant) {
        if let Some((room, _)) = self.get(room) {
            room.repair.refused(id, now);
        }
    }

    /// Takes in a change of members; false if changes before it were missed.
    pub(super) fn presence(&mut self, presence: Presence, updates: &mut UpdateQueue) -> bool {
        let Some((room, _)) = self.get(&presence.room) else { return true };
        // Before `joined` nothing can be made of it.
        if presence.version <= room.version || !room.joined {
            return true;
        }
        if presence.since != room.version {
            return false;
        }
        room.version = presence.version;
        updates.push_back(Update::Presence(presence));
        true
    }

    /// Takes in who is in a room; false if it is older than what is known.
    pub(super) fn members(&mut self, members: &Members) -> bool {
        let Some((room, _)) = self.get(&members.room) else { return true };
        let is_news = members.version >= room.version;
        room.version = room.version.max(members.version);
        is_news
    }

    fn get(&mut self, room: &str) -> Option<(&mut Room, &mut Stats)> {
        Some((self.rooms.get_mut(&RoomName::from_wire(room).ok()?)?, &mut self.stats))
    }
}

fn rejoin(name: &RoomName, room: &Room) -> Join<'static> {
    Join {
        room: name.to_string().into(),
        after: room.cursor,
        recent: None,
        epoch: room.epoch.clone().map(Into::into),
    }
}

fn show(piece: Piece, updates: &mut UpdateQueue) {
    updates.push_back(match piece {
        Piece::Entry(entry) => Update::Entry(entry),
        Piece::Gap(gap) => Update::Gap(gap),
    });
}
