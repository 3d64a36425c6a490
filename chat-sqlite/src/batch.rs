//! A batch: one transaction, which assigns numbers and looks up the names of requests.

use std::collections::HashMap;

use chat_core::{
    RoomName,
    log::{Append, Outcome, Position},
    wire::EntryKind,
};
use rusqlite::{CachedStatement, Connection, params};

use crate::{
    lineage::Run,
    lookup::{self, Asked},
    rooms::{Next, Room, Rooms},
    row::{EntryRow, kind_number},
};

/// One transaction in progress, with the rooms as they will be once it is committed.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) db: &'a Connection,
    pub(crate) rooms: &'a Rooms,
    run: Run,
    pub(crate) drafts: HashMap<RoomName, Room>,
    pub(crate) next: Next,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(db: &'a Connection, rooms: &'a Rooms, next: Next) -> Batch<'a> {
        Batch { db, rooms, run: rooms.runs.current(), drafts: HashMap::new(), next }
    }

    pub(crate) fn append(&mut self, items: Vec<Append>) -> rusqlite::Result<Vec<Outcome>> {
        let mut insert = self.db.prepare_cached(INSERT)?;
        items.into_iter().map(|item| self.append_one(&mut insert, item)).collect()
    }

    fn append_one(&mut self, insert: &mut CachedStatement<'_>, item: Append) -> rusqlite::Result<Outcome> {
        let room = draft(&mut self.drafts, self.rooms, &mut self.next, &item.room);
        let row = EntryRow {
            seq: room.head + 1,
            at: room.newest_at.max(item.at),
            author: item.author,
            body: item.body,
            client: item.client,
            request: item.request,
            hash: 0,
            room: room.id,
        };
        let row = EntryRow { hash: row.digest(room)?, ..row };
        let inserted = insert.execute(params![
            self.next.entry,
            room.id,
            row.seq.cast_signed(),
            row.at.cast_signed(),
            kind_number(&row.author, &row.body)?,
            row.author.name,
            row.body.text,
            row.client.0.to_be_bytes(),
            row.request.cast_signed(),
            row.hash,
        ])?;
        if inserted == 0 {
            let (client, request) = (row.client, row.request);
            let asked = Asked { client, request, bot: row.author.bot, body: &row.body };
            return Ok(lookup::one(self.db, Some(room), asked)?
                .expect("ON CONFLICT fired, so a row with this (client, request) exists"));
        }
        self.next.entry += 1;
        if room.lineage.newest() != Some(self.run.ordinal) || room.lineage_is_new {
            begin_span(self.db, room, self.run, row.seq)?;
        }
        room.head = row.seq;
        room.newest_at = row.at;
        room.bytes += row.bytes();
        if row.body.kind == EntryKind::Topic {
            room.topic = row.body.text.as_str().into();
            write_topic(self.db, room)?;
        }
        Ok(Outcome::Stored(Position { seq: row.seq, at: row.at }))
    }

    /// The room as this batch leaves it.
    pub(crate) fn draft(&mut self, name: &RoomName) -> &mut Room {
        draft(&mut self.drafts, self.rooms, &mut self.next, name)
    }

    /// Writes the rows of all changed rooms. A room that was only looked up and has no entry is not written.
    pub(crate) fn finish(&mut self) -> rusqlite::Result<()> {
        self.drafts.retain(|_, it| it.head > 0);
        let mut update = self.db.prepare_cached(WRITE_ROOM)?;
        for it in self.drafts.values() {
            let chain = it.lineage.chain();
            update.execute(params![
                it.id,
                it.name.as_str(),
                it.head.cast_signed(),
                it.oldest.cast_signed(),
                it.newest_at.cast_signed(),
                it.bytes.cast_signed(),
                chain,
                it.hash(chain),
            ])?;
        }
        Ok(())
    }
}

fn draft<'d>(
    drafts: &'d mut HashMap<RoomName, Room>,
    rooms: &Rooms,
    next: &mut Next,
    name: &RoomName,
) -> &'d mut Room {
    if !drafts.contains_key(name) {
        let room = rooms.by_name.get(name).cloned().unwrap_or_else(|| {
            next.room += 1;
            Room::new(next.room - 1, name.clone())
        });
        drafts.insert(name.clone(), room);
    }
    drafts.get_mut(name).expect("the room was inserted above")
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

fn write_topic(db: &Connection, room: &Room) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO topics (room, text, hash) VALUES (?1, ?2, ?3)")?
        .execute(params![room.id, &*room.topic, room.topic_hash()])?;
    Ok(())
}

const INSERT: &str = "
    INSERT INTO entries (id, room, seq, at, kind, sender, text, client, request, hash)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (client, request) DO NOTHING";
const WRITE_ROOM: &str = "
    INSERT INTO rooms (id, name, head, oldest, newest_at, bytes, lineage, hash)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (id) DO UPDATE SET head = ?3, oldest = ?4, newest_at = ?5, bytes = ?6, lineage = ?7, hash = ?8";
