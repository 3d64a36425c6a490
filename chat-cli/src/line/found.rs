//! What a search found, as lines for people: where, when and by whom it was said, and the words marked.

use chat_core::{
    wire::{Author, EntryFrame, EntryKind, Found},
    words::Query,
};
use jiff::{Timestamp, tz::TimeZone};

use super::plain::INDENT;
use crate::{output::Line, sanitize::Sanitized};

/// The line for one entry. Times are shown as in `zone`.
pub(crate) fn line(entry: &EntryFrame, query: &Query, zone: &TimeZone) -> Line {
    let at = time(entry.at).to_zoned(zone.clone());
    let line = Line::default().faint("[").shown(&Sanitized::line(&entry.room)).faint("] ");
    let line = line.day(at.date()).words(" ").clock(at.time());
    let line = match entry.body.kind {
        EntryKind::Topic => line.faint(" -- ").name(&entry.author.name).words(" set the topic: "),
        _ => line.faint(" <").name(&entry.author.name).faint(mark(&entry.author)).faint("> "),
    };
    marked(line, &entry.body.text, query)
}

/// The lines for a page of a search; `goes_on` says whether it is not the first one.
pub(super) fn page(found: &Found, query: &Query, goes_on: bool, zone: &TimeZone) -> Vec<Line> {
    let end = match (found.entries.is_empty(), found.more, goes_on) {
        (true, None, false) => "nothing found",
        (true, None, true) => "nothing older found",
        (true, Some(_), _) => "nothing found yet; /search looks further back",
        (false, Some(_), _) => "there may be more; /search looks further back",
        (false, None, _) => "that is all",
    };
    let lines = found.entries.iter().map(|entry| line(entry, query, zone));
    lines.chain([Line::note(end)]).collect()
}

/// What stands behind the name of who said it. No name has a space in it.
pub(crate) fn mark(author: &Author) -> &'static str {
    if author.bot { " bot" } else { "" }
}

/// The moment `at`, in milliseconds since 1970 (UTC).
pub(crate) fn time(at: u64) -> Timestamp {
    i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or(Timestamp::MAX)
}

fn marked(mut line: Line, text: &str, query: &Query) -> Line {
    let mut shown = 0;
    for mark in query.marks(text) {
        line = line.shown(&Sanitized::block(&text[shown..mark.start], INDENT));
        shown = mark.end;
        line = line.marked(&Sanitized::block(&text[mark], INDENT));
    }
    line.shown(&Sanitized::block(&text[shown..], INDENT))
}
