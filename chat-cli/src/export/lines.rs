//! An export as lines: events for programs, or text for people.

use chat_core::wire::{EntryFrame, EntryKind, Event, Gap};
use chat_front::text::{
    Sanitized,
    entry::{mark, time},
};
use jiff::tz::TimeZone;

use super::Form;
use crate::output::printable_json;

/// One JSON event a line, as `chat tail --json` prints them.
pub(super) struct Json;

impl Form for Json {
    fn entry(&mut self, entry: &EntryFrame) -> String {
        printable_json(&Event::Entry(entry.clone())) + "\n"
    }

    fn gap(&mut self, gap: &Gap) -> String {
        printable_json(&Event::Gap(gap.clone())) + "\n"
    }
}

/// One entry a line; the further lines of a text are indented. Nothing in it acts on a terminal.
pub(super) struct Text {
    zone: TimeZone,
}

impl Text {
    /// Times are shown as in `zone`.
    pub(super) fn new(zone: TimeZone) -> Text {
        Text { zone }
    }
}

impl Form for Text {
    fn entry(&mut self, entry: &EntryFrame) -> String {
        if !entry.body.is_shown() {
            return String::new();
        }
        let at = time(entry.at).to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S");
        let (from, text) = (Sanitized::line(&entry.author.name), Sanitized::block(&entry.body.text, INDENT));
        match entry.body.kind {
            EntryKind::Topic if entry.body.text.is_empty() => format!("{at} -- {from} took away the topic\n"),
            EntryKind::Topic => format!("{at} -- {from} set the topic: {text}\n"),
            _ => format!("{at} <{from}{}> {text}\n", mark(&entry.author)),
        }
    }

    fn gap(&mut self, gap: &Gap) -> String {
        format!("-- {}\n", words(gap))
    }
}

/// Which numbers are gone, in words.
pub(super) fn words(gap: &Gap) -> String {
    match gap.from == gap.to {
        true => format!("message {} is no longer held", gap.from),
        false => format!("messages {} to {} are no longer held", gap.from, gap.to),
    }
}

const INDENT: usize = 4;
