//! Presence: the members of a room, as state with a version. It is no part of the log.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;

use crate::{
    PersonName,
    server::{
        limits::{PRESENCE_CHANGES, PRESENCE_GATHERED_FOR, PRESENCE_WAKES},
        mailbox::Mailbox,
    },
    wire::{self, Event, Guests, MAX_MEMBERS},
};

/// The members of one room and their last changes. Each change raises the version by one.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    version: u64,
    members: BTreeMap<PersonName, Member>,
    changes: VecDeque<Change>,
    /// The version up to which the members are told of changes.
    announced: u64,
    /// Until when further changes are gathered.
    gathers_until: Option<Instant>,
    /// Whether the gathered changes will be announced.
    is_scheduled: bool,
    /// The frame made last and the version it leads from: most members are at the same version.
    frame: Option<(u64, Bytes)>,
}

#[derive(Debug)]
struct Member {
    mailbox: Arc<Mailbox>,
    /// Whether the member has proved no key.
    is_guest: bool,
}

/// What follows from changes of the members.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Gathered {
    /// The members are to be told now.
    Announced,
    /// [`Presence::announce`] has to be called at this time.
    Until(Instant),
    /// Nothing has to be done.
    Nothing,
}

#[derive(Debug)]
struct Change {
    name: PersonName,
    entered: bool,
    is_guest: bool,
}

impl Presence {
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn present(&self) -> usize {
        self.members.len()
    }

    /// The version up to which the members are told of changes. It is behind the version while changes are gathered.
    pub(crate) fn announced(&self) -> u64 {
        self.announced
    }

    /// Takes note of a change. The first one after a quiet time is announced at once, and so is every change in a large
    /// room, whose members are not woken for it; others are gathered.
    pub(crate) fn gather(&mut self, now: Instant) -> Gathered {
        match self.gathers_until {
            Some(until) if now < until && self.is_small() => {
                match std::mem::replace(&mut self.is_scheduled, true) {
                    true => Gathered::Nothing,
                    false => Gathered::Until(until),
                }
            }
            _ => self.announce(now),
        }
    }

    /// Announces the changes that were gathered, unless those who entered have left again and the other way round.
    pub(crate) fn announce(&mut self, now: Instant) -> Gathered {
        self.is_scheduled = false;
        let (since, net) = self.net_changes(self.announced);
        if net.is_empty() && since == self.announced {
            return Gathered::Nothing;
        }
        // Who enters an empty room is told by `joined`; the next change is the first one that anybody else sees.
        let is_alone = self.members.len() == 1 && net.into_values().map(|(is_in, _)| is_in).eq([true]);
        self.announced = self.version;
        self.gathers_until = (!is_alone).then(|| now + PRESENCE_GATHERED_FOR);
        Gathered::Announced
    }

    /// The names of the members, as many as one frame names, and which of these are guests'.
    pub(crate) fn names(&self) -> (Vec<String>, Guests) {
        let mut bytes = 0;
        let named = self.members.iter().take(MAX_MEMBERS).take_while(|(name, _)| {
            bytes += name.as_str().len();
            bytes <= NAMES_BYTES
        });
        let named: Vec<_> = named.map(|(name, member)| (name.as_str(), member.is_guest)).collect();
        let names = named.iter().map(|(name, _)| (*name).to_owned()).collect();
        (names, Guests::among(named.iter().copied()))
    }

    pub(crate) fn enter(&mut self, name: PersonName, mailbox: Arc<Mailbox>, is_guest: bool) {
        self.members.insert(name.clone(), Member { mailbox, is_guest });
        self.note(Change { name, entered: true, is_guest });
    }

    pub(crate) fn leave(&mut self, name: &PersonName) {
        if let Some(Member { is_guest, .. }) = self.members.remove(name) {
            self.note(Change { name: name.clone(), entered: false, is_guest });
        }
    }

    /// Wakes every member: there is something new to read.
    pub(crate) fn wake_all(&self) {
        for member in self.members.values() {
            member.mailbox.wake();
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

    /// The people who have entered since version `since`, with `true`, and those who have left, with `false`, and whether
    /// they are guests; and the version from which these changes lead, which is later than `since` if not all of them are
    /// remembered.
    fn net_changes(&self, since: u64) -> (u64, BTreeMap<&PersonName, (bool, bool)>) {
        let since = since.max(self.version - self.changes.len() as u64);
        let unseen = usize::try_from(self.version - since).unwrap_or(usize::MAX);
        let mut net: BTreeMap<&PersonName, (bool, (bool, bool))> = BTreeMap::new();
        for change in self.changes.iter().skip(self.changes.len() - unseen) {
            // A person whose first change is to enter was out before, and one whose first change is to leave was in.
            let net = net.entry(&change.name).or_insert((!change.entered, (false, false)));
            net.1 = (change.entered, change.is_guest);
        }
        let changed = net.into_iter().filter(|(_, (before, (is_in, _)))| before != is_in);
        (since, changed.map(|(name, (_, after))| (name, after)).collect())
    }

    fn encode(&self, room: &str, since: u64) -> Bytes {
        // A member further behind than the remembered changes gets those; their `since` tells its client to ask `who`.
        let (since, net) = self.net_changes(since);
        let names = |entered: bool| net.iter().filter(move |(_, (is_in, _))| *is_in == entered);
        let entered = names(true).map(|(name, (_, is_guest))| (name.as_str(), *is_guest));
        wire::write(&Event::Presence(wire::Presence {
            room: room.to_owned(),
            since,
            version: self.version,
            guests: Guests::among(entered.clone()),
            entered: entered.map(|(name, _)| name.to_owned()).collect(),
            left: names(false).map(|(name, _)| name.to_string()).collect(),
        }))
    }
}

/// Bytes of names that one frame names: twice as many, if all but one are guests, and what stands between them fit a
/// frame beside a topic.
const NAMES_BYTES: usize = 28_000;
