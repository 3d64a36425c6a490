//! The view of one room or of direct messages with one person: backlog, pending messages, people, read position.

use std::collections::{BTreeMap, BTreeSet};

use chat_core::wire::Guests;
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

/// A message of the user that is not among the entries yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Outgoing {
    pub(crate) tag: u64,
    pub(crate) text: String,
    pub(crate) state: Sent,
    /// The head of the room when the message was written.
    since: u64,
}

/// The state of an outgoing message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Sent {
    /// No answer has come yet.
    Pending,
    /// The server stored it under this number.
    Stored(u64),
    /// It was not stored, for this reason.
    Failed(String),
}

/// The view of a room, or of the direct messages with a person.
#[derive(Debug)]
pub(crate) struct RoomView {
    pub(crate) place: Place,
    pub(crate) backlog: Backlog,
    pub(crate) outgoing: Vec<Outgoing>,
    pub(crate) scroll: Scroll,
    pub(crate) draft: Editor,
    pub(crate) topic: String,
    /// Names by the lower-case form that sorts them.
    people: BTreeMap<String, String>,
    /// Those of them whose links are not encrypted.
    guests: BTreeSet<String>,
    /// The number of people in the room; more than `people` if the server did not name all.
    pub(crate) present: u64,
    /// The server let the user in, at least once.
    pub(crate) joined: bool,
    /// Messages since the user looked at the room last, and those of them that mention the user.
    pub(crate) unread: u64,
    pub(crate) mentions: u64,
    /// Messages that came below the view.
    pub(crate) below: u64,
    /// The last entry number that the user has seen.
    pub(crate) seen: u64,
    /// The line `new` stands after this entry number.
    pub(crate) mark: Option<u64>,
    /// The page that was asked for: the tag of its request, and its purpose.
    pub(crate) loading: Option<(u64, Wanted)>,
    /// The message that was jumped to.
    pub(crate) target: Option<u64>,
}

