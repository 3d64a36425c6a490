//! Lines that the user enters: commands and messages.

use std::time::Instant;

use chat_core::wire::RECENT;
use chat_front::{
    Notice, Place,
    command::{Command, CommandName},
    conversation::Outcome,
};

use super::{
    app::{App, Effect},
    list::List,
    scroll::Scroll,
};

/// The person in `/msg NAME` without a text, which opens a conversation on the screen.
fn talks_with(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    match (words.next()?, words.next(), words.next()) {
        ("/msg", name, None) => name,
        _ => None,
    }
}

impl App {
    /// Performs `line`. Returns false if the user has to correct it.
    pub(super) fn submit(&mut self, line: &str, now: Instant) -> bool {
        let done = match talks_with(line) {
            Some(name) => self.talk_with(name),
            None => self.command(line, now),
        };
        done.map_err(|why_not| self.tell(&why_not)).is_ok()
    }

    fn command(&mut self, line: &str, now: Instant) -> Result<(), Notice> {
        let command = Command::parse(line)?;
        let place = self.room().map(|room| room.place.clone());
        match self.conversation.perform(command, place.as_ref(), now)? {
            Outcome::Done => {}
            Outcome::Tell(notice) => self.tell(&notice),
            Outcome::Said(place, text, tag) => {
                self.is_being_said(&place, text, tag);
                if let Some(at) = self.find(&place).filter(|at| *at != self.current) {
                    self.go_to(at);
                }
            }
            Outcome::Enter(room) => self.enter(room),
            Outcome::Leave(place) => self.leave(&place)?,
            Outcome::Search(words) => self.search(words)?,
            Outcome::History(messages) => self.go_back(messages.unwrap_or(RECENT)),
            Outcome::Help => self.list = Some(List::of_help()),
            Outcome::Quit => self.effects.push(Effect::Quit),
        }
        Ok(())
    }

    fn talk_with(&mut self, name: &str) -> Result<(), Notice> {
        let place = Place::person(name).map_err(|why| Notice::CannotTalkWith { why })?;
        let at = self.find_or_begin(&place);
        self.rooms[at].joined = true;
        self.go_to(at);
        Ok(())
    }

    /// Shows `text`, which was sent under `tag`, as pending.
    fn is_being_said(&mut self, place: &Place, text: &str, tag: u64) {
        let at = self.find_or_begin(place);
        let room = &mut self.rooms[at];
        room.joined |= matches!(place, Place::Person(_));
        room.say(tag, text.to_owned());
        if at == self.current && (room.scroll != Scroll::Bottom || !room.backlog.is_at_head()) {
            self.scroll_to_end();
        }
    }

    /// Sends the first failed message again.
    pub(super) fn send_again(&mut self) {
        let Some(room) = self.room_mut() else { return };
        let place = room.place.clone();
        let Some(failed) = room.take_failed() else { return };
        match self.conversation.say(&place, &failed.text) {
            Ok(tag) => self.is_being_said(&place, &failed.text, tag),
            Err(why_not) => self.tell(&why_not),
        }
    }

    fn leave(&mut self, place: &Place) -> Result<(), Notice> {
        let at = self.find(place).ok_or_else(|| Notice::NotIn { place: place.clone() })?;
        if let Place::Room(name) = &self.rooms[at].place {
            self.conversation.leave(name)?;
        }
        self.forget(place);
        Ok(())
    }

    fn search(&mut self, words: Option<&str>) -> Result<(), Notice> {
        let words = words.ok_or(Notice::Usage(CommandName::Search))?;
        self.conversation.search(Some(words), HITS)?;
        self.list = Some(List::of_search());
        Ok(())
    }

    /// Asks for the next page of the last search.
    pub(super) fn search_on(&mut self) {
        if let Err(why_not) = self.conversation.search(None, HITS) {
            self.tell(&why_not);
        }
    }
}

/// The number of entries in one page of a search.
const HITS: u64 = 50;
