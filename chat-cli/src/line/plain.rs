//! What happens, as lines for people. Pure: updates in, lines out.

use std::{collections::BTreeMap, time::Duration};

use chat_core::{
    Address,
    client::Update,
    wire::{EntryFrame, EntryKind, Error, Event, Gap, INBOX, Joined, Members, Page, RoomSummary, Rooms},
    words::Query,
};
use jiff::{Zoned, civil::Date, tz::TimeZone};

use super::{found, rooms::is_same};
use crate::{output::Line, sanitize::Sanitized};

/// Turns updates into lines.
#[derive(Debug)]
pub(crate) struct Plain {
    zone: TimeZone,
    /// The day of the line printed last.
    day: Date,
    /// The user's own name, once the server has said it.
    me: Option<String>,
    /// The connection was lost, and that has been said.
    lost: bool,
    /// By room, the smallest number shown.
    oldest: BTreeMap<String, u64>,
}

/// What a request was about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    /// This, to be said or set.
    Say(String),
    /// To enter this room.
    Enter(String),
    /// To read on in this room, which was entered, in another session.
    ReadOn(String),
    /// What this command asks for.
    Command(&'static str),
    /// To search for this; whether it goes on with an earlier search.
    Search(Query, bool),
    /// Nothing that is known.
    Nothing,
}

impl Asked {
    /// To say or set `text`.
    pub(crate) fn say(text: &str) -> Asked {
        Asked::Say(text.to_owned())
    }
}

impl Plain {
    /// Times are shown as in the zone of `now`; days other than today are named.
    pub(crate) fn new(now: &Zoned) -> Plain {
        let zone = now.time_zone().clone();
        Plain { zone, day: now.date(), me: None, lost: false, oldest: BTreeMap::new() }
    }

    /// The smallest number shown of `room`.
    pub(crate) fn oldest(&self, room: &str) -> Option<u64> {
        self.oldest.iter().find(|(it, _)| is_same(it, room)).map(|(_, seq)| *seq)
    }

    /// The lines for `update`. A reply belongs to a request about `asked`.
    pub(crate) fn lines(&mut self, update: &Update, asked: &Asked) -> Vec<Line> {
        match update {
            Update::Connected(welcome) => self.connected(&welcome.name),
            Update::Disconnected { why, retry_in } => self.disconnected(why, *retry_in),
            Update::Moved { to } => vec![moved_to(to)],
            Update::Joined { tag: Some(_), .. } if matches!(asked, Asked::ReadOn(_)) => Vec::new(),
            Update::Joined { tag: Some(_), joined } => entered(joined),
            Update::Entry(entry) => self.entry(entry),
            Update::Gap(gap) => vec![gone(gap)],
            Update::Reset { room } => {
                self.oldest.remove(room);
                vec![Line::note("").shown(&Sanitized::line(room)).words(" began anew; this is what it holds")]
            }
            Update::Presence(presence) => {
                let others = |names: &[String]| -> Vec<String> {
                    names.iter().filter(|name| Some(*name) != self.me.as_ref()).cloned().collect()
                };
                let entered = moved(&others(&presence.entered), " entered ", &presence.room);
                let left = moved(&others(&presence.left), " left ", &presence.room);
                entered.into_iter().chain(left).collect()
            }
            Update::Reply { reply, .. } => self.reply(reply, asked),
            Update::LostRoom { room, error } => vec![refused(error, &Asked::Enter(room.clone()))],
            Update::Unanswered { .. } => vec![unanswered(asked)],
            Update::Error(error) | Update::Refused(error) => vec![refused(error, asked)],
            // The rest is for programs, or what follows says it.
            _ => Vec::new(),
        }
    }

    fn connected(&mut self, name: &str) -> Vec<Line> {
        self.lost = false;
        match self.me.replace(name.to_owned()) {
            Some(before) if before == name => vec![Line::note("back")],
            _ => vec![Line::note("you are ").name(name)],
        }
    }

