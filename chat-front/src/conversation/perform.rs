//! Commands in, requests out.

use std::{borrow::Cow, time::Instant};

use chat_core::{
    PersonName, RoomName,
    wire::{
        self, Found, History, Leave, ListRooms, MAX_HISTORY, MAX_TEXT, Post, RECENT, RequestBody, Who, Whois,
    },
    words::Query,
};

use super::{Conversation, outcome::Outcome, search::Search};
use crate::{
    command::{Command, CommandName, Measure},
    notice::{Notice, Purpose},
    place::Place,
};

impl Conversation {
    /// Does what `command` says; `place` is where the user is, if anywhere.
    ///
    /// # Errors
    /// Why nothing can be done.
    pub fn perform<'a>(
        &mut self,
        command: Command<'a>,
        place: Option<&Place>,
        now: Instant,
    ) -> Result<Outcome<'a>, Notice> {
        match command {
            Command::Nothing => {}
            Command::Help => return Ok(Outcome::Help),
            Command::Quit => return Ok(Outcome::Quit),
            Command::History(limit) => return Ok(Outcome::History(limit)),
            Command::Search(words) => return Ok(Outcome::Search(words)),
            Command::Join(name) => match RoomName::parse(name) {
                Ok(_) => return Ok(Outcome::Enter(name)),
                // The server would let us into the inbox, where nobody can talk.
                Err(why) => return Err(Notice::CannotEnter { room: name.to_owned(), why }),
            },
            Command::Leave(Some(name)) => {
                return Ok(Outcome::Leave(match name.strip_prefix('@') {
                    Some(person) => Place::Person(person.to_owned()),
                    None => Place::Room(name.to_owned()),
                }));
            }
            Command::Leave(None) => return Ok(Outcome::Leave(somewhere(place)?.clone())),
            Command::Stats(measure) => {
                self.measure(measure, now);
                if measure == Measure::NoMore {
                    return Ok(Outcome::Tell(Notice::NotMeasuring));
                }
            }
            Command::Transport(to) => self.requests.move_to(to.to_owned()),
            Command::Name(name) => {
                let name = PersonName::parse(name).map_err(|why| Notice::CannotBeCalled { why })?;
                if self.me.is_none() {
                    return Err(Notice::NotInYet);
                }
                self.requests.rename(name.as_str().to_owned());
            }
            Command::Say(text) => {
                let place = somewhere(place)?;
                return Ok(Outcome::Said(place.clone(), text, self.say(place, text)?));
            }
            Command::Msg(name, text) => {
                let place = Place::person(name).map_err(|why| Notice::CannotTalkWith { why })?;
                let tag = self.say(&place, text)?;
                return Ok(Outcome::Said(place, text, tag));
            }
            Command::Topic(text) => {
                let topic = Post::topic(room(None, place)?, sendable(text)?);
                self.requests.ask(topic.into(), Purpose::Topic(text.to_owned()));
            }
            Command::Who(name) => {
                let who = Who { room: room(name, place)? };
                self.requests.ask(RequestBody::Who(who), Purpose::Who);
            }
            Command::Whois(name) => {
                let name = PersonName::parse(name).map_err(|why| Notice::CannotTalkWith { why })?;
                let whois = Whois { name: name.as_str().to_owned().into() };
                self.requests.ask(RequestBody::Whois(whois), Purpose::Whois);
            }
            Command::Rooms => {
                self.requests.ask(ListRooms::default().into(), Purpose::Rooms(Vec::new()));
            }
        }
        Ok(Outcome::Done)
    }

    /// Says `text` at `place`. Returns the tag of the request.
    ///
    /// # Errors
    /// Why it cannot be said.
    pub fn say(&mut self, place: &Place, text: &str) -> Result<u64, Notice> {
        if !self.requests.has_place() {
            return Err(Notice::TooMuchUnanswered);
        }
        let said = sendable(text)?;
        let post = match place {
            Place::Room(name) => Post::say(name.clone(), said),
            Place::Person(name) => Post::tell(name.clone(), said),
        };
        Ok(self.requests.ask(post.into(), Purpose::Say(place.clone(), text.to_owned())))
    }

    /// Leaves `room`.
    ///
    /// # Errors
    /// When the user is not in it.
    pub fn leave(&mut self, room: &str) -> Result<(), Notice> {
        if !self.rooms.has(room) {
            return Err(Notice::NotIn { place: Place::Room(room.to_owned()) });
        }
        self.rooms.leave(room);
        self.requests.ask(RequestBody::Leave(Leave { room: room.to_owned().into() }), Purpose::Leave);
        Ok(())
    }

    /// Asks for a page of `room`: the newest `limit` entries before `before`. Returns the tag of the request.
    pub fn page(&mut self, room: &str, before: Option<u64>, limit: u64) -> u64 {
        let history = History { room: room.to_owned().into(), before, limit: Some(limit), hashes: false };
        self.requests.ask(RequestBody::History(history), Purpose::Page)
    }

    /// Asks for the entries of `room` before those that the user was shown, at most `limit` of them.
    pub fn older(&mut self, room: &str, limit: Option<u64>) {
        let limit = limit.unwrap_or(RECENT).clamp(1, MAX_HISTORY);
        self.page(room, self.rooms.oldest(room), limit);
    }

    /// Searches for `words`, or goes on with the last search; `limit` is how many entries one page has.
    ///
    /// # Errors
    /// Why there is nothing to ask for.
    pub fn search(&mut self, words: Option<&str>, limit: u64) -> Result<(), Notice> {
        if let Some(words) = words {
            let query = Query::parse(words).map_err(|why| Notice::CannotSearch { why })?;
            self.search =
                Some(Search { words: words.to_owned(), query, tag: None, more: None, goes_on: false });
        } else {
            match &mut self.search {
                None => return Err(Notice::Usage(CommandName::Search)),
                Some(search) if search.tag.is_some() => return Err(Notice::StillSearching),
                Some(search) if search.more.is_none() => return Err(Notice::NothingOlderFound),
                Some(search) => search.goes_on = true,
            }
        }
        let Some(search) = &mut self.search else { return Ok(()) };
        let words = Cow::Owned(search.words.clone());
        let request =
            wire::Search { words, before: search.more, limit: Some(limit), ..wire::Search::default() };
        search.tag = Some(self.requests.ask(RequestBody::Search(request), Purpose::Search));
        Ok(())
    }

    /// Whether the last search can go on further back now.
    pub fn can_search_on(&self) -> bool {
        self.search.as_ref().is_some_and(|search| search.tag.is_none() && search.more.is_some())
    }

    /// Takes what the request `tag` has found, if it is the last search's.
    pub(super) fn found(&mut self, tag: u64, found: Found) -> Vec<Notice> {
        let Some(search) = self.search.as_mut().filter(|search| search.tag == Some(tag)) else {
            return Vec::new();
        };
        (search.tag, search.more) = (None, found.more);
        let (query, goes_on) = (search.query.clone(), search.goes_on);
        let pending = found.pending.map(|entries| Notice::NotSearchedYet { entries });
        let found = Notice::Found { query, entries: found.entries, more: found.more, goes_on };
        [found].into_iter().chain(pending).collect()
    }

    /// The request `tag` has found nothing, as it was refused or stays without an answer.
    pub(super) fn search_failed(&mut self, tag: u64) {
        if let Some(search) = self.search.as_mut().filter(|search| search.tag == Some(tag)) {
            search.tag = None;
        }
    }
}

fn somewhere(place: Option<&Place>) -> Result<&Place, Notice> {
    place.filter(|place| !place.is_nowhere()).ok_or(Notice::NoRoom)
}

/// The room called `name`, or the current one.
fn room(name: Option<&str>, place: Option<&Place>) -> Result<Cow<'static, str>, Notice> {
    match (name, somewhere(place)) {
        (Some(name), _) => Ok(Cow::Owned(name.to_owned())),
        (None, Ok(Place::Room(name))) => Ok(Cow::Owned(name.clone())),
        (None, Ok(Place::Person(_))) => Err(Notice::NotARoom),
        (None, Err(nowhere)) => Err(nowhere),
    }
}

/// `text` as it is sent.
fn sendable(text: &str) -> Result<Cow<'static, str>, Notice> {
    match text.len() {
        ..=MAX_TEXT => Ok(Cow::Owned(text.to_owned())),
        size => Err(Notice::TooLong { size: size as u64, limit: MAX_TEXT as u64 }),
    }
}
