//! Looking for entries by their words: what a log is asked, and what it answers.

use super::LogEntry;
use crate::{PersonName, RoomName, words::Query};

/// What is looked for. An entry has to be all of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Search {
    /// What its text has; messages and topics alike.
    pub query: Query,
    /// The only room to look in.
    pub room: Option<RoomName>,
    /// The only person whose entries count, compared as names are.
    pub from: Option<PersonName>,
    /// The earliest time, in milliseconds since 1970 (UTC).
    pub since: Option<u64>,
    /// Where an earlier search stopped: only what is older than that, in the order of this log.
    pub before: Option<u64>,
    /// Entries at most; at least one.
    pub limit: usize,
}

impl Search {
    /// Whether it is what `from` says here that is looked for, by its words and by who says it.
    pub fn is_for(&self, from: &str, text: &str) -> bool {
        let is_theirs = |wanted: &PersonName| PersonName::parse(from).is_ok_and(|it| it == *wanted);
        self.query.matches(text) && self.from.as_ref().is_none_or(is_theirs)
    }
}

/// What a search brought.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Found {
    /// Newest first.
    pub hits: Vec<Hit>,
    /// Where it stopped, unless nothing older is left to be looked at: `before` of the search that goes on.
    pub more: Option<u64>,
    /// About how many of the newest entries were not looked at, because the log has not indexed them yet.
    pub pending: u64,
}

/// One entry that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hit {
    /// Its room.
    pub room: RoomName,
    /// The entry.
    pub entry: LogEntry,
    /// Its place in the order of the log, at most 2^53 - 1: `before` of the search that goes on right after it.
    pub place: u64,
}
