//! Something to choose from, over the messages: what a search found, which rooms there are, which keys.

use chat_core::{
    wire::{Found, Rooms},
    words::Query,
};
use jiff::tz::TimeZone;

use super::{keys, keys::Way, room::Place};
use crate::{
    command,
    line::{found, plain},
    output::Line,
    sanitize::Sanitized,
};

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
    pub(super) search: Option<Search>,
}

/// What a list of found messages is of.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) words: String,
    query: Query,
    /// The request whose answer says what comes next.
    pub(super) tag: Option<u64>,
    /// Where it goes on.
    pub(super) more: Option<u64>,
}

impl List {
    /// The keys and the commands.
    pub(crate) fn of_help() -> List {
        let commands = command::HELP.into_iter().map(|it| Line::default().words(it));
        let keys = keys::HELP.into_iter().map(|it| Line::default().words(it));
        let lines = keys.chain([Line::default()]).chain(commands).map(|line| (line, None)).collect();
        List { title: "Keys and commands", lines, chosen: 0, search: None }
    }

    pub(crate) fn of_rooms(rooms: &Rooms) -> List {
        let line = |it| (plain::summary(it), Some(Choice::Room(it.room.clone())));
        let rest = plain::rest(rooms).map(|it| (it, None));
        let lines = rooms.rooms.iter().map(line).chain(rest).collect();
        List { title: "Rooms", lines, chosen: 0, search: None }
    }

    /// What a search for `words` will find.
    pub(crate) fn of_search(words: &str, query: Query) -> List {
        let search = Search { words: words.to_owned(), query, tag: None, more: None };
        let searching = (Line::note("searching…"), None);
        List { title: "Found", lines: vec![searching], chosen: 0, search: Some(search) }
    }

    /// Takes what the request `tag` has found.
    pub(crate) fn found(&mut self, tag: u64, found: &Found, zone: &TimeZone) {
        let Some(search) = self.search.as_mut().filter(|it| it.tag == Some(tag)) else { return };
        (search.tag, search.more) = (None, found.more);
        self.lines.retain(|(_, choice)| choice.is_some());
        for entry in &found.entries {
            let choice = Choice::Message(Place::Room(entry.room.clone()), entry.seq);
            self.lines.push((found::line(entry, &search.query, zone), Some(choice)));
        }
        self.lines.push((
            Line::note(match (self.lines.is_empty(), found.more) {
                (_, Some(_)) => "there may be more; Down looks further back",
                (true, None) => "nothing found",
                (false, None) => "that is all",
            }),
            None,
        ));
    }

    /// The request `tag` was refused.
    pub(crate) fn failed(&mut self, tag: u64, why: &str) {
        let Some(search) = self.search.as_mut().filter(|it| it.tag == Some(tag)) else { return };
        search.tag = None;
        self.lines.retain(|(_, choice)| choice.is_some());
        self.lines.push((Line::note("refused: ").shown(&Sanitized::line(why)), None));
    }

    /// Chooses another line; whether the list is to be made longer.
    pub(crate) fn walk(&mut self, way: Way, by: usize) -> bool {
        let last = self.lines.len().saturating_sub(1);
        self.chosen = match way {
            Way::Up => self.chosen.saturating_sub(by),
            Way::Down => (self.chosen + by).min(last),
        };
        let is_short = self.lines.len() < MOST_FOUND;
        self.chosen == last
            && is_short
            && self.search.as_ref().is_some_and(|it| it.tag.is_none() && it.more.is_some())
    }

    pub(crate) fn choice(&self) -> Option<&Choice> {
        self.lines.get(self.chosen)?.1.as_ref()
    }
}

/// The most that is kept of one search.
const MOST_FOUND: usize = 1_000;
