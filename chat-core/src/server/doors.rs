//! The joins and leaves of a link that may double and delay frames: one that comes again changes nothing.

use std::collections::VecDeque;

use bytes::Bytes;

use super::limits::MAX_DOORS;
use crate::RoomName;

/// The last joins and leaves that were answered.
#[derive(Debug, Default)]
pub(super) struct Doors {
    done: VecDeque<Door>,
}

#[derive(Debug)]
struct Door {
    id: u64,
    room: RoomName,
    passed: Passed,
}

/// Which way a door was passed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Passed {
    /// In: reading began after this number, and perhaps not where the client stood.
    In {
        /// The cursor.
        after: u64,
        /// Whether it is not the client's own.
        reset: bool,
    },
    /// Out.
    Out,
    /// Not at all, for this reason.
    Refused(Bytes),
}

/// What is known of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Known {
    /// It has not been here.
    New,
    /// It was the last one for its room.
    Again(Passed),
    /// Others for its room were answered after it.
    Late,
}

impl Doors {
    /// Whether the request `id` about `room` was answered before.
    pub(super) fn find(&self, id: u64, room: &RoomName) -> Known {
        let mut same_room = self.done.iter().rev().filter(|it| it.room == *room);
        match same_room.next() {
            Some(last) if last.id == id => Known::Again(last.passed.clone()),
            Some(_) if same_room.any(|it| it.id == id) => Known::Late,
            _ => Known::New,
        }
    }

    pub(super) fn note(&mut self, id: u64, room: RoomName, passed: Passed) {
        if self.done.len() == MAX_DOORS {
            self.done.pop_front();
        }
        self.done.reserve_exact(1); // one or two is what most links ever need
        self.done.push_back(Door { id, room, passed });
    }

    /// The link is another.
    pub(super) fn link_lost(&mut self) {
        self.done = VecDeque::new();
    }
}
