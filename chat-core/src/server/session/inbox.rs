//! Direct messages: a small log of its own for each session, read with a cursor like a room.

use std::{collections::VecDeque, time::Instant};

use bytes::Bytes;

use super::{heads::HeadsTimer, send_window::SendWindow};
use crate::{
    ClientId, PersonName,
    id::token,
    log::Position,
    server::limits::INBOX_ENTRIES,
    wire::{self, Author, Body, EntryFrame, Event, Gap, Head, INBOX},
};

/// The direct messages a session has received and sent. An inbox ends with its session, so that a later owner of the
/// name never sees it.
#[derive(Debug)]
pub(crate) struct Inbox {
    epoch: u128,
    entries: VecDeque<Told>,
    head: u64,
    newest_at: u64,
    /// The last number handed to the link; nothing is sent while there is none.
    cursor: Option<u64>,
    send_window: SendWindow,
    /// When `heads` name the inbox, over a link that may lose frames.
    pub(crate) heads_timer: HeadsTimer,
}

#[derive(Debug)]
struct Told {
    request: (ClientId, u64),
    entry: EntryFrame,
    frame: Bytes,
}

/// A direct message on its way to an inbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telling<'a> {
    pub(crate) request: (ClientId, u64),
    pub(crate) author: &'a Author,
    pub(crate) to: &'a PersonName,
    pub(crate) at: u64,
    pub(crate) body: &'a Body,
}

/// The request's id names another direct message.
#[derive(Debug)]
pub(crate) struct Conflict;

impl Inbox {
    pub(crate) fn new(epoch: u128) -> Inbox {
        Inbox {
            epoch,
            entries: VecDeque::new(),
            head: 0,
            newest_at: 0,
            cursor: Some(0),
            send_window: SendWindow::default(),
            heads_timer: HeadsTimer::default(),
        }
    }

    pub(crate) fn epoch(&self) -> String {
        token(self.epoch)
    }

    /// Whether as many entries are unread as are kept: one more would push out one that its owner has not read.
    pub(crate) fn is_full(&self) -> bool {
        self.head - self.cursor.unwrap_or(0).max(self.oldest() - 1) >= INBOX_ENTRIES as u64
    }

    /// The position of a direct message that came before under the same id.
    pub(crate) fn find(&self, telling: &Telling<'_>) -> Result<Option<Position>, Conflict> {
        match self.entries.iter().find(|told| told.request == telling.request) {
            Some(Told { entry, .. })
                if entry.body == *telling.body
                    && entry.author.bot == telling.author.bot
                    && is_for(entry, telling.to) =>
            {
                Ok(Some(Position { seq: entry.seq, at: entry.at }))
            }
            Some(_) => Err(Conflict),
            None => Ok(None),
        }
    }

    pub(crate) fn push(&mut self, telling: &Telling<'_>) -> Position {
        self.head += 1;
        self.newest_at = self.newest_at.max(telling.at);
        let position = Position { seq: self.head, at: self.newest_at };
        let entry = EntryFrame {
            room: INBOX.to_owned(),
            seq: position.seq,
            author: telling.author.clone(),
            to: Some(telling.to.to_string()),
            at: position.at,
            body: telling.body.clone(),
        };
        if self.entries.len() == INBOX_ENTRIES {
            self.entries.pop_front();
        }
        let frame = wire::write(&entry);
        self.entries.push_back(Told { request: telling.request, entry, frame });
        position
    }

    /// Stops sending until the cursor is set again.
    pub(crate) fn pause(&mut self) {
        (self.cursor, self.heads_timer) = (None, HeadsTimer::default());
    }

    pub(crate) fn set_cursor(&mut self, cursor: u64) {
        (self.cursor, self.send_window) = (Some(cursor), SendWindow::default());
    }

    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    pub(crate) fn oldest(&self) -> u64 {
        self.head + 1 - self.entries.len() as u64
    }

    /// Reads on from the cursor until `budget` bytes are spent; one send window at a time where frames may be lost.
    pub(crate) fn read_on(
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
        let until = if lossy { self.send_window.until(*cursor) } else { head };
        let skip = usize::try_from(*cursor + 1 - oldest).unwrap_or(usize::MAX);
        for told in self.entries.iter().skip(skip) {
            if *budget == 0 || *cursor == until {
                break;
            }
            *budget = budget.saturating_sub(told.frame.len());
            *cursor += 1;
            self.heads_timer.arm(now);
            out(told.frame.clone());
        }
        if lossy {
            self.send_window.sent(cursor, head);
        }
    }

    /// The head that `heads` names, if the inbox is being read.
    pub(crate) fn standing(&self) -> Option<Head> {
        self.cursor?;
        Some(Head { epoch: self.epoch(), oldest: self.oldest(), head: self.head, presence: 0 })
    }

    /// The frames of the entries from `from` to `to` that are still held.
    pub(crate) fn frames(&self, from: u64, to: u64) -> impl Iterator<Item = Bytes> {
        let held = self.entries.iter().filter(move |told| (from..=to).contains(&told.entry.seq));
        held.map(|told| told.frame.clone())
    }

    /// The frames of the entries below `before`, newest first.
    pub(crate) fn newest_below(&self, before: u64) -> impl Iterator<Item = Bytes> {
        let older = self.entries.iter().rev().filter(move |told| told.entry.seq < before);
        older.map(|told| told.frame.clone())
    }
}

fn is_for(entry: &EntryFrame, name: &PersonName) -> bool {
    entry.to.as_deref().is_some_and(|to| PersonName::parse(to).as_ref() == Ok(name))
}
