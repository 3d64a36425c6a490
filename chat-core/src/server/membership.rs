//! One room a session is in: how far it was sent, and what is sent next.

use std::sync::Arc;

use bytes::Bytes;

use super::{
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
    /// Something was sent since `heads` were said for the last time.
    pub(super) unconfirmed: bool,
}

impl Membership {
    pub(super) fn new(room: Arc<Room>) -> Membership {
        Membership { room, cursor: None, visible: 0, presence: 0, unconfirmed: false }
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

    /// Hands out what is new, over a link that may lose frames: a little at a time, and what is more than that is
    /// left for the client to ask for, at the pace at which it gets it.
    pub(super) fn poll_some_frames(&mut self, budget: &mut usize, out: &mut impl FnMut(Bytes)) {
        let Some(cursor) = &mut self.cursor else { return };
        if self.room.presence_version() > self.presence {
            send_presence(&self.room, &mut self.presence, budget, out);
            self.unconfirmed = true;
        }
        if self.visible <= *cursor {
            return;
        }
        self.unconfirmed = true;
        let enough = self.visible.min(*cursor + MAX_UNASKED);
        if self.room.read_on(cursor, enough, budget, out) == Reading::InLog || *cursor == enough {
            *cursor = self.visible;
        }
    }
}

fn send_presence(room: &Room, known: &mut u64, budget: &mut usize, out: &mut impl FnMut(Bytes)) {
    let (version, frame) = room.presence_frame(*known);
    *known = version;
    *budget = budget.saturating_sub(frame.len());
    out(frame);
}
