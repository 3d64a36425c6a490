//! Something to choose from, over the messages: what a search found, which rooms there are, which keys.

use chat_core::{
    wire::{EntryFrame, Rooms},
    words::Query,
};
use chat_front::{
    Place,
    text::{Line, Sanitized, en, entry},
};
use jiff::tz::TimeZone;

use crate::edit::{self, Way};

/// What choosing a line does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Choice {
    /// Goes to this message.
    Message(Place, u64),
    /// Enters this room.
    Room(String),
}

/// A list.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) title: &'static str,
    pub(crate) lines: Vec<(Line, Option<Choice>)>,
    pub(crate) chosen: usize,
    /// Whether it shows what a search found.
    is_search: bool,
}

impl List {
    /// The keys and the commands.
    pub(crate) fn of_help() -> List {
        let commands = en::HELP.into_iter().map(|words| Line::default().words(words));
        let keys = edit::HELP.into_iter().map(|words| Line::default().words(words));
        let lines = keys.chain([Line::default()]).chain(commands).map(|line| (line, None)).collect();
        List { title: "Keys and commands", lines, chosen: 0, is_search: false }
    }

    pub(crate) fn of_rooms(rooms: &Rooms) -> List {
        let line = |room| (en::summary(room), Some(Choice::Room(room.room.clone())));
        let rest = en::rest(rooms).map(|rest| (rest, None));
        let lines = rooms.rooms.iter().map(line).chain(rest).collect();
        List { title: "Rooms", lines, chosen: 0, is_search: false }
    }

    /// What a search will find.
    pub(crate) fn of_search() -> List {
        let searching = (Line::note("searching…"), None);
        List { title: "Found", lines: vec![searching], chosen: 0, is_search: true }
    }

    /// Takes a page of what the search for `query` found.
    pub(crate) fn found(
        &mut self,
        entries: &[EntryFrame],
        query: &Query,
        more: Option<u64>,
        zone: &TimeZone,
    ) {
        let choice = |entry: &EntryFrame| Choice::Message(Place::Room(entry.room.clone()), entry.seq);
        let found = entries.iter().map(|entry| (entry::found(entry, query, zone), Some(choice(entry))));
        let found: Vec<_> = found.collect();
        let is_empty = |list: &List| !list.lines.iter().any(|(_, choice)| choice.is_some());
        let end = match (is_empty(self) && found.is_empty(), more) {
            (_, Some(_)) => "there may be more; Down looks further back",
            (true, None) => "nothing found",
            (false, None) => "that is all",
        };
        self.take(found, Line::note(end));
    }

    /// The search was refused.
    pub(crate) fn failed(&mut self, why: &str) {
        self.take(Vec::new(), Line::note("refused: ").shown(&Sanitized::line(why)));
    }

    /// Adds `found` to what a search found before, with `end` after that.
    fn take(&mut self, found: Vec<(Line, Option<Choice>)>, end: Line) {
        if self.is_search {
            self.lines.retain(|(_, choice)| choice.is_some());
            self.lines.extend(found);
            self.lines.push((end, None));
        }
    }

    /// Chooses another line. Returns whether a search is to go on, if it can.
    pub(crate) fn walk(&mut self, way: Way, by: usize) -> bool {
        let last = self.lines.len().saturating_sub(1);
        self.chosen = match way {
            Way::Up => self.chosen.saturating_sub(by),
            Way::Down => (self.chosen + by).min(last),
        };
        self.is_search && self.chosen == last && self.lines.len() < MOST_FOUND
    }

    pub(crate) fn choice(&self) -> Option<&Choice> {
        self.lines.get(self.chosen)?.1.as_ref()
    }
}

/// The most that is kept of one search.
const MOST_FOUND: usize = 1_000;
