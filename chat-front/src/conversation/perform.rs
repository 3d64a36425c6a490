//! Commands in, requests out.

use std::{borrow::Cow, time::Instant};

use chat_core::{
    PersonName, RoomName,
    wire::{History, Leave, MAX_HISTORY, MAX_TEXT, Post, RECENT, RequestBody, Who},
};

use super::Conversation;
use crate::{
    command::{Command, Measure},
    notice::{Notice, Purpose},
    place::Place,
};

/// What is left to do for the front end.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<'a> {
    /// Nothing.
    Done,
    /// To tell this to the user.
    Tell(Notice),
    /// To show that this is being said there, under this tag.
    Said(Place, &'a str, u64),
    /// To enter this room, by [`Conversation::enter`] if the user is not in it.
    Enter(&'a str),
    /// To leave this place: a room by [`Conversation::leave`], a person as the front end has it.
    Leave(Place),
    /// To search for this, by [`Conversation::search`].
    Search(Option<&'a str>),
    /// To show at most this many older messages of the current room.
    History(Option<u64>),
    /// To list the commands.
    Help,
    /// To leave everything.
    Quit,
}

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
                let place = person(name)?;
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
            Command::Rooms => drop(self.requests.ask(RequestBody::Rooms, Purpose::Rooms)),
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
        let history = History { room: room.to_owned().into(), before, limit: Some(limit) };
        self.requests.ask(RequestBody::History(history), Purpose::Page)
    }

    /// Asks for the entries of `room` before those that the user was shown, at most `limit` of them.
    pub fn older(&mut self, room: &str, limit: Option<u64>) {
        let limit = limit.unwrap_or(RECENT).clamp(1, MAX_HISTORY);
        self.page(room, self.rooms.oldest(room), limit);
    }
}

/// The person called `name`, which may begin with `@`.
///
/// # Errors
/// When nobody can be called that.
pub fn person(name: &str) -> Result<Place, Notice> {
    let name = name.strip_prefix('@').unwrap_or(name);
    let name = PersonName::parse(name).map_err(|why| Notice::CannotTalkWith { why })?;
    Ok(Place::Person(name.as_str().to_owned()))
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
