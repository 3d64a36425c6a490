//! A batch: one transaction, which assigns numbers, looks up the names of requests and applies records.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use chat_core::{
    KeyId, RoomName,
    log::{
        Append, Commit, EntryHash, LogEntry, Outcome, People, PeopleRecord, Position, Record, Write,
        time_after,
    },
};
use rusqlite::{CachedStatement, Connection, Statement, params};

use crate::{
    lineage::Run,
    lookup, people,
    rooms::{Next, Room, Rooms},
    row::EntryRow,
    state,
};

/// One transaction in progress, with the rooms as they will be once it is committed.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) db: &'a Connection,
    rooms: &'a Rooms,
    run: Run,
    drafts: HashMap<RoomName, Room>,
    forgotten: HashSet<RoomName>,
    /// The people as the batch leaves them, and who has changed; nothing if nobody has.
    people: Option<(People, Vec<KeyId>)>,
    next: Next,
    commit: Commit,
}

/// What a transaction has changed.
#[derive(Debug)]
pub(crate) struct Changed {
    /// The rooms that have changed.
    pub(crate) drafts: HashMap<RoomName, Room>,
    /// The rooms that do not exist any more, unless they are among those that have changed.
    pub(crate) forgotten: HashSet<RoomName>,
    /// The people, if any of them has changed.
    pub(crate) people: Option<People>,
    /// The ids that come next.
    pub(crate) next: Next,
    /// What the tail says.
    pub(crate) commit: Commit,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(db: &'a Connection, rooms: &'a Rooms, next: Next) -> Batch<'a> {
        let run = rooms.runs.current();
        let (drafts, forgotten, people, commit) = Default::default();
        Batch { db, rooms, run, drafts, forgotten, people, next, commit }
    }

    pub(crate) fn write(&mut self, items: &[Write]) -> rusqlite::Result<Vec<Outcome>> {
        let mut insert = self.db.prepare_cached(EntryRow::INSERT)?;
        let mut one = |item: &Write| match item {
            Write::Entry(item) => self.append(&mut insert, item),
            Write::Record(record) => {
                Ok(if self.apply(record.clone())? { Outcome::Applied } else { Outcome::Refused })
            }
        };
        items.iter().map(&mut one).collect()
    }

    /// The rooms that the batch has changed so far.
    pub(crate) fn changed_rooms(&self) -> Vec<RoomName> {
        self.drafts.keys().cloned().collect()
    }

    /// The room as this batch leaves it, if it exists.
    pub(crate) fn room(&self, name: &RoomName) -> Option<&Room> {
        match self.drafts.get(name) {
            Some(room) => Some(room).filter(|room| room.is_made()),
            None if self.forgotten.contains(name) => None,
            None => self.rooms.by_name.get(name),
        }
    }

    fn append(&mut self, insert: &mut CachedStatement<'_>, item: &Append) -> rusqlite::Result<Outcome> {
        let room = self.draft(&item.room);
        let mut row = EntryRow {
            room: room.id,
            seq: room.head + 1,
            at: time_after(room.newest_at, item.at),
            author: item.author.clone(),
            body: item.body.clone(),
            client: item.client,
            request: item.request,
            hash: EntryHash::NONE,
            digest: None,
            checksum: 0,
        };
        row.seal(room, room.hash);
        let is_made = room.is_made();
        // The record that makes the room has the id before the entry's.
        let id = self.next.entry + i64::from(!is_made);
        if !row.insert(insert, id)? {
            let known = lookup::one(self.db, self.drafts.get(&item.room), item)?;
            return Ok(known.expect("ON CONFLICT fired, so a row with this (client, request) exists"));
        }
        if !is_made {
            self.make(&item.room, self.next.entry.cast_unsigned());
        }
        self.next.entry += 1;
        let entry = row.entry();
        let (db, run) = (self.db, self.run);
        let room = self.draft(&item.room);
        if room.lineage.newest() != Some(run.ordinal) || room.lineage_is_new {
            begin_span(db, room, run, row.seq)?;
        }
        (room.head, room.newest_at, room.hash, room.position) = (row.seq, row.at, row.hash, id);
        room.bytes += row.bytes();
        fold(db, room, &entry)?;
        let (name, position) = (room.name.clone(), Position { seq: row.seq, at: row.at });
        self.commit.add_entry(&name, entry);
        Ok(Outcome::Stored(position))
    }

    /// Applies a record; false if it does not fit.
    fn apply(&mut self, record: Record) -> rusqlite::Result<bool> {
        let room = match &record {
            Record::People(people) => return Ok(self.apply_to_people(people)),
            Record::RoomMade { room, .. }
            | Record::RoomTrimmed { room, .. }
            | Record::RoomForgotten { room } => room,
            _ => return Ok(false),
        };
        let known = self.room(room);
        match (&record, known) {
            (Record::RoomMade { room, incarnation }, None) if *incarnation != 0 => {
                self.make(room, *incarnation);
            }
            (Record::RoomTrimmed { room, oldest }, Some(known))
                if known.oldest < *oldest && *oldest <= known.head + 1 =>
            {
                self.trim(room, *oldest)?;
            }
            (Record::RoomForgotten { room }, Some(known)) if known.is_empty() => {
                let (room, id) = (room.clone(), known.id);
                self.forget(&room, id)?;
                self.commit.add_record(record);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn apply_to_people(&mut self, record: &PeopleRecord) -> bool {
        let (people, changed) = self.people.get_or_insert_with(|| (self.rooms.people.clone(), Vec::new()));
        let Some(also) = people.apply(record) else { return false };
        changed.extend(also);
        self.take_id();
        self.commit.add_record(Record::People(record.clone()));
        true
    }

    fn make(&mut self, name: &RoomName, incarnation: u64) {
        let id = self.take_id();
        let room = self.draft(name);
        (room.incarnation, room.position) = (incarnation, id);
        let room = room.name.clone();
        self.commit.add_record(Record::RoomMade { room, incarnation });
    }

    /// Notes that a room begins with `oldest` from here on. What is below it was deleted.
    pub(crate) fn note_trimmed(&mut self, name: &RoomName, oldest: u64) {
        let id = self.take_id();
        let room = self.draft(name);
        (room.oldest, room.position) = (oldest, id);
        let room = room.name.clone();
        self.commit.add_record(Record::RoomTrimmed { room, oldest });
    }

    fn forget(&mut self, name: &RoomName, id: i64) -> rusqlite::Result<()> {
        for delete in [
            "DELETE FROM rooms WHERE id = ?1",
            "DELETE FROM state WHERE room = ?1",
            "DELETE FROM spans WHERE room = ?1",
        ] {
            self.db.prepare_cached(delete)?.execute([id])?;
        }
        let position = self.take_id();
        note_position(self.db, position)?;
        self.drafts.remove(name);
        self.forgotten.insert(name.clone());
        Ok(())
    }

    fn take_id(&mut self) -> i64 {
        self.next.entry += 1;
        self.next.entry - 1
    }

    /// The room as this batch leaves it, to be changed.
    pub(crate) fn draft(&mut self, name: &RoomName) -> &mut Room {
        if !self.drafts.contains_key(name) {
            let room = self.room(name).cloned().unwrap_or_else(|| {
                self.next.room += 1;
                Room::new(self.next.room - 1, name.clone())
            });
            self.drafts.insert(name.clone(), room);
        }
        self.drafts.get_mut(name).expect("the room was inserted above")
    }

    /// Writes the rows of all changed rooms. A room that was only looked up is not written.
    pub(crate) fn finish(mut self) -> rusqlite::Result<Changed> {
        self.drafts.retain(|_, room| room.is_made());
        let mut update = self.db.prepare_cached(WRITE_ROOM)?;
        for room in self.drafts.values() {
            write_room(&mut update, room)?;
        }
        let people = match self.people {
            Some((people, changed)) if !changed.is_empty() => {
                people::write(self.db, &people, &changed)?;
                note_position(self.db, self.next.entry - 1)?;
                Some(people)
            }
            _ => None,
        };
        let Batch { drafts, forgotten, next, mut commit, .. } = self;
        commit.position = (next.entry - 1).cast_unsigned();
        Ok(Changed { drafts, forgotten, people, next, commit })
    }
}

/// Notes that the record with this id was applied, of which no other row says so.
fn note_position(db: &Connection, position: i64) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO log (id, position) VALUES (0, ?1)")?.execute([position])?;
    Ok(())
}

/// Writes the row of a room with [`WRITE_ROOM`].
pub(crate) fn write_room(update: &mut Statement<'_>, room: &Room) -> rusqlite::Result<()> {
    let chain = room.lineage.chain();
    update.execute(params![
        room.id,
        room.name.as_str(),
        room.incarnation.cast_signed(),
        room.head.cast_signed(),
        room.oldest.cast_signed(),
        room.newest_at.cast_signed(),
        room.bytes.cast_signed(),
        room.position,
        chain,
        room.hash.0,
        room.checksum(chain),
    ])?;
    Ok(())
}

fn begin_span(db: &Connection, room: &mut Room, run: Run, first: u64) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached("INSERT INTO spans (room, run, first) VALUES (?1, ?2, ?3)")?;
    if room.lineage_is_new {
        db.prepare_cached("DELETE FROM spans WHERE room = ?1")?.execute([room.id])?;
        // The lineage in memory says already that this run gave every number.
        insert.execute(params![room.id, run.ordinal.cast_signed(), 1])?;
        room.lineage_is_new = false;
        return Ok(());
    }
    insert.execute(params![room.id, run.ordinal.cast_signed(), first.cast_signed()])?;
    room.lineage.begin(run, first);
    Ok(())
}

/// Takes an entry into the room's state, and writes what that changes.
fn fold(db: &Connection, room: &mut Room, entry: &LogEntry) -> rusqlite::Result<()> {
    if !entry.body.kind.is_state() {
        return Ok(());
    }
    Arc::make_mut(&mut room.state).apply(entry);
    match room.state.get(&entry.body.kind) {
        Some(newest) => state::write(db, room, newest),
        None => Ok(()),
    }
}

pub(crate) const WRITE_ROOM: &str = "
    INSERT INTO rooms (id, name, incarnation, head, oldest, newest_at, bytes, position, lineage, hash, checksum)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
    ON CONFLICT (id) DO UPDATE SET incarnation = ?3, head = ?4, oldest = ?5, newest_at = ?6, bytes = ?7, position = ?8,
        lineage = ?9, hash = ?10, checksum = ?11, signature = NULL";