impl RoomView {
    pub(crate) fn new(place: Place) -> RoomView {
        RoomView {
            place,
            backlog: Backlog::default(),
            outgoing: Vec::new(),
            scroll: Scroll::Bottom,
            draft: Editor::default(),
            topic: String::new(),
            people: BTreeMap::new(),
            guests: BTreeSet::new(),
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

    /// Takes a new item. `is_watched`: the user looks at this room. `is_news`: the item counts as unread.
    pub(crate) fn hear(&mut self, item: Item, is_watched: bool, is_news: bool) {
        let seq = item.seq();
        let is_read_back = self.scroll != Scroll::Bottom;
        // Direct messages cannot be fetched again, so they are always kept.
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

    /// Shows a notice.
    pub(crate) fn note(&mut self, line: Line) {
        let is_read_back = self.scroll != Scroll::Bottom;
        self.below += u64::from(is_read_back);
        self.backlog.news(Item::Note(line), is_read_back);
    }

    /// The user begins to look at this room.
    pub(crate) fn look(&mut self) {
        self.mark = (self.unread > 0).then_some(self.seen);
        self.seen = self.seen.max(self.backlog.head());
        (self.unread, self.mentions) = (0, 0);
    }

    /// The user looks at another room.
    pub(crate) fn look_away(&mut self) {
        self.mark = None;
        self.target = None;
        self.seen = self.seen.max(self.backlog.head());
    }

    /// Adds a pending message, sent under `tag`.
    pub(crate) fn say(&mut self, tag: u64, text: String) {
        let since = self.backlog.head();
        self.outgoing.push(Outgoing { tag, text, state: Sent::Pending, since });
    }

    /// The server stored the message sent under `tag`.
    pub(crate) fn stored(&mut self, tag: u64, seq: u64) {
        // Its entry may have come before.
        let has_come = seq <= self.backlog.head();
        if has_come {
            self.outgoing.retain(|message| message.tag != tag);
        } else if let Some(message) = self.outgoing.iter_mut().find(|message| message.tag == tag) {
            message.state = Sent::Stored(seq);
        }
    }

    pub(crate) fn failed(&mut self, tag: u64, why: String) {
        if let Some(message) = self.outgoing.iter_mut().find(|message| message.tag == tag) {
            message.state = Sent::Failed(why);
        }
    }

    /// An entry of the user has come: removes the pending message that it is.
    pub(crate) fn has_come(&mut self, seq: u64, text: &str) {
        let known = self.outgoing.iter().position(|message| message.state == Sent::Stored(seq));
        // The acknowledgement may be later than the entry.
        let alike = || {
            let is_same = |message: &Outgoing| {
                message.state == Sent::Pending && message.since < seq && message.text == text
            };
            self.outgoing.iter().position(is_same)
        };
        if let Some(at) = known.or_else(alike) {
            self.outgoing.remove(at);
        }
    }

    /// Takes the first failed message out.
    pub(crate) fn take_failed(&mut self) -> Option<Outgoing> {
        let at = self.outgoing.iter().position(|message| matches!(message.state, Sent::Failed(_)))?;
        Some(self.outgoing.remove(at))
    }

    pub(crate) fn people(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.people.values().map(String::as_str)
    }

    /// Whether the link of `name` is not encrypted, so that anybody could have that name.
    pub(crate) fn is_guest(&self, name: &str) -> bool {
        self.guests.contains(name)
    }

    pub(crate) fn set_people(&mut self, names: &[String], guests: &Guests, present: u64) {
        let names = names.iter().filter(|name| name.len() <= LONGEST_NAME).take(MOST_PEOPLE);
        self.guests = names.clone().filter(|name| guests.include(name)).cloned().collect();
        self.people = names.map(|name| (sorted_by(name), name.clone())).collect();
        self.present = present;
    }

    pub(crate) fn people_moved(&mut self, entered: &[String], guests: &Guests, left: &[String]) {
        for name in entered {
            // Who is not kept is counted: a server may name people without end.
            let is_kept = self.people.len() < MOST_PEOPLE && name.len() <= LONGEST_NAME;
            let was_here = is_kept && self.people.insert(sorted_by(name), name.clone()).is_some();
            self.present = self.present.saturating_add(u64::from(!was_here));
            if is_kept && guests.include(name) {
                self.guests.insert(name.clone());
            }
        }
        for name in left {
            let was_here = self.people.remove(&sorted_by(name)).is_some();
            self.guests.remove(name);
            self.present = self.present.saturating_sub(u64::from(was_here));
        }
        self.present = self.present.max(self.people.len() as u64);
    }

    /// The entry numbers began anew: forgets the entries and the read position.
    pub(crate) fn reset(&mut self) {
        self.backlog.reset();
        self.scroll = Scroll::Bottom;
        (self.seen, self.mark, self.target, self.loading) = (0, None, None, None);
    }

    /// The number of items, pending messages included.
    pub(crate) fn len(&self) -> usize {
        self.backlog.len() + if self.backlog.is_at_head() { self.outgoing.len() } else { 0 }
    }
}

fn sorted_by(name: &str) -> String {
    name.to_lowercase()
}

/// How many people of a room are kept by name: as many as a server has sessions.
const MOST_PEOPLE: usize = 40_000;

/// The longest name that is kept, in bytes (`docs/protocol.md`, 4.1).
const LONGEST_NAME: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_without_end_are_counted_and_not_kept() {
        let mut room = RoomView::new(Place::Room("hall".to_owned()));
        room.set_people(&["ana".to_owned(), "x".repeat(60_000)], &Guests::default(), 2);
        for number in 0..60_000 {
            room.people_moved(&[format!("person-{number}")], &Guests::default(), &[]);
        }
        assert_eq!((room.people().count(), room.present), (MOST_PEOPLE, 60_002));
        room.people_moved(&[], &Guests::default(), &["person-7".to_owned(), "nobody".to_owned()]);
        assert_eq!((room.people().count(), room.present), (MOST_PEOPLE - 1, 60_001));
    }
}
