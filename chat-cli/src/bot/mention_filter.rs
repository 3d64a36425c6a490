//! The mention filter: finds the new messages that are addressed to the bot, each one once.

use std::collections::HashMap;

use chat_core::{
    PersonName, RoomName,
    client::Update,
    mention,
    wire::{EntryFrame, EntryKind, Joined, Presence},
};

use super::job::{Job, Requester};

/// Selects the entries that the bot answers. Entries from before the session are old and stay unanswered; a lost link
/// does not end the session.
#[derive(Debug)]
pub(crate) struct MentionFilter {
    me: PersonName,
    /// Whether every message in a room counts as addressed to the bot.
    all: bool,
    /// For each room of the present session, the sequence number of its last old entry.
    old: HashMap<RoomName, u64>,
}

impl MentionFilter {
    pub(crate) fn new(me: PersonName, all: bool) -> MentionFilter {
        MentionFilter { me, all, old: HashMap::new() }
    }

    /// The job in `update`, if `update` is a new message for the bot.
    pub(crate) fn job(&mut self, update: &Update) -> Option<Job> {
        match update {
            Update::Connected(welcome) if !welcome.resumed => self.old.clear(),
            Update::Joined { joined, .. } => self.joined(joined),
            Update::Entry(entry) => return self.entry(entry),
            _ => {}
        }
        None
    }

    fn joined(&mut self, joined: &Joined) {
        let Ok(room) = RoomName::from_wire(&joined.room) else { return };
        // A resumed session continues where it was. The inbox never holds entries from before the session.
        if joined.reset || !(room.is_inbox() || self.old.contains_key(&room)) {
            self.old.insert(room, joined.head);
        }
    }

    fn entry(&self, entry: &EntryFrame) -> Option<Job> {
        let room = RoomName::from_wire(&entry.room).ok()?;
        let person = PersonName::parse(&entry.author.name).ok()?;
        let is_old = self.old.get(&room).is_some_and(|old| entry.seq <= *old);
        if entry.body.kind != EntryKind::Message || entry.author.bot || person == self.me || is_old {
            return None;
        }
        let is_for_us = self.all || room.is_inbox();
        let text = &*entry.body.text;
        let text = mention::addressed(self.me.as_str(), text).or(is_for_us.then_some(text))?;
        Some(Job { text: text.to_owned(), requester: Requester { room, person } })
    }
}

/// The people who left a room, by `update`.
pub(crate) fn departed(update: &Update) -> Vec<Requester> {
    let Update::Presence(Presence { room, left, .. }) = update else { return Vec::new() };
    let Ok(room) = RoomName::parse(room) else { return Vec::new() };
    let people = left.iter().filter_map(|name| PersonName::parse(name).ok());
    people.map(|person| Requester { room: room.clone(), person }).collect()
}

#[cfg(test)]
mod tests;
