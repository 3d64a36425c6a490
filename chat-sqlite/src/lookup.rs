//! Looks up requests by their names (client and request id).

use chat_core::{
    ClientId,
    log::{Append, Outcome, Position},
    wire::Body,
};
use rusqlite::{Connection, params};

use crate::{
    rooms::{Room, Shared},
    row::EntryRow,
};

/// A request: its name and its content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) client: ClientId,
    pub(crate) request: u64,
    pub(crate) bot: bool,
    pub(crate) body: &'a Body,
}

/// Looks up each item of a batch, without storing anything.
pub(crate) fn all(
    db: &Connection,
    rooms: &Shared,
    batch: &[Append],
) -> rusqlite::Result<Vec<Option<Outcome>>> {
    let one = |it: &Append| {
        let room = rooms.read().by_name.get(&it.room).cloned();
        let asked = Asked { client: it.client, request: it.request, bot: it.author.bot, body: &it.body };
        one(db, room.as_ref(), asked)
    };
    batch.iter().map(one).collect()
}

/// Looks up the request, which is for `room`; `None` if no entry has its name. A damaged entry cannot be compared, so it
/// is answered with a conflict, and its name is not used for another entry.
pub(crate) fn one(
    db: &Connection,
    room: Option<&Room>,
    asked: Asked<'_>,
) -> rusqlite::Result<Option<Outcome>> {
    let mut statement =
        db.prepare_cached(&format!("{} FROM entries WHERE client = ?1 AND request = ?2", EntryRow::COLUMNS))?;
    let mut rows = statement.query(params![asked.client.0.to_be_bytes(), asked.request.cast_signed()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let same = EntryRow::read(row).ok().filter(|it| {
        it.author.bot == asked.bot && *it.body == *asked.body && room.is_some_and(|room| it.is_whole(room))
    });
    Ok(Some(same.map_or(Outcome::Conflict, |it| Outcome::Known(Position { seq: it.seq, at: it.at }))))
}
