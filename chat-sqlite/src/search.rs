//! A search: the index names entries, newest first, and each entry is compared before it is returned.

use std::collections::HashMap;

use chat_core::{
    PersonName,
    log::{Found, Hit, Search},
    words::{Query, Term},
};
use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    index::{room_token, sender_token},
    rooms::{Room, Shared},
    row::EntryRow,
};

/// Searches with the index. It may name entries that are deleted or damaged, which are left out.
pub(crate) fn search(db: &Connection, rooms: &Shared, search: &Search) -> rusqlite::Result<Found> {
    let mut found = Found::default();
    let room = match &search.room {
        None => None,
        Some(name) => match rooms.read().by_name.get(name) {
            Some(room) => Some(room.clone()),
            None => return Ok(found),
        },
    };
    let wanted = wanted(&search.query, search.from.as_ref(), room.as_ref());
    let before = search.before.and_then(|it| i64::try_from(it).ok()).unwrap_or(i64::MAX);
    let mut ids = db.prepare_cached(NAMED)?;
    let mut ids = ids.query(params![wanted, before])?;
    let (mut looked_at, mut last) = (0, None);
    let mut known: HashMap<i64, Option<Room>> = HashMap::new();
    while let Some(row) = ids.next()? {
        if found.hits.len() >= search.limit.max(1) || looked_at >= AT_A_TIME {
            found.more = last;
            break;
        }
        looked_at += 1;
        let id: i64 = row.get(0)?;
        last = Some(id.cast_unsigned());
        let Some(entry) = entry(db, id)? else { continue };
        let room = known.entry(entry.room).or_insert_with_key(|id| with_id(rooms, *id));
        let Some(room) = room.as_ref().filter(|it| entry.is_whole(it)) else { continue };
        if let Some(since) = search.since {
            if entry.at.saturating_add(CLOCKS_DIFFER) < since {
                break;
            }
            if entry.at < since {
                continue;
            }
        }
        if search.is_for(&entry.author.name, &entry.body.text) {
            let place = id.cast_unsigned();
            found.hits.push(Hit { room: room.name.clone(), entry: entry.entry(), place });
        }
    }
    Ok(found)
}

fn entry(db: &Connection, id: i64) -> rusqlite::Result<Option<EntryRow>> {
    let mut select = db.prepare_cached(&format!("{} FROM entries WHERE id = ?1", EntryRow::COLUMNS))?;
    Ok(select.query_one([id], |row| Ok(EntryRow::read(row).ok())).optional()?.flatten())
}

fn with_id(rooms: &Shared, id: i64) -> Option<Room> {
    rooms.read().by_name.values().find(|it| it.id == id).cloned()
}

/// The search in the query language of the index. Tokens have no characters with a meaning there.
fn wanted(query: &Query, from: Option<&PersonName>, room: Option<&Room>) -> String {
    let term = |it: &Term| match it {
        Term::Prefix(word) => format!("\"{word}\" *"),
        Term::Phrase(tokens) => format!("\"{}\"", tokens.join(" ")),
    };
    let terms: Vec<String> = query.terms().iter().map(term).collect();
    let mut wanted = format!("text : ({})", terms.join(" AND "));
    if let Some(from) = from {
        wanted += &format!(" AND sender : \"{}\"", sender_token(from));
    }
    if let Some(room) = room {
        wanted += &format!(" AND room : \"{}\"", room_token(room));
    }
    wanted
}

const NAMED: &str = "SELECT rowid FROM words WHERE words MATCH ?1 AND rowid < ?2 ORDER BY rowid DESC";
/// How many entries one search compares, so that other searches have their turn.
const AT_A_TIME: usize = 4096;
/// How far a server's clock may have been put back in the middle of a log: in milliseconds, a day.
const CLOCKS_DIFFER: u64 = 86_400_000;
