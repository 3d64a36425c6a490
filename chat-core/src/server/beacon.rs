//! When a session whose link may lose frames says where a room stands: often at first, then ever less; and less often
//! where nothing was lost for a while, because then it is most of what a quiet room costs.

use std::{
    collections::BTreeMap,
    mem,
    time::{Duration, Instant},
};

use super::{
    limits::HEADS_AT_A_TIME,
    room::Room,
    session::{Session, State},
    sync::lock,
};
use crate::wire::{self, Event, Head, Heads, INBOX};

/// Of one room: the time since something was sent, and how often the time until `heads` was doubled since.
#[derive(Debug, Default)]
pub(super) struct Beacon {
    lit: Option<(Instant, u32)>,
}

impl Beacon {
    /// Something was sent whose loss nobody would notice.
    pub(super) fn light(&mut self, now: Instant) {
        self.lit = Some((now, 0));
    }

    /// There is something that is not sent by itself: it is said in time, however much more there comes to be.
    pub(super) fn keep_lit(&mut self, now: Instant) {
        self.lit.get_or_insert((now, 0));
    }

    /// When `heads` are to be said next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.lit.map(|(since, doubled)| since + FIRST * (1 << doubled))
    }

    /// Whether they are to be said now; then they count as said, and the time until the next is doubled so often.
    pub(super) fn is_due(&mut self, doublings: u32, now: Instant) -> bool {
        let is_due = self.due().is_some_and(|at| at <= now);
        if is_due {
            let next = self.lit.map(|(since, doubled)| (since, doubled + doublings));
            self.lit = next.filter(|(_, doubled)| *doubled <= LAST);
        }
        is_due
    }
}

impl Session {
    /// When the rooms of a link that may lose frames have to be told where they stand.
    pub(super) fn heads_due(&self, link: u64) -> Option<Instant> {
        let state = self.state(link).ok()?;
        let inbox = lock(&self.inbox).beacon.due();
        state.rooms.iter().filter_map(|it| it.beacon.due()).chain(inbox).min()
    }

    /// Says where the rooms stand for which it is time.
    pub(super) fn say_heads(&self, link: u64, now: Instant) {
        let Ok(mut state) = self.state(link) else { return };
        // Twice the time where the client lacked something not long ago, otherwise four times.
        let loses = state.reads.lacked.is_some_and(|at| now < at + CAREFUL_FOR);
        let doublings = if loses { 1 } else { 2 };
        let mut inbox = lock(&self.inbox);
        let told = inbox.standing().filter(|_| inbox.beacon.is_due(doublings, now));
        drop(inbox);
        let due =
            state.rooms.iter_mut().filter_map(|it| it.beacon.is_due(doublings, now).then(|| head(&it.room)));
        self.heads(due, told);
    }

    /// Says where all rooms stand.
    pub(super) fn say_all_heads(&self, state: &State) {
        let inbox = lock(&self.inbox).standing();
        let read = state.rooms.iter().filter(|it| it.cursor.is_some());
        self.heads(read.map(|it| head(&it.room)), inbox);
    }

    fn heads(&self, rooms: impl Iterator<Item = (String, Head)>, inbox: Option<Head>) {
        let mut standing: BTreeMap<String, Head> = rooms.collect();
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
/// The last is 12.8 s after what was sent: before the client's next `ping`, after which they are said anyhow.
const LAST: u32 = 8;
/// For how long a link that has lost something is expected to lose more.
const CAREFUL_FOR: Duration = Duration::from_secs(60);
