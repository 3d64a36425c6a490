//! The client as a state machine: frames and the time in, frames and updates out.

use std::{
    fmt,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    Config, Stats, Update, UpdateQueue,
    backoff::Backoff,
    handshake_retry::HandshakeRetry,
    in_flight::{InFlight, Mode},
    keepalive::Keepalive,
    request_queue::RequestQueue,
    rooms::Rooms,
};
use crate::{
    RoomName,
    transport::Promises,
    wire::{self, Code, Error, Event, Hello, MAX_FRAME, PROTOCOL, Replay, Request, RequestBody},
};

/// A client without its link. A driver gives it one after the other, and does what it says.
pub struct Client {
    pub(super) config: Config,
    pub(super) phase: Phase,
    /// Opens the session again.
    pub(super) secret: Option<String>,
    pub(super) queue: RequestQueue,
    pub(super) rooms: Rooms,
    pub(super) updates: UpdateQueue,
    pub(super) backoff: Backoff,
    /// When the server said it is worth dialling again.
    pub(super) retry_hint: Option<Duration>,
    /// Of the present link, if there is one.
    pub(super) keepalive: Option<Keepalive>,
    /// Leaves once everything is answered.
    leaving: bool,
}

#[derive(Debug)]
pub(super) enum Phase {
    /// There is no link.
    Unlinked,
    /// There is a link, and hello is said.
    Greeting(HandshakeRetry),
    /// Welcome was read.
    Open,
    /// Bye is said.
    Parting(HandshakeRetry),
    /// There is no point in coming back.
    Over,
}

impl Client {
    /// A client that wants to be let in as `config` says.
    pub fn new(config: Config) -> Client {
        let backoff = Backoff::new(config.seed);
        Client {
            phase: Phase::Unlinked,
            secret: None,
            queue: RequestQueue::new(config.seed),
            rooms: Rooms::default(),
            updates: UpdateQueue::new(),
            backoff,
            retry_hint: None,
            keepalive: None,
            leaving: false,
            config,
        }
    }

    /// Asks for something. The reply comes as an [`Update`] with `tag`. Links may come and go meanwhile: it is asked until it is answered.
    pub fn ask(&mut self, request: impl Into<RequestBody<'static>>, tag: u64) {
        let mut body = request.into();
        match &mut body {
            RequestBody::Hello(_) => return, // said by the client itself
            RequestBody::Bye => return self.bye(),
            RequestBody::Unknown(_) => {
                let error = no(Code::Unsupported, "this client knows no such request");
                return self.updates.push_back(Update::Reply { tag, reply: Event::Error(error) });
            }
            RequestBody::Join(join) => self.rooms.joining(join),
            _ => {}
        }
        // Before it has a place in the order, which the server would wait for.
        let request = Request::unnumbered(body);
        let bytes = wire::write(&request).len() + NUMBERS;
        if bytes > MAX_FRAME {
            let message = format!("this makes {bytes} bytes; a request has at most {MAX_FRAME}");
            let reply = Event::Error(no(Code::TooLarge, message));
            return self.updates.push_back(Update::Reply { tag, reply });
        }
        self.queue.ask(request.body, Some(tag));
    }

    /// Leaves for good, once everything that was asked is answered.
    pub fn bye(&mut self) {
        self.leaving = true;
    }

    /// How many requests wait for their reply.
    pub fn unanswered(&self) -> usize {
        self.queue.len()
    }

    /// The last number of `room` that was shown.
    pub fn cursor(&self, room: &RoomName) -> Option<u64> {
        self.rooms.cursor(room)
    }

    /// The last round trip that was measured.
    pub fn round_trip(&self) -> Option<Duration> {
        self.in_flight().round_trip.last()
    }

    /// What was measured and counted since the client began.
    pub fn stats(&self) -> Stats {
        let in_flight = self.in_flight();
        Stats { round_trips: in_flight.round_trip.summary(), retries: in_flight.retries, ..self.rooms.stats }
    }

    /// Tells the user [`Client::stats`], as an update.
    pub(super) fn tell_stats(&mut self) {
        let stats = self.stats();
        self.updates.push_back(Update::Stats(stats));
    }

    fn in_flight(&self) -> &InFlight {
        &self.queue.in_flight
    }

    /// Whether there is nothing left to do: bye was said, or the server does not want this client.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// There is a link.
    pub fn link_up(&mut self, promises: Promises, now: Instant) {
        let mode = match promises.reliable && promises.ordered {
            true => Mode::Lossless,
            false if self.config.raw => Mode::Raw,
            false => Mode::Repair,
        };
        (self.queue.in_flight.mode, self.rooms.mode) = (mode, mode);
        let client = self.config.client.to_string();
        let hello = wire::write(&Request::unnumbered(Hello {
            protocol: PROTOCOL,
            name: self.config.name.as_str().into(),
            client: Some(client.into()),
            resume: self.secret.as_deref().map(Into::into),
            password: self.config.password.as_deref().map(Into::into),
        }));
        self.phase = Phase::Greeting(HandshakeRetry::new(hello, now));
        self.keepalive = Some(Keepalive::new(!self.is_lossy(), now));
    }

    /// Whether frames may be lost on the present link.
    pub(super) fn is_lossy(&self) -> bool {
        self.in_flight().mode != Mode::Lossless
    }

