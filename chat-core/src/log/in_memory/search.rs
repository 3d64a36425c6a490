//! Searches what is held, newest first over all rooms. Entries are taken out under the lock, a few at a time, and compared
//! without it, and between two times other tasks have their turn: an append waits for no search.

use std::{future::poll_fn, task::Poll};

use super::{Held, MemoryLog};
use crate::{
    RoomName,
    log::{Found, Hit, LogEntry, Search},
};

pub(super) async fn search(log: &MemoryLog, search: Search) -> Found {
    let mut found = Found::default();
    let mut before = search.before.unwrap_or(u64::MAX);
    let (mut looked_at, mut bytes) = (0, 0);
    loop {
        let chunk = log.held().chunk(&search, before);
        let mut left = chunk.entries.len();
        for (place, room, entry) in chunk.entries {
            left -= 1;
            looked_at += 1;
            bytes += entry.body.text.len();
            if search.is_for(&entry.author.name, &entry.body.text) {
                found.hits.push(Hit { room, entry, place });
            }
            let is_enough =
                found.hits.len() >= search.limit.max(1) || looked_at >= AT_A_TIME || bytes >= BYTES_AT_A_TIME;
            if is_enough {
                found.more = (left > 0 || chunk.end.is_some()).then_some(place);
                return found;
            }
        }
        match chunk.end {
            Some(end) => before = end,
            None => return found,
        }
        others_have_their_turn().await;
    }
}

/// Some entries, newest first, with their places.
struct Chunk {
    entries: Vec<(u64, RoomName, LogEntry)>,
    /// The place at which the next chunk begins; nothing if no older entry can match.
    end: Option<u64>,
}

impl Held {
    /// The next entries below the place `before`.
    fn chunk(&self, search: &Search, before: u64) -> Chunk {
        let oldest = search.since.map(|since| since.saturating_sub(CLOCKS_DIFFER));
        match &search.room {
            None => {
                let all = self.order.below(before, &self.rooms);
                Chunk::collect(all, search.since, oldest)
            }
            Some(name) => match self.rooms.get(name) {
                Some(room) => {
                    let all = room.below(before).map(|(place, entry)| (place, Some((room.name(), entry))));
                    Chunk::collect(all, search.since, oldest)
                }
                None => Chunk { entries: Vec::new(), end: None },
            },
        }
    }
}

impl Chunk {
    /// Takes entries that are not before `since`, up to the first that is before `oldest`.
    fn collect<'a>(
        all: impl Iterator<Item = (u64, Option<(&'a RoomName, &'a LogEntry)>)>,
        since: Option<u64>,
        oldest: Option<u64>,
    ) -> Chunk {
        let mut chunk = Chunk { entries: Vec::with_capacity(CHUNK), end: None };
        for (looked_at, (place, entry)) in all.enumerate() {
            if looked_at == CHUNK {
                chunk.end = Some(place + 1);
                break;
            }
            let Some((room, entry)) = entry else { continue };
            if oldest.is_some_and(|oldest| entry.at < oldest) {
                break;
            }
            if since.is_none_or(|since| entry.at >= since) {
                chunk.entries.push((place, room.clone(), entry.clone()));
            }
        }
        chunk
    }
}

/// Completes when the executor comes back to this task.
async fn others_have_their_turn() {
    let mut had_it = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut had_it, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Entries taken out under the lock at once: some ten microseconds.
const CHUNK: usize = 128;
/// Entries looked at in one search.
const AT_A_TIME: usize = 16_384;
/// Bytes of text looked at in one search, or one entry.
const BYTES_AT_A_TIME: usize = 1024 * 1024;
/// How far a server's clock may have been put back in the middle of a log: in milliseconds, a day.
const CLOCKS_DIFFER: u64 = 86_400_000;
