//! What was asked and is not answered yet: kept until its reply comes, sent again on every new link, in order.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    RoomName,
    bucket::{Bucket, Rate},
    wire::{LimitsFrame, Request},
};

/// The requests of one client by their ids.
#[derive(Debug)]
pub(super) struct Outbox {
    requests: BTreeMap<u64, Asked>,
    next_id: u64,
    in_flight: usize,
    messages_in_flight: usize,
    most_in_flight: usize,
    /// Keeps to what the server allows, so that it seldom has to refuse.
    pace: Bucket,
    paced: Option<LimitsFrame>,
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
    /// The room it needs to be joined, if any.
    room: Option<RoomName>,
    sent: bool,
}

impl Outbox {
    pub(super) fn new() -> Outbox {
        Outbox {
            requests: BTreeMap::new(),
            next_id: 1,
            in_flight: 0,
            messages_in_flight: 0,
            most_in_flight: MOST_IN_FLIGHT,
            pace: Bucket::new(None),
            paced: None,
            held_until: None,
            wake_at: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// An id for a request that is not kept.
    pub(super) fn fresh_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// Takes in a request; the id in it is replaced.
    pub(super) fn ask(&mut self, mut request: Request<'static>, tag: Option<u64>) {
        let id = self.fresh_id();
        set_id(&mut request, id);
        let room = needed_room(&request);
        self.requests.insert(id, Asked { request, tag, room, sent: false });
    }

    /// Whether a request like this waits for its answer.
    pub(super) fn any(&self, like: impl Fn(&Request<'static>) -> bool) -> bool {
        self.requests.values().any(|it| like(&it.request))
    }

    /// Changes what waits and was not sent yet.
    pub(super) fn amend(&mut self, mut change: impl FnMut(&mut Request<'static>)) {
        self.requests.values_mut().filter(|it| !it.sent).for_each(|it| change(&mut it.request));
    }

    /// The link is gone: everything is to be sent again, but for what the client asked for itself on that link.
    pub(super) fn link_lost(&mut self) {
        self.requests.retain(|_, it| it.tag.is_some());
        self.requests.values_mut().for_each(|it| it.sent = false);
        (self.in_flight, self.messages_in_flight) = (0, 0);
        self.wake_at = None;
    }

    /// Takes over what the server says it allows.
    pub(super) fn allow(&mut self, limits: LimitsFrame) {
        let pending = usize::try_from(limits.pending).unwrap_or(usize::MAX);
        self.most_in_flight = MOST_IN_FLIGHT.min(pending).max(1);
        if self.paced != Some(limits) {
            self.paced = Some(limits);
            let small = |it: u64| u32::try_from(it).unwrap_or(u32::MAX).max(1);
            let rate = |burst, per_minute| Rate { burst: small(burst), per_minute: small(per_minute) };
            self.pace = Bucket::new(limits.burst.zip(limits.per_minute).map(|(b, m)| rate(b, m)));
        }
    }

    /// The next request to send, if there is one that may go now.
    pub(super) fn next(
        &mut self,
        now: Instant,
        joined: impl Fn(&RoomName) -> bool,
    ) -> Option<&Request<'static>> {
        self.wake_at = None;
        if self.in_flight >= self.most_in_flight {
            return None;
        }
        let mut messages_wait = false;
        let ready = |it: &&mut Asked| !it.sent && it.room.as_ref().is_none_or(&joined);
        for asked in self.requests.values_mut().filter(ready) {
            if is_message(&asked.request) {
                let held = self.held_until.is_some() && self.messages_in_flight > 0;
                if messages_wait || held {
                    messages_wait = true;
                    continue;
                }
                if let Err(at) = may_send(&mut self.held_until, &mut self.pace, now) {
                    messages_wait = true;
                    self.wake_at = Some(at);
                    continue;
                }
                self.messages_in_flight += 1;
            }
            asked.sent = true;
            self.in_flight += 1;
            return Some(&asked.request);
        }
        None
    }

    /// The request that a reply answers, which is done with it.
    pub(super) fn answered(&mut self, id: u64) -> Option<Asked> {
        let asked = self.requests.remove(&id)?;
        self.landed(&asked);
        Some(asked)
    }

    /// A request was refused for now: it is sent again after `wait`.
    pub(super) fn put_back(&mut self, id: u64, wait: Duration, now: Instant) {
        let Some(mut asked) = self.requests.remove(&id) else { return };
        self.landed(&asked);
        asked.sent = false;
        self.held_until = self.held_until.max(Some(now + wait));
        self.requests.insert(id, asked);
    }

    fn landed(&mut self, asked: &Asked) {
        if asked.sent {
            self.in_flight -= 1;
            self.messages_in_flight -= usize::from(is_message(&asked.request));
        }
    }
}

/// Whether one more message may go now, or when.
fn may_send(held_until: &mut Option<Instant>, pace: &mut Bucket, now: Instant) -> Result<(), Instant> {
    if let Some(until) = held_until.filter(|until| *until > now) {
        return Err(until);
    }
    pace.take(now).map_err(|wait| now + wait)?;
    *held_until = None;
    Ok(())
}

fn is_message(request: &Request<'_>) -> bool {
    matches!(request, Request::Say(_) | Request::Tell(_) | Request::Topic(_))
}

/// The room that has to be joined before the server accepts the request.
fn needed_room(request: &Request<'_>) -> Option<RoomName> {
    let room = match request {
        Request::Say(it) => &it.room,
        Request::Topic(it) => &it.room,
        Request::History(it) => &it.room,
        Request::Replay(it) => &it.room,
        Request::Leave(it) => &it.room,
        _ => return None,
    };
    RoomName::from_wire(room).ok() // the server says what is wrong with it
}

fn set_id(request: &mut Request<'_>, id: u64) {
    match request {
        Request::Join(it) => it.id = id,
        Request::Leave(it) => it.id = id,
        Request::Say(it) => it.id = id,
        Request::Tell(it) => it.id = id,
        Request::Topic(it) => it.id = id,
        Request::Who(it) => it.id = id,
        Request::Rooms(it) => it.id = id,
        Request::History(it) => it.id = id,
        Request::Replay(it) => it.id = id,
        Request::Ping(it) => it.id = id,
        Request::Hello(_) | Request::Bye {} | Request::Unknown(_) => {}
    }
}

/// Requests under way at a time; the server reads on as long as it owes fewer than 64 replies.
const MOST_IN_FLIGHT: usize = 32;
