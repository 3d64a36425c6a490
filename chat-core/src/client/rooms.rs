//! The rooms of a client: how far each was read, and whether the present link has joined it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{
    mode::Mode,
    raw::Raw,
    repair::{Piece, Repair},
    stats::Stats,
    update::{Update, UpdateQueue},
};
use crate::{
    RoomName,
    wire::{EntryFrame, Gap, Head, Join, Joined, Members, Presence},
};

/// All rooms of one client, the inbox of direct messages among them.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: BTreeMap<RoomName, RoomReader>,
    /// The rooms in which a number is missing, so that the timers look at these alone.
    incomplete: BTreeSet<RoomName>,
    pub(super) mode: Mode,
    pub(super) stats: Stats,
}

/// The state of reading one room.
#[derive(Debug, Default)]
struct RoomReader {
    epoch: Option<String>,
    /// The last number that was reported to the user.
    cursor: Option<u64>,
    /// Whether the present link has joined the room.
    joined: bool,
    /// The version of the members that the user knows.
    version: u64,
    repair: Repair,
    raw: Raw,
}

/// A number is missing, although the link promised to lose no frame.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct SequenceJump {
    pub(super) room: String,
    pub(super) expected: u64,
    pub(super) got: u64,
}

/// What the client has to do after it was told the head of a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum HeadStatus {
    /// Nothing, apart from repair.
    Known,
    /// Ask who is in the room: the members changed.
    OtherMembers,
    /// Join the room again: its numbers began anew.
    OtherEpoch,
}

impl Rooms {
    /// Whether requests about `room` may be sent: the present link has joined the room, or no link before it had.
    pub(super) fn is_ready(&self, room: &RoomName) -> bool {
        self.rooms.get(room).is_none_or(|reader| reader.joined || reader.cursor.is_none())
    }

    pub(super) fn cursor(&self, room: &RoomName) -> Option<u64> {
        self.rooms.get(room)?.cursor
    }

    /// Takes note of a join that will be sent, and fills in the cursor and its epoch if the user gave none.
    pub(super) fn joining(&mut self, join: &mut Join<'static>) {
        let Ok(name) = RoomName::from_wire(&join.room) else { return };
        let reader = self.rooms.entry(name).or_default();
        if join.after.is_none() && join.recent.is_none() {
            join.after = reader.cursor;
        }
        // A user who names a number has read it here, so it belongs to the epoch that is known here.
        if join.after.is_some() && join.epoch.is_none() {
            join.epoch = reader.epoch.clone().map(Into::into);
        }
    }

    pub(super) fn left(&mut self, room: &RoomName) {
        self.rooms.remove(room);
        self.incomplete.remove(room);
    }

    /// The link is gone; every room has to be joined again.
    pub(super) fn link_lost(&mut self) {
        self.incomplete.clear();
        for reader in self.rooms.values_mut() {
            reader.joined = false;
            reader.repair = Repair::default();
        }
    }

    /// The session is open. A new session has a new inbox, which needs no join.
    pub(super) fn session_opened(&mut self, resumed: bool, now: Instant) {
        let inbox = self.rooms.entry(RoomName::inbox()).or_default();
        if !resumed {
            let repair = Repair::begin(0, 0, now);
            *inbox = RoomReader { cursor: Some(0), joined: true, repair, ..RoomReader::default() };
        }
    }

    /// The joins that bring the present link to where the last one was. They include rooms that are to be left, because
    /// earlier requests about such a room are sent before it is left.
    pub(super) fn rejoins(&self) -> Vec<(RoomName, Join<'static>)> {
        let behind = self.rooms.iter().filter(|(_, reader)| !reader.joined && reader.cursor.is_some());
        behind.map(|(name, reader)| (name.clone(), rejoin(name, reader))).collect()
    }

    /// The spelling under which `room` is known here.
    pub(super) fn spelling(&self, room: &RoomName) -> Option<String> {
        let (name, _) = self.rooms.get_key_value(room)?;
        Some(name.to_string())
    }

