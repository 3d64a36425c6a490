//! The requests that are under way: when each was sent, and when it is to be sent again.

use std::{collections::BTreeMap, time::Instant};

use super::round_trip::RoundTrip;
use crate::wire::{Request, RequestBody};

/// What is done about replies that do not come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Mode {
    /// Nothing: the link loses none.
    #[default]
    Lossless,
    /// Requests are sent again, and entries asked for.
    Repair,
    /// Nothing, so that it can be seen what the link does. Only what opens a room is sent again.
    Raw,
}

/// Requests without a reply, by their ids.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) mode: Mode,
    requests: BTreeMap<u64, SentRequest>,
    messages: usize,
    last_retry: Option<Instant>,
    pub(super) retries: u64,
    pub(super) round_trip: RoundTrip,
}

#[derive(Debug)]
struct SentRequest {
    sent: Instant,
    tries: u32,
    /// When it is sent again, or given up.
    due: Option<Instant>,
    /// Its place among the messages of its session, if it is one.
    order: Option<u64>,
    is_message: bool,
    /// Whether it asks for a page of entries.
    is_page: bool,
    /// Whether it is sent again.
    retransmits: bool,
}

impl InFlight {
    pub(super) fn new(seed: u64) -> InFlight {
        InFlight {
            mode: Mode::default(),
            requests: BTreeMap::new(),
            messages: 0,
            last_retry: None,
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

    /// How many messages are under way.
    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    /// The last place that the server keeps a message for while the first under way is missing. What it does not
    /// keep would have to be sent again, each time later.
    pub(super) fn max_order(&self) -> u64 {
        let first = self.requests.values().filter_map(|it| it.order).min();
        first.filter(|_| self.mode == Mode::Repair).map_or(u64::MAX, |it| it + DEFAULT_MAX_HELD)
    }

    /// A request is sent for the first time on this link.
    pub(super) fn sent(&mut self, id: u64, request: &Request<'_>, now: Instant) {
        let (is_message, order) = (request.is_message(), request.order);
        let is_page = matches!(request.body, RequestBody::Replay(_));
        let is_door = matches!(request.body, RequestBody::Join(_) | RequestBody::Leave(_));
        let retransmits = self.mode == Mode::Repair || is_door;
        let due = match self.mode {
            Mode::Lossless => None,
            _ if retransmits => Some(now + self.round_trip.rto_for(is_page, 0, now)),
            _ => Some(now + RAW_RTO),
        };
        self.messages += usize::from(is_message);
        self.requests
            .insert(id, SentRequest { sent: now, tries: 0, due, order, is_message, is_page, retransmits });
    }

    /// A reply came, or nobody waits for it any more.
    pub(super) fn acknowledged(&mut self, id: u64, replied: Option<Instant>) {
        let Some(request) = self.requests.remove(&id) else { return };
        self.messages -= usize::from(request.is_message);
        if let (Some(now), Some(order)) = (replied, request.order) {
            self.expect_before(order, now);
        }
        // A reply to one of several tries tells nothing of how long it took (Karn's algorithm), nor does one that
        // may have waited for the retry of another: none after a retry of whatever does.
        if let Some(now) = replied
            && self.last_retry.is_none_or(|at| at < request.sent)
        {
            self.round_trip.measure(now - request.sent);
        } else if replied.is_some() && request.is_page {
            self.round_trip.page_came(request.tries);
        }
    }

    /// The server takes messages in by their places, so it has answered those before this one: if an answer does not
    /// come very soon, it was lost.
    fn expect_before(&mut self, order: u64, now: Instant) {
        let soon = now + self.round_trip.reordering();
        let before = self.requests.values_mut().filter(|it| it.order.is_some_and(|it| it < order));
        before.filter(|it| it.retransmits).for_each(|it| it.due = it.due.map(|due| due.min(soon)));
    }

    /// A request that has to be sent again now.
    pub(super) fn retry(&mut self, now: Instant) -> Option<u64> {
        let is_due = |it: &SentRequest| it.retransmits && it.due.is_some_and(|at| at <= now);
        let (id, request) = self.requests.iter_mut().find(|(_, it)| is_due(it))?;
        request.tries += 1;
        request.due = Some(now + self.round_trip.rto_for(request.is_page, request.tries, now));
        self.last_retry = Some(now);
        self.retries += 1;
        Some(*id)
    }

    /// A request that is given up: it was sent once, and no reply came.
    pub(super) fn give_up(&mut self, now: Instant) -> Option<u64> {
        let is_over = |it: &SentRequest| !it.retransmits && it.due.is_some_and(|at| at <= now);
        let id = *self.requests.iter().find(|(_, it)| is_over(it))?.0;
        self.acknowledged(id, None);
        Some(id)
    }

    /// When time alone changes something.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.requests.values().filter_map(|it| it.due).min()
    }

    /// Since when the oldest request waits for its reply.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        self.requests.values().map(|it| it.sent).min()
    }

    pub(super) fn link_lost(&mut self) {
        self.requests.clear();
        self.messages = 0;
        self.round_trip.link_lost();
    }
}

/// How many messages the server keeps that are ahead of their turn.
const DEFAULT_MAX_HELD: u64 = 16;
/// How long a reply is waited for that is asked for once.
const RAW_RTO: std::time::Duration = std::time::Duration::from_secs(2);
