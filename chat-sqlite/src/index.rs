//! The index of words. It is updated after the commit, some entries at a time, and each update stores in the same
//! transaction how far the index has come. So an append does not wait for the index.

use std::{collections::HashMap, ops::Range};

use chat_core::{PersonName, words};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use crate::{
    checksum::Checksum,
    rooms::{Room, Rooms},
    row::EntryRow,
};

/// Entries by their ids: their words, senders and rooms as tokens. The texts are stored in `entries` alone.
pub(crate) const TABLES: &str = "
    CREATE VIRTUAL TABLE words USING fts5(
        text, sender, room, content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '1 2 3 4'
    );
    CREATE TABLE indexed (id INTEGER PRIMARY KEY CHECK (id = 0), upto INTEGER NOT NULL, hash INTEGER NOT NULL) STRICT;
";

/// The id of the newest indexed entry; no later entry is indexed. `None` if there is no index yet, or if the row that
/// says so is damaged.
pub(crate) fn indexed_to(db: &Connection) -> rusqlite::Result<Option<i64>> {
    let row = db.prepare_cached("SELECT upto, hash FROM indexed")?.query_one([], |row| {
        let (indexed_to, hash): (i64, i64) = (row.get(0)?, row.get(1)?);
        Ok((hash == indexed_to_hash(indexed_to)).then_some(indexed_to))
    });
    let found = row.optional()?;
    if found == Some(None) {
        tracing::warn!("the index of words is damaged, and begins anew");
    }
    Ok(found.flatten())
}

/// Deletes the index, whatever state it is in, and begins an empty one.
pub(crate) fn begin_anew(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch("DROP TABLE IF EXISTS words; DROP TABLE IF EXISTS indexed;")?;
    db.execute_batch(TABLES)?;
    note(db, 0)
}

/// Indexes up to `most` of the entries after the first of `ids` up to the last, and returns how far it came.
///
/// It stops early when `is_wanted` says that the thread has something more urgent to do.
pub(crate) fn step(
    db: &Connection,
    rooms: &Rooms,
    ids: Range<i64>,
    most: usize,
    is_wanted: impl Fn() -> bool,
) -> rusqlite::Result<i64> {
    let by_id: HashMap<i64, &Room> = rooms.by_name.values().map(|it| (it.id, it)).collect();
    let mut select = db.prepare_cached(&format!(
        "{}, id FROM entries WHERE id > ?1 ORDER BY id LIMIT ?2",
        EntryRow::COLUMNS
    ))?;
    let mut insert =
        db.prepare_cached("INSERT INTO words (rowid, text, sender, room) VALUES (?1, ?2, ?3, ?4)")?;
    let mut rows = select.query(params![ids.start, i64::try_from(most).unwrap_or(i64::MAX)])?;
    let (mut last, mut count, mut is_at_end) = (ids.start, 0, true);
    while let Some(row) = rows.next()? {
        (last, count) = (row.get("id")?, count + 1);
        let Ok(entry) = EntryRow::read(row) else { continue };
        // A damaged entry is not shown, so it need not be found.
        let Some(room) = by_id.get(&entry.room).filter(|it| entry.is_whole(it)) else { continue };
        let text = words::tokens(&entry.body.text).join(" ");
        let sender =
            PersonName::parse(&entry.author.name).map(|name| sender_token(&name)).unwrap_or_default();
        insert.execute(params![last, text, sender, room_token(room)])?;
        if count % LOOKED_UP_EVERY == 0 && is_wanted() {
            is_at_end = false;
            break;
        }
    }
    if is_at_end && count < most {
        last = last.max(ids.end); // the newest entries may be deleted already
    }
    note(db, last)?;
    Ok(last)
}

/// Removes the entries of `room` up to number `seq` from the index. They are about to be deleted.
pub(crate) fn forget(db: &Connection, room: &Room, seq: u64) -> rusqlite::Result<()> {
    db.prepare_cached(FORGET)?.execute(params![room.id, seq.cast_signed()])?;
    Ok(())
}

/// A person as one token: a name may contain characters that separate tokens.
pub(crate) fn sender_token(name: &PersonName) -> String {
    format!("{:016x}", Checksum::of("sender").text(name.folded()).finish())
}

pub(crate) fn room_token(room: &Room) -> String {
    room.id.to_string()
}

/// Whether the index is damaged, as opposed to a disk that fails. A missing table or a wrong column counts as damage, and
/// so does a lack of memory, because a damaged length asks for too much of it.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    !matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
        )
    )
}

fn note(db: &Connection, indexed_to: i64) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO indexed (id, upto, hash) VALUES (0, ?1, ?2)")?
        .execute(params![indexed_to, indexed_to_hash(indexed_to)])?;
    Ok(())
}

fn indexed_to_hash(indexed_to: i64) -> i64 {
    Checksum::of("indexed").number(indexed_to.cast_unsigned()).finish()
}

/// After how many entries a step looks whether the thread has something more urgent to do: a fraction of a millisecond.
const LOOKED_UP_EVERY: usize = 16;
const FORGET: &str = "
    DELETE FROM words WHERE rowid IN (
        SELECT id FROM entries WHERE room = ?1 AND seq <= ?2 AND id <= (SELECT upto FROM indexed)
    )";
