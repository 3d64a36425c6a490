//! The requests in flight: when each was sent, and when it is retransmitted.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{mode::Mode, round_trip::RoundTrip};
use crate::wire::{Request, RequestBody};

/// The requests that were sent over the present link and have no reply yet, by their ids.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) mode: Mode,
    requests: BTreeMap<u64, SentRequest>,
    /// The timers of the requests that have one, earliest first.
    timers: BTreeSet<(Instant, u64)>,
    /// When the requests were sent, earliest first.
    sent_at: BTreeSet<(Instant, u64)>,
    messages: usize,
    last_retransmission: Option<Instant>,
    pub(super) retries: u64,
    pub(super) round_trip: RoundTrip,
}

#[derive(Debug)]
struct SentRequest {
    sent: Instant,
    tries: u32,
    /// When the request is retransmitted, or given up.
    due: Option<Instant>,
    /// The place among the messages of the session, if the request is a message with a place.
    order: Option<u64>,
    is_message: bool,
    /// Whether the request asks for a page of entries.
    is_page: bool,
    /// Whether the request is retransmitted.
    retransmits: bool,
}

/// A request whose timer ran out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Expired {
    /// The request is sent again.
    Retransmit(u64),
    /// The request was sent once, no reply came, and it is no longer in flight.
    GivenUp(u64),
}

impl InFlight {
    pub(super) fn new(seed: u64) -> InFlight {
        InFlight {
            mode: Mode::default(),
            requests: BTreeMap::new(),
            timers: BTreeSet::new(),
            sent_at: BTreeSet::new(),
            messages: 0,
            last_retransmission: None,
            retries: 0,
            round_trip: RoundTrip::new(seed),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn contains(&self, id: u64) -> bool {
        self.requests.contains_key(&id)
    }

    /// How many messages are in flight.
    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    /// The first place among those of the messages in flight.
    pub(super) fn first_order(&self) -> Option<u64> {
        self.requests.values().filter_map(|request| request.order).min()
    }

    /// A request is sent for the first time on this link.
    pub(super) fn sent(&mut self, id: u64, request: &Request<'_>, now: Instant) {
        let (is_message, order) = (request.is_message(), request.order);
        let is_page = matches!(request.body, RequestBody::Replay(_));
        let is_membership_change = matches!(request.body, RequestBody::Join(_) | RequestBody::Leave(_));
        let retransmits = self.mode == Mode::Repair || is_membership_change;
        let due = match self.mode {
            Mode::Lossless => None,
            _ if retransmits => Some(now + self.round_trip.rto_for(is_page, 0, now)),
            _ => Some(now + GIVE_UP_AFTER),
        };
        self.messages += usize::from(is_message);
        self.timers.extend(due.map(|at| (at, id)));
        self.sent_at.insert((now, id));
        let request = SentRequest { sent: now, tries: 0, due, order, is_message, is_page, retransmits };
        self.requests.insert(id, request);
    }

    /// The reply to a request came.
    pub(super) fn acknowledged(&mut self, id: u64, now: Instant) {
        let Some(request) = self.remove(id) else { return };
        if let Some(order) = request.order {
            self.expect_before(order, now);
        }
        // A reply to one of several tries does not tell how long it took (Karn's algorithm). Neither does a reply that may
        // have waited for the retransmission of another request: so no request counts that was in flight at the last one.
        if self.last_retransmission.is_none_or(|at| at < request.sent) {
            self.round_trip.measure(now - request.sent);
        } else if request.is_page {
            self.round_trip.page_came(request.tries);
        }
    }

    /// A request is no longer waited for.
    pub(super) fn abandoned(&mut self, id: u64) {
        self.remove(id);
    }

    fn remove(&mut self, id: u64) -> Option<SentRequest> {
        let request = self.requests.remove(&id)?;
        self.messages -= usize::from(request.is_message);
        if let Some(at) = request.due {
            self.timers.remove(&(at, id));
        }
        self.sent_at.remove(&(request.sent, id));
        Some(request)
    }

    /// The server takes messages in by their places, so it has answered the messages before this one. A reply to them that
    /// does not come very soon was lost.
    fn expect_before(&mut self, order: u64, now: Instant) {
        let soon = now + self.round_trip.reordering();
        for (id, request) in &mut self.requests {
            let is_before = request.order.is_some_and(|other| other < order) && request.retransmits;
            if let Some(due) = request.due.as_mut().filter(|due| is_before && **due > soon) {
                self.timers.remove(&(*due, *id));
                self.timers.insert((soon, *id));
                *due = soon;
            }
        }
    }

    /// The next request whose timer ran out.
    pub(super) fn expired(&mut self, now: Instant) -> Option<Expired> {
        let (at, id) = *self.timers.first().filter(|(at, _)| *at <= now)?;
        let request = self.requests.get_mut(&id)?;
        if !request.retransmits {
            self.remove(id);
            return Some(Expired::GivenUp(id));
        }
        request.tries += 1;
        let due = now + self.round_trip.rto_for(request.is_page, request.tries, now);
        request.due = Some(due);
        self.timers.remove(&(at, id));
        self.timers.insert((due, id));
        self.last_retransmission = Some(now);
        self.retries += 1;
        Some(Expired::Retransmit(id))
    }

    /// When the next timer runs out.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Since when the oldest request waits for its reply.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        self.sent_at.first().map(|(at, _)| *at)
    }

    pub(super) fn link_lost(&mut self) {
        self.requests.clear();
        self.timers.clear();
        self.sent_at.clear();
        self.messages = 0;
        self.round_trip.link_lost();
    }
}

/// How long the client waits for the reply to a request that is sent once.
const GIVE_UP_AFTER: Duration = Duration::from_secs(2);
