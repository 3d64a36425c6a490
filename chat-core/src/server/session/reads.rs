//! A session's reads of the log: rooms it has fallen behind in, pages of history, entries the client asked for again,
//! and searches. One read at a time, one page at a time.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use bytes::Bytes;

use super::{
    membership::Membership,
    pages::{Sign, found_frame, log_page_frame, send_entries},
};
use crate::{
    RoomName,
    log::{self, LogError, LogPage, PageLimit, RoomLog, Search},
    server::{
        limits::REPLAY_BYTES,
        refusal::storage_error,
        room::{Reading, Room},
        turns::{HostId, ReadTurns},
    },
    wire::{self, Code, Event, Replayed, Request},
};

/// The next read of a session.
#[derive(Debug)]
pub(crate) enum NextRead {
    /// A question for the log.
    Log(LogRead),
    /// A request that had to wait until its host may read again.
    Request(Request<'static>),
}

/// A question for the log.
#[derive(Debug)]
pub(crate) enum LogRead {
    Page { room: RoomName, after: u64, limit: PageLimit },
    Search(Search),
}

/// The log's answer.
#[derive(Debug)]
pub(crate) enum LogAnswer {
    Page(LogPage),
    Found(log::Found),
}

impl LogRead {
    /// Asks the log when it is the turn of `host`.
    pub(crate) async fn ask(
        self,
        log: &dyn RoomLog,
        turns: &ReadTurns,
        host: HostId,
    ) -> Result<LogAnswer, LogError> {
        match self {
            LogRead::Page { room, after, limit } => {
                let _turn = turns.pages.take(host).await;
                log.read(&room, after, limit).await.map(LogAnswer::Page)
            }
            LogRead::Search(search) => {
                let _turn = turns.searches.take(host).await;
                log.search(search).await.map(LogAnswer::Found)
            }
        }
    }
}

/// The reads of one session, in order.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    waiting: VecDeque<Read>,
    /// The read whose result is awaited, with the number it began after.
    current: Option<(Read, u64)>,
    /// When the client last asked, over this link, for entries it lacked.
    pub(crate) lacked: Option<Instant>,
}

#[derive(Debug)]
enum Read {
    /// The cursor is below what the room keeps encoded.
    CatchUp(Arc<Room>),
    /// The newest `limit` entries below `before`, from a read that looks through `span` numbers.
    History { id: u64, room: Arc<Room>, before: u64, limit: u64, span: u64, hashes: bool },
    /// The entries from `from` to `to` once more.
    Replay { id: u64, room: Arc<Room>, from: u64, to: u64 },
    /// The entries that have some words.
    Search { id: u64, search: Search, hashes: bool },
    /// A request that waits until its host may read again.
    Request(Request<'static>),
}

impl Reads {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + usize::from(self.current.is_some())
    }

    /// Whether the request `id` waits for a read.
    pub(crate) fn has(&self, id: u64) -> bool {
        let is_it = |it: &Read| match it {
            Read::CatchUp(_) => false,
            Read::Request(request) => request.id == Some(id),
            Read::History { id: other, .. }
            | Read::Replay { id: other, .. }
            | Read::Search { id: other, .. } => *other == id,
        };
        self.waiting.iter().any(is_it) || self.current.as_ref().is_some_and(|(it, _)| is_it(it))
    }

    /// Hands out the frames of one room, and has the log read for those that the room no longer keeps.
    pub(crate) fn poll_room(
        &mut self,
        membership: &mut Membership,
        (is_lossless, now, budget): (bool, Instant, &mut usize),
        out: &mut impl FnMut(Bytes),
    ) {
        if !is_lossless {
            membership.poll_some_frames(budget, now, out);
        } else if membership.poll_frames(budget, out) == Reading::InLog {
            self.catch_up(&membership.room);
        }
    }

    fn catch_up(&mut self, room: &Arc<Room>) {
        let is_this = |it: &Read| matches!(it, Read::CatchUp(other) if Arc::ptr_eq(other, room));
        let known =
            self.waiting.iter().any(is_this) || self.current.as_ref().is_some_and(|(it, _)| is_this(it));
        if !known {
            self.waiting.push_back(Read::CatchUp(room.clone()));
        }
    }

    pub(crate) fn history(&mut self, id: u64, room: Arc<Room>, before: u64, limit: u64, hashes: bool) {
        self.waiting.push_back(Read::History { id, room, before, limit, span: limit, hashes });
    }

    pub(crate) fn replay(&mut self, id: u64, room: Arc<Room>, from: u64, to: u64) {
        self.waiting.push_back(Read::Replay { id, room, from, to });
    }

    pub(crate) fn search(&mut self, id: u64, search: Search, hashes: bool) {
        self.waiting.push_back(Read::Search { id, search, hashes });
    }

    /// Keeps a request until its host may read again.
    pub(crate) fn later(&mut self, request: Request<'static>) {
        self.waiting.push_back(Read::Request(request));
    }

