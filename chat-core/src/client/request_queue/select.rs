//! Which request is sent next: the client's own requests, then the user's in the order in which they were asked.

use std::time::Instant;

use super::{Asked, RequestQueue};
use crate::{RoomName, client::mode::Mode, wire::RequestBody};

impl RequestQueue {
    /// The id of the next request to send for the first time on this link. `joined` says whether requests about a room may
    /// be sent.
    pub(super) fn select(&mut self, now: Instant, joined: &impl Fn(&RoomName) -> bool) -> Option<u64> {
        self.wake_at = None;
        if self.in_flight.len() >= self.max_in_flight {
            return self.own_ping();
        }
        // The user waits to read the entries that the client itself asks for: they do not queue behind messages.
        if let Some(id) = self.next_other(true, now, joined) {
            return Some(id);
        }
        let other = self.next_other(false, now, joined);
        let message = self.next_message(joined);
        match (other, message) {
            (Some(other), Some(message)) if other < message => Some(other),
            (other, Some(message)) => match self.take_from_budget(now) {
                Ok(()) => Some(message),
                Err(at) => {
                    self.wake_no_later_than(at);
                    other
                }
            },
            (other, None) => other,
        }
    }

    /// The client's own ping, which is sent however many requests are in flight: a pong may be all that the server can
    /// give.
    fn own_ping(&self) -> Option<u64> {
        let is_own_ping =
            |asked: &Asked| asked.tag.is_none() && matches!(asked.request.body, RequestBody::Ping);
        let mut unsent = self.others.iter().copied().filter(|id| !self.in_flight.contains(*id));
        unsent.find(|id| self.requests.get(id).is_some_and(is_own_ping))
    }

    /// The next request that is no message: of the client's own if `own`, else of the user's.
    fn next_other(&mut self, own: bool, now: Instant, joined: &impl Fn(&RoomName) -> bool) -> Option<u64> {
        let mut wake_at = None;
        let is_ready = |id: &&u64| {
            let Some(asked) = self.requests.get(id) else { return false };
            if asked.tag.is_none() != own
                || self.in_flight.contains(**id)
                || !self.may_go(**id, asked, joined)
            {
                return false;
            }
            match asked.not_before.filter(|at| *at > now) {
                Some(at) => {
                    wake_at = Some(wake_at.map_or(at, |earlier: Instant| earlier.min(at)));
                    false
                }
                None => true,
            }
        };
        let next = self.others.iter().find(is_ready).copied();
        if let Some(at) = wake_at {
            self.wake_no_later_than(at);
        }
        next
    }

    /// The next message. Messages that have a place are sent in the order of their places, before any new message: the
    /// server holds or refuses a message that is ahead of its turn.
    fn next_message(&self, joined: &impl Fn(&RoomName) -> bool) -> Option<u64> {
        if self.held_until.is_some() && self.in_flight.messages() > 0 {
            return None;
        }
        let placed = self.placed_messages.iter().find(|(_, id)| !self.in_flight.contains(**id));
        let order = placed.map_or(self.next_order, |(order, _)| *order);
        if order > self.max_order() {
            return None;
        }
        let is_ready =
            |id: &&u64| self.requests.get(id).is_some_and(|asked| self.may_go(**id, asked, joined));
        match placed {
            Some((_, id)) => Some(id).filter(is_ready).copied(),
            None => self.new_messages.iter().find(is_ready).copied(),
        }
    }

    /// The last place that the server keeps while the first message in flight is missing. A message beyond it would be
    /// dropped, and sent again, each time later.
    fn max_order(&self) -> u64 {
        let first = self.in_flight.first_order().filter(|_| self.in_flight.mode == Mode::Repair);
        first.map_or(u64::MAX, |order| order.saturating_add(self.max_ahead))
    }

    /// Whether the room of a request is joined, and no earlier request about that room has to be answered first.
    fn may_go(&self, id: u64, asked: &Asked, joined: &impl Fn(&RoomName) -> bool) -> bool {
        let Some(room) = &asked.room else { return true };
        if !matches!(asked.request.body, RequestBody::Join(_)) && !joined(room) {
            return false;
        }
        // The client itself joins a room again for the sake of the requests that wait, so its joins wait for none of them.
        if asked.tag.is_none() {
            return true;
        }
        match asked.request.body {
            RequestBody::Leave(_) => {
                !self.requests.range(..id).any(|(_, earlier)| earlier.room.as_ref() == Some(room))
            }
            _ => {
                let first_change = self.membership.get(room).and_then(|changes| changes.first());
                first_change.is_none_or(|first| *first >= id)
            }
        }
    }

    /// Takes one message from the budget, or says when there will be one.
    fn take_from_budget(&mut self, now: Instant) -> Result<(), Instant> {
        if let Some(until) = self.held_until.filter(|until| *until > now) {
            return Err(until);
        }
        self.send_budget.take(now).map_err(|wait| now + wait)?;
        self.held_until = None;
        Ok(())
    }

    fn wake_no_later_than(&mut self, at: Instant) {
        self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
    }
}
