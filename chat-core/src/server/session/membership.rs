//! A session's membership of one room: how far the session has read it, and which frames are sent next.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{heads::HeadsTimer, send_window::SendWindow};
use crate::server::{
    limits::MAX_UNASKED,
    room::{Reading, Room},
};

/// A room, and the session's place in it.
#[derive(Debug)]
pub(crate) struct Membership {
    pub(crate) room: Arc<Room>,
    /// The last number handed to the link; nothing is sent while there is none.
    pub(crate) cursor: Option<u64>,
    /// The room's head when the client set its cursor: entries up to there are read because the client asked for them.
    past: u64,
    /// The room's head from before the replies were handed out, so that an ack comes before its entry.
    pub(crate) visible: u64,
    /// The version of the room's members the client knows.
    pub(crate) presence: u64,
    /// Whether the client wants the hashes of entries.
    pub(crate) hashes: bool,
    send_window: SendWindow,
    /// The largest number the client has asked for again, over a link that may lose frames.
    asked: u64,
    /// Until then the client is so far behind that it could not keep new entries.
    behind_until: Option<Instant>,
    /// When `heads` name the room, over such a link.
    pub(crate) heads_timer: HeadsTimer,
}

impl Membership {
    pub(crate) fn new(room: Arc<Room>) -> Membership {
        Membership {
            room,
            cursor: None,
            past: 0,
            visible: 0,
            presence: 0,
            hashes: false,
            send_window: SendWindow::default(),
            asked: 0,
            behind_until: None,
            heads_timer: HeadsTimer::default(),
        }
    }

    /// Reads on after `cursor`.
    pub(crate) fn read_from(&mut self, cursor: u64) {
        self.past = self.room.head();
        (self.cursor, self.send_window) = (Some(cursor), SendWindow::default());
        (self.asked, self.behind_until) = (0, None);
    }

    /// Whether the next entries are from before the client set its cursor.
    pub(crate) fn is_in_past(&self) -> bool {
        self.cursor.is_some_and(|cursor| cursor < self.past)
    }

    /// The client asks for entries it lacks, up to number `to`. A request for an older range than the last one does not
    /// change our estimate of where the client reads.
    pub(crate) fn lacks(&mut self, to: u64, now: Instant) {
        if to >= self.asked {
            self.asked = to;
            let is_behind = self.cursor.is_some_and(|cursor| cursor > to + MAX_UNASKED);
            // The request may have been a single lookup, so the estimate expires.
            self.behind_until = is_behind.then(|| now + BEHIND_FOR);
        }
    }

    /// Stops sending until [`Membership::read_from`] sets a cursor again.
    pub(crate) fn pause(&mut self) {
        (self.cursor, self.heads_timer) = (None, HeadsTimer::default());
    }

    /// Hands out the new entries, all of them. Returns where the next ones are: the caller has to read the log for
    /// those that the room no longer keeps.
    pub(crate) fn poll_frames(&mut self, budget: &mut usize, out: &mut impl FnMut(Bytes)) -> Reading {
        let Some(cursor) = &mut self.cursor else { return Reading::InRing };
        if self.room.presence_version() > self.presence {
            send_presence(&self.room, &mut self.presence, budget, out);
        }
        if self.visible > *cursor {
            return self.room.read_on(cursor, self.visible, self.hashes, budget, out);
        }
        Reading::InRing
    }

    /// Hands out new entries over a link that may lose frames: one send window at a time. The client asks for the
    /// entries beyond the window, at its own pace. While the client asks for entries that are far back, no new entries
    /// are sent: the client could not keep them and would have to ask for them as well.
    pub(crate) fn poll_some_frames(&mut self, budget: &mut usize, now: Instant, out: &mut impl FnMut(Bytes)) {
        let Some(cursor) = &mut self.cursor else { return };
        if self.room.presence_version() > self.presence {
            send_presence(&self.room, &mut self.presence, budget, out);
            self.heads_timer.arm(now);
        }
        if self.visible <= *cursor {
            return;
        }
        if self.behind_until.is_some_and(|at| now < at) {
            return self.heads_timer.arm_if_idle(now);
        }
        self.heads_timer.arm(now);
        let until = self.send_window.until(*cursor).min(self.visible);
        match self.room.read_on(cursor, until, self.hashes, budget, out) {
            Reading::InLog => *cursor = self.visible,
            Reading::InRing => self.send_window.sent(cursor, self.visible),
        }
    }
}

fn send_presence(room: &Room, known: &mut u64, budget: &mut usize, out: &mut impl FnMut(Bytes)) {
    let (version, frame) = room.presence_frame(*known);
    *known = version;
    *budget = budget.saturating_sub(frame.len());
    out(frame);
}

/// For how long a client that asked for entries far back is sent no new ones.
const BEHIND_FOR: Duration = Duration::from_secs(1);
