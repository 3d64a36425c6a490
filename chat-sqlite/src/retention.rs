//! Letting go of the oldest entries, a few at a time.

use std::time::{Duration, SystemTime};

use chat_core::RoomName;
use rusqlite::params;

use crate::{batch::Batch, index, open::Keep, row::ENTRY_OVERHEAD};

impl Keep {
    pub(crate) fn is_everything(&self) -> bool {
        self.age.is_none() && self.bytes.is_none()
    }

    /// Times of day before this are too old, in milliseconds since 1970.
    fn horizon(&self) -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let since = self.age.map_or(Duration::ZERO, |age| now.saturating_sub(age));
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Batch<'_> {
    /// Lets go of up to `at_most` of the oldest entries of each of these rooms, and says what those that have lost
    /// some begin with. A room keeps its head.
    pub(crate) fn prune(
        &mut self,
        names: &[RoomName],
        keep: &Keep,
        at_most: usize,
    ) -> rusqlite::Result<Vec<(RoomName, u64)>> {
        if keep.is_everything() {
            return Ok(Vec::new());
        }
        let mut pruned = Vec::new();
        for name in names {
            pruned.extend(self.prune_one(name, keep, at_most)?.map(|oldest| (name.clone(), oldest)));
        }
        Ok(pruned)
    }

    fn prune_one(&mut self, name: &RoomName, keep: &Keep, at_most: usize) -> rusqlite::Result<Option<u64>> {
        let (horizon, bytes) = (keep.horizon(), keep.bytes.unwrap_or(u64::MAX));
        let Some(room) = self.drafts.get(name).or_else(|| self.rooms.by_name.get(name)) else {
            return Ok(None);
        };
        if room.oldest > room.head {
            return Ok(None);
        }
        let mut oldest = self.db.prepare_cached(OLDEST)?;
        let mut rows = oldest.query(params![room.id, at_most as i64])?;
        let (mut gone, mut held) = (None, room.bytes);
        while let Some(row) = rows.next()? {
            let (seq, at) = (row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned());
            // The horizon is never before 1970: nothing is too old where there is no age.
            if held <= bytes && at >= horizon {
                break;
            }
            held = held.saturating_sub(row.get::<_, i64>(2)?.cast_unsigned() + ENTRY_OVERHEAD);
            gone = Some(seq);
        }
        let Some(last) = gone else { return Ok(None) };
        let db = self.db;
        let room = self.draft(name);
        room.bytes = held;
        if let Err(error) = index::forget(db, room, last) {
            // Some errors have taken the whole transaction back; nothing may follow then as if it were still going on.
            if db.is_autocommit() {
                return Err(error);
            }
            // It names what is gone, which no search hands out.
            tracing::warn!(%error, "the index keeps what the log lets go of");
        }
        db.prepare_cached("DELETE FROM entries WHERE room = ?1 AND seq <= ?2")?
            .execute(params![room.id, last.cast_signed()])?;
        // What is missing in the middle of a damaged log is gone as well.
        room.oldest = last.max(room.oldest - 1).min(room.head) + 1;
        Ok(Some(room.oldest))
    }
}

const OLDEST: &str = "
    SELECT seq, at, octet_length(sender) + octet_length(text)
    FROM entries WHERE room = ?1 ORDER BY seq LIMIT ?2";
