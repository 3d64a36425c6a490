//! One conversation: what was said in it, what is on its way, who is there, and how far it was read.

use std::collections::BTreeMap;

use chat_front::{Place, text::Line};

use super::{
    backlog::{Backlog, Item, PageRequest},
    scroll::Scroll,
};
use crate::edit::Editor;

/// What a page of older messages is wanted for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wanted {
    /// The messages before those that are here.
    Older,
    /// The messages after those that are here, asked for like this.
    Newer(PageRequest),
    /// The messages around this number, in place of those that are here.
    Around(u64),
    /// The newest messages, in place of those that are here.
    Newest,
}

/// Something of ours that is not among the entries yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Outgoing {
    pub(crate) tag: u64,
    pub(crate) text: String,
    pub(crate) state: Sent,
    /// Where the room stood when it was written.
    since: u64,
}

/// How far it got.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Sent {
    /// Nobody knows yet.
    Pending,
    /// It is stored under this number.
    Stored(u64),
    /// It is not: why.
    Failed(String),
}

/// A conversation.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) place: Place,
    pub(crate) backlog: Backlog,
    pub(crate) outgoing: Vec<Outgoing>,
    pub(crate) scroll: Scroll,
    pub(crate) draft: Editor,
    pub(crate) topic: String,
    /// By the form they are sorted by.
    people: BTreeMap<String, String>,
    /// How many are in, which may be more than are known.
    pub(crate) present: u64,
    /// The server let us in, at least once.
    pub(crate) joined: bool,
    /// Messages that came since anybody looked, and those of them that are for the user.
    pub(crate) unread: u64,
    pub(crate) mentions: u64,
    /// Messages that came below what is in view.
    pub(crate) below: u64,
    /// The last number that was seen.
    pub(crate) seen: u64,
    /// After which number the line goes that says what is new.
    pub(crate) mark: Option<u64>,
    /// The page that is on its way: the tag of its request, and what it is wanted for.
    pub(crate) loading: Option<(u64, Wanted)>,
    /// The message that was jumped to.
    pub(crate) target: Option<u64>,
}

impl Room {
    pub(crate) fn new(place: Place) -> Room {
        Room {
            place,
            backlog: Backlog::default(),
            outgoing: Vec::new(),
            scroll: Scroll::Bottom,
            draft: Editor::default(),
            topic: String::new(),
            people: BTreeMap::new(),
            present: 0,
            joined: false,
            unread: 0,
            mentions: 0,
            below: 0,
            seen: 0,
            mark: None,
            loading: None,
            target: None,
        }
    }

    /// Takes what is new. `is_watched` says whether the user looks at this room, `is_news` whether it counts.
    pub(crate) fn hear(&mut self, item: Item, is_watched: bool, is_news: bool) {
        let seq = item.seq();
        let is_read_back = self.scroll != Scroll::Bottom;
        // What one person said is not to be had again.
        self.backlog.news(item, is_read_back && matches!(self.place, Place::Room(_)));
        let Some(seq) = seq else { return };
        if is_read_back && is_news {
            self.below += 1;
        }
        if is_watched {
            self.seen = self.seen.max(seq);
        } else if is_news && seq > self.seen {
            self.unread += 1;
        }
    }

    /// Says something to the user.
    pub(crate) fn note(&mut self, line: Line) {
        let is_read_back = self.scroll != Scroll::Bottom;
        self.below += u64::from(is_read_back);
        self.backlog.news(Item::Note(line), is_read_back);
    }

    /// The user begins to look at it.
    pub(crate) fn look(&mut self) {
        self.mark = (self.unread > 0).then_some(self.seen);
        self.seen = self.seen.max(self.backlog.head());
        (self.unread, self.mentions) = (0, 0);
    }

    /// The user looks elsewhere.
    pub(crate) fn look_away(&mut self) {
        self.mark = None;
        self.target = None;
        self.seen = self.seen.max(self.backlog.head());
    }

    /// Something of ours is on its way.
    pub(crate) fn say(&mut self, tag: u64, text: String) {
        let since = self.backlog.head();
        self.outgoing.push(Outgoing { tag, text, state: Sent::Pending, since });
    }

    /// The server stored what was asked under `tag`.
    pub(crate) fn stored(&mut self, tag: u64, seq: u64) {
        // Its entry may have come before.
        let has_come = seq <= self.backlog.head();
        if has_come {
            self.outgoing.retain(|it| it.tag != tag);
        } else if let Some(it) = self.outgoing.iter_mut().find(|it| it.tag == tag) {
            it.state = Sent::Stored(seq);
        }
    }

    pub(crate) fn failed(&mut self, tag: u64, why: String) {
        if let Some(it) = self.outgoing.iter_mut().find(|it| it.tag == tag) {
            it.state = Sent::Failed(why);
        }
    }

    /// An entry of ours has come: what was on its way is there.
    pub(crate) fn has_come(&mut self, seq: u64, text: &str) {
        let known = self.outgoing.iter().position(|it| it.state == Sent::Stored(seq));
        // The acknowledgement may be later than the entry.
        let alike = || {
            let is_it = |it: &Outgoing| it.state == Sent::Pending && it.since < seq && it.text == text;
            self.outgoing.iter().position(is_it)
        };
        if let Some(at) = known.or_else(alike) {
            self.outgoing.remove(at);
        }
    }

    /// Takes the first message that could not be sent.
    pub(crate) fn take_failed(&mut self) -> Option<Outgoing> {
        let at = self.outgoing.iter().position(|it| matches!(it.state, Sent::Failed(_)))?;
        Some(self.outgoing.remove(at))
    }

    pub(crate) fn people(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.people.values().map(String::as_str)
    }

    pub(crate) fn set_people(&mut self, names: &[String], present: u64) {
        self.people = names.iter().map(|it| (sorted_by(it), it.clone())).collect();
        self.present = present;
    }

    pub(crate) fn people_moved(&mut self, entered: &[String], left: &[String]) {
        for name in entered {
            let was_here = self.people.insert(sorted_by(name), name.clone()).is_some();
            self.present += u64::from(!was_here);
        }
        for name in left {
            let was_here = self.people.remove(&sorted_by(name)).is_some();
            self.present = self.present.saturating_sub(u64::from(was_here));
        }
        self.present = self.present.max(self.people.len() as u64);
    }

    /// The numbers began anew: what was seen is void.
    pub(crate) fn reset(&mut self) {
        self.backlog.reset();
        self.scroll = Scroll::Bottom;
        (self.seen, self.mark, self.target, self.loading) = (0, None, None, None);
    }

    /// How many things are to be seen one below the other.
    pub(crate) fn len(&self) -> usize {
        self.backlog.len() + if self.backlog.is_at_head() { self.outgoing.len() } else { 0 }
    }
}

fn sorted_by(name: &str) -> String {
    name.to_lowercase()
}
