//! The index of words, in a file of its own beside the database. Nothing that is acknowledged depends on it: a missing,
//! damaged or outdated index is made again from the entries. So it shares no lock with the writer, and needs no sync for
//! each commit.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use chat_core::{PersonName, words};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use crate::{
    checksum::Checksum,
    directory,
    lineage::Run,
    rooms::{Room, Shared},
    row::EntryRow,
};

/// Entries by their ids: their words, senders and rooms as tokens. The texts are stored in `entries` alone.
const TABLES: &str = "
    CREATE VIRTUAL TABLE words USING fts5(
        text, sender, room, content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '1 2 3 4'
    );
    CREATE TABLE indexed (
        id INTEGER PRIMARY KEY CHECK (id = 0), upto INTEGER NOT NULL, run BLOB NOT NULL, hash INTEGER NOT NULL
    ) STRICT;
";

/// The index, and how far it has come.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) db: Connection,
    run: Run,
    upto: i64,
}

impl Index {
    /// Opens the index, and begins an empty one where there is none that belongs to the database: of the same words, of a
    /// run that the database knows, and not ahead of the database. A database that was put back from a copy gives ids
    /// again, so `newest_before`, its newest id when this run began, is the bound for an index of an earlier run.
    pub(crate) fn open(
        path: &Path,
        rooms: &Shared,
        newest_before: i64,
        newest: i64,
    ) -> rusqlite::Result<Index> {
        let db = connect(path)?;
        let run = rooms.read().runs.current();
        let known = match upto(&db) {
            Ok(Some((name, upto))) => {
                let bound = if name == run.name { newest } else { newest_before };
                let is_known = rooms.read().runs.ordinal(name).is_some();
                Some(upto).filter(|upto| is_known && *upto <= bound)
            }
            Ok(None) => None,
            Err(error) if is_damage(&error) => None,
            Err(error) => return Err(error),
        };
        if let Some(upto) = known {
            let index = Index { db, run, upto };
            note(&index.db, run, upto)?;
            return Ok(index);
        }
        drop(db);
        remove(path);
        let mut db = connect(path)?;
        let step = db.transaction()?;
        step.execute_batch(TABLES)?;
        step.pragma_update(None, "user_version", words::VERSION)?;
        note(&step, run, 0)?;
        step.commit()?;
        Ok(Index { db, run, upto: 0 })
    }

    /// The id of the newest entry that is indexed. No later one is.
    pub(crate) fn upto(&self) -> i64 {
        self.upto
    }

    /// Indexes entries up to the id `to` for some milliseconds.
    pub(crate) fn step(&mut self, log: &Connection, rooms: &Shared, to: i64) -> rusqlite::Result<()> {
        let began = Instant::now();
        let step = self.db.transaction()?;
        let upto = {
            let mut select = log.prepare_cached(&format!(
                "{}, id FROM entries WHERE id > ?1 AND id <= ?2 ORDER BY id",
                EntryRow::COLUMNS
            ))?;
            let mut insert =
                step.prepare_cached("INSERT INTO words (rowid, text, sender, room) VALUES (?1, ?2, ?3, ?4)")?;
            let mut rows = select.query([self.upto, to])?;
            let mut known: HashMap<i64, Option<Room>> = HashMap::new();
            let mut last = self.upto;
            loop {
                // The newest entries may be deleted already, and records have ids of the same order.
                let Some(row) = rows.next()? else { break to };
                last = row.get::<_, i64>("id")?.max(last);
                // A damaged entry is not shown, so it need not be found.
                if let Ok(entry) = EntryRow::read(row)
                    && let Some(room) =
                        known.entry(entry.room).or_insert_with_key(|id| rooms.read().with_id(*id))
                    && entry.is_whole(room)
                {
                    let text = words::tokens(&entry.body.text).join(" ");
                    let sender = PersonName::parse(&entry.author.name);
                    let sender = sender.map(|name| sender_token(&name)).unwrap_or_default();
                    insert.execute(params![last, text, sender, room_token(room)])?;
                }
                if began.elapsed() >= STEP {
                    break last;
                }
            }
        };
        note(&step, self.run, upto)?;
        step.commit()?;
        self.upto = upto;
        Ok(())
    }

