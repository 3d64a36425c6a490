//! The tables, how they came to be, and which files are refused.

use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use crate::{error::OpenError, index};

/// Each takes the file to the next version, in a transaction of its own. What is here is never changed.
pub(crate) const MIGRATIONS: &[&str] = &[V1, index::TABLES];

/// Entries have ids in the order in which they were appended, over all rooms. Clients stand in full: as a number from
/// a table of their own they would save a tenth of the space and cost a lookup each time.
const V1: &str = "
    CREATE TABLE runs (id INTEGER PRIMARY KEY, name BLOB NOT NULL, hash INTEGER NOT NULL) STRICT;
    CREATE TABLE rooms (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        head INTEGER NOT NULL,
        oldest INTEGER NOT NULL,
        newest_at INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        lineage INTEGER NOT NULL,
        hash INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE topics (room INTEGER PRIMARY KEY, text TEXT NOT NULL, hash INTEGER NOT NULL) STRICT;
    CREATE TABLE spans (
        room INTEGER NOT NULL, run INTEGER NOT NULL, first INTEGER NOT NULL, PRIMARY KEY (room, run)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        room INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        sender TEXT NOT NULL,
        text TEXT NOT NULL,
        client BLOB NOT NULL,
        request INTEGER NOT NULL,
        hash INTEGER NOT NULL,
        UNIQUE (room, seq),
        UNIQUE (client, request)
    ) STRICT;
";

/// Refuses an SQLite that can lose what was written while a checkpoint runs.
pub(crate) fn check_library(version: i32, name: &'static str) -> Result<(), OpenError> {
    if version < OLDEST_LIBRARY { Err(OpenError::OldSqlite { found: name }) } else { Ok(()) }
}

/// Brings the file to the newest version, or refuses it as it is.
pub(crate) fn prepare(db: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), OpenError> {
    let known = i32::try_from(migrations.len()).expect("there are few versions");
    let failed = |source| OpenError::Database { path: path.to_owned(), source };
    let ours = |it: Result<bool, rusqlite::Error>| match it {
        Ok(true) => Ok(()),
        Ok(false) => Err(OpenError::NotOurs { path: path.to_owned() }),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            Err(OpenError::NotOurs { path: path.to_owned() })
        }
        Err(error) => Err(failed(error)),
    };
    ours(is_ours(db))?;
    let mut found = number(db, "user_version").map_err(failed)?;
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    while found < known {
        let tables = migrations[usize::try_from(found).unwrap_or_default()];
        found += 1;
        migrate(db, tables, found).map_err(failed)?;
    }
    Ok(())
}

fn migrate(db: &mut Connection, tables: &str, version: i32) -> rusqlite::Result<()> {
    let step = db.transaction()?;
    step.execute_batch(tables)?;
    step.pragma_update(None, "application_id", APPLICATION)?;
    step.pragma_update(None, "user_version", version)?;
    step.commit()
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
