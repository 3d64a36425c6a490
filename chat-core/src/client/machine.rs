//! The client as a state machine: frames and the time go in, frames and updates come out.

use std::{
    fmt,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    backoff::Backoff,
    config::Config,
    handshake_retry::HandshakeRetry,
    in_flight::{Expired, InFlight},
    keepalive::Keepalive,
    mode::Mode,
    proof::Proof,
    request_queue::RequestQueue,
    rooms::Rooms,
    stats::Stats,
    update::{Update, UpdateQueue},
};
use crate::{
    RoomName,
    transport::{Binding, Promises},
    wire::{self, Code, Error, Event, Hello, MAX_FRAME, PROTOCOL, Replay, Request, RequestBody},
};

/// A client without its link. A driver gives it one link after the other, and does what the client says.
pub struct Client {
    pub(super) config: Config,
    pub(super) phase: Phase,
    /// The secret that opens the session again.
    pub(super) secret: Option<String>,
    pub(super) queue: RequestQueue,
    pub(super) rooms: Rooms,
    pub(super) updates: UpdateQueue,
    pub(super) backoff: Backoff,
    /// How long the server asked the client to wait before it dials again.
    pub(super) retry_hint: Option<Duration>,
    /// The timers of the present link, if there is one.
    pub(super) keepalive: Option<Keepalive>,
    /// How far the password is proved over the present link.
    pub(super) proof: Proof,
    /// Whether the client leaves once everything is answered.
    leaving: bool,
}

/// The state of the conversation with the server.
#[derive(Debug)]
pub(super) enum Phase {
    /// There is no link.
    Unlinked,
    /// There is a link, and `hello` is sent.
    Greeting(HandshakeRetry),
    /// `welcome` arrived, at this time.
    Open(Instant),
    /// `bye` is sent.
    Parting(HandshakeRetry),
    /// The client has left for good, or the server refused it.
    Over,
}

