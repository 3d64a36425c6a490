//! One room a session is in: how far it was sent, and what is sent next.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    beacon::Beacon,
    helping::Helping,
    limits::MAX_UNASKED,
    reads::Reads,
    room::{Reading, Room},
};

/// A room, and where in it the session is.
#[derive(Debug)]
pub(super) struct Membership {
    pub(super) room: Arc<Room>,
    /// The last number handed to the link; nothing is sent while there is none.
    pub(super) cursor: Option<u64>,
    /// The room's head before the replies were looked at: an ack comes before the entry it is for.
    pub(super) visible: u64,
    /// The version of the room's members the client knows.
    pub(super) presence: u64,
    helping: Helping,
    /// The last number the client asked for again, over a link that may lose frames.
    asked: u64,
    /// Until then that is so far back that the client could not keep anything new.
    behind_until: Option<Instant>,
    /// Of what was sent over such a link.
    pub(super) beacon: Beacon,
}

impl Membership {
    pub(super) fn new(room: Arc<Room>) -> Membership {
        Membership {
            room,
            cursor: None,
            visible: 0,
            presence: 0,
            helping: Helping::default(),
            asked: 0,
            behind_until: None,
            beacon: Beacon::default(),
        }
    }

    /// Reads on after `cursor`.
    pub(super) fn read_from(&mut self, cursor: u64) {
        (self.cursor, self.helping) = (Some(cursor), Helping::default());
        (self.asked, self.behind_until) = (0, None);
    }

    /// The client asks for what it lacks, up to number `to`. Less than it asked for before is no news of where it is.
    pub(super) fn lacks(&mut self, to: u64, now: Instant) {
        if to >= self.asked {
            self.asked = to;
            let is_behind = self.cursor.is_some_and(|cursor| cursor > to + MAX_UNASKED);
            // It may as well have looked something up, and not ask for anything ever again.
            self.behind_until = is_behind.then(|| now + BEHIND_FOR);
        }
    }

    /// Stops sending until it is said again where to read on.
    pub(super) fn pause(&mut self) {
        (self.cursor, self.beacon) = (None, Beacon::default());
    }

    /// Hands out what is new, in full, and goes to the log for what the room no longer keeps.
    pub(super) fn poll_frames(&mut self, budget: &mut usize, reads: &mut Reads, out: &mut impl FnMut(Bytes)) {
        let Some(cursor) = &mut self.cursor else { return };
        if self.room.presence_version() > self.presence {
            send_presence(&self.room, &mut self.presence, budget, out);
        }
        if self.visible > *cursor && self.room.read_on(cursor, self.visible, budget, out) == Reading::InLog {
            reads.catch_up(&self.room);
        }
    }

    /// Hands out what is new, over a link that may lose frames: a helping at a time, and what is more than that is
    /// left for the client to ask for, at the pace at which it gets it. While it asks for what is far back it is sent
    /// nothing else: it would have to throw that away, and ask for it as well.
    pub(super) fn poll_some_frames(&mut self, budget: &mut usize, now: Instant, out: &mut impl FnMut(Bytes)) {
        let Some(cursor) = &mut self.cursor else { return };
        if self.room.presence_version() > self.presence {
            send_presence(&self.room, &mut self.presence, budget, out);
            self.beacon.light(now);
        }
        if self.visible <= *cursor {
            return;
        }
        if self.behind_until.is_some_and(|at| now < at) {
            return self.beacon.keep_lit(now);
        }
        self.beacon.light(now);
        let until = self.helping.until(*cursor).min(self.visible);
        match self.room.read_on(cursor, until, budget, out) {
            Reading::InLog => *cursor = self.visible,
            Reading::InRing => self.helping.sent(cursor, self.visible),
        }
    }
}

fn send_presence(room: &Room, known: &mut u64, budget: &mut usize, out: &mut impl FnMut(Bytes)) {
    let (version, frame) = room.presence_frame(*known);
    *known = version;
    *budget = budget.saturating_sub(frame.len());
    out(frame);
}

/// For how long a client that asked for what is far back is sent nothing new.
const BEHIND_FOR: Duration = Duration::from_secs(1);
