//! Which rooms the user has entered, in which one a line is said, and how far each was read.

use std::collections::BTreeMap;

use chat_core::wire::{EntryFrame, INBOX, Join, Joined};

use crate::place::is_same;

/// The rooms of a conversation.
#[derive(Debug)]
pub struct Rooms {
    /// The rooms entered, the current one last.
    entered: Vec<String>,
    /// By room that the server let us into, how far it was read.
    positions: BTreeMap<String, Position>,
}

/// How far a room was read, and how far it is to be read before the user leaves.
#[derive(Debug, Default)]
struct Position {
    epoch: Option<String>,
    read: u64,
    /// The number of the last thing we said there, or of the newest thing there when we came in.
    last: u64,
    /// The smallest number that the user was shown.
    oldest: Option<u64>,
}

impl Default for Rooms {
    fn default() -> Rooms {
        Rooms { entered: Vec::new(), positions: BTreeMap::from([(INBOX.to_owned(), Position::default())]) }
    }
}

impl Rooms {
    /// The room entered last, of those not left.
    pub fn current(&self) -> Option<&str> {
        self.entered.last().map(String::as_str)
    }

    /// Whether `room` was entered and not left.
    pub fn has(&self, room: &str) -> bool {
        self.entered.iter().any(|entered| is_same(entered, room))
    }

    /// The smallest number shown of `room`.
    pub fn oldest(&self, room: &str) -> Option<u64> {
        self.positions.iter().find(|(name, _)| is_same(name, room))?.1.oldest
    }

    /// Whether everything has come that was in the rooms when they were entered, and everything we said.
    pub fn are_read(&self) -> bool {
        self.positions.values().all(|position| position.read >= position.last)
    }

    pub(super) fn enter(&mut self, room: &str) {
        self.leave(room);
        self.entered.push(room.to_owned());
    }

    pub(super) fn leave(&mut self, room: &str) {
        self.entered.retain(|entered| !is_same(entered, room));
    }

    /// The server let us into a room, because we asked for it or after a lost link.
    pub(super) fn joined(&mut self, joined: &Joined, was_asked: bool) {
        // A room has one position, however the server writes its name this time.
        let known = self.positions.keys().find(|name| is_same(name, &joined.room)).cloned();
        let position = known.and_then(|name| self.positions.remove(&name)).unwrap_or_default();
        let position = self.positions.entry(joined.room.clone()).or_insert(position);
        position.epoch = Some(joined.epoch.clone());
        if was_asked {
            position.read = joined.after;
            position.last = position.last.max(joined.head);
        }
    }

    /// We are not in `room` any more.
    pub(super) fn ended(&mut self, room: &str) {
        self.positions.remove(room);
    }

    /// An entry has come, the next one.
    pub(super) fn entry(&mut self, entry: &EntryFrame) {
        self.read_to(&entry.room, entry.seq);
        self.shown(&entry.room, entry.seq);
    }

    /// The user is shown entry `seq`.
    pub(super) fn shown(&mut self, room: &str, seq: u64) {
        if let Some(position) = self.positions.get_mut(room) {
            position.oldest = Some(position.oldest.map_or(seq, |oldest| oldest.min(seq)));
        }
    }

    pub(super) fn read_to(&mut self, room: &str, seq: u64) {
        if let Some(position) = self.positions.get_mut(room) {
            position.read = position.read.max(seq);
        }
    }

    /// Something of ours is stored under number `seq`. Where frames overtake each other, it may have come already.
    pub(super) fn said(&mut self, room: &str, seq: u64) {
        if let Some(position) = self.positions.get_mut(room) {
            position.last = position.last.max(seq);
        }
    }

    /// The numbers of `room` began anew.
    pub(super) fn reset(&mut self, room: &str) {
        if let Some(position) = self.positions.get_mut(room) {
            (position.read, position.last, position.oldest) = (0, 0, None);
        }
    }

    /// With another session comes another inbox, with numbers of its own.
    pub(super) fn inbox_ended(&mut self) {
        self.positions.insert(INBOX.to_owned(), Position::default());
    }

    /// The requests that read on, in another session, where each room was read to.
    pub(super) fn read_on(&self) -> Vec<Join<'static>> {
        let rooms = self.positions.iter().filter(|(room, _)| *room != INBOX);
        let join = |(room, position): (&String, &Position)| {
            let epoch = position.epoch.clone().map(Into::into);
            Join { room: room.clone().into(), after: Some(position.read), epoch, ..Join::default() }
        };
        rooms.map(join).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_has_one_position_however_it_is_written() {
        let mut rooms = Rooms::default();
        for bits in 0..32 {
            let letters = "lobby".chars().enumerate();
            let upper = |(at, letter): (usize, char)| match bits >> at & 1 {
                0 => letter,
                _ => letter.to_ascii_uppercase(),
            };
            let joined = Joined {
                id: 1,
                room: letters.map(upper).collect(),
                epoch: "x".to_owned(),
                oldest: 1,
                head: 7,
                after: 0,
                reset: false,
                topic: String::new(),
                version: 1,
                members: Vec::new(),
                present: 0,
                guests: Default::default(),
            };
            rooms.joined(&joined, bits == 0);
        }
        assert_eq!(rooms.positions.len(), 2, "the inbox and the lobby");
        assert_eq!(rooms.positions["LOBBY"].last, 7);
    }

    #[test]
    fn the_current_room_is_the_last_one_entered_and_not_left() {
        let mut rooms = Rooms::default();
        assert_eq!(rooms.current(), None);
        rooms.enter("lobby");
        rooms.enter("kitchen");
        rooms.enter("Lobby");
        assert_eq!(rooms.current(), Some("Lobby"));
        rooms.leave("LOBBY");
        assert_eq!(rooms.current(), Some("kitchen"));
        assert!(rooms.has("KITCHEN") && !rooms.has("lobby"));
        rooms.leave("nowhere");
        rooms.leave("kitchen");
        assert_eq!(rooms.current(), None);
    }
}
