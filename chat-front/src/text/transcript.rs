//! A conversation written down: notices in, lines for people out.

use chat_core::wire::{EntryFrame, Page};
use jiff::{Zoned, civil::Date, tz::TimeZone};

use super::{en, entry, line::Line};
use crate::notice::Notice;

/// Turns notices into lines.
#[derive(Debug)]
pub struct Transcript {
    zone: TimeZone,
    /// The day of the line written last.
    day: Date,
    /// The user's own name, once the server has said it.
    me: Option<String>,
}

impl Transcript {
    /// Times are shown as in the zone of `now`; days other than today are named.
    pub fn new(now: &Zoned) -> Transcript {
        Transcript { zone: now.time_zone().clone(), day: now.date(), me: None }
    }

    /// The lines for `notice`.
    pub fn lines(&mut self, notice: &Notice) -> Vec<Line> {
        match notice {
            Notice::YouAre { name } | Notice::Back { name, .. } => self.me = Some(name.clone()),
            Notice::Entry(entry) => return self.entry(entry),
            Notice::Page { page, .. } => return self.page(page),
            Notice::Found { query, entries, more, goes_on } => {
                let shown = entries.iter().filter(|found| found.body.is_shown());
                let mut lines: Vec<Line> =
                    shown.map(|found| entry::found(found, query, &self.zone)).collect();
                lines.push(en::end_of_search(lines.is_empty(), *more, *goes_on));
                return lines;
            }
            _ => {}
        }
        en::lines(notice, self.me.as_deref())
    }

    fn entry(&mut self, entry: &EntryFrame) -> Vec<Line> {
        if !entry.body.is_shown() {
            return Vec::new();
        }
        let at = entry::time(entry.at).to_zoned(self.zone.clone());
        let line = entry::line(entry, &at, self.me.as_deref());
        if self.day == at.date() {
            return vec![line];
        }
        self.day = at.date();
        vec![Line::note("").day(self.day), line]
    }

    fn page(&mut self, page: &Page) -> Vec<Line> {
        let (Some(first), Some(last)) = (page.entries.first(), page.entries.last()) else {
            return vec![en::empty_page(&page.room)];
        };
        let mut lines = vec![en::begin_of_page(&page.room, first.seq, last.seq)];
        lines.extend(page.entries.iter().flat_map(|entry| self.entry(entry)));
        lines.push(en::end_of_page(&page.room));
        lines
    }
}

#[cfg(test)]
mod tests;
