//! Who is in a room: state with a version, not part of the log.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    limits::{PRESENCE_CHANGES, PRESENCE_WAKES},
    session::Session,
};
use crate::{
    PersonName,
    wire::{self, Event, MAX_MEMBERS},
};

/// The members of one room and their last changes. Each change raises the version by one.
#[derive(Debug, Default)]
pub(super) struct Presence {
    version: u64,
    members: BTreeMap<PersonName, Arc<Session>>,
    changes: VecDeque<Change>,
    /// The frame last made and the version it leads from: most members are at the same.
    frame: Option<(u64, Bytes)>,
}

#[derive(Debug)]
struct Change {
    name: PersonName,
    entered: bool,
}

impl Presence {
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn present(&self) -> usize {
        self.members.len()
    }

    /// The names of the members, as many as one frame names.
    pub(super) fn names(&self) -> Vec<String> {
        self.members.keys().take(MAX_MEMBERS).map(PersonName::to_string).collect()
    }

    pub(super) fn enter(&mut self, session: Arc<Session>) {
        let name = session.name().clone();
        self.members.insert(name.clone(), session);
        self.note(Change { name, entered: true });
    }

    pub(super) fn leave(&mut self, name: &PersonName) {
        if self.members.remove(name).is_some() {
            self.note(Change { name: name.clone(), entered: false });
        }
    }

    /// Tells everyone that there is something new to read.
    pub(super) fn wake_all(&self) {
        for session in self.members.values() {
            session.wake();
        }
    }

    /// Whether a change is worth waking everyone for.
    pub(super) fn is_small(&self) -> bool {
        self.members.len() <= PRESENCE_WAKES
    }

    /// The frame that leads a member from version `since` to the present one.
    pub(super) fn frame(&mut self, room: &str, since: u64) -> Bytes {
        if let Some((from, frame)) = &self.frame
            && *from == since
        {
            return frame.clone();
        }
        let frame = self.encode(room, since);
        self.frame = Some((since, frame.clone()));
        frame
    }

    fn note(&mut self, change: Change) {
        self.version += 1;
        self.frame = None;
        if self.changes.len() == PRESENCE_CHANGES {
            self.changes.pop_front();
        }
        self.changes.push_back(change);
    }

    fn encode(&self, room: &str, since: u64) -> Bytes {
        // Who is further behind than is remembered gets the changes there are; their `since` tells it to ask.
        let since = since.max(self.version - self.changes.len() as u64);
        let unseen = usize::try_from(self.version - since).unwrap_or(usize::MAX);
        let mut net: BTreeMap<&PersonName, (bool, bool)> = BTreeMap::new();
        for change in self.changes.iter().skip(self.changes.len() - unseen) {
            // Before the first change one was out if it entered, and in if it left.
            net.entry(&change.name).or_insert((!change.entered, false)).1 = change.entered;
        }
        let names = |before: bool, after: bool| {
            let changed = move |(_, it): &(&&PersonName, &(bool, bool))| **it == (before, after);
            net.iter().filter(changed).map(|(name, _)| name.to_string()).collect()
        };
        wire::write(&Event::Presence(wire::Presence {
            room: room.to_owned(),
            since,
            version: self.version,
            entered: names(false, true),
            left: names(true, false),
        }))
    }
}
