//! What a bot listens to: what people say to it while it is there, each thing once.

use std::collections::HashMap;

use chat_core::{
    PersonName, RoomName,
    client::Update,
    wire::{EntryFrame, EntryKind, Joined, Presence},
};

use super::addressing;

/// Who talks to the bot, and where: in a room, or by direct messages.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Caller {
    pub(crate) room: RoomName,
    pub(crate) person: PersonName,
}

/// Something said to the bot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Call {
    pub(crate) caller: Caller,
    pub(crate) text: String,
}

/// What was said before a session began is old, and is not answered. A link that is lost ends no session.
#[derive(Debug)]
pub(crate) struct Ears {
    me: PersonName,
    /// Whether everything in rooms counts as addressed.
    all: bool,
    /// By room that the present session is in, the last number that is old.
    old: HashMap<RoomName, u64>,
}

impl Ears {
    pub(crate) fn new(me: PersonName, all: bool) -> Ears {
        Ears { me, all, old: HashMap::new() }
    }

    /// What is said to the bot by this.
    pub(crate) fn hear(&mut self, update: &Update) -> Option<Call> {
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
        // A session that goes on reads on, and its inbox is as old as itself.
        if joined.reset || !(room.is_inbox() || self.old.contains_key(&room)) {
            self.old.insert(room, joined.head);
        }
    }

    fn entry(&self, entry: &EntryFrame) -> Option<Call> {
        let room = RoomName::from_wire(&entry.room).ok()?;
        let person = PersonName::parse(&entry.from).ok()?;
        let is_old = self.old.get(&room).is_some_and(|old| entry.seq <= *old);
        if entry.kind != EntryKind::Message || person == self.me || is_old {
            return None;
        }
        let everything = self.all || room.is_inbox();
        let text = addressing::to(&self.me, &entry.text).or(everything.then_some(&*entry.text))?;
        Some(Call { text: text.to_owned(), caller: Caller { room, person } })
    }
}

/// Those who left a room.
pub(crate) fn left(update: &Update) -> Vec<Caller> {
    let Update::Presence(Presence { room, left, .. }) = update else { return Vec::new() };
    let Ok(room) = RoomName::parse(room) else { return Vec::new() };
    let people = left.iter().filter_map(|name| PersonName::parse(name).ok());
    people.map(|person| Caller { room: room.clone(), person }).collect()
}

#[cfg(test)]
mod tests;
