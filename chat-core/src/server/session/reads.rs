//! What a session still has to read from the log: rooms it has fallen behind in, pages of history, entries asked
//! for again. One read at a time, a page at a time.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use bytes::Bytes;

use super::membership::Membership;
use crate::{
    RoomName,
    log::{self, LogError, LogPage, PageLimit, RoomLog, Search},
    server::{
        limits::REPLAY_BYTES,
        refusal::storage_error,
        room::{Room, entry_frame, within},
    },
    wire::{self, Code, EntryFrame, Event, Found, Gap, MAX_FRAME, Page, Replayed},
};

/// What the log is asked.
#[derive(Debug)]
pub(crate) enum LogRead {
    Page { room: RoomName, after: u64, limit: PageLimit },
    Search(Search),
}

/// What the log answers.
#[derive(Debug)]
pub(crate) enum LogAnswer {
    Page(LogPage),
    Found(log::Found),
}

impl LogRead {
    pub(crate) async fn ask(self, log: &dyn RoomLog) -> Result<LogAnswer, LogError> {
        match self {
            LogRead::Page { room, after, limit } => log.read(&room, after, limit).await.map(LogAnswer::Page),
            LogRead::Search(search) => log.search(search).await.map(LogAnswer::Found),
        }
    }
}

/// The reads of one session, in order.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    waiting: VecDeque<Read>,
    /// The read whose result is awaited, with the number it began after.
    current: Option<(Read, u64)>,
    /// When the client asked last, over this link, for what it lacked.
    pub(crate) lacked: Option<Instant>,
}

#[derive(Debug)]
enum Read {
    /// The cursor is below what the room keeps encoded.
    CatchUp(Arc<Room>),
    /// The newest `limit` entries below `before`.
    History { id: u64, room: Arc<Room>, before: u64, limit: u64 },
    /// The entries from `from` to `to` once more.
    Replay { id: u64, room: Arc<Room>, from: u64, to: u64 },
    /// What has some words.
    Search { id: u64, search: Search },
}

impl Reads {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + usize::from(self.current.is_some())
    }

    /// Whether request `id` waits for what it asks for.
    pub(crate) fn has(&self, id: u64) -> bool {
        let is_it = |it: &Read| match it {
            Read::CatchUp(_) => false,
            Read::History { id: other, .. }
            | Read::Replay { id: other, .. }
            | Read::Search { id: other, .. } => *other == id,
        };
        self.waiting.iter().any(is_it) || self.current.as_ref().is_some_and(|(it, _)| is_it(it))
    }

    pub(crate) fn catch_up(&mut self, room: &Arc<Room>) {
        let is_this = |it: &Read| matches!(it, Read::CatchUp(other) if Arc::ptr_eq(other, room));
        let known =
            self.waiting.iter().any(is_this) || self.current.as_ref().is_some_and(|(it, _)| is_this(it));
        if !known {
            self.waiting.push_back(Read::CatchUp(room.clone()));
        }
    }

    pub(crate) fn history(&mut self, id: u64, room: Arc<Room>, before: u64, limit: u64) {
        self.waiting.push_back(Read::History { id, room, before, limit });
    }

    pub(crate) fn replay(&mut self, id: u64, room: Arc<Room>, from: u64, to: u64) {
        self.waiting.push_back(Read::Replay { id, room, from, to });
    }

    pub(crate) fn search(&mut self, id: u64, search: Search) {
        self.waiting.push_back(Read::Search { id, search });
    }

    /// Begins the next read unless one is awaited.
    pub(crate) fn next(&mut self, rooms: &[Membership]) -> Option<LogRead> {
        if self.current.is_some() {
            return None;
        }
        while let Some(read) = self.waiting.pop_front() {
            let (room, after, limit) = match &read {
                Read::CatchUp(room) => {
                    let Some(cursor) = cursor(rooms, room) else { continue };
                    (room, cursor, CATCH_UP)
                }
                Read::History { room, before, limit, .. } => {
                    let entries = usize::try_from(*limit).unwrap_or(usize::MAX);
                    // No limit in bytes: it would cut off the newest, which are the ones asked for.
                    (room, before.saturating_sub(limit + 1), PageLimit { entries, bytes: usize::MAX })
                }
                Read::Replay { room, from, to, .. } => {
                    let entries = usize::try_from(to - from + 1).unwrap_or(usize::MAX);
                    (room, from - 1, PageLimit { entries, bytes: REPLAY_BYTES })
                }
                Read::Search { search, .. } => {
                    let search = search.clone();
                    self.current = Some((read, 0));
                    return Some(LogRead::Search(search));
                }
            };
            let read_now = LogRead::Page { room: room.name().clone(), after, limit };
            self.current = Some((read, after));
            return Some(read_now);
        }
        None
    }

    /// Turns what was read into frames.
    pub(crate) fn finish(
        &mut self,
        rooms: &mut [Membership],
        answer: Result<LogAnswer, LogError>,
        out: &mut impl FnMut(Bytes),
    ) -> Result<(), LogError> {
        let Some((read, after)) = self.current.take() else { return Ok(()) };
        match (read, answer) {
            (Read::CatchUp(_), Err(error)) => return Err(error),
            (Read::History { id, .. } | Read::Replay { id, .. } | Read::Search { id, .. }, Err(error)) => {
                out(storage_error(Some(id), &error))
            }
            (Read::Search { id, .. }, Ok(LogAnswer::Found(found))) => out(found_frame(id, &found)),
            (Read::CatchUp(room), Ok(LogAnswer::Page(page))) => {
                let membership = rooms.iter_mut().find(|it| Arc::ptr_eq(&it.room, &room));
                // A cursor that was set anew in the meantime has its own reads.
                if let Some(cursor) = membership.and_then(|it| it.cursor.as_mut()).filter(|it| **it == after)
                {
                    // No further than what is published: the log may hold more, whose acks are yet to come.
                    *cursor = send_entries(room.name(), (after, room.head()), usize::MAX, &page, out);
                    if *cursor == after {
                        return Err(LogError::Failed(format!("{} has nothing after {after}", room.name())));
                    }
                }
            }
            // It was left in the meantime, and nothing of it follows after that.
            (Read::History { id, room, .. } | Read::Replay { id, room, .. }, Ok(_))
                if !rooms.iter().any(|it| Arc::ptr_eq(&it.room, &room)) =>
            {
                let error = wire::Error::of(id, Code::NotJoined, format!("you have left {}", room.name()));
                out(wire::write(&Event::Error(error)));
            }
            (Read::History { id, room, before, .. }, Ok(LogAnswer::Page(page))) => {
                let older = page.entries.iter().rev().filter(|it| it.seq < before);
                out(page_frame(id, room.name(), older.map(|it| entry_frame(room.name(), it))));
            }
            (Read::Replay { id, room, from, to }, Ok(LogAnswer::Page(page))) => {
                let to = send_entries(room.name(), (from - 1, to), REPLAY_BYTES, &page, out);
                out(wire::write(&Event::Replayed(Replayed { id, room: room.name().to_string(), from, to })));
            }
            (read, Ok(answer)) => unreachable!("{read:?} is never answered with {answer:?}"),
        }
        Ok(())
    }
}

