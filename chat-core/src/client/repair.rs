//! What one room lacks: entries that came early are kept, those before them are asked for.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::stats::Stats;
use crate::wire::{EntryFrame, Gap, MAX_REPLAY};

/// The numbers of one room, from the first that is missing on.
#[derive(Debug, Default)]
pub(super) struct Repair {
    /// What came before its turn.
    reorder_buffer: BTreeMap<u64, Piece>,
    /// The largest number that is known to exist.
    head: u64,
    /// The largest number that came.
    highest: u64,
    /// Since when the next number is missing.
    missing_since: Option<Instant>,
    /// Since when something waits in `reorder_buffer`.
    blocked_since: Option<Instant>,
    /// How much came meanwhile that is later.
    later_entries: usize,
    /// The page that was asked for was complete: the next one is asked for at once.
    immediate: bool,
    /// The request that is under way, and the first and the last number it asks for.
    outstanding: Option<(u64, u64, u64)>,
    /// Pages in a row that did not bring the next number.
    misses: u32,
    /// What was asked for and has not come, and whether that counts as lost: later ones had come by themselves.
    requested: BTreeMap<u64, bool>,
}

/// A piece of a room's numbers.
#[derive(Debug)]
pub(super) enum Piece {
    /// One entry.
    Entry(EntryFrame),
    /// Numbers that are no longer held.
    Gap(Gap),
}

impl Piece {
    fn first(&self) -> u64 {
        match self {
            Piece::Entry(it) => it.seq,
            Piece::Gap(it) => it.from,
        }
    }

    fn last(&self) -> u64 {
        match self {
            Piece::Entry(it) => it.seq,
            Piece::Gap(it) => it.to,
        }
    }
}

impl Repair {
    /// The room is read from `cursor` on and is known to go up to `head`.
    pub(super) fn begin(cursor: u64, head: u64, now: Instant) -> Repair {
        let missing_since = (head > cursor).then_some(now);
        Repair { head, highest: cursor, missing_since, ..Repair::default() }
    }

    /// The room goes up to `head` at least.
    pub(super) fn reaches(&mut self, head: u64, cursor: u64, now: Instant) {
        self.head = self.head.max(head);
        if self.head > cursor {
            self.missing_since.get_or_insert(now);
        }
    }

    /// Takes in a piece, and hands out what is next because of it.
    pub(super) fn take(
        &mut self,
        piece: Piece,
        cursor: &mut u64,
        now: Instant,
        stats: &mut Stats,
        show: &mut impl FnMut(Piece),
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
            self.later_entries += 1;
            self.missing_since.get_or_insert(now);
            self.blocked_since.get_or_insert(now);
            self.reorder_buffer.insert(first, piece);
            if self.reorder_buffer.len() > MAX_REORDER_BUFFER {
                self.reorder_buffer.pop_last();
            }
            return;
        }
        *cursor = last;
        show(piece);
        while let Some(next) = self.reorder_buffer.first_entry().filter(|it| *it.key() <= *cursor + 1) {
            let piece = next.remove();
            if piece.last() > *cursor {
                *cursor = piece.last();
                show(piece);
            }
        }
        if let Some(missing_since) = self.blocked_since.take_if(|_| self.reorder_buffer.is_empty()) {
            stats.stall(now - missing_since);
        }
        if !self.requested.is_empty() {
            self.requested = self.requested.split_off(&(*cursor + 1));
        }
        self.missing_since = (self.head > *cursor).then_some(now);
        self.later_entries = self.reorder_buffer.len();
    }

    /// What is to be asked for now, if anything: the first and the last number.
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
        let missing = (from..=most).rev().find(|it| !self.reorder_buffer.contains_key(it))?;
        Some((from, missing))
    }

    /// When something has to be asked for if it does not come.
    pub(super) fn due(&self, reordering: Duration) -> Option<Instant> {
        let missing_since = self.missing_since.filter(|_| self.outstanding.is_none())?;
        let at_once = self.immediate || self.later_entries >= MAX_LATER_ENTRIES;
        Some(if at_once { missing_since } else { missing_since + reordering })
    }

    /// The request `id` asks for the numbers `from` to `to`.
    pub(super) fn outstanding(&mut self, id: u64, from: u64, to: u64, stats: &mut Stats) {
        self.outstanding = Some((id, from, to));
        self.immediate = false;
        for number in (from..=to).filter(|it| !self.reorder_buffer.contains_key(it)) {
            // A page of what is old is no loss: nothing later has come by itself.
            let is_lost = number < self.highest;
            self.requested.entry(number).or_insert_with(|| {
                stats.lost += u64::from(is_lost);
                is_lost
            });
        }
    }

    /// The request that need not be answered any more: the last that it asks for has come, so all was sent.
    pub(super) fn satisfied(&mut self, cursor: u64) -> Option<u64> {
        let (id, from, to) =
            self.outstanding.filter(|(.., to)| *to <= cursor || self.reorder_buffer.contains_key(to))?;
        self.outstanding = None;
        self.immediate = to <= cursor;
        self.later_entries = self.reorder_buffer.len();
        self.note_outcome(from <= cursor);
        Some(id)
    }

    /// The answer is here, and everything it brings was sent before it.
    pub(super) fn answered(&mut self, id: u64, to: u64, cursor: u64, now: Instant) {
        let Some((_, from, _)) = self.outstanding.take_if(|(outstanding, ..)| *outstanding == id) else {
            return;
        };
        self.immediate = to <= cursor && from <= cursor; // otherwise it brought nothing
        self.later_entries = self.reorder_buffer.len();
        self.missing_since = self.missing_since.map(|_| now);
        self.note_outcome(from <= cursor);
    }

    /// What does not get through again and again may never: it is asked for ever more slowly.
    fn note_outcome(&mut self, came: bool) {
        self.misses = if came { 0 } else { self.misses + 1 };
        if self.misses > MISSES_BEFORE_PAUSE {
            self.later_entries = 0;
            let pause = PAUSE * (1 << (self.misses - MISSES_BEFORE_PAUSE).min(6));
            self.missing_since = self.missing_since.map(|at| at + pause);
        }
    }

    /// It cannot be had: what is not known to be missing is not asked for, and the rest not soon.
    pub(super) fn refused(&mut self, id: u64, now: Instant) {
        if self.outstanding.take_if(|(outstanding, ..)| *outstanding == id).is_some() {
            self.head = self.highest;
            self.missing_since = self.missing_since.map(|_| now + AFTER_REFUSAL);
            self.later_entries = 0;
        }
    }
}

/// How much of a room is kept that is ahead of its turn: the next pieces; what is more comes again.
const MAX_REORDER_BUFFER: usize = 128;
/// After how many later entries one counts as lost.
const MAX_LATER_ENTRIES: usize = 3;
/// How many pages that do not bring what is next are taken for bad luck.
const MISSES_BEFORE_PAUSE: u32 = 12;
/// By what the next one is put off then, doubled each time, up to a second.
const PAUSE: Duration = Duration::from_millis(16);
const AFTER_REFUSAL: Duration = Duration::from_secs(1);
