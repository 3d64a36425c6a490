//! Brings a database of version 1 or 2 to the present version: whole or not at all, in one transaction, with a copy of the
//! old file beside it until a later start goes well.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use chat_core::{
    ClientId, RoomName,
    log::{EntryHash, StateEntry},
    wire::{Author, Body, EntryKind},
};
use rusqlite::{Connection, ErrorCode, Row, TransactionBehavior};

use crate::{
    batch::{WRITE_ROOM, write_room},
    checksum::Checksum,
    error::OpenError,
    rooms::Room,
    row::EntryRow,
    schema::{self, TABLES},
    state,
};

/// Where the copy of a database of this version is kept.
pub(crate) fn copy_path(database: &Path, version: i32) -> PathBuf {
    let mut name = database.file_name().unwrap_or_default().to_owned();
    name.push(format!(".v{version}"));
    database.with_file_name(name)
}

/// Copies the database, to which no connection is open and whose write-ahead log is empty.
pub(crate) fn keep_copy(database: &Path, version: i32) -> Result<(), OpenError> {
    let copy = copy_path(database, version);
    let part = copy.with_extension(format!("v{version}.part"));
    let copied = (|| {
        fs::copy(database, &part)?; // the copy has the permissions of the original
        File::open(&part)?.sync_all()?;
        fs::rename(&part, &copy)?;
        #[cfg(unix)]
        if let Some(directory) = copy.parent() {
            File::open(directory)?.sync_all()?;
        }
        Ok(())
    })();
    copied.map_err(|source: io::Error| {
        let _ = fs::remove_file(&part);
        let path = database.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => OpenError::NoSpaceToMigrate { path },
            _ => OpenError::Io { path: copy, source },
        }
    })
}

/// Removes the copies that earlier migrations have kept.
pub(crate) fn remove_copies(database: &Path) {
    for version in 1..schema::VERSION {
        let copy = copy_path(database, version);
        match fs::remove_file(&copy) {
            Ok(()) => tracing::info!(copy = %copy.display(), "the copy of the old database is removed"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(copy = %copy.display(), %error, "the copy cannot be removed"),
        }
        let _ = fs::remove_file(copy.with_extension(format!("v{version}.part")));
    }
}

/// Brings a database of version `found` to the present version.
///
/// # Errors
/// The database is as it was then.
pub(crate) fn migrate(db: &mut Connection, path: &Path, found: i32) -> Result<(), OpenError> {
    tracing::info!(found, version = schema::VERSION, "the database is brought to the present version");
    let migrated = (|| {
        db.pragma_update(None, "synchronous", "full")?;
        let step = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let entries = rewrite(&step)?;
        schema::mark(&step)?;
        step.commit()?;
        Ok(entries)
    })();
    match migrated {
        Ok(entries) => {
            tracing::info!(entries, copy = %copy_path(path, found).display(), "done; the old file is kept");
            Ok(())
        }
        Err(error) => {
            // The statement that failed is long, and its text says nothing to people.
            let error = match error {
                rusqlite::Error::SqlInputError { error, msg, .. } => {
                    rusqlite::Error::SqliteFailure(error, Some(msg))
                }
                other => other,
            };
            let path = path.to_owned();
            Err(match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => OpenError::NoSpaceToMigrate { path },
                _ => OpenError::Migration { path, found, source: error },
            })
        }
    }
}

fn rewrite(db: &Connection) -> rusqlite::Result<usize> {
    for table in ["entries", "rooms", "topics"] {
        db.execute_batch(&format!("ALTER TABLE {table} RENAME TO old_{table}"))?;
    }
    db.execute_batch(TABLES)?;
    let mut rooms = old_rooms(db)?;
    let count = entries(db, &mut rooms)?;
    topics(db, &rooms)?;
    let mut insert = db.prepare(WRITE_ROOM)?;
    for old in rooms.values() {
        write_room(&mut insert, &old.room)?;
        db.execute(
            "UPDATE rooms SET lineage = ?2, checksum = ?3 WHERE id = ?1",
            [old.room.id, old.chain, old.checksum()],
        )?;
    }
    drop(insert);
    db.execute_batch("DROP TABLE old_entries; DROP TABLE old_rooms; DROP TABLE old_topics")?;
    Ok(count)
}

/// A room of the old database, on its way to the new one.
struct OldRoom {
    room: Room,
    /// The hash of its lineage, as its row has it.
    chain: i64,
    /// Whether its row was what was written.
    is_whole: bool,
    /// The number and the hash of the newest whole entry.
    newest: (u64, EntryHash),
}

impl OldRoom {
    /// The checksum of its new row; a wrong one, if the old row was damaged.
    fn checksum(&self) -> i64 {
        damaged_unless(self.is_whole, self.room.checksum(self.chain))
    }
}

/// A damaged row stays damaged: it is not adopted by giving it a checksum that fits.
fn damaged_unless(is_whole: bool, checksum: i64) -> i64 {
    if is_whole { checksum } else { !checksum }
}

