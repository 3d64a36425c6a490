//! The join log: the last joins and leaves of a link that may double and delay frames. A repeated one changes nothing.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{RoomName, server::limits::JOIN_LOG};

/// The last joins and leaves that were answered.
#[derive(Debug, Default)]
pub(crate) struct JoinLog {
    done: VecDeque<Answered>,
}

#[derive(Debug)]
struct Answered {
    id: u64,
    room: RoomName,
    outcome: JoinOutcome,
}

/// The outcome of a join or leave.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum JoinOutcome {
    /// The session joined, and reads on after this number.
    Joined {
        /// The cursor.
        after: u64,
        /// Whether the cursor is not the one the client asked for.
        reset: bool,
    },
    /// The session left.
    Left,
    /// The request was refused, with this frame.
    Refused(Bytes),
}

/// What the log knows of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Known {
    /// The request has not come before.
    New,
    /// The request is the last one that was answered for its room, with this outcome.
    Repeated(JoinOutcome),
    /// Other requests for its room were answered after it.
    Late,
}

impl JoinLog {
    /// Whether the request `id` about `room` was answered before.
    pub(crate) fn find(&self, id: u64, room: &RoomName) -> Known {
        let mut same_room = self.done.iter().rev().filter(|other| other.room == *room);
        match same_room.next() {
            Some(last) if last.id == id => Known::Repeated(last.outcome.clone()),
            Some(_) if same_room.any(|other| other.id == id) => Known::Late,
            _ => Known::New,
        }
    }

    pub(crate) fn note(&mut self, id: u64, room: RoomName, outcome: JoinOutcome) {
        if self.done.len() == JOIN_LOG {
            self.done.pop_front();
        }
        self.done.reserve_exact(1); // one or two is what most links ever need
        self.done.push_back(Answered { id, room, outcome });
    }

    /// Forgets everything: the ids belong to a link that is gone.
    pub(crate) fn link_lost(&mut self) {
        self.done = VecDeque::new();
    }
}
