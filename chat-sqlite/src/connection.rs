//! How connections to the database are set up.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags};

use crate::{
    error::OpenError,
    open::Durability,
    schema::{self, MIGRATIONS},
};

/// The first connection of a process: it makes the tables where they are missing.
pub(crate) fn first(path: &Path, durability: Durability) -> Result<Connection, OpenError> {
    let failed = |source| OpenError::Database { path: path.to_owned(), source };
    let mut db = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    // Before anything is changed in a file that may not be ours.
    schema::prepare(&mut db, path, MIGRATIONS)?;
    let mode: String =
        db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)).map_err(failed)?;
    if mode != "wal" {
        return Err(OpenError::NoWriteAheadLog { path: path.to_owned() });
    }
    set_up_writing(&db, durability).map_err(failed)?;
    Ok(db)
}

/// Another that writes, to a database that [`first`] has prepared.
pub(crate) fn writing(path: &Path, durability: Durability) -> rusqlite::Result<Connection> {
    let db = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    set_up_writing(&db, durability)?;
    Ok(db)
}

/// One that only reads.
pub(crate) fn reading(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(PATIENCE)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    // What is in a file that was tampered with is data, and runs nothing.
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    Ok(db)
}

fn set_up_writing(db: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let (synchronous, full) = match durability {
        Durability::Power => ("full", true),
        Durability::Process => ("normal", false),
    };
    db.pragma_update(None, "synchronous", synchronous)?;
    // Where a sync alone does not reach the disk (macOS).
    db.pragma_update(None, "fullfsync", full)?;
    db.pragma_update(None, "checkpoint_fullfsync", full)?;
    // The checkpointer's business.
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update(None, "journal_size_limit", WAL_KEPT)?;
    db.pragma_update(None, "cache_size", WRITER_CACHE)?;
    Ok(())
}

/// Only connections of this process share the database, and none holds it for long.
const PATIENCE: Duration = Duration::from_secs(5);
const STATEMENTS: usize = 32;
/// Bytes of the write-ahead log's file that stay when it starts again.
const WAL_KEPT: i64 = 64 << 20;
/// In KiB, as SQLite wants it: negative.
const WRITER_CACHE: i64 = -16 * 1024;
