//! A bounded part of a room's messages, around the view. Messages further away are fetched again when the user scrolls
//! there.

use std::collections::VecDeque;

use chat_core::wire::{EntryFrame, EntryKind, MAX_HISTORY};
use chat_front::text::{Line, entry};

/// A message or topic, in the form in which the backlog keeps it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Said {
    pub(crate) seq: u64,
    pub(crate) from: Box<str>,
    /// Milliseconds since 1970 (UTC).
    pub(crate) at: u64,
    pub(crate) text: Box<str>,
    pub(crate) kind: EntryKind,
    /// The words behind the author's name: that it is a program, or a guest.
    pub(crate) mark: &'static str,
}

/// One item of a room's backlog.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Item {
    Said(Said),
    /// The entry of this number is of a kind that this version does not know, and has no text to show.
    Hidden(u64),
    /// These numbers are no longer held by the server.
    Gap(u64, u64),
    /// A notice of this program.
    Note(Line),
}

impl From<&EntryFrame> for Item {
    fn from(frame: &EntryFrame) -> Item {
        let EntryFrame { seq, at, author, body, .. } = frame;
        if !body.is_shown() {
            return Item::Hidden(*seq);
        }
        let (from, text) = (author.name.as_str().into(), body.text.as_str().into());
        Item::Said(Said {
            seq: *seq,
            from,
            at: *at,
            text,
            kind: body.kind.clone(),
            mark: entry::mark(author),
        })
    }
}

impl Item {
    /// The last entry number that the item covers.
    pub(crate) fn seq(&self) -> Option<u64> {
        match self {
            Item::Said(said) => Some(said.seq),
            Item::Hidden(seq) | Item::Gap(_, seq) => Some(*seq),
            Item::Note(_) => None,
        }
    }

    fn bytes(&self) -> usize {
        let text = match self {
            Item::Said(said) => said.text.len() + said.from.len(),
            Item::Hidden(_) | Item::Gap(..) => 0,
            Item::Note(line) => line.len(),
        };
        size_of::<Item>() + text
    }
}

/// Items in order. Each has an identity that stays the same while items are added and dropped at both ends.
#[derive(Debug)]
pub(crate) struct Backlog {
    items: VecDeque<Item>,
    /// The identity of the first item; those after it count on.
    first: i64,
    bytes: usize,
    /// The largest entry number of the room that is known.
    head: u64,
    /// The smallest entry number that the server may hold.
    oldest: u64,
    /// How many entries the next page asks for.
    step: u64,
}

/// A page to ask for: the newest `limit` entries before `before`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PageRequest {
    pub(crate) before: Option<u64>,
    pub(crate) limit: u64,
}

impl Default for Backlog {
    fn default() -> Backlog {
        Backlog { items: VecDeque::new(), first: 0, bytes: 0, head: 0, oldest: 1, step: MAX_HISTORY }
    }
}

impl Backlog {
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn get(&self, at: usize) -> Option<&Item> {
        self.items.get(at)
    }

    /// The identity of the item at `at`.
    pub(crate) fn id(&self, at: usize) -> i64 {
        self.first + i64::try_from(at).expect("the bound is far below")
    }

    /// Where the item with this identity is, or the nearest to it that is left.
    pub(crate) fn position(&self, id: i64) -> usize {
        usize::try_from(id - self.first).unwrap_or(0).min(self.len())
    }

    /// Where the first entry is that has number `seq` or a later one.
    pub(crate) fn position_from(&self, seq: u64) -> Option<usize> {
        let is_entry = |item: &Item| matches!(item, Item::Said(_) | Item::Hidden(_));
        self.items.iter().position(|item| is_entry(item) && item.seq() >= Some(seq))
    }

    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    pub(crate) fn first_seq(&self) -> Option<u64> {
        self.items.iter().find_map(|item| match item {
            Item::Gap(from, _) => Some(*from),
            other => other.seq(),
        })
    }

    /// The smallest entry number that the server may hold.
    pub(crate) fn oldest(&self) -> u64 {
        self.oldest
    }

    fn last_seq(&self) -> Option<u64> {
        self.items.iter().rev().find_map(Item::seq)
    }

    /// Whether the backlog reaches the newest known entry.
    pub(crate) fn is_at_head(&self) -> bool {
        self.last_seq().is_none_or(|last| last >= self.head)
    }

    /// Whether the server holds nothing older.
    pub(crate) fn is_from_the_beginning(&self) -> bool {
        self.first_seq().map_or(self.head == 0, |first| first <= self.oldest)
    }

    /// The server holds entries from `oldest` on, and sends those after `after` as news.
    pub(crate) fn stands(&mut self, oldest: u64, after: u64) {
        self.oldest = oldest.max(1);
        self.head = self.head.max(after);
    }