fn old_rooms(db: &Connection) -> rusqlite::Result<HashMap<i64, OldRoom>> {
    let mut select = db.prepare(
        "SELECT id, name, head, oldest, newest_at, bytes, lineage, hash FROM old_rooms ORDER BY id",
    )?;
    let mut rows = select.query([])?;
    let mut rooms = HashMap::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let Ok(name) = RoomName::parse(&text(row, 1)) else {
            tracing::error!(id, "the log has a room whose name is damaged; it is left out");
            continue;
        };
        let unsigned = |column| number(row, column).cast_unsigned();
        let mut room = Room::new(id, name);
        (room.head, room.oldest) = (unsigned(2), unsigned(3));
        (room.newest_at, room.bytes) = (unsigned(4), unsigned(5));
        let (chain, hash) = (number(row, 6), number(row, 7));
        let wanted = Checksum::of("rooms")
            .number(id.cast_unsigned())
            .text(room.name.as_str())
            .number(room.head)
            .number(room.oldest)
            .number(room.newest_at)
            .number(room.bytes)
            .number(chain.cast_unsigned())
            .finish();
        room.bytes = 0; // counted anew: rows are larger now
        let newest = (0, EntryHash::NONE);
        rooms.insert(id, OldRoom { room, chain, is_whole: wanted == hash, newest });
    }
    Ok(rooms)
}

/// Copies the entries in the order in which they were stored, and begins the hash chains of their rooms.
fn entries(db: &Connection, rooms: &mut HashMap<i64, OldRoom>) -> rusqlite::Result<usize> {
    let mut select = db.prepare(
        "SELECT id, room, seq, at, kind, sender, text, client, request, hash FROM old_entries ORDER BY id",
    )?;
    let mut insert = db.prepare(EntryRow::INSERT)?;
    let mut rows = select.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let (mut entry, kind) = old_entry(row);
        let old = rooms.get_mut(&entry.room);
        // An entry of a room that is lost is kept as it is, and so is the name of its request.
        let lost = Room::new(entry.room, RoomName::inbox());
        let room = old.as_ref().map_or(&lost, |old| &old.room);
        let is_whole = old.is_some() && old_checksum(&entry, kind, room) == number(row, 9);
        if is_whole {
            // The hash of a predecessor that is gone or damaged is not known: a chain begins.
            let newest = old.as_ref().map_or((0, EntryHash::NONE), |old| old.newest);
            let previous = if newest.0 + 1 == entry.seq { newest.1 } else { EntryHash::NONE };
            entry.seal(room, previous);
        }
        entry.checksum = damaged_unless(is_whole, entry.checksum_in(room));
        match entry.insert(&mut insert, id) {
            Ok(true) => count += 1,
            Err(error) if is_whole || !is_taken(&error) => return Err(error),
            _ => tracing::error!(id, "a damaged entry has the number or the name of another; it is left out"),
        }
        let Some(old) = old else { continue };
        old.room.bytes += entry.bytes();
        if is_whole {
            old.newest = (entry.seq, entry.hash);
            (old.room.hash, old.room.position) = (entry.hash, id);
        }
    }
    Ok(count)
}

/// An entry and its kind. What cannot be read of a damaged entry is replaced; its checksum does not fit anyway.
fn old_entry(row: &Row<'_>) -> (EntryRow, i64) {
    let kind = number(row, 4);
    let body = Body {
        kind: match kind {
            0 | 2 => EntryKind::Message,
            1 => EntryKind::Topic,
            damaged => EntryKind::of(&format!("damaged-{damaged}")),
        },
        text: text(row, 6),
        fields: None,
    };
    let author = Author { name: text(row, 5), identity: None, bot: kind == 2 };
    let client: [u8; 16] = row.get(7).unwrap_or_default();
    let entry = EntryRow {
        room: number(row, 1),
        seq: number(row, 2).cast_unsigned(),
        at: number(row, 3).cast_unsigned(),
        author: Arc::new(author),
        body: Arc::new(body),
        client: ClientId(u128::from_be_bytes(client)),
        request: number(row, 8).cast_unsigned(),
        hash: EntryHash::NONE,
        digest: None,
        checksum: 0,
    };
    (entry, kind)
}

fn number(row: &Row<'_>, column: usize) -> i64 {
    row.get(column).unwrap_or_default()
}

fn text(row: &Row<'_>, column: usize) -> String {
    let bytes = row.get_ref(column).ok().and_then(|value| value.as_bytes().ok());
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

/// Whether a number or a name is there twice.
fn is_taken(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

fn old_checksum(entry: &EntryRow, kind: i64, room: &Room) -> i64 {
    Checksum::of("entries")
        .text(room.name.as_str())
        .number(entry.seq)
        .number(entry.at)
        .number(kind.cast_unsigned())
        .text(&entry.author.name)
        .text(&entry.body.text)
        .bytes(&entry.client.0.to_be_bytes())
        .number(entry.request)
        .finish()
}

fn topics(db: &Connection, rooms: &HashMap<i64, OldRoom>) -> rusqlite::Result<()> {
    let mut select = db.prepare("SELECT room, text, hash FROM old_topics ORDER BY room")?;
    let mut newest =
        db.prepare("SELECT max(seq) FROM entries WHERE room = ?1 AND kind = 'topic' AND text = ?2")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (id, text, hash): (i64, String, i64) = (row.get(0)?, text(row, 1), number(row, 2));
        let Some(OldRoom { room, .. }) = rooms.get(&id) else { continue };
        let wanted =
            Checksum::of("topics").number(id.cast_unsigned()).text(room.name.as_str()).text(&text).finish();
        // Zero, if the entry is deleted already.
        let seq: Option<i64> = newest.query_one((id, &text), |row| row.get(0))?;
        let entry = StateEntry { seq: seq.unwrap_or(0).cast_unsigned(), body: Arc::new(Body::topic(text)) };
        state::write(db, room, &entry)?;
        let checksum = damaged_unless(wanted == hash, state::checksum(room, &entry));
        db.execute("UPDATE state SET checksum = ?2 WHERE room = ?1", [id, checksum])?;
    }
    Ok(())
}
