//! The requests without a reply: kept until their replies come, and sent again, in order, over every new link.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{in_flight::InFlight, mode::Mode};
use crate::{
    RoomName,
    bucket::{Bucket, Rate},
    wire::{LimitsFrame, Post, Request, RequestBody, Target},
};

mod select;

/// The unanswered requests of one client, by their ids.
#[derive(Debug)]
pub(super) struct RequestQueue {
    requests: BTreeMap<u64, Asked>,
    /// The messages that have no place among those of the session yet and are not in flight. There may be a thousand.
    new_messages: BTreeSet<u64>,
    /// The messages that have a place, by their places.
    placed_messages: BTreeMap<u64, u64>,
    /// The requests that are no messages.
    others: BTreeSet<u64>,
    /// The joins and leaves of each room.
    membership: BTreeMap<RoomName, BTreeSet<u64>>,
    next_id: u64,
    /// The place of the next message that is sent for the first time in this session.
    next_order: u64,
    pub(super) in_flight: InFlight,
    /// How many requests may be in flight.
    max_in_flight: usize,
    /// How many places the messages in flight may span: the server keeps so many that are ahead of their turn.
    max_ahead: u64,
    /// Keeps to the rate that the server allows, so that the server seldom refuses a message.
    send_budget: Bucket,
    /// The limits that the send budget was made of.
    limits: Option<LimitsFrame>,
    /// The server refused a message for now. The next message is sent at this time, and not before every message in
    /// flight is answered: a message that the server accepts after it refused another one would overtake it.
    held_until: Option<Instant>,
    /// When time alone allows a request to be sent that has to wait now.
    pub(super) wake_at: Option<Instant>,
}

/// A request, and who asked for it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: Request<'static>,
    /// The tag that the user gave; none if the client asks by itself.
    pub(super) tag: Option<u64>,
    /// The room that the request is about, if any.
    room: Option<RoomName>,
    /// When a refused request is sent again. Messages wait together, see [`RequestQueue::held_until`].
    not_before: Option<Instant>,
}

