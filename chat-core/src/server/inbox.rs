//! Direct messages: a small log of its own for each session, read with a cursor like a room.

use std::{collections::VecDeque, time::Instant};

use bytes::Bytes;

use super::{beacon::Beacon, helping::Helping, limits::INBOX_ENTRIES};
use crate::{
    ClientId, PersonName,
    id::token,
    log::Position,
    wire::{self, EntryFrame, EntryKind, Event, Gap, Head, INBOX},
};

/// What was told to one session and what it told. Ends with the session, so that a later owner of the name never
/// sees it.
#[derive(Debug)]
pub(super) struct Inbox {
    epoch: u128,
    entries: VecDeque<Told>,
    head: u64,
    newest_at: u64,
    /// The last number handed to the link; nothing is sent while there is none.
    cursor: Option<u64>,
    helping: Helping,
    /// Of what was sent over a link that may lose frames.
    pub(super) beacon: Beacon,
}

#[derive(Debug)]
struct Told {
    request: (ClientId, u64),
    entry: EntryFrame,
    frame: Bytes,
}

/// What is to be told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling<'a> {
    pub(super) request: (ClientId, u64),
    pub(super) kind: EntryKind,
    pub(super) from: &'a str,
    pub(super) to: &'a PersonName,
    pub(super) at: u64,
    pub(super) text: &'a str,
}

/// The request's id stands for another direct message.
#[derive(Debug)]
pub(super) struct Conflict;

impl Inbox {
    pub(super) fn new(epoch: u128) -> Inbox {
        Inbox {
            epoch,
            entries: VecDeque::new(),
            head: 0,
            newest_at: 0,
            cursor: Some(0),
            helping: Helping::default(),
            beacon: Beacon::default(),
        }
    }

    pub(super) fn epoch(&self) -> String {
        token(self.epoch)
    }

    /// Whether as much is unread as is kept: one more would push out what its owner has not seen.
    pub(super) fn is_full(&self) -> bool {
        self.head - self.cursor.unwrap_or(0).max(self.oldest() - 1) >= INBOX_ENTRIES as u64
    }

    /// The place of a request that was told before.
    pub(super) fn find(&self, telling: &Telling<'_>) -> Result<Option<Position>, Conflict> {
        match self.entries.iter().find(|it| it.request == telling.request) {
            Some(Told { entry, .. })
                if entry.kind == telling.kind && entry.text == telling.text && is_for(entry, telling.to) =>
            {
                Ok(Some(Position { seq: entry.seq, at: entry.at }))
            }
            Some(_) => Err(Conflict),
            None => Ok(None),
        }
    }

    pub(super) fn push(&mut self, telling: &Telling<'_>) -> Position {
        self.head += 1;
        self.newest_at = self.newest_at.max(telling.at);
        let position = Position { seq: self.head, at: self.newest_at };
        let entry = EntryFrame {
            kind: telling.kind,
            room: INBOX.to_owned(),
            seq: position.seq,
            from: telling.from.to_owned(),
            to: Some(telling.to.to_string()),
            at: position.at,
            text: telling.text.to_owned(),
        };
        if self.entries.len() == INBOX_ENTRIES {
            self.entries.pop_front();
        }
        let frame = wire::write(&entry);
        self.entries.push_back(Told { request: telling.request, entry, frame });
        position
    }

    /// Stops sending until the cursor is set again.
    pub(super) fn pause(&mut self) {
        (self.cursor, self.beacon) = (None, Beacon::default());
    }

    pub(super) fn set_cursor(&mut self, cursor: u64) {
        (self.cursor, self.helping) = (Some(cursor), Helping::default());
    }

    pub(super) fn head(&self) -> u64 {
        self.head
    }

    pub(super) fn oldest(&self) -> u64 {
        self.head + 1 - self.entries.len() as u64
    }

    /// Reads on from the cursor until `budget` bytes are spent; a helping at a time where frames may be lost.
    pub(super) fn read_on(
        &mut self,
        lossy: bool,
        budget: &mut usize,
        now: Instant,
        out: &mut impl FnMut(Bytes),
    ) {
        let (oldest, head) = (self.oldest(), self.head);
        let Some(cursor) = &mut self.cursor else { return };
        if *cursor + 1 < oldest {
            let gap = Gap { room: INBOX.to_owned(), from: *cursor + 1, to: oldest - 1 };
            out(wire::write(&Event::Gap(gap)));
            *cursor = oldest - 1;
        }
        let until = if lossy { self.helping.until(*cursor) } else { head };
        let skip = usize::try_from(*cursor + 1 - oldest).unwrap_or(usize::MAX);
        for told in self.entries.iter().skip(skip) {
            if *budget == 0 || *cursor == until {
                break;
            }
            *budget = budget.saturating_sub(told.frame.len());
            *cursor += 1;
            self.beacon.light(now);
            out(told.frame.clone());
        }
        if lossy {
            self.helping.sent(cursor, head);
        }
    }

    /// Where it stands, if it is read.
    pub(super) fn standing(&self) -> Option<Head> {
        self.cursor?;
        Some(Head { epoch: self.epoch(), oldest: self.oldest(), head: self.head, presence: 0 })
    }

    /// The frames of the entries from `from` to `to` that are still held.
    pub(super) fn frames(&self, from: u64, to: u64) -> impl Iterator<Item = Bytes> {
        let held = self.entries.iter().filter(move |it| (from..=to).contains(&it.entry.seq));
        held.map(|it| it.frame.clone())
    }

    /// The entries below `before`, newest first.
    pub(super) fn newest_below(&self, before: u64) -> impl Iterator<Item = EntryFrame> {
        self.entries.iter().rev().map(|it| it.entry.clone()).filter(move |it| it.seq < before)
    }
}

fn is_for(entry: &EntryFrame, name: &PersonName) -> bool {
    entry.to.as_deref().is_some_and(|it| PersonName::parse(it).as_ref() == Ok(name))
}
