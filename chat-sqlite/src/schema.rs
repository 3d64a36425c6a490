//! The tables, and which files are refused.

use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use crate::{clock, error::OpenError, people};

/// The version of the tables below.
pub(crate) const VERSION: i32 = 3;

/// The tables that have stayed the same since version 1.
pub(crate) const RUNS: &str = "
    CREATE TABLE runs (id INTEGER PRIMARY KEY, name BLOB NOT NULL, hash INTEGER NOT NULL) STRICT;
    CREATE TABLE spans (
        room INTEGER NOT NULL, run INTEGER NOT NULL, first INTEGER NOT NULL, PRIMARY KEY (room, run)
    ) STRICT, WITHOUT ROWID;
";

/// The other tables.
///
/// Entries have ids in the order in which they were stored, over all rooms. Records have ids of the same order, but
/// only what they change is stored: `rooms.position` and `log.position` are the newest of them, so that none is given
/// twice. Clients stand in full: as numbers from a table of their own they would save a tenth of the space and cost a
/// lookup each time. `rooms.signature` is reserved for a signature of `rooms.hash`, the hash of the room's newest entry.
pub(crate) const TABLES: &str = "
    CREATE TABLE log (id INTEGER PRIMARY KEY CHECK (id = 0), position INTEGER NOT NULL) STRICT;
    CREATE TABLE rooms (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        incarnation INTEGER NOT NULL,
        head INTEGER NOT NULL,
        oldest INTEGER NOT NULL,
        newest_at INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        position INTEGER NOT NULL,
        lineage INTEGER NOT NULL,
        hash BLOB NOT NULL,
        signature BLOB,
        checksum INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE state (
        room INTEGER NOT NULL,
        kind TEXT NOT NULL,
        seq INTEGER NOT NULL,
        text TEXT NOT NULL,
        fields TEXT,
        checksum INTEGER NOT NULL,
        PRIMARY KEY (room, kind)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        room INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        author TEXT NOT NULL,
        identity BLOB,
        bot INTEGER NOT NULL,
        kind TEXT NOT NULL,
        text TEXT NOT NULL,
        fields TEXT,
        client BLOB NOT NULL,
        request INTEGER NOT NULL,
        hash BLOB NOT NULL,
        digest BLOB,
        checksum INTEGER NOT NULL,
        UNIQUE (room, seq),
        UNIQUE (client, request)
    ) STRICT;
";

/// Refuses an SQLite that can lose what was written while a checkpoint runs.
pub(crate) fn check_library(version: i32, name: &'static str) -> Result<(), OpenError> {
    if version < OLDEST_LIBRARY { Err(OpenError::OldSqlite { found: name }) } else { Ok(()) }
}

/// Makes the tables in an empty file. Returns the version that the file has.
///
/// # Errors
/// The file is not a log, or one of a newer version. It is left as it is.
pub(crate) fn prepare(db: &mut Connection, path: &Path) -> Result<i32, OpenError> {
    let failed = |source| OpenError::Database { path: path.to_owned(), source };
    match is_ours(db) {
        Ok(true) => {}
        Ok(false) => return Err(OpenError::NotOurs { path: path.to_owned() }),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            return Err(OpenError::NotOurs { path: path.to_owned() });
        }
        Err(error) => return Err(failed(error)),
    }
    let found = number(db, "user_version").map_err(failed)?;
    if found > VERSION {
        return Err(OpenError::Newer { path: path.to_owned(), found, known: VERSION });
    }
    if found > 0 {
        return Ok(found);
    }
    make(db).map_err(failed)?;
    Ok(VERSION)
}

fn make(db: &mut Connection) -> rusqlite::Result<()> {
    let step = db.transaction()?;
    for tables in [RUNS, TABLES, clock::TABLE, people::TABLES] {
        step.execute_batch(tables)?;
    }
    mark(&step)?;
    step.commit()
}

/// Makes what later versions of this program have added to files of the present version, and drops what they have moved:
/// the index of words has a file of its own. Until that succeeds the log does without them.
pub(crate) fn update(db: &mut Connection) {
    let updated = (|| {
        let step = db.transaction()?;
        step.execute_batch("DROP TABLE IF EXISTS words; DROP TABLE IF EXISTS indexed;")?;
        step.execute_batch(clock::TABLE)?;
        step.execute_batch(people::TABLES)?;
        step.commit()
    })();
    if let Err(error) = updated {
        tracing::warn!(%error, "the tables of the log could not be brought up to date; the next start tries again");
    }
}

/// Notes that the file is a log of this version.
pub(crate) fn mark(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "application_id", APPLICATION)?;
    db.pragma_update(None, "user_version", VERSION)
}

/// Whether it is a log, or nothing yet.
fn is_ours(db: &Connection) -> rusqlite::Result<bool> {
    let application = number(db, "application_id")?;
    let tables: i64 = db.query_one("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(application == APPLICATION || (application == 0 && tables == 0))
}

fn number(db: &Connection, pragma: &str) -> rusqlite::Result<i32> {
    db.pragma_query_value(None, pragma, |row| row.get(0))
}

/// `chat`, in ASCII.
const APPLICATION: i32 = 0x6368_6174;
/// 3.51.3: before it a checkpoint could reset the write-ahead log while a commit was going on.
const OLDEST_LIBRARY: i32 = 3_051_003;