    /// Takes a new item. If entries before it are missing here, only the head moves. With `is_read_back` the view is
    /// further back, and a full backlog keeps its old items rather than the new one.
    pub(crate) fn news(&mut self, item: Item, is_read_back: bool) {
        let Some(seq) = item.seq() else { return self.push(item, is_read_back) };
        let follows = self.is_at_head();
        self.head = self.head.max(seq);
        if follows {
            self.push(item, is_read_back);
        }
    }

    fn push(&mut self, item: Item, is_read_back: bool) {
        if is_read_back && self.is_full() {
            return; // fetched when the view comes there
        }
        self.bytes += item.bytes();
        self.items.push_back(item);
        while self.is_over() {
            self.drop_first();
        }
    }

    /// The page before the first item, if there may be one.
    pub(crate) fn older(&self) -> Option<PageRequest> {
        (!self.is_from_the_beginning()).then(|| PageRequest { before: self.first_seq(), limit: MAX_HISTORY })
    }

    /// The page after the last item, if there is one.
    pub(crate) fn newer(&self) -> Option<PageRequest> {
        let last = self.last_seq().filter(|last| *last < self.head)?;
        let limit = self.step.min(self.head - last);
        Some(PageRequest { before: Some(last + limit + 1), limit })
    }

    /// Takes the page that [`Backlog::older`] asked for.
    pub(crate) fn take_older(&mut self, entries: &[EntryFrame]) {
        let Some(first) = self.first_seq() else { return self.take_around(entries) };
        let mut older = entries.iter().filter(|entry| entry.seq < first).peekable();
        if older.peek().is_none() {
            self.oldest = first;
        }
        for entry in older.rev() {
            let item = Item::from(entry);
            self.bytes += item.bytes();
            self.items.push_front(item);
            self.first -= 1;
        }
        while self.is_over() {
            self.drop_last();
        }
    }

    /// Takes the page that [`Backlog::newer`] asked for. Returns false if it does not follow the last item, so that a
    /// smaller page has to be asked for.
    pub(crate) fn take_newer(&mut self, asked: PageRequest, entries: &[EntryFrame]) -> bool {
        let Some(last) = self.last_seq() else {
            self.take_around(entries);
            return true;
        };
        let mut newer = entries.iter().filter(|entry| entry.seq > last).peekable();
        // The server sends the newest entries of the page, as many as fit a frame.
        if newer.peek().is_none_or(|entry| entry.seq > last + 1) && asked.limit > 1 {
            self.step = (asked.limit / 2).max(1);
            return false;
        }
        self.step = MAX_HISTORY;
        if newer.peek().is_none()
            && let Some(before) = asked.before
        {
            self.items.push_back(Item::Gap(last + 1, before.saturating_sub(1).max(last + 1)));
        }
        for entry in newer {
            let item = Item::from(entry);
            self.bytes += item.bytes();
            self.items.push_back(item);
        }
        while self.is_over() {
            self.drop_first();
        }
        true
    }

    /// Replaces all items by a page from anywhere in the room.
    pub(crate) fn take_around(&mut self, entries: &[EntryFrame]) {
        self.clear();
        for entry in entries {
            self.head = self.head.max(entry.seq);
            self.push(Item::from(entry), false);
        }
    }

    /// Drops all items. The head and the oldest number stay.
    pub(crate) fn clear(&mut self) {
        self.first += i64::try_from(self.items.len()).expect("the bound is far below");
        self.items.clear();
        self.bytes = 0;
        self.step = MAX_HISTORY;
    }

    /// The entry numbers begin anew; the items stay.
    pub(crate) fn renumber(&mut self) {
        self.head = 0;
    }

    /// The entry numbers began anew: drops everything.
    pub(crate) fn reset(&mut self) {
        self.clear();
        (self.head, self.oldest) = (0, 1);
    }

    fn is_full(&self) -> bool {
        self.items.len() >= MAX_ITEMS || self.bytes >= MAX_BYTES
    }

    fn is_over(&self) -> bool {
        self.items.len() > MAX_ITEMS || (self.bytes > MAX_BYTES && self.items.len() > 1)
    }

    fn drop_first(&mut self) {
        if let Some(item) = self.items.pop_front() {
            self.bytes -= item.bytes();
            self.first += 1;
        }
    }

    fn drop_last(&mut self) {
        if let Some(item) = self.items.pop_back() {
            self.bytes -= item.bytes();
        }
    }
}

/// The most items that are kept of one room.
pub(crate) const MAX_ITEMS: usize = 2_000;

/// The most bytes, roughly, that are kept of one room.
const MAX_BYTES: usize = 2 << 20;