    /// The link is gone, or could not be made. Returns when to dial again, unless there is no point.
    pub fn link_lost(&mut self, why: &str, now: Instant) -> Option<Instant> {
        self.keepalive = None;
        if matches!(self.phase, Phase::Over | Phase::Parting(_)) {
            self.phase = Phase::Over;
            return None;
        }
        self.phase = Phase::Unlinked;
        self.queue.link_lost();
        self.rooms.link_lost();
        let retry_in = self.backoff.next(self.retry_hint.take());
        self.updates.push_back(Update::Disconnected { why: why.to_owned(), retry_in });
        Some(now + retry_in)
    }

    /// The next thing to tell the user.
    pub fn poll_update(&mut self) -> Option<Update> {
        self.updates.pop_front()
    }

    /// The next frame to send.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Bytes> {
        let lossy = self.is_lossy();
        match &mut self.phase {
            Phase::Greeting(handshake_retry) | Phase::Parting(handshake_retry) => {
                handshake_retry.poll(lossy, &mut self.queue.in_flight.round_trip, now)
            }
            Phase::Open => self.transmit(now),
            Phase::Unlinked | Phase::Over => None,
        }
    }

    fn transmit(&mut self, now: Instant) -> Option<Bytes> {
        let waiting_since = self.waiting_since();
        if self.keepalive.as_mut().is_some_and(|it| it.take_ping_due(waiting_since, now)) {
            self.ping();
        }
        if !self.leaving {
            self.ask_for_missing(now);
        }
        while let Some(id) = self.queue.in_flight.give_up(now) {
            if let Some(tag) = self.queue.forget(id).and_then(|it| it.tag) {
                self.updates.push_back(Update::Unanswered { tag });
            }
        }
        if let Some(request) = self.queue.next(now, |room| self.rooms.is_ready(room)) {
            return Some(wire::write(request));
        }
        if self.leaving && self.queue.is_done() {
            let bye = wire::write(&Request::unnumbered(RequestBody::Bye));
            if self.is_lossy() {
                self.phase = Phase::Parting(HandshakeRetry::new(bye, now));
                return self.poll_transmit(now);
            }
            self.phase = Phase::Over;
            return Some(bye);
        }
        None
    }

    /// Asks for a sign of life, and gives one. Where frames may be lost, one at a time: it is said again.
    pub(super) fn ping(&mut self) {
        if !(self.is_lossy() && self.queue.any(|it| matches!(it, RequestBody::Ping))) {
            self.queue.ask(RequestBody::Ping, None);
        }
    }

    /// Asks for the entries that did not come.
    fn ask_for_missing(&mut self, now: Instant) {
        let reordering = self.in_flight().round_trip.reordering();
        while let Some((room, from, to)) = self.rooms.missing_range(now, reordering) {
            let replay = Replay { room: room.clone().into(), from, to };
            let id = self.queue.ask(replay, None);
            self.rooms.replay_asked(&room, id, from, to);
        }
    }

    /// Since when a reply is waited for.
    fn waiting_since(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Greeting(hello) => Some(hello.since()),
            Phase::Open => self.in_flight().waiting_since(),
            _ => None,
        }
    }

    /// When time alone changes something: then [`Client::on_timeout`] is due, and more may be sent. What was due by
    /// `now` and could not be done waits for the link or the user instead.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let keepalive = self.keepalive.as_ref()?;
        let waiting_since = self.waiting_since();
        let dead = Some(keepalive.dead_at(waiting_since));
        let timers = match &self.phase {
            Phase::Unlinked | Phase::Over => [None; 4],
            Phase::Greeting(hello) => [dead, hello.due(), None, None],
            Phase::Parting(bye) => [Some(bye.since() + PART_WITHIN), bye.due(), None, None],
            Phase::Open => {
                let missing = self.rooms.repair_due(self.in_flight().round_trip.reordering());
                [dead, Some(keepalive.next_ping_at(waiting_since)), self.queue.wake_at, missing]
            }
        };
        timers.into_iter().flatten().filter(|at| *at > now).min()
    }

    /// Time has passed; more may be sent now.
    ///
    /// # Errors
    /// When the link is dead and has to be dropped.
    pub fn on_timeout(&mut self, now: Instant) -> Result<(), String> {
        match &self.phase {
            Phase::Parting(bye) if now >= bye.since() + PART_WITHIN => self.phase = Phase::Over,
            Phase::Parting(_) => {}
            _ => {
                if let Some(keepalive) = &self.keepalive {
                    keepalive.check(self.waiting_since(), now)?;
                }
            }
        }
        Ok(())
    }
}

/// What the client refuses by itself, as no server would see it.
pub(super) fn no(code: Code, message: impl Into<String>) -> Error {
    Error::of(None, code, message)
}

impl fmt::Debug for Client {
    // Without the secret, with which anybody could go on in its place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("config", &self.config)
            .field("phase", &self.phase)
            .field("queue", &self.queue)
            .field("rooms", &self.rooms)
            .finish_non_exhaustive()
    }
}

/// What the numbers of a request may add to it: its id, and its place in the order.
const NUMBERS: usize = 48;
/// For how long bye is said again on a link that may lose it.
const PART_WITHIN: Duration = Duration::from_secs(2);
