//! When a session whose link may lose frames says where its rooms stand: often at first, then ever less.

use std::{
    collections::BTreeMap,
    mem,
    time::{Duration, Instant},
};

use super::{
    limits::HEADS_AT_A_TIME,
    membership::Membership,
    room::Room,
    session::{Session, State},
    sync::lock,
};
use crate::wire::{self, Event, Head, Heads, INBOX};

/// The time since something was sent, and how often it was followed by `heads`.
#[derive(Debug, Default)]
pub(super) struct Beacon {
    lit: Option<(Instant, u32)>,
}

impl Beacon {
    /// Something was sent whose loss nobody would notice.
    pub(super) fn light(&mut self, now: Instant) {
        self.lit = Some((now, 0));
    }

    /// When `heads` are to be said next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.lit.map(|(since, said)| since + FIRST * (1 << said))
    }

    /// Takes note that they are said. Returns whether that was the last time.
    pub(super) fn said(&mut self) -> bool {
        let last = self.lit.is_some_and(|(_, said)| said + 1 == TIMES);
        self.lit = self.lit.filter(|_| !last).map(|(since, said)| (since, said + 1));
        last
    }

    /// The link is another.
    pub(super) fn link_lost(&mut self) {
        self.lit = None;
    }
}

impl Session {
    /// When the rooms of a link that may lose frames have to be told where they stand.
    pub(super) fn heads_due(&self, link: u64) -> Option<Instant> {
        self.state(link).ok()?.beacon.due()
    }

    /// Says where the rooms stand to which something was sent, if it is time for that.
    pub(super) fn say_heads(&self, link: u64, now: Instant) {
        let Ok(mut state) = self.state(link) else { return };
        if state.beacon.due().is_none_or(|at| now < at) {
            return;
        }
        let news = lock(&self.inbox).news();
        self.heads(state.rooms.iter().filter(|it| it.unconfirmed), news);
        if state.beacon.said() {
            state.rooms.iter_mut().for_each(|it| it.unconfirmed = false);
            lock(&self.inbox).confirmed();
        }
    }

    /// Says where all rooms stand.
    pub(super) fn say_all_heads(&self, state: &State) {
        let inbox = lock(&self.inbox).standing();
        self.heads(state.rooms.iter().filter(|it| it.cursor.is_some()), inbox);
    }

    fn heads<'a>(&self, rooms: impl Iterator<Item = &'a Membership>, inbox: Option<Head>) {
        let mut standing: BTreeMap<String, Head> = rooms.map(|it| head(&it.room)).collect();
        standing.extend(inbox.map(|head| (INBOX.to_owned(), head)));
        while !standing.is_empty() {
            let next = standing.keys().nth(HEADS_AT_A_TIME).cloned();
            let rest = next.map(|next| standing.split_off(&next)).unwrap_or_default();
            let rooms = mem::replace(&mut standing, rest);
            self.reply_frame(wire::write(&Event::Heads(Heads { rooms })));
        }
    }
}

fn head(room: &Room) -> (String, Head) {
    let standing = room.standing();
    let head = Head {
        epoch: room.epoch().to_owned(),
        oldest: standing.oldest,
        head: standing.head,
        presence: room.presence_version(),
    };
    (room.name().to_string(), head)
}

const FIRST: Duration = Duration::from_millis(50);
/// The last is 6.4 s after what was sent.
const TIMES: u32 = 8;
