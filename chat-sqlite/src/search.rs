//! A search: the index names entries, newest first, and each entry is compared before it is returned. A search that takes
//! long stops, and says where it can go on.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

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

/// Searches in `index`, which has the entries up to the id `upto`. The index may name entries that are deleted or damaged,
/// which are left out.
///
/// What the words of a query have in common is computed by the index without a pause. So the index is asked for some
/// ids at a time, and the time is looked at in between.
pub(crate) fn search(
    index: &Connection,
    log: &Connection,
    rooms: &Shared,
    search: &Search,
    upto: i64,
) -> rusqlite::Result<Found> {
    let began = Instant::now();
    let room = match &search.room {
        None => None,
        Some(name) => match rooms.read().by_name.get(name) {
            Some(room) => Some(room.clone()),
            None => return Ok(Found::default()),
        },
    };
    let wanted = wanted(&search.query, search.from.as_ref(), room.as_ref());
    let mut looking =
        Looking { log, rooms, search, began, found: Found::default(), looked_at: 0, known: HashMap::new() };
    let before = search.before.and_then(|it| i64::try_from(it).ok()).unwrap_or(i64::MAX);
    let (mut high, mut width) = (before.min(upto + 1), FIRST_WINDOW);
    while high > 1 {
        let (low, window_began) = (high.saturating_sub(width).max(1), Instant::now());
        if looking.window(index, &wanted, low, high)? {
            break;
        }
        high = low;
        if high > 1 && looking.is_over() {
            looking.found.more = Some(high.cast_unsigned());
            break;
        }
        if window_began.elapsed() < SHORT {
            width = width.saturating_mul(2);
        }
    }
    Ok(looking.found)
}

/// A search in progress.
struct Looking<'a> {
    log: &'a Connection,
    rooms: &'a Shared,
    search: &'a Search,
    began: Instant,
    found: Found,
    looked_at: usize,
    known: HashMap<i64, Option<Room>>,
}

impl Looking<'_> {
    /// Looks at the entries from the id `low` to below `high`, newest first; true if the search ends there.
    fn window(&mut self, index: &Connection, wanted: &str, low: i64, high: i64) -> rusqlite::Result<bool> {
        let mut ids = index.prepare_cached(NAMED)?;
        let mut ids = ids.query(params![wanted, low, high])?;
        while let Some(row) = ids.next()? {
            let id: i64 = row.get(0)?;
            if self.found.hits.len() >= self.search.limit.max(1)
                || self.looked_at >= AT_A_TIME
                || (self.looked_at > 0 && self.is_over())
            {
                self.found.more = Some(id.cast_unsigned() + 1);
                return Ok(true);
            }
            self.looked_at += 1;
            let Some(entry) = entry(self.log, id)? else { continue };
            let rooms = self.rooms;
            let room = self.known.entry(entry.room).or_insert_with_key(|id| rooms.read().with_id(*id));
            let Some(room) = room.as_ref().filter(|room| entry.is_whole(room)) else { continue };
            if let Some(since) = self.search.since {
                if entry.at.saturating_add(CLOCKS_DIFFER) < since {
                    return Ok(true);
                }
                if entry.at < since {
                    continue;
                }
            }
            if self.search.is_for(&entry.author.name, &entry.body.text) {
                let place = id.cast_unsigned();
                self.found.hits.push(Hit { room: room.name.clone(), entry: entry.entry(), place });
            }
        }
        Ok(false)
    }

    fn is_over(&self) -> bool {
        self.began.elapsed() >= LONGEST
    }
}

fn entry(log: &Connection, id: i64) -> rusqlite::Result<Option<EntryRow>> {
    let mut select = log.prepare_cached(&format!("{} FROM entries WHERE id = ?1", EntryRow::COLUMNS))?;
    Ok(select.query_one([id], |row| Ok(EntryRow::read(row).ok())).optional()?.flatten())
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

const NAMED: &str =
    "SELECT rowid FROM words WHERE words MATCH ?1 AND rowid >= ?2 AND rowid < ?3 ORDER BY rowid DESC";
/// How many entries one search compares, so that other searches have their turn.
const AT_A_TIME: usize = 4096;
/// How long one search takes, so that other searches have their turn.
const LONGEST: Duration = Duration::from_millis(250);
/// How many of the newest ids the index is asked for first.
const FIRST_WINDOW: i64 = 16 * 1024;
/// A part of a search that took less than this is followed by one of twice as many ids.
const SHORT: Duration = Duration::from_millis(40);
/// How far a server's clock may have been put back in the middle of a log: in milliseconds, a day.
const CLOCKS_DIFFER: u64 = 86_400_000;
