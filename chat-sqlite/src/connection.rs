//! How connections to the database are set up.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::{error::OpenError, migrate, open::Durability, schema, wal::checkpoint};

/// The first connection of a process. It makes the tables where they are missing, and brings an older database to the
/// present version; then the result is true.
pub(crate) fn first(path: &Path, durability: Durability) -> Result<(Connection, bool), OpenError> {
    let failed = |source| OpenError::Database { path: path.to_owned(), source };
    let mut db = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    // Before anything is changed in a file that may not be ours.
    let found = schema::prepare(&mut db, path)?;
    let is_old = found < schema::VERSION;
    if is_old {
        // The whole database has to be in its file, and no connection may be open while the file is copied.
        match checkpoint(&db, "TRUNCATE") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                return Err(OpenError::NoSpaceToMigrate { path: path.to_owned() });
            }
            done => done.map_err(failed)?,
        };
        db.close().map_err(|(_, error)| failed(error))?;
        migrate::keep_copy(path, found)?;
        db = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
        set_wal(&db, path)?;
        migrate::migrate(&mut db, path, found)?;
    }
    set_wal(&db, path)?;
    set_up_writing(&db, durability).map_err(failed)?;
    schema::update(&mut db);
    Ok((db, is_old))
}

fn set_wal(db: &Connection, path: &Path) -> Result<(), OpenError> {
    let mode = db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0));
    match mode {
        Ok(mode) if mode == "wal" => Ok(()),
        Ok(_) => Err(OpenError::NoWriteAheadLog { path: path.to_owned() }),
        Err(source) => Err(OpenError::Database { path: path.to_owned(), source }),
    }
}

/// Another connection that writes, to a database that [`first`] has prepared.
pub(crate) fn writing(path: &Path, durability: Durability) -> rusqlite::Result<Connection> {
    let db = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    set_up_writing(&db, durability)?;
    Ok(db)
}

/// A connection that only reads.
pub(crate) fn reading(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    // A file that was tampered with must not be able to run SQL of its own.
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
    // On macOS a plain sync does not reach the disk.
    db.pragma_update(None, "fullfsync", full)?;
    db.pragma_update(None, "checkpoint_fullfsync", full)?;
    // The checkpointer does the checkpoints.
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update(None, "journal_size_limit", WAL_KEPT)?;
    db.pragma_update(None, "cache_size", WRITER_CACHE)?;
    Ok(())
}

/// How long a connection waits for another one. All are of this process, and none holds the lock for long.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const STATEMENTS: usize = 32;
/// Bytes of the write-ahead log's file that stay when it starts again.
const WAL_KEPT: i64 = 64 << 20;
/// In KiB, as SQLite wants it: negative.
const WRITER_CACHE: i64 = -16 * 1024;
