//! Messages in the order in which their client said them, whatever order they arrive in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::limits::{MAX_HELD, MAX_OWED};
use crate::wire::Request;

/// How far one session's messages were taken in, and those that are ahead of their turn.
#[derive(Debug)]
pub(super) struct Sequence {
    /// The place of the next message.
    next: u64,
    /// Those from `next` on that were refused for now and have to come again, before any after them is taken in.
    refused: BTreeSet<u64>,
    held: BTreeMap<u64, Request<'static>>,
    /// The ids of the last ones that were taken in.
    known: VecDeque<u64>,
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
        Sequence { next: 1, refused: BTreeSet::new(), held: BTreeMap::new(), known: VecDeque::new() }
    }
}

impl Sequence {
    /// Whose turn the message with this place is. On a link that promises order nothing is missing before it.
    pub(super) fn turn(&mut self, id: Option<u64>, order: Option<u64>, ordered: bool) -> Turn {
        let Some(order) = order else { return Turn::Now };
        if order < self.next {
            // One that is not known is no repetition, whatever it says.
            return if id.is_some_and(|id| self.known.contains(&id)) { Turn::Before } else { Turn::Now };
        }
        self.refused.remove(&order);
        if self.refused.first().is_some_and(|it| *it < order) {
            return Turn::OfOneRefused;
        }
        if order > self.next && !ordered {
            return Turn::Later;
        }
        self.next = order;
        Turn::Now
    }

    /// The message whose turn it was is dealt with.
    pub(super) fn done(&mut self, id: Option<u64>, order: Option<u64>) {
        if order == Some(self.next) {
            self.next += 1;
            if self.known.len() == MAX_OWED {
                self.known.pop_front();
            }
            self.known.extend(id);
        }
    }

    /// The message is refused for now. Returns whether to say so: what nobody can remember counts as lost.
    pub(super) fn refused(&mut self, order: Option<u64>) -> bool {
        let Some(order) = order.filter(|it| *it >= self.next) else { return true };
        let remembered = self.refused.len() < MAX_OWED;
        if remembered {
            self.refused.insert(order);
        }
        remembered
    }

    /// Keeps a message until its turn; one too many is dropped, as if it had been lost.
    pub(super) fn hold(&mut self, message: Request<'static>) {
        if let Some(order) = message.order()
            && self.held.len() < MAX_HELD
        {
            self.held.insert(order, message);
        }
    }

    /// A message that was kept and can be dealt with now: taken in, or refused with one before it.
    pub(super) fn release(&mut self) -> Option<Request<'static>> {
        let first = self.held.first_entry()?;
        let is_due = *first.key() <= self.next || self.refused.first().is_some_and(|it| it < first.key());
        is_due.then(|| first.remove())
    }

    /// The link is another: what was kept comes again.
    pub(super) fn link_lost(&mut self) {
        self.held.clear();
    }
}
