//! Direct messages: a small log of its own for each session, read with a cursor like a room.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use bytes::Bytes;

use super::{heads::HeadsTimer, send_window::SendWindow};
use crate::{
    ClientId, PersonName,
    id::token,
    log::Position,
    server::{
        accounts::Held,
        limits::{INBOX_BYTES, INBOX_ENTRIES},
    },
    wire::{self, Author, Body, EntryFrame, Event, Gap, Head, INBOX},
};

/// The direct messages a session has received and sent. An inbox ends with its session, so that a later owner of the
/// name never sees it.
#[derive(Debug)]
pub(crate) struct Inbox {
    epoch: u128,
    entries: VecDeque<Told>,
    /// What the entries take.
    bytes: usize,
    head: u64,
    newest_at: u64,
    /// The last number handed to the link; nothing is sent while there is none.
    cursor: Option<u64>,
    send_window: SendWindow,
    /// When `heads` name the inbox, over a link that may lose frames.
    pub(crate) heads_timer: HeadsTimer,
}

/// An entry of one inbox.
#[derive(Debug)]
struct Told {
    seq: u64,
    at: u64,
    direct: Arc<Direct>,
}

/// A direct message. It is kept once, for the inboxes of both people, and made a frame when it is sent.
#[derive(Debug)]
pub(crate) struct Direct {
    request: (ClientId, u64),
    author: Arc<Author>,
    to: PersonName,
    at: u64,
    body: Arc<Body>,
    /// What it takes of the bounds for the author's host and for all, given back when no inbox keeps it.
    _bytes: [Held; 2],
}

/// A direct message on its way to an inbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telling<'a> {
    pub(crate) request: (ClientId, u64),
    pub(crate) author: &'a Arc<Author>,
    pub(crate) to: &'a PersonName,
    pub(crate) at: u64,
    pub(crate) body: &'a Arc<Body>,
}

impl Telling<'_> {
    /// What the message takes while it is kept, roughly.
    pub(crate) fn size(&self) -> usize {
        size(self.body)
    }

    /// The message as it is kept.
    pub(crate) fn keep(&self, bytes: [Held; 2]) -> Arc<Direct> {
        Arc::new(Direct {
            request: self.request,
            author: self.author.clone(),
            to: self.to.clone(),
            at: self.at,
            body: self.body.clone(),
            _bytes: bytes,
        })
    }
}

/// The request's id names another direct message.
#[derive(Debug)]
pub(crate) struct Conflict;

impl Inbox {
    pub(crate) fn new(epoch: u128) -> Inbox {
        Inbox {
            epoch,
            entries: VecDeque::new(),
            bytes: 0,
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

    /// Whether as much is unread as is kept: one entry more would push out one that its owner has not read.
    pub(crate) fn is_full(&self) -> bool {
        let unread = self.head - self.cursor.unwrap_or(0).max(self.oldest() - 1);
        if unread < INBOX_ENTRIES as u64 && self.bytes < INBOX_BYTES {
            return false;
        }
        let newest = self.entries.iter().rev().take(usize::try_from(unread).unwrap_or(usize::MAX));
        unread >= INBOX_ENTRIES as u64
            || newest.map(|told| size(&told.direct.body)).sum::<usize>() >= INBOX_BYTES
    }

    /// Lets go of what was handed to the link.
    pub(crate) fn forget_read(&mut self) {
        self.forget_up_to(self.cursor.unwrap_or(0));
    }

    /// Lets go of what was handed to the link, and of everything if no link reads the inbox: the client is told of a gap.
    pub(crate) fn make_space(&mut self) {
        self.forget_up_to(self.cursor.unwrap_or(self.head));
    }

    fn forget_up_to(&mut self, seq: u64) {
        while self.entries.front().is_some_and(|told| told.seq <= seq) && self.drop_oldest() {}
    }

    fn drop_oldest(&mut self) -> bool {
        let Some(told) = self.entries.pop_front() else { return false };
        self.bytes -= size(&told.direct.body);
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
        true
    }

    /// The position of a direct message that came before under the same id.
    pub(crate) fn find(&self, telling: &Telling<'_>) -> Result<Option<Position>, Conflict> {
        match self.entries.iter().find(|told| told.direct.request == telling.request) {
            Some(Told { seq, at, direct })
                if direct.body == *telling.body
                    && direct.author.bot == telling.author.bot
                    && direct.to == *telling.to =>
            {
                Ok(Some(Position { seq: *seq, at: *at }))
            }
            Some(_) => Err(Conflict),
            None => Ok(None),
        }
    }

    pub(crate) fn push(&mut self, direct: Arc<Direct>) -> Position {
        self.head += 1;
        self.newest_at = self.newest_at.max(direct.at);
        let position = Position { seq: self.head, at: self.newest_at };
        self.bytes += size(&direct.body);
        self.entries.push_back(Told { seq: position.seq, at: position.at, direct });
        // Only entries that were read: a full inbox takes no more.
        while (self.entries.len() > INBOX_ENTRIES || self.bytes > INBOX_BYTES)
            && self.entries.len() > 1
            && self.entries.front().is_some_and(|told| self.cursor.is_some_and(|cursor| told.seq <= cursor))
            && self.drop_oldest()
        {}
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
            let frame = told.frame();
            *budget = budget.saturating_sub(frame.len());
            *cursor += 1;
            self.heads_timer.arm(now);
            out(frame);
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
        let held = self.entries.iter().filter(move |told| (from..=to).contains(&told.seq));
        held.map(Told::frame)
    }

    /// The frames of the entries below `before`, newest first.
    pub(crate) fn newest_below(&self, before: u64) -> impl Iterator<Item = Bytes> {
        let older = self.entries.iter().rev().filter(move |told| told.seq < before);
        older.map(Told::frame)
    }
}

impl Told {
    fn frame(&self) -> Bytes {
        wire::write(&EntryFrame {
            room: INBOX.to_owned(),
            seq: self.seq,
            author: (*self.direct.author).clone(),
            to: Some(self.direct.to.to_string()),
            at: self.at,
            body: (*self.direct.body).clone(),
        })
    }
}

/// What a direct message with this body takes while it is kept, roughly.
fn size(body: &Body) -> usize {
    body.text.len() + DIRECT_OVERHEAD
}

/// What a direct message takes besides its text: its places in two inboxes, its names and numbers.
const DIRECT_OVERHEAD: usize = 512;
