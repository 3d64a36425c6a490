//! Looks up requests by their names (client and request id).

use chat_core::log::{Append, Outcome, Position, chain};
use rusqlite::{Connection, params};

use crate::{
    rooms::{Room, Shared},
    row::EntryRow,
};

/// Looks up each item of a batch, without storing anything.
pub(crate) fn all(
    db: &Connection,
    rooms: &Shared,
    batch: &[Append],
) -> rusqlite::Result<Vec<Option<Outcome>>> {
    let one = |item: &Append| {
        let room = rooms.read().by_name.get(&item.room).cloned();
        one(db, room.as_ref(), item)
    };
    batch.iter().map(one).collect()
}

/// Looks up the request, which is for `room`; `None` if no entry has its name. A damaged entry cannot be compared, so it
/// is answered with a conflict, and its name is not used for another entry.
pub(crate) fn one(db: &Connection, room: Option<&Room>, item: &Append) -> rusqlite::Result<Option<Outcome>> {
    let mut statement =
        db.prepare_cached(&format!("{} FROM entries WHERE client = ?1 AND request = ?2", EntryRow::COLUMNS))?;
    let mut rows = statement.query(params![item.client.0.to_be_bytes(), item.request.cast_signed()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let is_same = |row: &EntryRow| match row.digest {
        None => item.is_repeated_by(&row.author, &row.body),
        // The text was erased; its digest still says what it was.
        Some(digest) => {
            row.body.kind == item.body.kind
                && row.author.bot == item.author.bot
                && digest == chain::digest(&item.body)
        }
    };
    let same =
        EntryRow::read(row).ok().filter(|row| room.is_some_and(|room| row.is_whole(room)) && is_same(row));
    Ok(Some(same.map_or(Outcome::Conflict, |row| Outcome::Known(Position { seq: row.seq, at: row.at }))))
}
