//! What was asked and is not answered yet: kept until its reply comes, sent again on every new link, in order.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::in_flight::{InFlight, Mode};
use crate::{
    RoomName,
    bucket::{Bucket, Rate},
    wire::{LimitsFrame, Post, Request, RequestBody, Target},
};

/// The requests of one client by their ids.
#[derive(Debug)]
pub(super) struct RequestQueue {
    requests: BTreeMap<u64, Asked>,
    /// The messages among them that were never sent: there may be a thousand, so they are not looked at while none of
    /// them may go.
    unsent_messages: BTreeSet<u64>,
    /// All the others.
    other_requests: BTreeSet<u64>,
    next_id: u64,
    /// The place of the next message that is said for the first time in this session.
    next_order: u64,
    pub(super) in_flight: InFlight,
    max_in_flight: usize,
    /// Keeps to what the server allows, so that it seldom has to refuse.
    send_budget: Bucket,
    send_budget_of: Option<LimitsFrame>,
    /// The server refused a message for now. The next is sent then, and not before every message under way is
    /// answered: one that is let in after another was refused would overtake it.
    held_until: Option<Instant>,
    /// When a request that could not be sent yet becomes sendable by time alone.
    pub(super) wake_at: Option<Instant>,
}

/// A request, and for whom.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: Request<'static>,
    /// Whose it is; without one the client's own.
    pub(super) tag: Option<u64>,
    /// The room it is about, if any.
    room: Option<RoomName>,
    /// The server refused it until then. Messages wait together, see [`RequestQueue::held_until`].
    not_before: Option<Instant>,
}

