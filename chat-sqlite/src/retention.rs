//! Deletes the oldest entries, a few at a time: those that are too old, and those that a record lets go.

use chat_core::RoomName;
use rusqlite::params;

use crate::{batch::Batch, clock::Horizon, open::Keep, row::ENTRY_OVERHEAD};

impl Keep {
    pub(crate) fn is_everything(&self) -> bool {
        self.age.is_none() && self.bytes.is_none()
    }
}

impl Batch<'_> {
    /// Deletes up to `at_most` of the oldest entries of each of these rooms: those that are beyond `horizon`. A room
    /// keeps its head.
    pub(crate) fn prune(
        &mut self,
        names: &[RoomName],
        horizon: &Horizon,
        at_most: usize,
    ) -> rusqlite::Result<()> {
        for name in names {
            self.prune_one(name, horizon, at_most)?;
        }
        Ok(())
    }

    fn prune_one(&mut self, name: &RoomName, horizon: &Horizon, at_most: usize) -> rusqlite::Result<()> {
        let Some(room) = self.room(name).filter(|room| !room.is_empty()) else { return Ok(()) };
        let mut oldest = self.db.prepare_cached(OLDEST)?;
        let mut rows = oldest.query(params![room.id, i64::try_from(at_most).unwrap_or(i64::MAX)])?;
        let (mut gone, mut held) = (None, room.bytes);
        while let Some(row) = rows.next()? {
            let (seq, at) = (row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned());
            if held <= horizon.bytes && !horizon.is_too_old(at, row.get(3)?) {
                break;
            }
            held = held.saturating_sub(row.get::<_, i64>(2)?.cast_unsigned() + ENTRY_OVERHEAD);
            gone = Some(seq);
        }
        drop(rows);
        drop(oldest);
        match gone {
            Some(last) => self.delete_to(name, last, held),
            None => Ok(()),
        }
    }

    /// Deletes the entries of a room below `oldest`.
    pub(crate) fn trim(&mut self, name: &RoomName, oldest: u64) -> rusqlite::Result<()> {
        let Some(room) = self.room(name) else { return Ok(()) };
        let gone: Option<i64> = self
            .db
            .prepare_cached(BYTES_BELOW)?
            .query_one(params![room.id, oldest.cast_signed(), ENTRY_OVERHEAD.cast_signed()], |row| {
                row.get(0)
            })?;
        let held = room.bytes.saturating_sub(gone.unwrap_or_default().cast_unsigned());
        self.delete_to(name, oldest - 1, held)
    }

    fn delete_to(&mut self, name: &RoomName, last: u64, held: u64) -> rusqlite::Result<()> {
        let db = self.db;
        let room = self.draft(name);
        room.bytes = held;
        db.prepare_cached("DELETE FROM entries WHERE room = ?1 AND seq <= ?2")?
            .execute(params![room.id, last.cast_signed()])?;
        // Entries that are missing in the middle of a damaged log are gone as well.
        let oldest = last.max(room.oldest - 1).min(room.head) + 1;
        self.note_trimmed(name, oldest);
        Ok(())
    }
}

const OLDEST: &str = "
    SELECT seq, at, octet_length(author) + octet_length(text), id
    FROM entries WHERE room = ?1 ORDER BY seq LIMIT ?2";
const BYTES_BELOW: &str = "
    SELECT sum(octet_length(author) + octet_length(text) + ?3) FROM entries WHERE room = ?1 AND seq < ?2";
