//! The rows of `state`: the newest entry of each kind that is a part of its room's state.

use std::sync::Arc;

use chat_core::{
    log::{StateEntry, StateMap},
    wire::{Body, EntryKind},
};
use rusqlite::{Connection, Row, params};

use crate::{
    checksum::Checksum,
    rooms::Room,
    row::{fields_text, read_fields},
};

/// Writes the newest state entry of its kind.
pub(crate) fn write(db: &Connection, room: &Room, entry: &StateEntry) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO state (room, kind, seq, text, fields, checksum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        room.id,
        entry.body.kind.tag(),
        entry.seq.cast_signed(),
        entry.body.text,
        fields_text(&entry.body),
        checksum(room, entry)
    ])?;
    Ok(())
}

/// Reads the state of a room. A damaged row is left out.
pub(crate) fn read(db: &Connection, room: &Room) -> rusqlite::Result<StateMap> {
    let mut state = StateMap::default();
    let mut select =
        db.prepare_cached("SELECT kind, seq, text, fields, checksum FROM state WHERE room = ?1")?;
    let mut rows = select.query([room.id])?;
    while let Some(row) = rows.next()? {
        match entry(row) {
            Ok((entry, found)) if checksum(room, &entry) == found => state.set(entry),
            _ => tracing::error!(
                room = %room.name,
                "the log has damaged state (such as the topic); the room has none until it is set again"
            ),
        }
    }
    Ok(state)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<(StateEntry, i64)> {
    let kind = EntryKind::of(row.get_ref(0)?.as_str()?);
    let body = Body { kind, text: row.get(2)?, fields: read_fields(row, 3)? };
    let seq = row.get::<_, i64>(1)?.cast_unsigned();
    Ok((StateEntry { seq, body: Arc::new(body) }, row.get(4)?))
}

pub(crate) fn checksum(room: &Room, entry: &StateEntry) -> i64 {
    Checksum::of("state")
        .number(room.id.cast_unsigned())
        .text(room.name.as_str())
        .text(entry.body.kind.tag())
        .number(entry.seq)
        .text(&entry.body.text)
        .text(fields_text(&entry.body).as_deref().unwrap_or_default())
        .finish()
}