impl RequestQueue {
    pub(super) fn new(seed: u64) -> RequestQueue {
        RequestQueue {
            requests: BTreeMap::new(),
            unsent_messages: BTreeSet::new(),
            other_requests: BTreeSet::new(),
            next_id: 1,
            next_order: 1,
            in_flight: InFlight::new(seed),
            max_in_flight: MAX_IN_FLIGHT,
            send_budget: Bucket::new(None),
            send_budget_of: None,
            held_until: None,
            wake_at: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether everything that somebody asked for is answered. What the client asks for itself does not count.
    pub(super) fn is_done(&self) -> bool {
        self.requests.values().all(|it| it.tag.is_none())
    }

    /// Takes in a request, and returns the id that it gets.
    pub(super) fn ask(&mut self, body: impl Into<RequestBody<'static>>, tag: Option<u64>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let request = Request::new(id, body);
        let room = room_of(&request.body);
        if request.is_message() { &mut self.unsent_messages } else { &mut self.other_requests }.insert(id);
        self.requests.insert(id, Asked { request, tag, room, not_before: None });
        id
    }

    /// Whether the next thing asked about `room` that opens or shuts it is to join it.
    pub(super) fn joins_next(&self, room: &RoomName) -> bool {
        let mut changes =
            self.requests.values().filter(|it| it.is_membership_change() && it.room.as_ref() == Some(room));
        changes.next().is_some_and(|it| matches!(it.request.body, RequestBody::Join(_)))
    }

    /// Whether a request like this waits for its answer.
    pub(super) fn any(&self, like: impl Fn(&RequestBody<'static>) -> bool) -> bool {
        self.requests.values().any(|it| like(&it.request.body))
    }

    /// Whether request `id` is about `room`, and like this.
    pub(super) fn is_about(&self, id: u64, room: &str, like: impl Fn(&RequestBody<'static>) -> bool) -> bool {
        let asked =
            self.requests.get(&id).filter(|it| like(&it.request.body)).and_then(|it| it.room.as_ref());
        asked.is_some_and(|asked| RoomName::from_wire(room).is_ok_and(|it| it == *asked))
    }

    /// A session is open. A new one counts what is said in it anew.
    pub(super) fn session_opened(
        &mut self,
        resumed: bool,
        mut change: impl FnMut(&mut RequestBody<'static>),
    ) {
        if !resumed {
            self.next_order = 1;
            self.requests.values_mut().for_each(|it| it.request.order = None);
        }
        self.requests.values_mut().for_each(|it| change(&mut it.request.body));
    }

    /// The link is gone: everything is to be sent again, but for what the client asked for itself on that link.
    pub(super) fn link_lost(&mut self) {
        self.requests.retain(|_, it| it.tag.is_some());
        self.other_requests.retain(|id| self.requests.contains_key(id)); // no message is the client's own
        self.in_flight.link_lost();
        self.wake_at = None;
    }

    /// Takes over what the server says it allows.
    pub(super) fn allow(&mut self, limits: LimitsFrame) {
        let pending = usize::try_from(limits.pending).unwrap_or(usize::MAX);
        self.max_in_flight = MAX_IN_FLIGHT.min(pending).max(1);
        if self.send_budget_of != Some(limits) {
            self.send_budget_of = Some(limits);
            let small = |it: u64| u32::try_from(it).unwrap_or(u32::MAX).max(1);
            let rate = |burst, per_minute| Rate { burst: small(burst), per_minute: small(per_minute) };
            self.send_budget = Bucket::new(limits.burst.zip(limits.per_minute).map(|(b, m)| rate(b, m)));
        }
    }

    /// The next request to send, again or for the first time, if there is one that may go now.
    pub(super) fn next(
        &mut self,
        now: Instant,
        joined: impl Fn(&RoomName) -> bool,
    ) -> Option<&Request<'static>> {
        if let Some(id) = self.in_flight.retry(now) {
            return self.requests.get(&id).map(|it| &it.request);
        }
        let first = self.first(now, joined);
        self.wake_at = self.wake_at.into_iter().chain(self.in_flight.next_due()).min();
        if let Some(id) = first.filter(|it| self.unsent_messages.remove(it)) {
            self.other_requests.insert(id);
        }
        let asked = self.requests.get_mut(&first?)?;
        // Without repair the server must not wait for what is lost.
        let is_raw = self.in_flight.mode == Mode::Raw;
        if asked.request.is_message() && asked.request.order.is_none() && !is_raw {
            asked.request.order = Some(self.next_order);
            self.next_order += 1;
        }
        self.in_flight.sent(first?, &asked.request, now);
        Some(&asked.request)
    }

    /// The next request to send for the first time on this link.
    fn first(&mut self, now: Instant, joined: impl Fn(&RoomName) -> bool) -> Option<u64> {
        self.wake_at = None;
        if self.in_flight.len() >= self.max_in_flight {
            // A sign of life is asked for all the same: it may be all that the server can give.
            let is_own_ping = |id: &u64| self.requests.get(id).is_some_and(Asked::is_own_ping);
            return self
                .other_requests
                .iter()
                .copied()
                .filter(is_own_ping)
                .find(|id| !self.in_flight.contains(*id));
        }
        let asked = |id: &u64| self.requests.get(id).map(|it| (*id, it));
        let unsent =
            || self.other_requests.iter().filter(|id| !self.in_flight.contains(**id)).filter_map(asked);
        // Those that have their place in the order keep it: the server refuses or holds what is ahead of its turn.
        let turn = unsent().filter_map(|(_, it)| it.request.order).min();
        let mut messages_wait = self.held_until.is_some() && self.in_flight.messages() > 0;
        let max_order = self.in_flight.max_order();
        let mut wake_at: Option<Instant> = None;
        let mut wait_until = |at: Instant| wake_at = Some(wake_at.map_or(at, |it| it.min(at)));
        let mut found = None;
        // What the client asks for itself is what its user waits to read: behind a queue of messages it would be late.
        let own = unsent().filter(|(_, it)| it.tag.is_none());
        let mut other_requests = own.chain(unsent().filter(|(_, it)| it.tag.is_some())).peekable();
        let mut unsent_messages = self.unsent_messages.iter().filter_map(asked).peekable();
        loop {
            let message = unsent_messages.peek().filter(|_| !messages_wait);
            let comes_first =
                |(id, it): &(u64, &Asked)| it.tag.is_none() || message.is_none_or(|(m, _)| id < m);
            let next = match other_requests.next_if(comes_first) {
                None if messages_wait => None,
                None => unsent_messages.next(),
                other => other,
            };
            let Some((id, asked)) = next else { break };
            let is_message = asked.request.is_message();
            let needs = asked.room.as_ref().filter(|_| !matches!(asked.request.body, RequestBody::Join(_)));
            let order = asked.request.order;
            messages_wait |= is_message && order.unwrap_or(self.next_order) > max_order;
            if (is_message && (messages_wait || (turn.is_some() && turn != order)))
                || !needs.is_none_or(&joined)
                || !is_its_turn(&self.requests, id, asked)
            {
                continue;
            }
            if let Some(at) = asked.not_before.filter(|at| *at > now) {
                wait_until(at);
                continue;
            }
            if is_message && let Err(at) = may_send(&mut self.held_until, &mut self.send_budget, now) {
                messages_wait = true;
                wait_until(at);
                continue;
            }
            found = Some(id);
            break;
        }
        self.wake_at = wake_at;
        found
    }

    /// The request that a reply answers, which is done with it.
    pub(super) fn answered(&mut self, id: u64, now: Instant) -> Option<Asked> {
        let asked = self.remove(id)?;
        self.in_flight.acknowledged(id, Some(now));
        Some(asked)
    }

    /// Drops a request whose reply is no longer wanted.
    pub(super) fn forget(&mut self, id: u64) -> Option<Asked> {
        self.in_flight.acknowledged(id, None);
        self.remove(id)
    }

    fn remove(&mut self, id: u64) -> Option<Asked> {
        self.other_requests.remove(&id);
        self.unsent_messages.remove(&id);
        self.requests.remove(&id)
    }

    /// A request was refused for now: it is sent again after `wait`.
    pub(super) fn put_back(&mut self, id: u64, wait: Duration, now: Instant) {
        let Some(asked) = self.requests.get_mut(&id) else { return };
        self.in_flight.acknowledged(id, Some(now));
        let until = now + wait.max(MIN_WAIT);
        if asked.request.is_message() {
            self.held_until = self.held_until.max(Some(until));
        } else {
            asked.not_before = Some(until);
        }
    }
}

impl Asked {
    /// Whether it opens or shuts a room, which others about that room do not overtake.
    fn is_membership_change(&self) -> bool {
        matches!(self.request.body, RequestBody::Join(_) | RequestBody::Leave(_))
    }

    fn is_own_ping(&self) -> bool {
        self.tag.is_none() && matches!(self.request.body, RequestBody::Ping)
    }
}

/// Whether nothing that was asked before about the same room has to be answered first. Rooms are joined again by the
/// client itself for the sake of what waits, so that is not held up.
fn is_its_turn(requests: &BTreeMap<u64, Asked>, id: u64, asked: &Asked) -> bool {
    if asked.room.is_none() || asked.tag.is_none() {
        return true;
    }
    let leaves = matches!(asked.request.body, RequestBody::Leave(_));
    !requests.range(..id).any(|(_, it)| (leaves || it.is_membership_change()) && it.room == asked.room)
}

/// Whether one more message may go now, or when.
fn may_send(held_until: &mut Option<Instant>, send_budget: &mut Bucket, now: Instant) -> Result<(), Instant> {
    if let Some(until) = held_until.filter(|until| *until > now) {
        return Err(until);
    }
    send_budget.take(now).map_err(|wait| now + wait)?;
    *held_until = None;
    Ok(())
}

/// The room a request is about, which has to be joined before the server accepts it, unless it is the join.
fn room_of(request: &RequestBody<'_>) -> Option<RoomName> {
    let room = match request {
        RequestBody::Join(join) => &join.room,
        RequestBody::Post(Post { to: Target::Room(room), .. }) => room,
        RequestBody::History(history) => &history.room,
        RequestBody::Replay(replay) => &replay.room,
        RequestBody::Leave(leave) => &leave.room,
        _ => return None,
    };
    RoomName::from_wire(room).ok() // the server says what is wrong with it
}

/// For how long at least what was refused for now is not sent again, or a server that says 0 would make it spin.
const MIN_WAIT: Duration = Duration::from_millis(10);
/// Requests under way at a time; the server reads on as long as it owes fewer than 64 replies.
const MAX_IN_FLIGHT: usize = 32;