fn cursor(rooms: &[Membership], room: &Arc<Room>) -> Option<u64> {
    rooms.iter().find(|it| Arc::ptr_eq(&it.room, room))?.cursor
}

/// Sends the entries of a page up to `to`, `budget` bytes at most or one, with a `gap` wherever some are gone, and
/// returns the last number dealt with.
fn send_entries(
    room: &RoomName,
    (after, to): (u64, u64),
    budget: usize,
    page: &LogPage,
    out: &mut impl FnMut(Bytes),
) -> u64 {
    let mut last = after;
    let gap = |from: u64, to: u64, out: &mut dyn FnMut(Bytes)| {
        if from <= to {
            out(wire::write(&Event::Gap(Gap { room: room.to_string(), from, to })));
        }
    };
    let entries = page.entries.iter().take_while(|it| it.seq <= to);
    let wanted = entries.clone().count();
    let frames = entries.map(|it| (it.seq, wire::write(&entry_frame(room, it))));
    let mut sent = 0;
    for (seq, frame) in within(frames, budget, |(_, frame)| frame.len()) {
        gap(last + 1, seq - 1, out);
        (last, sent) = (seq, sent + 1);
        out(frame);
    }
    if sent == wanted {
        gap(last + 1, page.through.min(to), out);
        last = last.max(page.through.min(to));
    }
    last
}

/// A page of `newest_first`, as many as fit a frame.
pub(crate) fn page_frame(id: u64, room: &RoomName, newest_first: impl Iterator<Item = EntryFrame>) -> Bytes {
    let mut entries = fitting(newest_first);
    entries.reverse();
    wire::write(&Event::Page(Page { id, room: room.to_string(), entries }))
}

/// What was found, as much as fits a frame.
fn found_frame(id: u64, found: &log::Found) -> Bytes {
    let entries = fitting(found.hits.iter().map(|it| entry_frame(&it.room, &it.entry)));
    let more = match entries.len() {
        all if all == found.hits.len() => found.more,
        cut => cut.checked_sub(1).map(|last| found.hits[last].place),
    };
    wire::write(&Event::Found(Found { id, entries, more }))
}

/// The first of `entries`, as many as fit a frame.
fn fitting(entries: impl Iterator<Item = EntryFrame>) -> Vec<EntryFrame> {
    let mut room_left = MAX_FRAME - PAGE_OVERHEAD;
    let fits = |entry: &EntryFrame| match room_left.checked_sub(wire::write(entry).len() + 1) {
        Some(left) => {
            room_left = left;
            true
        }
        None => false,
    };
    entries.take_while(fits).collect()
}

const CATCH_UP: PageLimit = PageLimit { entries: 256, bytes: 32 * 1024 };
/// What a page needs besides its entries: the room's name at its longest, and the braces.
const PAGE_OVERHEAD: usize = 512;