impl RequestQueue {
    pub(super) fn new(seed: u64) -> RequestQueue {
        RequestQueue {
            requests: BTreeMap::new(),
            new_messages: BTreeSet::new(),
            placed_messages: BTreeMap::new(),
            others: BTreeSet::new(),
            membership: BTreeMap::new(),
            next_id: 1,
            next_order: 1,
            in_flight: InFlight::new(seed),
            max_in_flight: IN_FLIGHT,
            max_ahead: AHEAD,
            send_budget: Bucket::new(None),
            limits: None,
            held_until: None,
            wake_at: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether every request of the user is answered.
    pub(super) fn is_done(&self) -> bool {
        self.requests.values().all(|asked| asked.tag.is_none())
    }

    pub(super) fn get(&self, id: u64) -> Option<&Request<'static>> {
        self.requests.get(&id).map(|asked| &asked.request)
    }

    /// Takes in a request, and returns the id that it gets.
    pub(super) fn ask(&mut self, body: impl Into<RequestBody<'static>>, tag: Option<u64>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let request = Request::new(id, body);
        let asked = Asked { room: room_of(&request.body), request, tag, not_before: None };
        if asked.request.is_message() { &mut self.new_messages } else { &mut self.others }.insert(id);
        if let Some(room) = asked.room.as_ref().filter(|_| asked.is_membership_change()) {
            self.membership.entry(room.clone()).or_default().insert(id);
        }
        self.requests.insert(id, asked);
        id
    }

    /// Whether the first unanswered join or leave of `room` is a join.
    pub(super) fn joins_next(&self, room: &RoomName) -> bool {
        let first = self.membership.get(room).and_then(BTreeSet::first);
        first.and_then(|id| self.get(*id)).is_some_and(|request| matches!(request.body, RequestBody::Join(_)))
    }

    /// Whether a request like this is unanswered.
    pub(super) fn any(&self, like: impl Fn(&RequestBody<'static>) -> bool) -> bool {
        self.requests.values().any(|asked| like(&asked.request.body))
    }

    /// Whether request `id` is about `room`, and like this.
    pub(super) fn is_about(
        &self,
        id: u64,
        room: &RoomName,
        like: impl Fn(&RequestBody<'static>) -> bool,
    ) -> bool {
        let asked = self.requests.get(&id).filter(|asked| like(&asked.request.body));
        asked.is_some_and(|asked| asked.room.as_ref() == Some(room))
    }

    /// A session is open. A new session counts its messages from 1. `change` is applied to every request.
    pub(super) fn session_opened(
        &mut self,
        resumed: bool,
        mut change: impl FnMut(&mut RequestBody<'static>),
    ) {
        if !resumed {
            self.next_order = 1;
            self.placed_messages.clear();
            self.requests.values_mut().for_each(|asked| asked.request.order = None);
            self.collect_new_messages();
        }
        self.requests.values_mut().for_each(|asked| change(&mut asked.request.body));
    }

    /// The link is gone: every request of the user is sent again over the next one, and the client's own are dropped.
    pub(super) fn link_lost(&mut self) {
        let own: Vec<u64> =
            self.requests.iter().filter(|(_, asked)| asked.tag.is_none()).map(|(id, _)| *id).collect();
        for id in own {
            self.remove(id);
        }
        self.collect_new_messages();
        self.in_flight.link_lost();
        self.wake_at = None;
    }

    fn collect_new_messages(&mut self) {
        let is_new = |asked: &Asked| asked.request.is_message() && asked.request.order.is_none();
        let new = self.requests.iter().filter(|(_, asked)| is_new(asked)).map(|(id, _)| *id);
        self.new_messages = new.collect();
    }

    /// Takes over the limits that the server announced.
    pub(super) fn allow(&mut self, limits: LimitsFrame) {
        if self.limits == Some(limits) {
            return;
        }
        self.limits = Some(limits);
        let in_flight =
            limits.in_flight.map_or(IN_FLIGHT, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let pending = usize::try_from(limits.pending).unwrap_or(usize::MAX);
        self.max_in_flight = in_flight.min(pending).max(1);
        self.max_ahead = limits.ahead.unwrap_or(AHEAD);
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).max(1);
        let rate = |(burst, per_minute)| Rate { burst: small(burst), per_minute: small(per_minute) };
        self.send_budget = Bucket::new(limits.burst.zip(limits.per_minute).map(rate));
    }

    /// The next request to send for the first time on this link, if one may be sent now.
    pub(super) fn next(
        &mut self,
        now: Instant,
        joined: impl Fn(&RoomName) -> bool,
    ) -> Option<&Request<'static>> {
        let id = self.select(now, &joined)?;
        let asked = self.requests.get_mut(&id)?;
        if asked.request.is_message() {
            self.new_messages.remove(&id);
            // In raw mode a lost message is not sent again, so the server must not wait for its place.
            if asked.request.order.is_none() && self.in_flight.mode != Mode::Raw {
                asked.request.order = Some(self.next_order);
                self.placed_messages.insert(self.next_order, id);
                self.next_order += 1;
            }
        }
        self.in_flight.sent(id, &asked.request, now);
        Some(&asked.request)
    }

    /// The request whose reply came; it is done.
    pub(super) fn answered(&mut self, id: u64, now: Instant) -> Option<Asked> {
        let asked = self.remove(id)?;
        self.in_flight.acknowledged(id, now);
        Some(asked)
    }

    /// Drops a request whose reply is no longer waited for.
    pub(super) fn forget(&mut self, id: u64) -> Option<Asked> {
        self.in_flight.abandoned(id);
        self.remove(id)
    }

    fn remove(&mut self, id: u64) -> Option<Asked> {
        let asked = self.requests.remove(&id)?;
        self.others.remove(&id);
        self.new_messages.remove(&id);
        if let Some(order) = asked.request.order {
            self.placed_messages.remove(&order);
        }
        if let Some(room) = asked.room.as_ref().filter(|_| asked.is_membership_change())
            && let Some(changes) = self.membership.get_mut(room)
        {
            changes.remove(&id);
            if changes.is_empty() {
                self.membership.remove(room);
            }
        }
        Some(asked)
    }

    /// The server refused a request for now: it is sent again after `wait`.
    pub(super) fn put_back(&mut self, id: u64, wait: Duration, now: Instant) {
        let Some(asked) = self.requests.get_mut(&id) else { return };
        self.in_flight.acknowledged(id, now);
        let until = now + wait.max(MIN_WAIT);
        if !asked.request.is_message() {
            asked.not_before = Some(until);
            return;
        }
        self.held_until = self.held_until.max(Some(until));
        if asked.request.order.is_none() {
            self.new_messages.insert(id);
        }
    }
}

impl Asked {
    /// Whether the request joins or leaves a room. Later requests about that room do not overtake it.
    fn is_membership_change(&self) -> bool {
        matches!(self.request.body, RequestBody::Join(_) | RequestBody::Leave(_))
    }
}

/// The room that a request is about. The server accepts such a request only in a room that the session has joined, apart
/// from the join itself.
fn room_of(request: &RequestBody<'_>) -> Option<RoomName> {
    let room = match request {
        RequestBody::Join(join) => &join.room,
        RequestBody::Post(Post { to: Target::Room(room), .. }) => room,
        RequestBody::History(history) => &history.room,
        RequestBody::Replay(replay) => &replay.room,
        RequestBody::Leave(leave) => &leave.room,
        _ => return None,
    };
    RoomName::from_wire(room).ok() // the server says what is wrong with an invalid name
}

/// The shortest time after which a refused request is sent again, so that a server that says 0 cannot make the client
/// spin.
const MIN_WAIT: Duration = Duration::from_millis(10);
/// How many requests may be in flight where the server does not say it (protocol 11.12).
const IN_FLIGHT: usize = 32;
/// How many messages may be ahead of their turn where the server does not say it (protocol 11.12).
const AHEAD: u64 = 16;