    /// The join that continues `room` from its cursor.
    pub(super) fn rejoin(&self, room: &RoomName) -> Option<Join<'static>> {
        let (name, reader) = self.rooms.get_key_value(room)?;
        Some(rejoin(name, reader))
    }

    pub(super) fn joined(
        &mut self,
        name: RoomName,
        tag: Option<u64>,
        joined: Joined,
        now: Instant,
        updates: &mut UpdateQueue,
    ) {
        self.rooms.entry(name.clone()).or_default(); // the user may have left the room since the join was sent
        if joined.reset {
            updates.push_back(Update::Reset { room: joined.room.clone() });
        }
        self.change(&name, |reader, _| {
            reader.epoch = Some(joined.epoch.clone());
            reader.cursor = Some(joined.after);
            reader.version = joined.version;
            reader.joined = true;
            reader.repair = Repair::begin(joined.after, joined.head, now);
            reader.raw = Raw::default();
        });
        updates.push_back(Update::Joined { tag, joined });
    }

    pub(super) fn entry(
        &mut self,
        name: &RoomName,
        entry: EntryFrame,
        now: Instant,
        updates: &mut UpdateQueue,
    ) -> Result<(), SequenceJump> {
        let mode = self.mode;
        let result = self.change(name, |reader, stats| {
            let Some(cursor) = &mut reader.cursor else { return Ok(()) };
            match mode {
                Mode::Lossless if entry.seq > *cursor + 1 => {
                    return Err(SequenceJump { room: entry.room, expected: *cursor + 1, got: entry.seq });
                }
                Mode::Lossless if entry.seq <= *cursor => {}
                Mode::Lossless => {
                    *cursor = entry.seq;
                    updates.push_back(Update::Entry(entry));
                }
                Mode::Repair if reader.joined => {
                    let mut report = |piece| report(piece, updates);
                    reader.repair.receive(Piece::Entry(entry), cursor, now, stats, &mut report);
                }
                Mode::Repair => {} // belongs to an earlier join
                Mode::Raw => {
                    reader.raw.note(entry.seq, cursor, stats);
                    updates.push_back(Update::Entry(entry));
                }
            }
            Ok(())
        });
        result.unwrap_or(Ok(()))
    }

    pub(super) fn gap(&mut self, name: &RoomName, gap: Gap, now: Instant, updates: &mut UpdateQueue) {
        let mode = self.mode;
        self.change(name, |reader, stats| {
            let Some(cursor) = &mut reader.cursor else { return };
            if mode == Mode::Repair {
                if reader.joined && gap.from <= gap.to {
                    let mut report = |piece| report(piece, updates);
                    reader.repair.receive(Piece::Gap(gap), cursor, now, stats, &mut report);
                }
            } else if gap.from <= *cursor + 1 && gap.to > *cursor {
                *cursor = gap.to;
                updates.push_back(Update::Gap(gap));
            }
        });
    }

    /// Takes in the head of a room.
    pub(super) fn head(&mut self, name: &RoomName, head: &Head, now: Instant) -> HeadStatus {
        if self.mode != Mode::Repair {
            return HeadStatus::Known;
        }
        let status = self.change(name, |reader, _| {
            if !reader.joined {
                return HeadStatus::Known;
            }
            // The inbox is not joined, so only its head says its epoch.
            let epoch = reader.epoch.get_or_insert_with(|| head.epoch.clone());
            if *epoch != head.epoch {
                return HeadStatus::OtherEpoch;
            }
            reader.repair.reaches(head.head, reader.cursor.unwrap_or_default(), now);
            if head.presence > reader.version { HeadStatus::OtherMembers } else { HeadStatus::Known }
        });
        status.unwrap_or(HeadStatus::Known)
    }

    /// The next room of which numbers have to be asked for now, with the first and the last number.
    pub(super) fn missing_range(&self, now: Instant, reordering: Duration) -> Option<(RoomName, u64, u64)> {
        self.incomplete.iter().find_map(|name| {
            let reader = self.rooms.get(name)?;
            let (from, to) = reader.repair.missing_range(reader.cursor?, now, reordering)?;
            Some((name.clone(), from, to))
        })
    }

    /// When numbers have to be asked for unless they arrive before.
    pub(super) fn repair_due(&self, reordering: Duration) -> Option<Instant> {
        let incomplete = self.incomplete.iter().filter_map(|name| self.rooms.get(name));
        incomplete.filter_map(|reader| reader.repair.due(reordering)).min()
    }

    /// The request `id` asks for the numbers `from` to `to` of a room.
    pub(super) fn requested(&mut self, name: &RoomName, id: u64, from: u64, to: u64) {
        self.change(name, |reader, stats| reader.repair.requested(id, from, to, stats));
    }

    /// The request for entries of `room` whose entries have all arrived, so that its reply is not needed.
    pub(super) fn take_complete_request(&mut self, room: &RoomName) -> Option<u64> {
        self.change(room, |reader, _| reader.repair.take_complete_request(reader.cursor?)).flatten()
    }

    pub(super) fn replayed(&mut self, room: &str, id: u64, to: u64, now: Instant) {
        let Ok(name) = RoomName::from_wire(room) else { return };
        self.change(&name, |reader, _| {
            reader.repair.replayed(id, to, reader.cursor.unwrap_or_default(), now);
        });
    }

    pub(super) fn replay_refused(&mut self, room: &str, id: u64, now: Instant) {
        let Ok(name) = RoomName::from_wire(room) else { return };
        self.change(&name, |reader, _| reader.repair.refused(id, now));
    }

    /// Takes in a change of members; false if the client missed a change before it.
    pub(super) fn presence(
        &mut self,
        name: &RoomName,
        presence: Presence,
        updates: &mut UpdateQueue,
    ) -> bool {
        let Some(reader) = self.rooms.get_mut(name) else { return true };
        // Changes before `joined` are a part of `joined`.
        if presence.version <= reader.version || !reader.joined {
            return true;
        }
        if presence.since != reader.version {
            return false;
        }
        reader.version = presence.version;
        updates.push_back(Update::Presence(presence));
        true
    }

    /// Takes in a list of members; false if a later version is known.
    pub(super) fn members(&mut self, members: &Members) -> bool {
        let Ok(name) = RoomName::from_wire(&members.room) else { return true };
        let Some(reader) = self.rooms.get_mut(&name) else { return true };
        let is_news = members.version >= reader.version;
        reader.version = reader.version.max(members.version);
        is_news
    }

    /// Changes the reader of a room, if there is one, and notes whether a number is missing in that room afterwards.
    fn change<R>(
        &mut self,
        name: &RoomName,
        change: impl FnOnce(&mut RoomReader, &mut Stats) -> R,
    ) -> Option<R> {
        let reader = self.rooms.get_mut(name)?;
        let result = change(reader, &mut self.stats);
        if self.mode == Mode::Repair && reader.joined && reader.repair.is_incomplete() {
            if !self.incomplete.contains(name) {
                self.incomplete.insert(name.clone());
            }
        } else if !self.incomplete.is_empty() {
            self.incomplete.remove(name);
        }
        Some(result)
    }
}

fn rejoin(name: &RoomName, reader: &RoomReader) -> Join<'static> {
    Join {
        room: name.to_string().into(),
        after: reader.cursor,
        epoch: reader.epoch.clone().map(Into::into),
        ..Join::default()
    }
}

fn report(piece: Piece, updates: &mut UpdateQueue) {
    updates.push_back(match piece {
        Piece::Entry(entry) => Update::Entry(entry),
        Piece::Gap(gap) => Update::Gap(gap),
    });
}
