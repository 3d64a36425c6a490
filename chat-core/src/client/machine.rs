//! The client as a state machine: frames and the time in, frames and updates out.

use std::{
    fmt,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{Config, Update, UpdateQueue, backoff::Backoff, outbox::Outbox, rooms::Rooms};
use crate::{
    RoomName,
    transport::Promises,
    wire::{
        self, Code, Error, Event, Goodbye, Hello, MAX_FRAME, PROTOCOL, Ping, Pong, Reason, Request, Welcome,
        Who, read_event,
    },
};

/// A client without its link. A driver gives it one after the other, and does what it says.
pub struct Client {
    config: Config,
    phase: Phase,
    /// Opens the session again.
    secret: Option<String>,
    outbox: Outbox,
    rooms: Rooms,
    updates: UpdateQueue,
    backoff: Backoff,
    /// When the server said it is worth dialling again.
    retry_hint: Option<Duration>,
    heart: Heart,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// There is no link.
    Unlinked,
    /// There is a link; hello has to be said.
    Linked,
    /// Hello is said.
    Greeting,
    /// Welcome was read.
    Open,
    /// Bye was said, or there is no point in coming back.
    Over,
}

/// Whether the link lives, and how far away the server is.
#[derive(Debug, Default)]
struct Heart {
    last_heard: Option<Instant>,
    next_ping: Option<Instant>,
    pinged: Option<(u64, Instant)>,
    round_trip: Option<Duration>,
    leaving: bool,
}

impl Client {
    /// A client that wants to be let in as `config` says.
    pub fn new(config: Config) -> Client {
        let backoff = Backoff::new(config.seed);
        Client {
            config,
            phase: Phase::Unlinked,
            secret: None,
            outbox: Outbox::new(),
            rooms: Rooms::default(),
            updates: UpdateQueue::new(),
            backoff,
            retry_hint: None,
            heart: Heart::default(),
        }
    }

    /// Asks for something. The `id` in it is replaced by one of the client's own; the reply comes as an [`Update`]
    /// with `tag`. Links may come and go meanwhile: it is asked until it is answered.
    pub fn ask(&mut self, mut request: Request<'static>, tag: u64) {
        match &mut request {
            Request::Hello(_) => return, // said by the client itself
            Request::Bye {} => return self.bye(),
            Request::Unknown(_) => {
                let error = no(Code::Unsupported, "this client knows no such request");
                return self.updates.push_back(Update::Reply { tag, reply: Event::Error(error) });
            }
            Request::Join(join) => self.rooms.joining(join),
            _ => {}
        }
        self.outbox.ask(request, Some(tag));
    }

    /// Leaves for good, once everything that was asked is answered.
    pub fn bye(&mut self) {
        self.heart.leaving = true;
    }

    /// How many requests wait for their reply.
    pub fn unanswered(&self) -> usize {
        self.outbox.len()
    }

    /// The last number of `room` that was shown.
    pub fn cursor(&self, room: &RoomName) -> Option<u64> {
        self.rooms.cursor(room)
    }

    /// The last round trip that was measured.
    pub fn round_trip(&self) -> Option<Duration> {
        self.heart.round_trip
    }

    /// Whether there is nothing left to do: bye was said, or the server does not want this client.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// There is a link.
    pub fn link_up(&mut self, _promises: Promises, now: Instant) {
        self.phase = Phase::Linked;
        self.heart.last_heard = Some(now);
        self.heart.next_ping = Some(now + PING_EVERY);
        self.heart.pinged = None;
    }

    /// The link is gone, or could not be made. Returns when to dial again, unless there is no point.
    pub fn link_lost(&mut self, why: &str, now: Instant) -> Option<Instant> {
        if self.phase == Phase::Over {
            return None;
        }
        self.phase = Phase::Unlinked;
        self.outbox.link_lost();
        self.rooms.link_lost();
        self.heart.next_ping = None;
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
        match self.phase {
            Phase::Linked => {
                self.phase = Phase::Greeting;
                let client = self.config.client.to_string();
                Some(wire::write(&Request::Hello(Hello {
                    protocol: PROTOCOL,
                    name: self.config.name.as_str().into(),
                    client: Some(client.into()),
                    resume: self.secret.as_deref().map(Into::into),
                    password: self.config.password.as_deref().map(Into::into),
                })))
            }
            Phase::Open => self.transmit(now),
            Phase::Unlinked | Phase::Greeting | Phase::Over => None,
        }
    }

    fn transmit(&mut self, now: Instant) -> Option<Bytes> {
        if self.heart.next_ping.is_some_and(|at| now >= at) {
            let id = self.outbox.fresh_id();
            self.heart.next_ping = Some(now + PING_EVERY);
            self.heart.pinged = Some((id, now));
            return Some(wire::write(&Request::Ping(Ping { id })));
        }
        while let Some(request) = self.outbox.next(now, |room| self.rooms.is_ready(room)) {
            let frame = wire::write(request);
            if frame.len() <= MAX_FRAME {
                return Some(frame);
            }
            let (Some(id), bytes) = (request.id(), frame.len()) else { continue };
            let message = format!("this makes {bytes} bytes; a frame has at most {MAX_FRAME}");
            self.reply(id, Event::Error(no(Code::TooLarge, message)), now);
        }
        if self.heart.leaving && self.outbox.len() == 0 {
            self.phase = Phase::Over;
            return Some(wire::write(&Request::Bye {}));
        }
        None
    }

    /// When time alone changes something: then [`Client::on_timeout`] is due, and more may be sent. What was due by
    /// `now` and could not be done waits for the link or the user instead.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let silent = self.heart.last_heard.map(|at| at + SILENT_AFTER);
        let timers = match self.phase {
            Phase::Unlinked | Phase::Over => [None; 3],
            Phase::Linked | Phase::Greeting => [silent, None, None],
            Phase::Open => [silent, self.heart.next_ping, self.outbox.wake_at],
        };
        timers.into_iter().flatten().filter(|at| *at > now).min()
    }

    /// Time has passed; more may be sent now.
    ///
    /// # Errors
    /// When the link is dead and has to be dropped.
    pub fn on_timeout(&mut self, now: Instant) -> Result<(), String> {
        match self.heart.last_heard {
            Some(at) if now >= at + SILENT_AFTER => Err(format!("nothing heard for {SILENT_AFTER:?}")),
            _ => Ok(()),
        }
    }

    /// Takes one frame from the link.
    ///
    /// # Errors
    /// When the link has to be dropped.
    pub fn on_frame(&mut self, frame: &[u8], now: Instant) -> Result<(), String> {
        self.heart.last_heard = Some(now);
        let event = read_event(frame).map_err(|error| format!("the server sent something else: {error}"))?;
        match event {
            Event::Welcome(welcome) if self.phase == Phase::Greeting => self.welcome(welcome),
            Event::Goodbye(goodbye) => self.goodbye(&goodbye),
            Event::Error(error) if error.id.is_none() => self.link_error(error),
            event if self.phase == Phase::Open => self.event(event, now),
            _ => Err("the server said something else before its welcome".to_owned()),
        }
    }

    fn welcome(&mut self, welcome: Welcome) -> Result<(), String> {
        if welcome.protocol != PROTOCOL {
            let message = format!("the server speaks protocol {}, not {PROTOCOL}", welcome.protocol);
            return self.link_error(no(Code::BadProtocol, message));
        }
        self.phase = Phase::Open;
        self.backoff.reset();
        self.secret = Some(welcome.resume.clone());
        self.outbox.allow(welcome.limits);
        self.rooms.session_opened(welcome.resumed);
        let outbox = &mut self.outbox;
        outbox.amend(|request| {
            if let Request::Join(join) = request {
                self.rooms.joining(join);
            }
        });
        for (room, join) in self.rooms.rejoins() {
            if !outbox.joins_next(&room) {
                outbox.ask(Request::Join(join), None);
            }
        }
        self.updates.push_back(Update::Connected(welcome));
        Ok(())
    }

    fn goodbye(&mut self, goodbye: &Goodbye) -> Result<(), String> {
        self.updates.push_back(Update::Goodbye(goodbye.reason));
        self.retry_hint = goodbye.retry_after_ms.map(Duration::from_millis);
        if matches!(goodbye.reason, Reason::Replaced | Reason::Bye) {
            self.phase = Phase::Over;
        }
        Err(format!("the server said goodbye: {}", goodbye.reason))
    }

    fn link_error(&mut self, error: Error) -> Result<(), String> {
        if self.phase == Phase::Open {
            self.updates.push_back(Update::Error(error));
            return Ok(());
        }
        let why = error.message.clone();
        match error.retry_after_ms {
            Some(wait) => {
                self.retry_hint = Some(Duration::from_millis(wait));
                self.updates.push_back(Update::Error(error));
            }
            None => {
                self.updates.push_back(Update::Refused(error));
                self.phase = Phase::Over;
            }
        }
        Err(why)
    }

    fn event(&mut self, event: Event, now: Instant) -> Result<(), String> {
        match event {
            Event::Entry(entry) => self
                .rooms
                .entry(entry, &mut self.updates)
                .map_err(|hole| format!("{} jumps from {} to {}", hole.room, hole.expected - 1, hole.got))?,
            Event::Gap(gap) => self.rooms.gap(gap, &mut self.updates),
            Event::Presence(presence) => {
                let room = presence.room.clone();
                if !self.rooms.presence(presence, &mut self.updates) {
                    self.ask_who(room);
                }
            }
            Event::Pong(pong) if self.heart.pinged.is_some_and(|(id, _)| id == pong.id) => {
                self.pong(pong, now)
            }
            reply => {
                if let Some(id) = reply.reply_to() {
                    self.reply(id, reply, now);
                }
            }
        }
        Ok(())
    }

    fn pong(&mut self, _: Pong, now: Instant) {
        self.heart.round_trip = self.heart.pinged.take().map(|(_, at)| now - at);
    }

    fn ask_who(&mut self, room: String) {
        if !self.outbox.any(|it| matches!(it, Request::Who(who) if who.room == room)) {
            self.outbox.ask(Request::Who(Who { id: 0, room: room.into() }), None);
        }
    }

    fn reply(&mut self, id: u64, reply: Event, now: Instant) {
        if let Event::Error(Error { retry_after_ms: Some(wait), .. }) = reply {
            return self.outbox.put_back(id, Duration::from_millis(wait), now);
        }
        let Some(asked) = self.outbox.answered(id) else { return };
        match (reply, asked.tag) {
            (Event::Joined(joined), tag) => self.rooms.joined(tag, joined, &mut self.updates),
            (Event::Members(members), None) => {
                self.rooms.members(&members);
                self.updates.push_back(Update::Members(members));
            }
            (Event::Error(error), tag) => self.refused(&asked.request, error, tag),
            (reply, Some(tag)) => {
                if let Event::Left(left) = &reply {
                    self.rooms.left(&left.room);
                }
                self.updates.push_back(Update::Reply { tag, reply });
            }
            (_, None) => {}
        }
    }

    fn refused(&mut self, request: &Request<'static>, error: Error, tag: Option<u64>) {
        match request {
            // A join that is refused leaves the room unjoined, a leave that is refused was none to leave.
            Request::Join(join) => self.rooms.left(&join.room),
            Request::Leave(leave) => self.rooms.left(&leave.room),
            _ => {}
        }
        match (tag, request) {
            (Some(tag), _) => self.updates.push_back(Update::Reply { tag, reply: Event::Error(error) }),
            (None, Request::Join(join)) => {
                self.updates.push_back(Update::LostRoom { room: join.room.to_string(), error });
            }
            (None, _) => {}
        }
    }
}

/// What the client refuses by itself, as no server would see it.
fn no(code: Code, message: impl Into<String>) -> Error {
    Error { id: None, code, message: message.into(), retry_after_ms: None }
}

impl fmt::Debug for Client {
    // Without the secret, with which anybody could go on in its place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("config", &self.config)
            .field("phase", &self.phase)
            .field("outbox", &self.outbox)
            .field("rooms", &self.rooms)
            .finish_non_exhaustive()
    }
}

/// How often the client pings: three times before silence means death.
const PING_EVERY: Duration = Duration::from_secs(15);
const SILENT_AFTER: Duration = Duration::from_secs(45);
