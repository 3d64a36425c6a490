//! Line mode for people: commands in, readable lines out.

use std::{borrow::Cow, collections::BTreeMap};

use chat_core::{
    Address, PersonName, RoomName,
    client::{Stats, Update},
    text,
    wire::{
        Event, History, Join, Leave, MAX_FRAME, MAX_HISTORY, MAX_TEXT, Post, RECENT, RequestBody, Search, Who,
    },
    words::Query,
};
use jiff::Zoned;

use super::{
    Face, Step,
    input::Typed,
    plain::{Asked, Plain},
    rooms::Rooms,
};
use crate::{
    command::{Command, HELP, Measure, Mistake},
    output::{Line, Output},
    sanitize::Sanitized,
    stats,
};

/// The face for people.
#[derive(Debug)]
pub(crate) struct Human {
    plain: Plain,
    rooms: Rooms,
    /// What is not answered yet, by tag; the client lets only so much be unanswered.
    asked: BTreeMap<u64, Asked>,
    last_tag: u64,
    search: Option<Searched>,
}

/// What was searched for last.
#[derive(Debug)]
struct Searched {
    words: String,
    query: Query,
    /// The request whose answer says where it goes on.
    tag: u64,
    more: Option<u64>,
}

impl Human {
    /// Times are shown as in the zone of `now`.
    pub(crate) fn new(now: &Zoned) -> Human {
        Human {
            plain: Plain::new(now),
            rooms: Rooms::default(),
            asked: BTreeMap::new(),
            last_tag: 0,
            search: None,
        }
    }

    fn ask(&mut self, request: RequestBody<'static>, asked: Asked) -> Step {
        self.last_tag += 1;
        self.asked.insert(self.last_tag, asked);
        Step::Ask(request, self.last_tag)
    }

    /// Searches for `words`, or further for those searched for last.
    fn search(&mut self, words: Option<&str>) -> Result<Step, Line> {
        let (words, query, before) = match (words, self.search.take()) {
            (Some(words), _) => match Query::parse(words) {
                Ok(query) => (words.to_owned(), query, None),
                Err(why) => {
                    return Err(
                        Line::note("cannot search for this: ").shown(&Sanitized::line(&why.to_string()))
                    );
                }
            },
            (None, Some(Searched { words, query, more: Some(more), .. })) => (words, query, Some(more)),
            (None, Some(last)) => {
                let waits = self.asked.contains_key(&last.tag);
                self.search = Some(last);
                return Err(Line::note(if waits { "still searching" } else { "nothing older found" }));
            }
            (None, None) => return Err(corrected(&Mistake::Usage("/search WORDS"))),
        };
        let search =
            Search { words: Cow::Owned(words.clone()), before, limit: Some(HITS), ..Search::default() };
        let step = self.ask(RequestBody::Search(search), Asked::Search(query.clone(), before.is_some()));
        self.search = Some(Searched { words, query, tag: self.last_tag, more: None });
        Ok(step)
    }

    /// What `command` asks for, or the line that says why nothing can be asked.
    fn perform(&mut self, command: Command<'_>) -> Result<Step, Line> {
        let room = |named: Option<&str>, rooms: &Rooms| {
            let room = named.or_else(|| rooms.current());
            room.map(|it| Cow::Owned(it.to_owned())).ok_or_else(|| Line::note(NO_ROOM))
        };
        let (request, asked) = match command {
            Command::Join(name) => match RoomName::parse(name) {
                Ok(_) => return Ok(self.enter(name, None)),
                // The server would let us into the inbox, where nobody can talk.
                Err(why) => {
                    let line = Line::note("cannot enter ").shown(&Sanitized::line(name)).words(": ");
                    return Err(line.shown(&Sanitized::line(&why.to_string())));
                }
            },
            Command::Quit => return Ok(Step::Quit),
            Command::Help | Command::Nothing => return Ok(Step::Nothing),
            Command::Stats(measure) => return Ok(Step::Measure(measure)),
            Command::Transport(to) => return Ok(Step::Move(to.to_owned())),
            Command::Name(name) => return named(name).map(Step::Rename),
            Command::Say(said) => {
                (RequestBody::from(Post::say(room(None, &self.rooms)?, sendable(said)?)), Asked::say(said))
            }
            Command::Topic(topic) => (
                RequestBody::from(Post::topic(room(None, &self.rooms)?, sendable(topic)?)),
                Asked::say(topic),
            ),
            Command::Msg(name, said) => (
                RequestBody::from(Post::tell(Cow::Owned(name.to_owned()), sendable(said)?)),
                Asked::say(said),
            ),
            Command::Leave(named) => {
                let room = room(named, &self.rooms)?;
                if !self.rooms.has(&room) {
                    return Err(Line::note("you are not in ").shown(&Sanitized::line(&room)));
                }
                self.rooms.leave(&room);
                (RequestBody::Leave(Leave { room }), Asked::Command("/leave"))
            }
            Command::Who(named) => {
                (RequestBody::Who(Who { room: room(named, &self.rooms)? }), Asked::Command("/who"))
            }
            Command::Rooms => (RequestBody::Rooms, Asked::Command("/rooms")),
            Command::Search(words) => return self.search(words),
            Command::History(limit) => {
                let room = room(None, &self.rooms)?;
                let before = self.plain.oldest(&room);
                let limit = Some(limit.unwrap_or(RECENT).clamp(1, MAX_HISTORY));
                (RequestBody::History(History { room, before, limit }), Asked::Command("/history"))
            }
        };
        Ok(self.ask(request, asked))
    }

