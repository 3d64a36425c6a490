//! What a session says by itself over a link that may lose frames: where its rooms stand.

use std::{collections::BTreeMap, mem, time::Instant};

use super::{
    heads::Pace,
    state::{Session, State},
};
use crate::{
    server::{limits::HEADS_AT_A_TIME, room::Room, sync::lock},
    wire::{self, Event, Head, Heads, INBOX},
};

impl Session {
    /// When the next `heads` of a link that may lose frames are due.
    pub(crate) fn heads_due(&self, link: u64) -> Option<Instant> {
        let state = self.state(link).ok()?;
        let inbox = lock(&self.inbox).heads_timer.due();
        state.rooms.iter().filter_map(|membership| membership.heads_timer.due()).chain(inbox).min()
    }

    /// Sends the `heads` that are due.
    pub(crate) fn send_due_heads(&self, link: u64, now: Instant) {
        let Ok(mut state) = self.state(link) else { return };
        let pace = Pace::of(state.reads.lacked, now);
        let mut inbox = lock(&self.inbox);
        let inbox_head = inbox.standing().filter(|_| inbox.heads_timer.is_due(pace, now));
        drop(inbox);
        let due = state.rooms.iter_mut().filter_map(|membership| {
            membership.heads_timer.is_due(pace, now).then(|| head(&membership.room))
        });
        self.send_heads(due, inbox_head);
    }

    /// Sends the `heads` of all rooms.
    pub(crate) fn send_all_heads(&self, state: &State) {
        let inbox = lock(&self.inbox).standing();
        let read = state.rooms.iter().filter(|membership| membership.cursor.is_some());
        self.send_heads(read.map(|membership| head(&membership.room)), inbox);
    }

    fn send_heads(&self, rooms: impl Iterator<Item = (String, Head)>, inbox: Option<Head>) {
        let mut heads: BTreeMap<String, Head> = rooms.collect();
        heads.extend(inbox.map(|head| (INBOX.to_owned(), head)));
        while !heads.is_empty() {
            let next = heads.keys().nth(HEADS_AT_A_TIME).cloned();
            let rest = next.map(|next| heads.split_off(&next)).unwrap_or_default();
            let rooms = mem::replace(&mut heads, rest);
            self.mailbox().reply_frame(wire::write(&Event::Heads(Heads { rooms })));
        }
    }
}

fn head(room: &Room) -> (String, Head) {
    let standing = room.standing();
    let head = Head {
        epoch: standing.epoch.to_string(),
        oldest: standing.oldest,
        head: standing.head,
        presence: room.presence_version(),
    };
    (room.name().to_string(), head)
}
