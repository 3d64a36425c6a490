//! The write-ahead log: how large it is, and copying its pages into the database.

use rusqlite::Connection;

/// The size of the write-ahead log in pages, and how many of them are not in the database yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wal {
    pub(crate) frames: i64,
    pub(crate) left: i64,
}

/// Does a checkpoint of this mode.
pub(crate) fn checkpoint(db: &Connection, mode: &str) -> rusqlite::Result<Wal> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    db.prepare_cached(&sql)?.query_one([], |row| {
        let (frames, done): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok(Wal { frames, left: frames - done })
    })
}
