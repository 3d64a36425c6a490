//! Presence: the members of a room, as state with a version. It is no part of the log.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;

use crate::{
    PersonName,
    server::{
        limits::{PRESENCE_CHANGES, PRESENCE_WAKES},
        mailbox::Mailbox,
    },
    wire::{self, Event, MAX_MEMBERS},
};

/// The members of one room and their last changes. Each change raises the version by one.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    version: u64,
    members: BTreeMap<PersonName, Arc<Mailbox>>,
    changes: VecDeque<Change>,
    /// The frame made last and the version it leads from: most members are at the same version.
    frame: Option<(u64, Bytes)>,
}

#[derive(Debug)]
struct Change {
    name: PersonName,
    entered: bool,
}

impl Presence {
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn present(&self) -> usize {
        self.members.len()
    }

    /// The names of the members, as many as one frame names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.members.keys().take(MAX_MEMBERS).map(PersonName::to_string).collect()
    }

    pub(crate) fn enter(&mut self, name: PersonName, mailbox: Arc<Mailbox>) {
        self.members.insert(name.clone(), mailbox);
        self.note(Change { name, entered: true });
    }

    pub(crate) fn leave(&mut self, name: &PersonName) {
        if self.members.remove(name).is_some() {
            self.note(Change { name: name.clone(), entered: false });
        }
    }

    /// Wakes every member: there is something new to read.
    pub(crate) fn wake_all(&self) {
        for mailbox in self.members.values() {
            mailbox.wake();
        }
    }

    /// Whether the room is small enough to wake every member for a change.
    pub(crate) fn is_small(&self) -> bool {
        self.members.len() <= PRESENCE_WAKES
    }

    /// The frame that leads a member from version `since` to the present one.
    pub(crate) fn frame(&mut self, room: &str, since: u64) -> Bytes {
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
        // A member further behind than the remembered changes gets those; their `since` tells its client to ask `who`.
        let since = since.max(self.version - self.changes.len() as u64);
        let unseen = usize::try_from(self.version - since).unwrap_or(usize::MAX);
        let mut net: BTreeMap<&PersonName, (bool, bool)> = BTreeMap::new();
        for change in self.changes.iter().skip(self.changes.len() - unseen) {
            // A person whose first change is to enter was out before, and one whose first change is to leave was in.
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