impl Client {
    /// A client that asks to be let in as `config` says.
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
            proof: Proof::none(),
            leaving: false,
            config,
        }
    }

    /// Asks for something; the reply comes as an [`Update`] with `tag`. The request is kept and sent over every new link
    /// until it is answered.
    pub fn ask(&mut self, request: impl Into<RequestBody<'static>>, tag: u64) {
        let mut body = request.into();
        match &mut body {
            RequestBody::Hello(_) => return, // the client says hello by itself
            RequestBody::Bye => return self.bye(),
            RequestBody::Unknown(_) => {
                let error = local_error(Code::Unsupported, "this client knows no such request");
                return self.updates.push_back(Update::Reply { tag, reply: Event::Error(error) });
            }
            RequestBody::Join(join) => self.rooms.joining(join),
            _ => {}
        }
        // Checked before the request has a place in the order, for which the server would wait.
        let request = Request::unnumbered(body);
        let bytes = wire::write(&request).len() + NUMBERS;
        if bytes > MAX_FRAME {
            let message = format!("this makes {bytes} bytes; a request has at most {MAX_FRAME}");
            let reply = Event::Error(local_error(Code::TooLarge, message));
            return self.updates.push_back(Update::Reply { tag, reply });
        }
        self.queue.ask(request.body, Some(tag));
    }

    /// Leaves for good, once every request is answered.
    pub fn bye(&mut self) {
        self.leaving = true;
    }

    /// How many requests have no reply yet.
    pub fn unanswered(&self) -> usize {
        self.queue.len()
    }

    /// The last number of `room` that was reported.
    pub fn cursor(&self, room: &RoomName) -> Option<u64> {
        self.rooms.cursor(room)
    }

    /// The last round trip that was measured.
    pub fn round_trip(&self) -> Option<Duration> {
        self.in_flight().round_trip.last()
    }

    /// The measurements since the client began.
    pub fn stats(&self) -> Stats {
        let in_flight = self.in_flight();
        Stats { round_trips: in_flight.round_trip.summary(), retries: in_flight.retries, ..self.rooms.stats }
    }

    /// Reports [`Client::stats`] to the user, as an update.
    pub(super) fn tell_stats(&mut self) {
        let stats = self.stats();
        self.updates.push_back(Update::Stats(stats));
    }

    fn in_flight(&self) -> &InFlight {
        &self.queue.in_flight
    }

    /// Whether the conversation is over: the client has left, or the server refused it.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// There is a link, which is not encrypted.
    pub fn link_up(&mut self, promises: Promises, now: Instant) {
        let proof = Proof::begin(self.config.password.as_ref(), None, [0; 64]);
        self.greet(proof, promises, now);
    }

    /// There is a link, which is encrypted and has this binding. `random` are bytes that nobody can guess, new for each link.
    pub fn encrypted_link_up(
        &mut self,
        promises: Promises,
        binding: &Binding,
        random: [u8; 64],
        now: Instant,
    ) {
        let proof = Proof::begin(self.config.password.as_ref(), Some(binding), random);
        self.greet(proof, promises, now);
    }

    fn greet(&mut self, proof: Result<Proof, Error>, promises: Promises, now: Instant) {
        match proof {
            Ok(proof) => self.proof = proof,
            Err(error) => return drop(self.link_error(error)), // it is final, and the driver closes the link
        }
        let mode = Mode::of(promises, self.config.raw);
        (self.queue.in_flight.mode, self.rooms.mode) = (mode, mode);
        self.say_hello(now);
        self.keepalive = Some(Keepalive::new(self.is_lossy(), now));
    }

    /// Sends `hello`, with what is to be said of the password now.
    pub(super) fn say_hello(&mut self, now: Instant) {
        let client = self.config.client.to_string();
        let mut hello = Hello {
            protocol: PROTOCOL,
            name: self.config.name.as_str().into(),
            client: Some(client.into()),
            resume: self.secret.as_deref().map(Into::into),
            ..Hello::default()
        };
        self.proof.fill(&mut hello);
        let hello = wire::write(&Request::unnumbered(hello));
        self.phase = Phase::Greeting(HandshakeRetry::new(hello, now));
    }

    /// Whether the present link may lose, repeat or reorder frames.
    pub(super) fn is_lossy(&self) -> bool {
        self.in_flight().mode != Mode::Lossless
    }

    /// This program does not go on to the server at all, for this reason.
    pub(super) fn unwanted(&mut self, why: String) {
        let _ = self.link_error(local_error(Code::NotWelcome, why)); // it is final
    }

    /// The link is gone, or could not be made. Returns when to dial again, unless the conversation is over.
    pub fn link_lost(&mut self, why: &str, now: Instant) -> Option<Instant> {
        self.keepalive = None;
        match self.phase {
            Phase::Over | Phase::Parting(_) => {
                self.phase = Phase::Over;
                return None;
            }
            // A link that is lost soon after each welcome would be made again and again without a pause.
            Phase::Open(since) if now >= since + PROVEN_AFTER => self.backoff.reset(),
            Phase::Open(_) | Phase::Unlinked | Phase::Greeting(_) => {}
        }
        self.phase = Phase::Unlinked;
        self.queue.link_lost();
        self.rooms.link_lost();
        let retry_in = self.backoff.next(self.retry_hint.take());
        self.updates.push_back(Update::Disconnected { why: why.to_owned(), retry_in });
        Some(now + retry_in)
    }

    /// The next update for the user.
    pub fn poll_update(&mut self) -> Option<Update> {
        self.updates.pop_front()
    }

    /// The next frame to send.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Bytes> {
        let is_lossy = self.is_lossy();
        match &mut self.phase {
            Phase::Greeting(handshake) | Phase::Parting(handshake) => {
                handshake.poll(is_lossy, &mut self.queue.in_flight.round_trip, now)
            }
            Phase::Open(_) => self.transmit(now),
            Phase::Unlinked | Phase::Over => None,
        }
    }

    fn transmit(&mut self, now: Instant) -> Option<Bytes> {
        let waiting_since = self.waiting_since();
        if self.keepalive.as_mut().is_some_and(|keepalive| keepalive.take_ping_due(waiting_since, now)) {
            self.ping();
        }
        if !self.leaving {
            self.ask_for_missing(now);
        }
        while let Some(expired) = self.queue.in_flight.expired(now) {
            match expired {
                Expired::Retransmit(id) => return self.queue.get(id).map(wire::write),
                Expired::GivenUp(id) => {
                    if let Some(tag) = self.queue.forget(id).and_then(|asked| asked.tag) {
                        self.updates.push_back(Update::Unanswered { tag });
                    }
                }
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

    /// Asks the server for a pong. On a lossy link one ping at a time is enough, because it is retransmitted.
    pub(super) fn ping(&mut self) {
        if !(self.is_lossy() && self.queue.any(|request| matches!(request, RequestBody::Ping))) {
            self.queue.ask(RequestBody::Ping, None);
        }
    }

    /// Asks for the entries that are missing.
    fn ask_for_missing(&mut self, now: Instant) {
        let reordering = self.in_flight().round_trip.reordering();
        while let Some((room, from, to)) = self.rooms.missing_range(now, reordering) {
            let replay = Replay { room: room.to_string().into(), from, to };
            let id = self.queue.ask(replay, None);
            self.rooms.requested(&room, id, from, to);
        }
    }

    /// Since when the client waits for a reply.
    fn waiting_since(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Greeting(hello) => Some(hello.since()),
            Phase::Open(_) => self.in_flight().waiting_since(),
            _ => None,
        }
    }

    /// The next time at which [`Client::on_timeout`] is due and more frames may be sent. Timers that ran out by `now`, and
    /// whose frames could not be sent, wait for the link or the user instead.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let keepalive = self.keepalive.as_ref()?;
        let waiting_since = self.waiting_since();
        let dead = Some(keepalive.dead_at(waiting_since));
        let timers = match &self.phase {
            Phase::Unlinked | Phase::Over => [None; 5],
            Phase::Greeting(hello) => [dead, hello.due(), None, None, None],
            Phase::Parting(bye) => [Some(bye.since() + PART_WITHIN), bye.due(), None, None, None],
            Phase::Open(_) => [
                dead,
                Some(keepalive.next_ping_at(waiting_since)),
                self.queue.wake_at,
                self.in_flight().next_due(),
                self.rooms.repair_due(self.in_flight().round_trip.reordering()),
            ],
        };
        timers.into_iter().flatten().filter(|at| *at > now).min()
    }

    /// Time has passed; more frames may be sent now.
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

/// An error that the client finds by itself, before any server sees the request.
pub(super) fn local_error(code: Code, message: impl Into<String>) -> Error {
    Error::of(None, code, message)
}

impl fmt::Debug for Client {
    // Without the secret, which would let its reader take over the session.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("config", &self.config)
            .field("phase", &self.phase)
            .field("queue", &self.queue)
            .field("rooms", &self.rooms)
            .finish_non_exhaustive()
    }
}

/// The bytes that the numbers of a request may add to it: its id, and its place in the order.
const NUMBERS: usize = 48;
/// For how long `bye` is retransmitted on a link that may lose it.
const PART_WITHIN: Duration = Duration::from_secs(2);
/// How long a link has to live after `welcome` before its loss counts as the first one.
const PROVEN_AFTER: Duration = Duration::from_secs(10);
