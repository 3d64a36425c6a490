//! A stretch of a room's messages: what is around the view, and never more than a bound. What is further away is
//! fetched again when somebody goes there.

use std::collections::VecDeque;

use chat_core::wire::{EntryFrame, EntryKind, MAX_HISTORY};
use chat_front::text::Line;

/// Something said, as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Said {
    pub(crate) seq: u64,
    pub(crate) from: Box<str>,
    /// Milliseconds since 1970 (UTC).
    pub(crate) at: u64,
    pub(crate) text: Box<str>,
    pub(crate) kind: EntryKind,
    /// Whether a program said it.
    pub(crate) bot: bool,
}

/// One thing to be seen in a room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Item {
    Said(Said),
    /// The entry of this number is of a kind that this version does not know, and has no text to show.
    Hidden(u64),
    /// These numbers are no longer held by the server.
    Gap(u64, u64),
    /// What this program has to say.
    Note(Line),
}

impl From<&EntryFrame> for Item {
    fn from(entry: &EntryFrame) -> Item {
        let EntryFrame { seq, at, author, body, .. } = entry;
        if !body.is_shown() {
            return Item::Hidden(*seq);
        }
        let (from, text) = (author.name.as_str().into(), body.text.as_str().into());
        Item::Said(Said { seq: *seq, from, at: *at, text, kind: body.kind.clone(), bot: author.bot })
    }
}

impl Item {
    /// The last number it stands for.
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

/// Items in order, each with an identity that stays while others come and go before it and after it.
#[derive(Debug)]
pub(crate) struct Backlog {
    items: VecDeque<Item>,
    /// The identity of the first item; those after it count on.
    first: i64,
    bytes: usize,
    /// The largest number of the room that is known of.
    head: u64,
    /// The smallest number that the server may have.
    oldest: u64,
    /// How much to ask for in one piece.
    step: u64,
}

/// A page to be asked for: `limit` of what is before `before`.
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
        self.items.iter().find_map(|it| match it {
            Item::Gap(from, _) => Some(*from),
            other => other.seq(),
        })
    }

    /// The smallest number that the server may have.
    pub(crate) fn oldest(&self) -> u64 {
        self.oldest
    }

    fn last_seq(&self) -> Option<u64> {
        self.items.iter().rev().find_map(Item::seq)
    }

    /// Whether what comes next follows what is here.
    pub(crate) fn is_at_head(&self) -> bool {
        self.last_seq().is_none_or(|last| last >= self.head)
    }

    /// Whether nothing older is held by the server.
    pub(crate) fn is_from_the_beginning(&self) -> bool {
        self.first_seq().map_or(self.head == 0, |first| first <= self.oldest)
    }

    /// The room begins at `oldest`, and what follows `after` comes as news.
    pub(crate) fn stands(&mut self, oldest: u64, after: u64) {
        self.oldest = oldest.max(1);
        self.head = self.head.max(after);
    }

    /// Takes what is new in the room. If something between is not here, only that there is more is noted.
    /// `is_read_back` says that the view is further back, which is kept then rather than what is new.
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
            return; // it is fetched when the view comes there
        }
        self.bytes += item.bytes();
        self.items.push_back(item);
        while self.is_over() {
            self.drop_first();
        }
    }

    /// The page before what is here, if there may be one.
    pub(crate) fn older(&self) -> Option<PageRequest> {
        (!self.is_from_the_beginning()).then(|| PageRequest { before: self.first_seq(), limit: MAX_HISTORY })
    }

    /// The page after what is here, if there is one.
    pub(crate) fn newer(&self) -> Option<PageRequest> {
        let last = self.last_seq().filter(|last| *last < self.head)?;
        let limit = self.step.min(self.head - last);
        Some(PageRequest { before: Some(last + limit + 1), limit })
    }

    /// Takes the page that [`Backlog::older`] asked for.
    pub(crate) fn take_older(&mut self, entries: &[EntryFrame]) {
        let Some(first) = self.first_seq() else { return self.take_around(entries) };
        let mut older = entries.iter().filter(|it| it.seq < first).peekable();
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

    /// Takes the page that [`Backlog::newer`] asked for; whether it followed, rather than that a smaller one has to be
    /// asked for.
    pub(crate) fn take_newer(&mut self, asked: PageRequest, entries: &[EntryFrame]) -> bool {
        let Some(last) = self.last_seq() else {
            self.take_around(entries);
            return true;
        };
        let mut newer = entries.iter().filter(|it| it.seq > last).peekable();
        // The newest of what was asked for come, as many as fit a frame.
        if newer.peek().is_none_or(|it| it.seq > last + 1) && asked.limit > 1 {
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

    /// Takes a page from anywhere in place of what is here.
    pub(crate) fn take_around(&mut self, entries: &[EntryFrame]) {
        self.clear();
        for entry in entries {
            self.head = self.head.max(entry.seq);
            self.push(Item::from(entry), false);
        }
    }

    /// Lets go of everything but what is known of the room.
    pub(crate) fn clear(&mut self) {
        self.first += i64::try_from(self.items.len()).expect("the bound is far below");
        self.items.clear();
        self.bytes = 0;
        self.step = MAX_HISTORY;
    }

    /// The numbers begin anew, although what is here stays.
    pub(crate) fn renumber(&mut self) {
        self.head = 0;
    }

    /// The numbers began anew.
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