    fn answered(&mut self, update: &Update) -> Vec<Line> {
        let asked = match update {
            Update::Reply { tag, .. }
            | Update::Joined { tag: Some(tag), .. }
            | Update::Unanswered { tag } => self.asked.remove(tag),
            _ => None,
        };
        let asked = asked.unwrap_or(Asked::Nothing);
        if let (Update::Reply { tag, reply: Event::Found(found) }, Some(search)) = (update, &mut self.search)
            && search.tag == *tag
        {
            search.more = found.more;
        }
        let mut lines = self.plain.lines(update, &asked);
        match (&asked, update) {
            (Asked::Enter(room) | Asked::ReadOn(room), Update::Reply { .. }) => self.rooms.leave(room), // a join that worked is no reply
            (_, Update::LostRoom { room, .. }) => self.rooms.leave(room),
            (_, Update::Reply { reply: Event::Left(_), .. }) => {}
            _ => return lines,
        }
        // Where a line is said has changed.
        lines.push(match self.rooms.current() {
            Some(room) => Line::note("what you type is said in ").shown(&Sanitized::line(room)),
            None => Line::note(NO_ROOM),
        });
        lines
    }
}

impl Face for Human {
    fn enter(&mut self, room: &str, after: Option<u64>) -> Step {
        self.rooms.enter(room);
        let join = Join { room: Cow::Owned(room.to_owned()), after, ..Join::default() };
        self.ask(RequestBody::Join(join), Asked::Enter(room.to_owned()))
    }

    fn read_on(&mut self, join: Join<'static>) -> Step {
        let asked = Asked::ReadOn(join.room.to_string());
        self.ask(RequestBody::Join(join), asked)
    }

    fn typed(&mut self, typed: Typed, out: &mut Output) -> anyhow::Result<Step> {
        let line = match typed {
            Typed::Line(line) => text::clean(&line),
            Typed::NotUtf8 => {
                out.line(&Line::note("not sent: the line is not UTF-8"))?;
                return Ok(Step::Nothing);
            }
            Typed::TooLong(size) => {
                out.line(&too_long(size, MAX_FRAME))?;
                return Ok(Step::Nothing);
            }
        };
        let command = match Command::parse(&line) {
            Ok(command) => command,
            Err(mistake) => {
                out.line(&corrected(&mistake))?;
                return Ok(Step::Nothing);
            }
        };
        match command {
            Command::Help => HELP.into_iter().try_for_each(|words| out.line(&Line::note(words)))?,
            Command::Stats(Measure::NoMore) => out.line(&Line::note("no more of what the network does"))?,
            _ => {}
        }
        match self.perform(command) {
            Ok(step) => Ok(step),
            Err(why_not) => {
                out.line(&why_not)?;
                Ok(Step::Nothing)
            }
        }
    }

    fn show(&mut self, update: &Update, out: &mut Output) -> anyhow::Result<()> {
        self.answered(update).iter().try_for_each(|line| out.line(line))?;
        Ok(())
    }

    fn measured(&mut self, stats: &Stats, server: &Address, out: &mut Output) -> anyhow::Result<()> {
        Ok(out.line(&stats::line(stats, server))?)
    }
}

/// `text` as it is sent, or why it cannot be.
pub(crate) fn sendable(text: &str) -> Result<Cow<'static, str>, Line> {
    match text.len() {
        ..=MAX_TEXT => Ok(Cow::Owned(text.to_owned())),
        size => Err(too_long(size as u64, MAX_TEXT)),
    }
}

/// Why something that long is not sent.
fn too_long(size: u64, limit: usize) -> Line {
    let line = Line::note("not sent: ").number(size).words(" bytes are over the limit of ");
    line.number(limit as u64)
}

/// The name somebody wants to be known by, or why it is none.
pub(crate) fn named(name: &str) -> Result<String, Line> {
    let why_not = |why: &str| Line::note("you cannot be called that: ").shown(&Sanitized::line(why));
    PersonName::parse(name).map(|it| it.as_str().to_owned()).map_err(|why| why_not(&why.to_string()))
}

/// What is wrong with a command.
pub(crate) fn corrected(mistake: &Mistake<'_>) -> Line {
    match mistake {
        Mistake::Unknown(word) => {
            Line::note("there is no /").shown(&Sanitized::line(word)).words("; /help lists what there is")
        }
        Mistake::Usage(usage) => Line::note("it is written ").words(usage),
    }
}

/// How much one `/search` brings.
const HITS: u64 = 20;

pub(crate) const NO_ROOM: &str = "you are in no room; /join ROOM enters one";

#[cfg(test)]
mod tests;
