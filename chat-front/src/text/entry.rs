//! What was said, as lines: in a room, to one person, or as a search found it.

use chat_core::{
    wire::{Author, EntryFrame, EntryKind, INBOX},
    words::Query,
};
use jiff::{Timestamp, Zoned, tz::TimeZone};

use super::{en, line::Line, phrase::INDENT, sanitize::Sanitized};

/// The line for an entry that was made `at` this time, for the user called `me`. An entry of a kind that is not known
/// shows its text, as a message does; the caller leaves out one without a text.
pub fn line(entry: &EntryFrame, at: &Zoned, me: Option<&str>) -> Line {
    let (author, text) = (&entry.author, Sanitized::block(&entry.body.text, INDENT));
    match entry.body.kind {
        EntryKind::Topic => en::topic_set(entry),
        _ if entry.room == INBOX => {
            let to = entry.to.as_deref().or(me).unwrap_or_default();
            let line = person(Line::default().words("* "), &author.name, me).faint(mark(author));
            person(line.faint(" -> "), to, me).words(": ").shown(&text)
        }
        _ => Line::default()
            .faint("[")
            .shown(&Sanitized::line(&entry.room))
            .faint("] ")
            .clock(at.time())
            .faint(" <")
            .name(&author.name)
            .faint(mark(author))
            .faint("> ")
            .shown(&text),
    }
}

/// The line for an entry that a search for `query` found: where, when and by whom it was said, and the words marked.
/// Times are shown as in `zone`.
pub fn found(entry: &EntryFrame, query: &Query, zone: &TimeZone) -> Line {
    let at = time(entry.at).to_zoned(zone.clone());
    let line = Line::default().faint("[").shown(&Sanitized::line(&entry.room)).faint("] ");
    let line = line.day(at.date()).words(" ").clock(at.time());
    let (author, text) = (&entry.author, marked(&entry.body.text, query));
    match entry.body.kind {
        EntryKind::Topic => line.faint(" -- ").line(en::found_topic(&author.name, text)),
        _ => line.faint(" <").name(&author.name).faint(mark(author)).faint("> ").line(text),
    }
}

/// The words behind the name of a program, and of a guest, whose link was not encrypted. No name has a space in it.
pub fn mark(author: &Author) -> &'static str {
    match (author.bot, author.identity.is_none()) {
        (true, true) => en::BOT_GUEST,
        (true, false) => en::BOT,
        (false, true) => en::GUEST,
        (false, false) => "",
    }
}

/// The moment `at`, in milliseconds since 1970 (UTC).
pub fn time(at: u64) -> Timestamp {
    i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or(Timestamp::MAX)
}

fn person(line: Line, name: &str, me: Option<&str>) -> Line {
    if me == Some(name) { line.words(en::YOU) } else { line.name(name) }
}

fn marked(text: &str, query: &Query) -> Line {
    let mut line = Line::default();
    let mut shown = 0;
    for mark in query.marks(text) {
        line = line.shown(&Sanitized::block(&text[shown..mark.start], INDENT));
        shown = mark.end;
        line = line.marked(&Sanitized::block(&text[mark], INDENT));
    }
    line.shown(&Sanitized::block(&text[shown..], INDENT))
}