    /// Says once that the connection was lost, and not again for every attempt after that.
    fn disconnected(&mut self, why: &str, retry_in: Duration) -> Vec<Line> {
        if std::mem::replace(&mut self.lost, true) {
            return Vec::new();
        }
        let what = if self.me.is_some() { "connection lost (" } else { "not let in yet (" };
        let line = Line::note(what).shown(&Sanitized::line(why)).words("); trying again in ");
        vec![line.number(seconds(retry_in)).words(" s")]
    }

    fn entry(&mut self, entry: &EntryFrame) -> Vec<Line> {
        let oldest = self.oldest.entry(entry.room.clone()).or_insert(entry.seq);
        *oldest = entry.seq.min(*oldest);
        let at = found::time(entry.at).to_zoned(self.zone.clone());
        let text = Sanitized::block(&entry.body.text, INDENT);
        let line = match entry.body.kind {
            EntryKind::Topic => topic_set(entry),
            _ if entry.room == INBOX => {
                let to = entry.to.as_deref().or(self.me.as_deref()).unwrap_or_default();
                let line = self
                    .person(Line::default().words("* "), &entry.author.name)
                    .faint(found::mark(&entry.author));
                let line = line.faint(" -> ");
                self.person(line, to).words(": ").shown(&text)
            }
            _ => Line::default()
                .faint("[")
                .shown(&Sanitized::line(&entry.room))
                .faint("] ")
                .clock(at.time())
                .faint(" <")
                .name(&entry.author.name)
                .faint(found::mark(&entry.author))
                .faint("> ")
                .shown(&text),
        };
        if self.day == at.date() {
            return vec![line];
        }
        self.day = at.date();
        vec![Line::note("").day(self.day), line]
    }

    fn person(&self, line: Line, name: &str) -> Line {
        if self.me.as_deref() == Some(name) { line.words("you") } else { line.name(name) }
    }

    fn reply(&mut self, reply: &Event, asked: &Asked) -> Vec<Line> {
        match reply {
            Event::Error(error) => vec![refused(error, asked)],
            Event::Left(left) => vec![Line::note("left ").shown(&Sanitized::line(&left.room))],
            Event::Members(members) => vec![present(members)],
            Event::Page(page) => self.page(page),
            Event::Found(page) => match asked {
                Asked::Search(query, goes_on) => found::page(page, query, *goes_on, &self.zone),
                _ => Vec::new(),
            },
            Event::Rooms(rooms) => rooms.rooms.iter().map(summary).chain(rest(rooms)).collect(),
            _ => Vec::new(),
        }
    }

    fn page(&mut self, page: &Page) -> Vec<Line> {
        let room = Sanitized::line(&page.room);
        let (Some(first), Some(last)) = (page.entries.first(), page.entries.last()) else {
            return vec![Line::note("nothing older in ").shown(&room)];
        };
        let head = Line::note("").shown(&room).words(", ").number(first.seq).words(" to ").number(last.seq);
        let end = Line::note("end of what is older in ").shown(&room);
        let entries = page.entries.iter().flat_map(|entry| self.entry(entry));
        std::iter::once(head.words(":")).chain(entries.collect::<Vec<_>>()).chain([end]).collect()
    }
}

fn entered(joined: &Joined) -> Vec<Line> {
    let line = Line::note("entered ").shown(&Sanitized::line(&joined.room)).words(", ");
    let line = listed(line.number(joined.present).words(" here"), &joined.members, joined.present);
    let topic = (!joined.topic.is_empty()).then(|| topic(&joined.room, &joined.topic));
    std::iter::once(line).chain(topic).collect()
}

/// Who is in a room.
pub(crate) fn present(members: &Members) -> Line {
    let line = Line::note("").number(members.present).words(" in ");
    listed(line.shown(&Sanitized::line(&members.room)), &members.members, members.present)
}

fn topic(room: &str, text: &str) -> Line {
    let line = Line::note("topic of ").shown(&Sanitized::line(room)).words(": ");
    line.shown(&Sanitized::line(text))
}

fn topic_set(entry: &EntryFrame) -> Line {
    let (room, text) = (Sanitized::line(&entry.room), Sanitized::line(&entry.body.text));
    let line = Line::note("").name(&entry.author.name);
    match entry.body.text.is_empty() {
        true => line.words(" took away the topic of ").shown(&room),
        false => line.words(" set the topic of ").shown(&room).words(": ").shown(&text),
    }
}