    /// Begins the next read unless one is awaited. Without `may_read` only rooms are read on that the client has fallen
    /// behind in since it joined them.
    pub(crate) fn next(&mut self, rooms: &[Membership], may_read: bool) -> Option<NextRead> {
        if self.current.is_some() {
            return None;
        }
        let may_begin = |read: &Read| match read {
            Read::CatchUp(room) => may_read || !is_in_past(rooms, room),
            _ => may_read,
        };
        while let Some(read) =
            self.waiting.iter().position(may_begin).and_then(|place| self.waiting.remove(place))
        {
            let (room, after, limit) = match &read {
                Read::Request(request) => return Some(NextRead::Request(request.clone())),
                Read::CatchUp(room) => {
                    let Some(cursor) = cursor(rooms, room) else { continue };
                    (room, cursor, CATCH_UP)
                }
                Read::History { room, before, span, .. } => {
                    let entries = usize::try_from(*span).unwrap_or(usize::MAX);
                    // No limit in bytes: it would cut off the newest entries, which are the ones the client asked for.
                    (room, before.saturating_sub(span + 1), PageLimit { entries, bytes: usize::MAX })
                }
                Read::Replay { room, from, to, .. } => {
                    let entries = usize::try_from(to - from + 1).unwrap_or(usize::MAX);
                    (room, from - 1, PageLimit { entries, bytes: REPLAY_BYTES })
                }
                Read::Search { search, .. } => {
                    let search = search.clone();
                    self.current = Some((read, 0));
                    return Some(NextRead::Log(LogRead::Search(search)));
                }
            };
            let read_now = LogRead::Page { room: room.name().clone(), after, limit };
            self.current = Some((read, after));
            return Some(NextRead::Log(read_now));
        }
        None
    }

    /// Turns the log's answer into frames. Returns how many bytes of them the client asked for: entries that came since it
    /// joined a room are not.
    pub(crate) fn finish(
        &mut self,
        rooms: &mut [Membership],
        answer: Result<LogAnswer, LogError>,
        sign: &Sign<'_>,
        out: &mut impl FnMut(Bytes),
    ) -> Result<usize, LogError> {
        let Some((read, after)) = self.current.take() else { return Ok(0) };
        let is_asked_for = !matches!(&read, Read::CatchUp(room) if !is_in_past(rooms, room));
        let mut bytes = 0;
        let out = &mut |frame: Bytes| {
            bytes += frame.len();
            out(frame);
        };
        match (read, answer) {
            (Read::CatchUp(_), Err(error)) => return Err(error),
            (Read::History { id, .. } | Read::Replay { id, .. } | Read::Search { id, .. }, Err(error)) => {
                out(storage_error(Some(id), &error))
            }
            (Read::Search { id, hashes, .. }, Ok(LogAnswer::Found(found))) => {
                out(found_frame(id, &found, hashes))
            }
            (Read::CatchUp(room), Ok(LogAnswer::Page(page))) => {
                let membership = rooms.iter_mut().find(|membership| Arc::ptr_eq(&membership.room, &room));
                let hashes = membership.as_ref().is_some_and(|membership| membership.hashes);
                // A cursor that has been set anew has its own reads.
                if let Some(cursor) = membership
                    .and_then(|membership| membership.cursor.as_mut())
                    .filter(|cursor| **cursor == after)
                {
                    // Only published entries: the log may hold more, whose acks are yet to come.
                    *cursor = send_entries(room.name(), (after, room.head()), usize::MAX, hashes, &page, out);
                    if *cursor == after {
                        return Err(LogError::Failed(format!("{} has nothing after {after}", room.name())));
                    }
                }
            }
            // The session has left the room, after which no frame of it may follow.
            (Read::History { id, room, .. } | Read::Replay { id, room, .. }, Ok(_))
                if !rooms.iter().any(|membership| Arc::ptr_eq(&membership.room, &room)) =>
            {
                let error = wire::Error::of(id, Code::NotJoined, format!("you have left {}", room.name()));
                out(wire::write(&Event::Error(error)));
            }
            (Read::History { id, room, before, limit, span, hashes }, Ok(LogAnswer::Page(page))) => {
                let older: Vec<_> = page.entries.into_iter().filter(|entry| entry.seq < before).collect();
                if older.is_empty() && after >= room.oldest() {
                    // The whole stretch is damaged, and there may be entries before it.
                    let span = (span * 2).clamp(FIRST_SPAN, LONGEST_SPAN);
                    self.waiting.push_front(Read::History {
                        id,
                        room,
                        before: after + 1,
                        limit,
                        span,
                        hashes,
                    });
                    return Ok(0);
                }
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                let newest = &older[older.len().saturating_sub(limit)..];
                out(log_page_frame(id, room.name(), newest, hashes.then_some(sign)));
            }
            (Read::Replay { id, room, from, to }, Ok(LogAnswer::Page(page))) => {
                let is_this = |membership: &&Membership| Arc::ptr_eq(&membership.room, &room);
                let hashes = rooms.iter().find(is_this).is_some_and(|membership| membership.hashes);
                let to = send_entries(room.name(), (from - 1, to), REPLAY_BYTES, hashes, &page, out);
                out(wire::write(&Event::Replayed(Replayed { id, room: room.name().to_string(), from, to })));
            }
            (read, _) => unreachable!("{read:?} is never answered like this"),
        }
        Ok(if is_asked_for { bytes } else { 0 })
    }
}

fn is_in_past(rooms: &[Membership], room: &Arc<Room>) -> bool {
    rooms.iter().any(|membership| Arc::ptr_eq(&membership.room, room) && membership.is_in_past())
}

fn cursor(rooms: &[Membership], room: &Arc<Room>) -> Option<u64> {
    rooms.iter().find(|membership| Arc::ptr_eq(&membership.room, room))?.cursor
}

const CATCH_UP: PageLimit = PageLimit { entries: 256, bytes: 32 * 1024 };
/// The numbers that the first read of a request for history looks through, at least.
const FIRST_SPAN: u64 = 64;
/// The numbers that one read of a request for history looks through, at most.
const LONGEST_SPAN: u64 = 1024;
