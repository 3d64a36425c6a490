//! The write-ahead log and the database: how large they are, and copying pages from one into the other.

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

/// The size of the database in pages, with those that are in the write-ahead log only.
pub(crate) fn pages(db: &Connection) -> rusqlite::Result<i64> {
    db.prepare_cached("PRAGMA page_count")?.query_one([], |row| row.get(0))
}
