//! The repair of one room: entries that arrive early wait in a buffer, and the numbers before them are asked for.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::stats::Stats;
use crate::wire::{EntryFrame, Gap, MAX_REPLAY};

/// The numbers of one room from the first missing one on.
#[derive(Debug, Default)]
pub(super) struct Repair {
    /// The pieces that arrived before their turn, by their first numbers.
    reorder_buffer: BTreeMap<u64, Piece>,
    /// About how many bytes the reorder buffer holds.
    buffered: usize,
    /// The largest number that is known to exist.
    head: u64,
    /// The largest number that arrived.
    highest: u64,
    /// Since when the next number is missing.
    missing_since: Option<Instant>,
    /// Since when the reorder buffer has a piece in it.
    blocked_since: Option<Instant>,
    /// How many pieces with later numbers arrived since the next number is missing.
    later_pieces: usize,
    /// The last page was complete, so the next one is requested without a wait.
    immediate: bool,
    /// The request in flight for a page of this room.
    request: Option<PageRequest>,
    /// How many pages in a row did not bring the next number.
    misses: u32,
    /// The numbers that were requested and have not arrived. True means that the number counts as lost, because later
    /// numbers had arrived by themselves.
    requested: BTreeMap<u64, bool>,
}

/// A `replay` in flight.
#[derive(Clone, Copy, Debug)]
struct PageRequest {
    id: u64,
    from: u64,
    to: u64,
}

/// A piece of a room's numbers.
#[derive(Debug)]
pub(super) enum Piece {
    /// One entry.
    Entry(EntryFrame),
    /// Numbers that the server no longer holds.
    Gap(Gap),
}

impl Piece {
    fn first(&self) -> u64 {
        match self {
            Piece::Entry(entry) => entry.seq,
            Piece::Gap(gap) => gap.from,
        }
    }

    fn last(&self) -> u64 {
        match self {
            Piece::Entry(entry) => entry.seq,
            Piece::Gap(gap) => gap.to,
        }
    }

    /// About how many bytes it holds.
    fn bytes(&self) -> usize {
        match self {
            Piece::Entry(entry) => size_of::<Piece>() + entry.body.text.len() + entry.author.name.len(),
            Piece::Gap(_) => size_of::<Piece>(),
        }
    }
}

impl Repair {
    /// The room is read from `cursor` on and is known to go up to `head`.
    pub(super) fn begin(cursor: u64, head: u64, now: Instant) -> Repair {
        let missing_since = (head > cursor).then_some(now);
        Repair { head, highest: cursor, missing_since, ..Repair::default() }
    }

    /// Whether a number is missing.
    pub(super) fn is_incomplete(&self) -> bool {
        self.missing_since.is_some()
    }

    /// The room goes up to `head` at least.
    pub(super) fn reaches(&mut self, head: u64, cursor: u64, now: Instant) {
        self.head = self.head.max(head);
        if self.head > cursor {
            self.missing_since.get_or_insert(now);
        }
    }

    /// Takes in a piece, and reports every piece whose turn has come.
    pub(super) fn receive(
        &mut self,
        piece: Piece,
        cursor: &mut u64,
        now: Instant,
        stats: &mut Stats,
        report: &mut impl FnMut(Piece),
    ) {
        let (first, last) = (piece.first(), piece.last());
        if last <= *cursor || self.reorder_buffer.contains_key(&first) {
            stats.duplicates += u64::from(matches!(piece, Piece::Entry(_)));
            return;
        }
        match self.requested.remove(&first) {
            Some(was_lost) => stats.repaired += u64::from(was_lost),
            None => stats.reordered += u64::from(last < self.highest),
        }
        self.highest = self.highest.max(last);
        self.head = self.head.max(last);
        if first > *cursor + 1 {
            return self.keep(piece, now);
        }
        *cursor = last;
        report(piece);
        self.drain(cursor, report);
        if let Some(since) = self.blocked_since.take_if(|_| self.reorder_buffer.is_empty()) {
            stats.stall(now - since);
        }
        if !self.requested.is_empty() {
            self.requested = self.requested.split_off(&(*cursor + 1));
        }
        self.missing_since = (self.head > *cursor).then_some(now);
        self.later_pieces = self.reorder_buffer.len();
    }

    /// Keeps a piece that arrived before its turn.
    fn keep(&mut self, piece: Piece, now: Instant) {
        self.later_pieces += 1;
        self.missing_since.get_or_insert(now);
        self.blocked_since.get_or_insert(now);
        self.buffered += piece.bytes();
        self.reorder_buffer.insert(piece.first(), piece);
        while (self.reorder_buffer.len() > MAX_REORDER_BUFFER || self.buffered > MAX_REORDER_BYTES)
            && let Some((_, last)) = self.reorder_buffer.pop_last()
        {
            self.buffered -= last.bytes();
        }
    }