/// Where the conversation goes on.
pub(crate) fn moved_to(server: &Address) -> Line {
    Line::note("going on at ").shown(&Sanitized::line(&server.to_string()))
}

/// What is no longer held.
pub(crate) fn gone(gap: &Gap) -> Line {
    let line = Line::note(if gap.from == gap.to { "message " } else { "messages " }).number(gap.from);
    let line = if gap.from == gap.to { line } else { line.words(" to ").number(gap.to) };
    let line = if gap.room == INBOX {
        line.words(" to and from you")
    } else {
        line.words(" of ").shown(&Sanitized::line(&gap.room))
    };
    line.words(if gap.from == gap.to { " is no longer held" } else { " are no longer held" })
}

fn moved(names: &[String], how: &'static str, room: &str) -> Option<Line> {
    let line = some(Line::note(""), names, names.len() as u64);
    (!names.is_empty()).then(|| line.words(how).shown(&Sanitized::line(room)))
}

fn listed(line: Line, names: &[String], present: u64) -> Line {
    if names.is_empty() { line } else { some(line.words(": "), names, present) }
}

/// Adds some of `names`, of which there are `total`, and how many are left out.
fn some(mut line: Line, names: &[String], total: u64) -> Line {
    for (at, name) in names.iter().take(NAMES_SHOWN).enumerate() {
        line = if at == 0 { line } else { line.words(", ") }.name(name);
    }
    match total.saturating_sub(names.len().min(NAMES_SHOWN) as u64) {
        0 => line,
        1 => line.words(" and 1 other"),
        more => line.words(" and ").number(more).words(" others"),
    }
}

/// A room, in a list of them.
pub(crate) fn summary(room: &RoomSummary) -> Line {
    let line = Line::note("").shown(&Sanitized::line(&room.room)).words(": ").number(room.present);
    let line =
        line.words(" here, ").number(room.head).words(if room.head == 1 { " message" } else { " messages" });
    if room.topic.is_empty() { line } else { line.words("; ").shown(&Sanitized::line(&room.topic)) }
}

/// What there is to say after a list of rooms.
pub(crate) fn rest(rooms: &Rooms) -> Option<Line> {
    match rooms.total.saturating_sub(rooms.rooms.len() as u64) {
        0 if rooms.total == 0 => Some(Line::note("there are no rooms")),
        0 => None,
        more => Some(Line::note("and ").number(more).words(" more")),
    }
}

fn refused(error: &Error, asked: &Asked) -> Line {
    let line = match asked {
        Asked::Say(_) => Line::note("not sent: "),
        Asked::Enter(room) | Asked::ReadOn(room) => {
            Line::note("cannot enter ").shown(&Sanitized::line(room)).words(": ")
        }
        Asked::Command(_) | Asked::Search(..) | Asked::Nothing => Line::note("refused: "),
    };
    let line = line.shown(&Sanitized::line(&error.message));
    let line = match error.retry_after_ms {
        Some(ms) => line.words("; try again in ").number(seconds(Duration::from_millis(ms))).words(" s"),
        None => line,
    };
    match asked {
        // It may have been typed long ago, while there was no connection.
        Asked::Say(text) => line.words("; it was: ").shown(&Sanitized::line(text)),
        _ => line,
    }
}

fn unanswered(asked: &Asked) -> Line {
    let line = Line::note("no answer to: ");
    match asked {
        Asked::Say(text) => line.shown(&Sanitized::line(text)),
        Asked::Enter(room) | Asked::ReadOn(room) => line.words("/join ").shown(&Sanitized::line(room)),
        Asked::Command(command) => line.words(command),
        Asked::Search(..) => line.words("/search"),
        Asked::Nothing => line.words("a request"),
    }
}

/// Whole seconds, rounded up, at least one.
fn seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// How far the second line of a text and those after it are indented, so that none looks like a message of its own.
pub(super) const INDENT: usize = 4;

/// How many names a line holds at most.
const NAMES_SHOWN: usize = 20;

#[cfg(test)]
mod tests;
