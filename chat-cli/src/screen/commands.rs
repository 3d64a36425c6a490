//! What a line that was entered asks for.

use std::{borrow::Cow, time::Instant};

use chat_core::{
    PersonName, RoomName,
    wire::{Leave, Post, RECENT, RequestBody, Search, Who},
    words::Query,
};

use super::{
    app::{Action, App, Asked},
    list::List,
    room::Place,
    scroll::Scroll,
};
use crate::{
    command::{Command, Mistake},
    line::human::{NO_ROOM, corrected, named, sendable},
    output::Line,
    sanitize::Sanitized,
};

/// With whom `line` asks to talk without saying anything yet, which only the screen can do.
fn talks_with(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    match (words.next()?, words.next(), words.next()) {
        ("/msg", name, None) => name,
        _ => None,
    }
}

impl App {
    /// Does what `line` says; whether it is done with, rather than to be corrected.
    pub(super) fn submit(&mut self, line: &str, now: Instant) -> bool {
        let done = match talks_with(line) {
            Some(name) => self.talk_with(name).map(|at| self.go_to(at)),
            None => match Command::parse(line) {
                Ok(command) => self.perform(command, now),
                Err(mistake) => Err(corrected(&mistake)),
            },
        };
        done.map_err(|why_not| self.note(why_not)).is_ok()
    }

    fn perform(&mut self, command: Command<'_>, now: Instant) -> Result<(), Line> {
        match command {
            Command::Nothing => {}
            Command::Quit => self.actions.push(Action::Quit),
            Command::Help => self.list = Some(List::of_help()),
            Command::Stats(measure) => self.measure(measure, now),
            Command::Transport(to) => self.actions.push(Action::Move(to.to_owned())),
            Command::Name(name) => self.rename = Some(named(name)?),
            Command::Join(name) => {
                let name = RoomName::parse(name).map_err(|why| cannot("enter that: ", &why.to_string()))?;
                self.enter(name.as_str());
            }
            Command::Say(text) => {
                let place = self.place()?;
                self.say(&place, text)?;
            }
            Command::Msg(name, text) => {
                let at = self.talk_with(name)?;
                let place = self.rooms[at].place.clone();
                self.say(&place, text)?;
                self.go_to(at);
            }
            Command::Topic(text) => {
                let topic = Post::topic(self.named(None)?, sendable(text)?);
                self.ask(topic.into(), Asked::Command("/topic"));
            }
            Command::Leave(named) => self.leave(named)?,
            Command::Who(named) => {
                let room = self.named(named)?.into();
                self.ask(RequestBody::Who(Who { room }), Asked::Command("/who"));
            }
            Command::Rooms => drop(self.ask(RequestBody::Rooms, Asked::Rooms)),
            Command::Search(words) => self.search(words)?,
            Command::History(messages) => self.go_back(messages.unwrap_or(RECENT)),
        }
        Ok(())
    }

    fn place(&self) -> Result<Place, Line> {
        let place = self.room().map(|it| it.place.clone()).filter(|it| !it.is_nowhere());
        place.ok_or_else(|| Line::note(NO_ROOM))
    }

    /// The room of this name, or the current one.
    fn named(&self, named: Option<&str>) -> Result<String, Line> {
        match (named, self.place()?) {
            (Some(name), _) => Ok(name.to_owned()),
            (None, Place::Room(name)) => Ok(name),
            (None, Place::Person(_)) => Err(Line::note("this is no room; name one")),
        }
    }

    fn talk_with(&mut self, name: &str) -> Result<usize, Line> {
        let name = name.strip_prefix('@').unwrap_or(name);
        let name = PersonName::parse(name).map_err(|why| cannot("talk with them: ", &why.to_string()))?;
        let at = self.find_or_begin(&Place::Person(name.as_str().to_owned()));
        self.rooms[at].joined = true;
        Ok(at)
    }

    pub(super) fn say(&mut self, place: &Place, text: &str) -> Result<(), Line> {
        if self.asked.len() >= MOST_UNANSWERED {
            return Err(Line::note("not sent: too much is still on its way"));
        }
        let said = sendable(text)?;
        let request = match place {
            Place::Room(name) => Post::say(name.clone(), said),
            Place::Person(name) => Post::tell(name.clone(), said),
        };
        let tag = self.ask(request.into(), Asked::Say(place.clone()));
        let at = self.find_or_begin(place);
        let room = &mut self.rooms[at];
        room.say(tag, text.to_owned());
        if at == self.current && (room.scroll != Scroll::Bottom || !room.backlog.is_at_head()) {
            self.scroll_to_end();
        }
        Ok(())
    }

    /// Sends the first message again that could not be sent.
    pub(super) fn send_again(&mut self) {
        let Some(room) = self.room_mut() else { return };
        let place = room.place.clone();
        if let Some(failed) = room.take_failed()
            && let Err(why_not) = self.say(&place, &failed.text)
        {
            self.note(why_not);
        }
    }

    fn leave(&mut self, named: Option<&str>) -> Result<(), Line> {
        let place = match named {
            Some(name) => match name.strip_prefix('@') {
                Some(person) => Place::Person(person.to_owned()),
                None => Place::Room(name.to_owned()),
            },
            None => self.place()?,
        };
        let at = self
            .find(&place)
            .ok_or_else(|| Line::note("you are not in ").shown(&Sanitized::line(&place.title())))?;
        if let Place::Room(name) = &self.rooms[at].place {
            let leave = Leave { room: name.clone().into() };
            self.ask(RequestBody::Leave(leave), Asked::Command("/leave"));
        }
        self.forget(&place);
        Ok(())
    }

    fn search(&mut self, words: Option<&str>) -> Result<(), Line> {
        let words = words.ok_or_else(|| corrected(&Mistake::Usage("/search WORDS")))?;
        let query = Query::parse(words).map_err(|why| cannot("search for this: ", &why.to_string()))?;
        self.list = Some(List::of_search(words, query));
        self.search_on();
        Ok(())
    }

    /// Asks for the next page of what is searched for.
    pub(super) fn search_on(&mut self) {
        let Some(search) = self.list.as_ref().and_then(|it| it.search.as_ref()) else { return };
        let words = Cow::Owned(search.words.clone());
        let request = Search { words, before: search.more, limit: Some(HITS), ..Search::default() };
        let tag = self.ask(RequestBody::Search(request), Asked::Search);
        if let Some(search) = self.list.as_mut().and_then(|it| it.search.as_mut()) {
            search.tag = Some(tag);
        }
    }
}

fn cannot(what: &'static str, why: &str) -> Line {
    Line::note("you cannot ").words(what).shown(&Sanitized::line(why))
}

/// How much one request for what was found brings.
const HITS: u64 = 50;

/// How many requests may have no answer before nothing more is said: as many as the client keeps.
const MOST_UNANSWERED: usize = 1_000;