    /// Reports the pieces of the reorder buffer that follow the cursor.
    fn drain(&mut self, cursor: &mut u64, report: &mut impl FnMut(Piece)) {
        while let Some(next) = self.reorder_buffer.first_entry().filter(|next| *next.key() <= *cursor + 1) {
            let piece = next.remove();
            self.buffered -= piece.bytes();
            if piece.last() > *cursor {
                *cursor = piece.last();
                report(piece);
            }
        }
    }

    /// The numbers that have to be requested now: the first and the last.
    pub(super) fn missing_range(
        &self,
        cursor: u64,
        now: Instant,
        reordering: Duration,
    ) -> Option<(u64, u64)> {
        if self.due(reordering).is_none_or(|at| now < at) || self.head <= cursor {
            return None;
        }
        let (from, most) = (cursor + 1, self.head.min(cursor + MAX_REPLAY));
        let last_missing = (from..=most).rev().find(|number| !self.reorder_buffer.contains_key(number))?;
        Some((from, last_missing))
    }

    /// When the next number has to be requested unless it arrives before.
    pub(super) fn due(&self, reordering: Duration) -> Option<Instant> {
        let since = self.missing_since.filter(|_| self.request.is_none())?;
        let is_due_at_once = self.immediate || self.later_pieces >= LATER_PIECES;
        Some(if is_due_at_once { since } else { since + reordering })
    }

    /// The request `id` asks for the numbers `from` to `to`.
    pub(super) fn requested(&mut self, id: u64, from: u64, to: u64, stats: &mut Stats) {
        self.request = Some(PageRequest { id, from, to });
        self.immediate = false;
        for number in (from..=to).filter(|number| !self.reorder_buffer.contains_key(number)) {
            // Numbers of a backlog are not lost: no later number has arrived by itself.
            let is_lost = number < self.highest;
            self.requested.entry(number).or_insert_with(|| {
                stats.lost += u64::from(is_lost);
                is_lost
            });
        }
    }

    /// The request whose last number has arrived: the server has sent the whole page, so the reply is not needed.
    pub(super) fn take_complete_request(&mut self, cursor: u64) -> Option<u64> {
        let is_complete = |to: u64| to <= cursor || self.reorder_buffer.contains_key(&to);
        let PageRequest { id, from, to } = self.request.filter(|request| is_complete(request.to))?;
        self.request = None;
        self.immediate = to <= cursor;
        self.later_pieces = self.reorder_buffer.len();
        self.note_outcome(from <= cursor);
        Some(id)
    }

    /// The reply to request `id` arrived; the server had sent the entries up to `to` before it.
    pub(super) fn replayed(&mut self, id: u64, to: u64, cursor: u64, now: Instant) {
        let Some(PageRequest { from, .. }) = self.request.take_if(|request| request.id == id) else { return };
        self.immediate = to <= cursor && from <= cursor; // otherwise the page brought nothing
        self.later_pieces = self.reorder_buffer.len();
        self.missing_since = self.missing_since.map(|_| now);
        self.note_outcome(from <= cursor);
    }

    /// Counts the pages that did not bring the next number. After too many of them, each request waits longer: a piece that
    /// is lost every time may never get through.
    fn note_outcome(&mut self, came: bool) {
        self.misses = if came { 0 } else { self.misses + 1 };
        if self.misses > MISSES_BEFORE_PAUSE {
            self.later_pieces = 0;
            let pause = PAUSE * (1 << (self.misses - MISSES_BEFORE_PAUSE).min(6));
            self.missing_since = self.missing_since.map(|at| at + pause);
        }
    }

    /// The server refused request `id`. Only numbers that are certain to exist are requested again, and not soon.
    pub(super) fn refused(&mut self, id: u64, now: Instant) {
        if self.request.take_if(|request| request.id == id).is_some() {
            self.head = self.highest;
            self.missing_since = self.missing_since.map(|_| now + AFTER_REFUSAL);
            self.later_pieces = 0;
        }
    }
}

/// The size of the reorder buffer. Pieces beyond it are dropped and requested later.
const MAX_REORDER_BUFFER: usize = 128;
/// The same in bytes, which a server fills only with texts that are longer than it accepts itself.
const MAX_REORDER_BYTES: usize = 2 << 20;
/// How many later pieces must arrive before a number counts as lost.
const LATER_PIECES: usize = 3;
/// How many pages in a row may miss the next number before requests are slowed down.
const MISSES_BEFORE_PAUSE: u32 = 12;
/// The first pause before a request that is slowed down; it doubles each time, up to a second.
const PAUSE: Duration = Duration::from_millis(16);
/// How long the next request waits after one was refused.
const AFTER_REFUSAL: Duration = Duration::from_secs(1);
