//! Renders one item of a room as rows. Only items in view are rendered.

use chat_core::{mention::mentions, wire::EntryKind};
use chat_front::text::{Sanitized, entry};
use jiff::{Zoned, civil::Date, tz::TimeZone};
use ratatui::{
    style::Style,
    text::{Line, Span},
};

use super::{
    backlog::{Item, Said},
    room::{Outgoing, RoomView, Sent},
    theme::Theme,
};
use crate::flow::{self, Styled};

/// The settings for rendering items.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look<'a> {
    pub(crate) me: Option<&'a str>,
    pub(crate) zone: &'a TimeZone,
    pub(crate) theme: Theme,
}

impl Look<'_> {
    /// How many rows the item at `at` takes.
    pub(crate) fn height(&self, room: &RoomView, at: usize, columns: usize) -> usize {
        self.rows(room, at, columns).len()
    }

    /// The rows of the item at `at`, each of at most `columns`.
    pub(crate) fn rows(&self, room: &RoomView, at: usize, columns: usize) -> Vec<Line<'static>> {
        let items = (0..at).rev().map(|before| room.backlog.get(before));
        let before = items.flatten().find(|item| !matches!(item, Item::Hidden(_)));
        match room.backlog.get(at) {
            Some(Item::Said(said)) => self.said(room, said, before, columns),
            Some(Item::Hidden(_)) => Vec::new(),
            Some(Item::Gap(from, to)) => {
                let text = format!("messages {from} to {to} are no longer held");
                vec![ruled(&text, self.theme.faint(), columns)]
            }
            Some(Item::Note(line)) => flow::lines(&self.theme.styled(line), columns),
            None => {
                let at = at - room.backlog.len();
                let Some(outgoing) = room.outgoing.get(at) else { return Vec::new() };
                let follows = at > 0 || matches!(before, Some(Item::Said(it)) if self.is_mine(it));
                self.outgoing(outgoing, follows, columns)
            }
        }
    }

    fn said(
        &self,
        room: &RoomView,
        said: &Said,
        before: Option<&Item>,
        columns: usize,
    ) -> Vec<Line<'static>> {
        let theme = self.theme;
        let time = self.time(said);
        let last = before.and_then(|item| if let Item::Said(item) = item { Some(item) } else { None });
        let mut rows = Vec::new();
        let is_other_day = last.is_none_or(|last| self.time(last).date() != time.date());
        if is_other_day && (last.is_some() || before.is_none()) {
            rows.push(ruled(&day(time.date()), theme.faint(), columns));
        }
        let is_first_new = room.mark.is_some_and(|mark| {
            said.seq > mark && before.is_none_or(|item| item.seq().is_none_or(|seq| seq <= mark))
        });
        if is_first_new {
            rows.push(ruled("new", theme.news(), columns));
        }
        let clock = format!("{:02}:{:02}", time.hour(), time.minute());
        if said.kind == EntryKind::Topic {
            let name = Sanitized::line(&said.from).to_string();
            let what = if said.text.is_empty() { " took the topic away" } else { " set the topic: " };
            let text = vec![
                (theme.faint(), format!("{clock} ")),
                (theme.name(&said.from), name),
                (Style::new(), what.to_owned()),
                (Style::new(), Sanitized::line(&said.text).to_string()),
            ];
            rows.extend(flow::lines(&text, columns));
            return rows;
        }
        let goes_on = last.is_some_and(|last| {
            last.kind == said.kind
                && last.mark == said.mark
                && last.from == said.from
                && said.at.saturating_sub(last.at) < TOGETHER
                && rows.is_empty()
        });
        if !goes_on {
            rows.push(self.head(&said.from, &format!("{} {clock}", said.mark), columns));
        }
        let text = self.text(said);
        let is_for_me = text.len() > 1 && !self.is_mine(said);
        let sign = match (room.target == Some(said.seq), is_for_me) {
            (true, _) => Span::styled("> ", theme.strong()),
            (false, true) => Span::styled("! ", theme.mention()),
            (false, false) => Span::raw("  "),
        };
        rows.extend(indented(flow::lines(&text, inner(columns)), sign));
        rows
    }

    /// The head line of a message: the author's name and `more`.
    fn head(&self, name: &str, more: &str, columns: usize) -> Line<'static> {
        let shown = Sanitized::line(name).to_string();
        let shown = flow::shortened(&shown, columns.saturating_sub(more.len()).max(1));
        Line::from(vec![
            Span::styled(shown, self.theme.name(name)),
            Span::styled(more.to_owned(), self.theme.faint()),
        ])
    }

    /// The text of a message, with the user's own name marked.
    fn text(&self, said: &Said) -> Styled {
        let harmless = Sanitized::lines(&said.text).to_string();
        let mut parts = Vec::new();
        let mut done = 0;
        if let Some(me) = self.me.filter(|_| !self.is_mine(said)) {
            for range in mentions(me, &harmless) {
                parts.push((Style::new(), harmless[done..range.start].to_owned()));
                done = range.end;
                parts.push((self.theme.mention(), harmless[range].to_owned()));
            }
        }
        parts.push((Style::new(), harmless[done..].to_owned()));
        parts
    }

    fn outgoing(&self, outgoing: &Outgoing, follows: bool, columns: usize) -> Vec<Line<'static>> {
        let theme = self.theme;
        let mut rows = Vec::new();
        if !follows && let Some(me) = self.me {
            rows.push(self.head(me, " ", columns));
        }
        let text = Sanitized::lines(&outgoing.text).to_string();
        let (sign, style) = match &outgoing.state {
            Sent::Pending => (Span::styled("~ ", theme.faint()), theme.faint()),
            Sent::Stored(_) => (Span::raw("  "), Style::new()),
            Sent::Failed(_) => (Span::styled("x ", theme.alarm()), Style::new()),
        };
        rows.extend(indented(flow::lines(&vec![(style, text)], inner(columns)), sign));
        if let Sent::Failed(why) = &outgoing.state {
            let why = format!("not sent: {}; Ctrl-R sends it again, Ctrl-X forgets it", Sanitized::line(why));
            let lines = flow::lines(&vec![(theme.alarm(), why)], inner(columns));
            rows.extend(indented(lines, Span::raw("  ")));
        }
        rows
    }

    fn is_mine(&self, said: &Said) -> bool {
        self.me == Some(&*said.from)
    }

    fn time(&self, said: &Said) -> Zoned {
        entry::time(said.at).to_zoned(self.zone.clone())
    }
}

/// The columns of a text beside its sign.
fn inner(columns: usize) -> usize {
    columns.saturating_sub(2).max(1)
}

/// Indents every line of a message, so that none of them can look like a message of another person.
fn indented(lines: Vec<Line<'static>>, sign: Span<'static>) -> impl Iterator<Item = Line<'static>> {
    lines.into_iter().enumerate().map(move |(at, mut line)| {
        line.spans.insert(0, if at == 0 { sign.clone() } else { Span::raw("  ") });
        line
    })
}

fn day(date: Date) -> String {
    format!("{} {date}", date.strftime("%A"))
}

/// `text` in the middle of a line.
fn ruled(text: &str, style: Style, columns: usize) -> Line<'static> {
    let text = flow::shortened(text, columns.saturating_sub(2).max(1));
    let rest = columns.saturating_sub(flow::text_width(&text) + 2);
    let (left, right) = (rest / 2, rest - rest / 2);
    Line::styled(format!("{} {text} {}", "─".repeat(left), "─".repeat(right)), style)
}

/// Messages of one person within this time, in milliseconds, share one head line.
const TOGETHER: u64 = 5 * 60 * 1000;
