//! The sequence of a session's messages: they are taken in in the order in which their client said them, whatever order
//! they arrive in.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Instant,
};

use bytes::Bytes;

use crate::{
    server::limits::{MAX_HELD, MAX_OWED},
    wire::{Code, Request},
};

/// The place of the next message, and the messages that are ahead of their turn.
#[derive(Debug)]
pub(crate) struct Sequence {
    /// The place of the next message.
    next: u64,
    /// The places from `next` on whose messages were refused for now. They have to come again before a message after them
    /// is taken in.
    refused: BTreeSet<u64>,
    held: BTreeMap<u64, Request<'static>>,
    /// The last messages that were dealt with.
    past: VecDeque<Past>,
}

/// A message that was dealt with.
#[derive(Debug)]
struct Past {
    id: u64,
    order: u64,
    /// The refusal, if the message was refused for good: stored now, it would come after messages that were said later.
    refusal: Option<Bytes>,
}

/// Whose turn a message is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Turn {
    /// It is the message's own turn.
    Now,
    /// The turn has passed: the message is a repetition.
    Before,
    /// The turn has passed, and the message was refused for good with this frame.
    Refused(Bytes),
    /// It is the turn of a message that is missing.
    Later,
    /// It is the turn of a message that was refused for now and has to come again.
    OfOneRefused,
}

impl Default for Sequence {
    fn default() -> Sequence {
        Sequence { next: 1, refused: BTreeSet::new(), held: BTreeMap::new(), past: VecDeque::new() }
    }
}

/// The refusal of a message that may come again.
#[derive(Clone, Debug)]
pub(crate) struct RefusedForNow {
    pub(crate) until: Instant,
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl Sequence {
    /// Whose turn the message with this place is. On a lossless link no message is missing before it.
    pub(crate) fn turn(&mut self, id: Option<u64>, order: Option<u64>, is_lossless: bool) -> Turn {
        let Some(order) = order else { return Turn::Now };
        if order < self.next {
            // A message that is not known is no repetition, whatever its place.
            return match self.past.iter().find(|past| Some(past.id) == id && past.order == order) {
                Some(Past { refusal: Some(refusal), .. }) => Turn::Refused(refusal.clone()),
                Some(_) => Turn::Before,
                None => Turn::Now,
            };
        }
        self.refused.remove(&order);
        if self.refused.first().is_some_and(|refused| *refused < order) {
            return Turn::OfOneRefused;
        }
        if order > self.next && !is_lossless {
            return Turn::Later;
        }
        self.next = order;
        Turn::Now
    }

    /// The message whose turn it was is dealt with: taken in, or refused for good.
    pub(crate) fn done(&mut self, id: Option<u64>, order: Option<u64>, refusal: Option<Bytes>) {
        if order == Some(self.next) {
            self.next += 1;
            if self.past.len() == MAX_OWED {
                self.past.pop_front();
            }
            self.past.extend(id.map(|id| Past { id, order: self.next - 1, refusal }));
        }
    }

    /// The message was taken in, but then the broker refused it.
    pub(crate) fn refused_after_all(&mut self, id: u64, refusal: Bytes) {
        if let Some(past) = self.past.iter_mut().rev().find(|past| past.id == id) {
            past.refusal = Some(refusal);
        }
    }

    /// The message is refused for now. Returns false if the table of refusals is full; the message is then treated as lost
    /// and the client sends it again.
    pub(crate) fn refused(&mut self, order: Option<u64>) -> bool {
        let Some(order) = order.filter(|order| *order >= self.next) else { return true };
        let remembered = self.refused.len() < MAX_OWED;
        if remembered {
            self.refused.insert(order);
        }
        remembered
    }

    /// Keeps a message until its turn. If too many wait already it is dropped, as if it had been lost.
    pub(crate) fn hold(&mut self, message: Request<'static>) {
        if let Some(order) = message.order
            && self.held.len() < MAX_HELD
        {
            self.held.insert(order, message);
        }
    }

    /// A waiting message that can be dealt with now: taken in, or refused with one before it.
    pub(crate) fn release(&mut self) -> Option<Request<'static>> {
        let first = self.held.first_entry()?;
        let is_due =
            *first.key() <= self.next || self.refused.first().is_some_and(|refused| refused < first.key());
        is_due.then(|| first.remove())
    }

    /// The link is gone: the client sends the waiting messages again.
    pub(crate) fn link_lost(&mut self) {
        self.held.clear();
    }
}