    /// Removes entries that the database has let go of, among the next ones after the id `after`. Returns where to go on;
    /// `None` at the end.
    pub(crate) fn sweep(&mut self, log: &Connection, after: i64) -> rusqlite::Result<Option<i64>> {
        let step = self.db.transaction()?;
        let mut last = None;
        {
            let mut ids =
                step.prepare_cached("SELECT id FROM words_docsize WHERE id > ?1 ORDER BY id LIMIT ?2")?;
            let ids: Vec<i64> = ids.query_map([after, SWEPT], |row| row.get(0))?.collect::<Result<_, _>>()?;
            let mut held = log.prepare_cached("SELECT 1 FROM entries WHERE id = ?1")?;
            let mut delete = step.prepare_cached("DELETE FROM words WHERE rowid = ?1")?;
            for id in &ids {
                if !held.exists([*id])? {
                    delete.execute([*id])?;
                }
            }
            if i64::try_from(ids.len()).unwrap_or(i64::MAX) == SWEPT {
                last = ids.last().copied();
            }
        }
        step.commit()?;
        Ok(last)
    }
}

/// The file of the index beside this database.
pub(crate) fn path(database: &Path) -> PathBuf {
    database.with_file_name("chat-index.db")
}

/// Removes the index, whatever state it is in.
pub(crate) fn remove(path: &Path) {
    for end in ["", "-wal", "-shm", "-journal"] {
        let mut file = OsString::from(path);
        file.push(end);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(file = %Path::new(&file).display(), %error, "the index of words cannot be removed");
            }
            _ => {}
        }
    }
}

/// A person as one token: a name may contain characters that separate tokens.
pub(crate) fn sender_token(name: &PersonName) -> String {
    format!("{:016x}", Checksum::of("sender").text(name.folded()).finish())
}

pub(crate) fn room_token(room: &Room) -> String {
    room.id.to_string()
}

/// Whether the index is damaged, as opposed to a disk that fails. A missing table or a wrong column counts as damage, and
/// so does a lack of memory, because a damaged length asks for too much of it.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    !matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
        )
    )
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let made: io::Result<File> = directory::private().open(path);
    drop(made); // where it cannot be made, SQLite says why
    let db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    // One connection has it, so that no memory is shared for the write-ahead log.
    db.pragma_update(None, "locking_mode", "exclusive")?;
    let mode = db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0));
    match mode {
        Err(error) if !is_damage(&error) => return Err(error),
        _ => {} // a damaged file is found to be so below
    }
    // Synced before a checkpoint alone: a power cut takes the last steps, and leaves the rest as it was.
    db.pragma_update(None, "synchronous", "normal")?;
    db.pragma_update(None, "journal_size_limit", WAL_KEPT)?;
    db.pragma_update(None, "cache_size", CACHE)?;
    Ok(db)
}

/// The run in which the index was written last, and how far it has come; `None` if it is to begin anew.
fn upto(db: &Connection) -> rusqlite::Result<Option<(u128, i64)>> {
    let version: i32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version != words::VERSION {
        return Ok(None);
    }
    let found = db.query_one("SELECT upto, run, hash FROM indexed", [], |row| {
        let (upto, run, hash): (i64, [u8; 16], i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let run = u128::from_be_bytes(run);
        Ok((hash == hash_of(run, upto)).then_some((run, upto)))
    });
    Ok(found.optional()?.flatten())
}

fn note(db: &Connection, run: Run, upto: i64) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO indexed (id, upto, run, hash) VALUES (0, ?1, ?2, ?3)")?
        .execute(params![upto, run.name.to_be_bytes(), hash_of(run.name, upto)])?;
    Ok(())
}

fn hash_of(run: u128, upto: i64) -> i64 {
    Checksum::of("indexed").bytes(&run.to_be_bytes()).number(upto.cast_unsigned()).finish()
}

/// How long a step takes, but for its commit. Searches wait for a step, nothing else does.
const STEP: Duration = Duration::from_millis(5);
/// How many entries one step looks for in the database, to find those that are gone: some milliseconds.
const SWEPT: i64 = 1024;
/// Bytes of the write-ahead log's file that stay when it starts again.
const WAL_KEPT: i64 = 4 << 20;
/// In KiB, as SQLite wants it: negative.
const CACHE: i64 = -8 * 1024;
