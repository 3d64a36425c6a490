//! Loads what the log keeps in memory, from small tables alone. A row whose hash is wrong is not used.

use std::{collections::HashMap, sync::Arc};

use chat_core::{RoomName, log::EntryHash};
use rusqlite::{Connection, Row, params};

use crate::{
    lineage::{Lineage, Run, Runs},
    people,
    rooms::{Next, Room, Rooms},
    row::{ENTRY_OVERHEAD, EntryRow},
    state,
};

/// Everything the writer thread begins with.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) rooms: Rooms,
    pub(crate) next: Next,
    /// Whether the current run is recorded in the file.
    pub(crate) run_is_known: bool,
}

/// Reads everything. `current` is the run in progress, or the random name of a run that begins.
pub(crate) fn load(db: &Connection, current: Result<Run, u128>) -> rusqlite::Result<Loaded> {
    let earlier = runs(db)?;
    let current = match current {
        Ok(run) => run,
        Err(name) => Run { ordinal: next_run(db)?, name },
    };
    let run_is_known = earlier.contains(&current);
    let names: HashMap<u64, Run> = earlier.iter().map(|it| (it.ordinal, *it)).collect();
    let mut lineages = lineages(db, &names)?;
    let mut by_name: HashMap<RoomName, Room> = HashMap::new();
    let mut statement = db.prepare(ROOMS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Some(mut room) = room(db, row)? else { continue };
        let lineage = lineages.remove(&room.id).unwrap_or_default();
        if room.head > 0 && (room.lineage_is_new || lineage.chain() != row.get::<_, i64>(8)?) {
            tracing::error!(room = %room.name, "the log does not know its past; readers begin anew");
            room.lineage = Lineage::unknown_before(current);
            room.lineage_is_new = true;
        } else {
            room.lineage = lineage;
        }
        room.state = Arc::new(state::read(db, &room)?);
        if by_name.contains_key(&room.name) {
            tracing::error!(room = %room.name, "the log has this room twice; the second is left out");
        } else {
            by_name.insert(room.name.clone(), room);
        }
    }
    let rooms = Rooms { by_name, people: people::read(db)?, runs: Runs::new(earlier, current) };
    Ok(Loaded { rooms, next: next(db)?, run_is_known })
}

fn runs(db: &Connection) -> rusqlite::Result<Vec<Run>> {
    let mut statement = db.prepare("SELECT id, name, hash FROM runs ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        let run = (|| {
            let name = u128::from_be_bytes(row.get(1).ok()?);
            let run = Run { ordinal: row.get::<_, i64>(0).ok()?.cast_unsigned(), name };
            (row.get::<_, i64>(2).ok()? == run.checksum()).then_some(run)
        })();
        match run {
            Some(run) => runs.push(run),
            None => tracing::error!("the log has a damaged run; its readers begin anew"),
        }
    }
    Ok(runs)
}

/// An ordinal larger than every ordinal in the file, damaged or not.
fn next_run(db: &Connection) -> rusqlite::Result<u64> {
    let newest: i64 = db.query_one(
        "SELECT max(coalesce((SELECT max(id) FROM runs), 0), coalesce((SELECT max(run) FROM spans), 0))",
        [],
        |row| row.get(0),
    )?;
    Ok(newest.max(0).cast_unsigned() + 1)
}

fn lineages(db: &Connection, runs: &HashMap<u64, Run>) -> rusqlite::Result<HashMap<i64, Lineage>> {
    let mut lineages: HashMap<i64, Lineage> = HashMap::new();
    let mut statement = db.prepare("SELECT room, run, first FROM spans ORDER BY room, run")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let ordinal = row.get::<_, i64>(1)?.cast_unsigned();
        // A run whose row is missing gets a chain that fits no room.
        let run = runs.get(&ordinal).copied().unwrap_or(Run { ordinal, name: 0 });
        lineages.entry(row.get(0)?).or_default().begin(run, row.get::<_, i64>(2)?.cast_unsigned());
    }
    Ok(lineages)
}

/// The room as its row describes it. If the row is damaged the room is rebuilt from its entries; if that is not possible
/// either, the result is `None`.
fn room(db: &Connection, row: &Row<'_>) -> rusqlite::Result<Option<Room>> {
    let (Ok(id), Ok(name)) = (row.get(0), row.get::<_, String>(1)) else { return Ok(None) };
    let Ok(name) = RoomName::parse(&name) else {
        tracing::error!(id, "the log has a room whose name is damaged; it is left out");
        return Ok(None);
    };
    let mut room = Room::new(id, name);
    let checksum = (|| {
        let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
        (room.incarnation, room.head, room.oldest) = (number(2)?, number(3)?, number(4)?);
        (room.newest_at, room.bytes, room.position) = (number(5)?, number(6)?, row.get(7)?);
        room.hash = EntryHash(row.get(9)?);
        Ok::<_, rusqlite::Error>((room.checksum(row.get(8)?), row.get::<_, i64>(10)?))
    })();
    if checksum.is_ok_and(|(wanted, found)| wanted == found) {
        return Ok(Some(room));
    }
    tracing::error!(room = %room.name, "the log has a damaged room, which is rebuilt from its entries");
    from_entries(db, room)
}

fn from_entries(db: &Connection, damaged: Room) -> rusqlite::Result<Option<Room>> {
    let mut room = Room::new(damaged.id, damaged.name);
    let select = format!("{}, id FROM entries WHERE room = ?1 ORDER BY seq DESC", EntryRow::COLUMNS);
    let mut newest = db.prepare(&select)?;
    let mut rows = newest.query([room.id])?;
    for _ in 0..TRIED {
        let Some(row) = rows.next()? else { return Ok(None) };
        if let Ok(entry) = EntryRow::read(row)
            && entry.is_whole(&room)
        {
            (room.head, room.newest_at, room.hash) = (entry.seq, entry.at, entry.hash);
            (room.position, room.lineage_is_new) = (row.get("id")?, true);
            (room.oldest, room.bytes) = db.query_one(
                "SELECT min(seq), sum(octet_length(author) + octet_length(text) + ?2)
                 FROM entries WHERE room = ?1",
                params![room.id, ENTRY_OVERHEAD.cast_signed()],
                |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned())),
            )?;
            return Ok(Some(room));
        }
    }
    Ok(None)
}

fn next(db: &Connection) -> rusqlite::Result<Next> {
    let (room, entry) = db.query_one(NEWEST, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    Ok(Next { room: room + 1, entry: entry + 1 })
}

const ROOMS: &str = "
    SELECT id, name, incarnation, head, oldest, newest_at, bytes, position, lineage, hash, checksum
    FROM rooms ORDER BY id";
/// The largest ids of rooms, and of entries and records.
const NEWEST: &str = "
    SELECT max(coalesce((SELECT max(id) FROM rooms), 0), coalesce((SELECT max(room) FROM entries), 0)),
        max(
            coalesce((SELECT max(id) FROM entries), 0),
            coalesce((SELECT max(position) FROM rooms), 0),
            coalesce((SELECT max(position) FROM log), 0)
        )";
/// How many of the newest entries of a damaged room are tried before the room is given up.
const TRIED: usize = 1024;
