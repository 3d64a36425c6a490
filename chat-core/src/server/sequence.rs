//! Messages in the order in which their client said them, whatever order they arrive in.

use std::collections::BTreeMap;

use super::limits::MAX_HELD;
use crate::wire::Request;

/// How far one session's messages were taken in, and those that are ahead of their turn.
#[derive(Debug)]
pub(super) struct Sequence {
    /// The place of the next message.
    next: u64,
    /// That message came and was refused for now.
    refused: bool,
    held: BTreeMap<u64, Request<'static>>,
}

/// Whose turn a message is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Turn {
    /// Its own.
    Now,
    /// It was, before: this is a repetition.
    Before,
    /// One that is missing.
    Later,
    /// One that was refused for now and has to come again.
    OfOneRefused,
}

impl Default for Sequence {
    fn default() -> Sequence {
        Sequence { next: 1, refused: false, held: BTreeMap::new() }
    }
}

impl Sequence {
    /// Whose turn the message with this place is. On a link that promises order nothing is missing before it.
    pub(super) fn turn(&mut self, order: Option<u64>, ordered: bool) -> Turn {
        let Some(order) = order else { return Turn::Now };
        if order < self.next {
            return Turn::Before;
        }
        if order > self.next && self.refused {
            return Turn::OfOneRefused;
        }
        if order > self.next && !ordered {
            return Turn::Later;
        }
        self.next = order;
        Turn::Now
    }

    /// The message whose turn it was is dealt with.
    pub(super) fn done(&mut self, order: Option<u64>) {
        if order == Some(self.next) {
            self.next += 1;
            self.refused = false;
        }
    }

    /// The message whose turn it was is refused for now.
    pub(super) fn refused(&mut self, order: Option<u64>) {
        self.refused |= order == Some(self.next);
    }

    /// Keeps a message until its turn; one too many is dropped, as if it had been lost.
    pub(super) fn hold(&mut self, message: Request<'static>) {
        if let Some(order) = message.order()
            && self.held.len() < MAX_HELD
        {
            self.held.insert(order, message);
        }
    }

    /// A message that was kept and can be dealt with now.
    pub(super) fn release(&mut self) -> Option<Request<'static>> {
        let first = self.held.first_entry()?;
        (self.refused || *first.key() <= self.next).then(|| first.remove())
    }

    /// The link is another: what was kept comes again.
    pub(super) fn link_lost(&mut self) {
        self.held.clear();
    }
}
