//! Reads one page of a room in one short transaction. A damaged entry is left out, and so becomes a gap.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use chat_core::log::{LogEntry, LogPage, PageLimit};
use rusqlite::{Connection, params};

use crate::{error::is_damage, rooms::Room, row::EntryRow};

/// The damaged places that were reported already: each is reported once.
#[derive(Debug, Default)]
pub(crate) struct Damage(Mutex<BTreeSet<(i64, u64)>>);

impl Damage {
    fn report(&self, room: &Room, seq: u64, what: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < REPORTED && known.insert((room.id, seq)) {
            tracing::error!(room = %room.name, seq, "{what}; it is left out");
        }
    }
}

/// Reads the page of `room` that begins above `after`. `room` was read before the transaction began, so every entry up
/// to its head is visible.
pub(crate) fn read(
    db: &Connection,
    room: &Room,
    after: u64,
    limit: PageLimit,
    damage: &Damage,
) -> rusqlite::Result<LogPage> {
    let mut page = Page { entries: Vec::new(), through: after, bytes: 0, looked_at: 0, limit };
    match walk(db, room, after, &mut page, damage) {
        Ok(End::OfRoom) => page.through = page.through.max(room.head),
        Ok(End::OfPage) => {}
        Err(error) if is_damage(&error) => {
            damage.report(room, page.through + 1, "the log is damaged here");
            if page.entries.is_empty() {
                read_singly(db, room, &mut page);
            }
        }
        Err(error) => return Err(error),
    }
    Ok(LogPage { entries: page.entries, through: page.through })
}

#[derive(Debug)]
struct Page {
    entries: Vec<LogEntry>,
    through: u64,
    bytes: usize,
    looked_at: usize,
    limit: PageLimit,
}

#[derive(Debug)]
enum End {
    OfRoom,
    OfPage,
}

impl Page {
    fn has_room(&self) -> bool {
        let PageLimit { entries, bytes } = self.limit;
        self.entries.len() < entries.max(1)
            && self.bytes < bytes.max(1)
            && self.looked_at < entries.saturating_add(PASSED_OVER)
    }

    fn push(&mut self, entry: LogEntry) {
        self.bytes += entry.body.text.len();
        self.entries.push(entry);
    }
}

fn walk(db: &Connection, room: &Room, after: u64, page: &mut Page, damage: &Damage) -> rusqlite::Result<End> {
    let select = format!("{} FROM entries WHERE room = ?1 AND seq > ?2 ORDER BY seq", EntryRow::COLUMNS);
    let mut statement = db.prepare_cached(&select)?;
    let mut rows = statement.query(params![room.id, i64::try_from(after).unwrap_or(i64::MAX)])?;
    let mut last = None;
    while page.has_room() {
        let Some(row) = rows.next()? else { return Ok(End::OfRoom) };
        let seq = row.get::<_, i64>(0)?.cast_unsigned();
        if last.is_some_and(|last| seq != last + 1) {
            damage.report(room, seq - 1, "an entry is missing");
        }
        last = Some(seq);
        page.looked_at += 1;
        match EntryRow::read(row) {
            Ok(entry) if entry.is_whole(room) => page.push(entry.entry()),
            _ => damage.report(room, seq, "an entry is not what was written"),
        }
        page.through = seq;
    }
    Ok(End::OfPage)
}

/// Reads the entries one by one, around those that cannot be read.
fn read_singly(db: &Connection, room: &Room, page: &mut Page) {
    let select = format!("{} FROM entries WHERE room = ?1 AND seq = ?2", EntryRow::COLUMNS);
    while page.has_room() && page.through < room.head {
        page.through += 1;
        page.looked_at += 1;
        let found = db
            .prepare_cached(&select)
            .and_then(|mut it| it.query_one(params![room.id, page.through.cast_signed()], EntryRow::read));
        if let Ok(entry) = found
            && entry.is_whole(room)
        {
            page.push(entry.entry());
        }
    }
}

/// How many damaged rows a page skips at most.
const PASSED_OVER: usize = 1024;
/// How many damaged places are reported one by one.
const REPORTED: usize = 256;
