//! The server's side of one link, without the link: from the first frame through the session to the farewell.

use std::{
    collections::VecDeque,
    fmt, mem,
    sync::Arc,
    task::Waker,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::task::AtomicWaker;

use super::{
    door::Admission,
    hub::Hub,
    limits::{FULL_RETRY_MS, HELLO_RETRY_MS, MAX_OWED, RESTART_RETRY_MS},
    login::{Refusal, login},
    reads::{LogAnswer, LogRead, storage_error},
    requests::Next,
    session::Seat,
};
use crate::{
    PersonName,
    log::{Hit, LogError},
    transport::{Peer, Promises},
    wire::{self, Code, Event, Goodbye, MAX_HELLO, Reason, Request, read_request},
};

/// One link's state. It is told frames and the time, and hands out frames.
#[derive(Debug)]
pub(super) struct Connection {
    hub: Arc<Hub>,
    promises: Promises,
    peer: Peer,
    admission: Admission,
    phase: Phase,
    /// Who was let in over this link.
    name: Option<PersonName>,
    /// The client said bye; it is let go once it has all its answers.
    bye: bool,
    last_heard: Instant,
}

#[derive(Debug)]
enum Phase {
    /// Nobody has said hello yet.
    Greeting { until: Instant, waker: Arc<AtomicWaker>, out: VecDeque<Bytes> },
    /// The link speaks for a session.
    Open(Seat),
    /// The last frames are on their way; the session, if it is not to end, waits for another link.
    Leaving { out: VecDeque<Bytes>, farewell: Bytes, seat: Option<Seat> },
}

impl Connection {
    pub(super) fn new(
        hub: Arc<Hub>,
        admission: Admission,
        promises: Promises,
        peer: Peer,
        now: Instant,
    ) -> Connection {
        let phase = Phase::Greeting {
            until: now + hub.limits().hello_within,
            waker: admission.stranger(),
            out: VecDeque::new(),
        };
        Connection { hub, promises, peer, admission, phase, name: None, bye: false, last_heard: now }
    }

    pub(super) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Has `waker` woken when there is something to hand out.
    pub(super) fn register(&self, waker: &Waker) {
        match &self.phase {
            Phase::Greeting { waker: slot, .. } => slot.register(waker),
            Phase::Open(seat) => seat.session.register(seat.link, waker),
            // Whether its session is still its own or not.
            Phase::Leaving { .. } => self.admission.stranger().register(waker),
        }
    }

    /// Whether the link is to be read.
    pub(super) fn wants_input(&self) -> bool {
        match &self.phase {
            Phase::Greeting { out, .. } => !self.hub.is_stopping() && out.len() < MAX_OWED,
            Phase::Open(seat) => !self.bye && !self.hub.is_stopping() && seat.session.wants_input(),
            Phase::Leaving { .. } => false,
        }
    }

    /// Takes one frame from the link.
    pub(super) fn handle(&mut self, frame: &[u8], now: Instant) {
        self.last_heard = now;
        let greeting = matches!(self.phase, Phase::Greeting { .. });
        let request = match read_request(frame) {
            _ if greeting && frame.len() > MAX_HELLO => {
                Err(format!("a frame of {} bytes before welcome; at most {MAX_HELLO}", frame.len()))
            }
            request => request.map_err(|bad| bad.to_string()),
        };
        match (request, greeting) {
            (Err(bad), _) if self.promises.reliable => self.refuse_link(Code::BadFrame, bad),
            (Err(_), _) => {} // noise on a lossy link is no reason to end it
            (Ok(Request::Hello(hello)), true) => self.hello(&hello),
            (Ok(Request::Bye {}), true) => self.leave(None, Reason::Bye, None),
            (Ok(_), true) => self.refuse_link(Code::Unsupported, "say hello first".to_owned()),
            (Ok(request), false) => self.request(request, now),
        }
    }

    /// The link cannot make frames of what the peer sends.
    pub(super) fn on_garbage(&mut self, error: &std::io::Error) {
        self.refuse_link(Code::BadFrame, error.to_string());
    }

    fn hello(&mut self, hello: &wire::Hello<'_>) {
        let peer = &self.peer.address;
        match login(&self.hub, hello, &self.peer, self.promises) {
            Ok(seat) => {
                tracing::info!(name = %seat.session.name(), %peer, "here");
                self.admission.is_known();
                self.name = Some(seat.session.name().clone());
                self.phase = Phase::Open(seat);
            }
            Err(Refusal { error, ends_link }) => {
                // Whoever asks for version 0, which there is not, only looks whether somebody is here.
                match hello.protocol {
                    0 => tracing::debug!(%peer, "somebody knocked"),
                    _ => tracing::info!(%peer, code = %error.code, why = error.message, "not let in"),
                }
                if ends_link {
                    self.part_with(None, &Event::Error(error));
                } else if let Phase::Greeting { out, .. } = &mut self.phase {
                    out.push_back(wire::write(&Event::Error(error)));
                }
            }
        }
    }

    fn request(&mut self, request: Request<'_>, now: Instant) {
        let Phase::Open(seat) = &self.phase else { return };
        if matches!(request, Request::Hello(_)) && !self.promises.reliable {
            return seat.session.welcome_again(&self.hub, seat.link, seat.resumed, now); // the first may have been lost
        }
        let seat = seat.clone();
        match seat.session.handle(&self.hub, seat.link, request, now) {
            Ok(Next::GoOn) => {}
            Ok(Next::Bye) => self.bye = true,
            Err(_) => self.leave(None, Reason::Replaced, None),
        }
    }

    /// Hands out frames until about `budget` bytes are spent. Returns whether that was all there is for now: then its
    /// waker will be woken for more.
    pub(super) fn poll_frames(&mut self, budget: usize, now: Instant, out: &mut VecDeque<Bytes>) -> bool {
        let before = out.len();
        let mut left = budget;
        match &mut self.phase {
            Phase::Greeting { out: mine, .. } | Phase::Leaving { out: mine, .. } => out.append(mine),
            Phase::Open(seat) => {
                let hand_out = &mut |frame: Bytes| {
                    left = left.saturating_sub(frame.len());
                    out.push_back(frame);
                };
                if seat.session.poll_frames(seat.link, budget, now, hand_out).is_err() {
                    self.leave(None, Reason::Replaced, None);
                    return self.poll_frames(budget, now, out);
                }
            }
        }
        let (is_stopping, nothing) = (self.hub.is_stopping(), out.len() == before);
        if !(self.bye || is_stopping && nothing) || self.is_leaving() || !self.owes_nothing() {
            return left > 0 && (nothing || !is_stopping); // a server that stops wants to hear that there is nothing more
        }
        match self.bye {
            true => self.leave(None, Reason::Bye, None),
            false => self.leave(self.seat(), Reason::Shutdown, Some(RESTART_RETRY_MS)),
        }
        self.poll_frames(budget, now, out)
    }

    fn owes_nothing(&self) -> bool {
        !matches!(&self.phase, Phase::Open(seat) if !seat.session.owes_nothing())
    }

    /// Whether nothing follows once what was handed out is sent.
    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.phase, Phase::Leaving { .. })
    }

    /// What to say once more to a peer that goes on sending after the farewell: it may not have heard it.
    pub(super) fn farewell_again(&self) -> Option<Bytes> {
        match &self.phase {
            Phase::Leaving { farewell, .. } if !self.promises.reliable => Some(farewell.clone()),
            _ => None,
        }
    }

    /// What to read from the log next; the result comes back through [`Connection::on_read`].
    pub(super) fn next_read(&self) -> Option<LogRead> {
        match &self.phase {
            Phase::Open(seat) => seat.session.next_read(seat.link),
            _ => None,
        }
    }

    pub(super) fn on_read(&mut self, mut answer: Result<LogAnswer, LogError>) {
        let Phase::Open(seat) = &self.phase else { return };
        if let Ok(LogAnswer::Found(found)) = &mut answer {
            // Only what is published: the log may hold more, whose acks are yet to come.
            let published =
                |it: &Hit| self.hub.room(&it.room).is_some_and(|room| it.entry.seq <= room.head());
            found.hits.retain(published);
        }
        if let Err(error) = seat.session.on_read(seat.link, answer) {
            tracing::error!(%error, name = %seat.session.name(), "a room cannot be read");
            self.part(self.seat(), storage_error(None, &error));
        }
    }

    /// When time alone changes something.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Greeting { until, .. } => Some(*until),
            Phase::Open(_) if self.promises.reliable => Some(self.silent_at()),
            Phase::Open(seat) => Some(
                seat.session.heads_due(seat.link).map_or(self.silent_at(), |at| at.min(self.silent_at())),
            ),
            Phase::Leaving { .. } => None,
        }
    }

    fn silent_at(&self) -> Instant {
        let limits = self.hub.limits();
        let silent_after =
            if self.promises.reliable { limits.silent_after } else { limits.silent_after_if_lossy };
        self.last_heard + silent_after
    }

    pub(super) fn on_timeout(&mut self, now: Instant) {
        match &self.phase {
            Phase::Greeting { until, .. } if now < *until => return,
            Phase::Open(seat) if now < self.silent_at() => {
                if !self.promises.reliable {
                    seat.session.say_heads(seat.link, now);
                }
                return;
            }
            Phase::Leaving { .. } => return,
            _ => {}
        }
        if let Phase::Greeting { .. } = &self.phase {
            let message = format!("no hello within {:?}", self.hub.limits().hello_within);
            // A hello that was held up is welcome another time.
            return self.refuse(Code::Unsupported, message, Some(HELLO_RETRY_MS));
        }
        if self.wants_input() {
            self.leave(self.seat(), Reason::Silent, None);
        } else {
            self.last_heard = now; // a link that is not read says nothing by our own choice
        }
    }

    /// For how long the link may take nothing.
    pub(super) fn unwritable_for(&self) -> Duration {
        self.hub.limits().unwritable_for
    }

    /// The link is gone; what remains is the session that waits for another.
    pub(super) fn into_seat(mut self) -> Option<Seat> {
        if self.bye {
            return None; // a session that is still open ends with this
        }
        let gone = Phase::Leaving { out: VecDeque::new(), farewell: Bytes::new(), seat: None };
        match mem::replace(&mut self.phase, gone) {
            Phase::Open(seat) => Some(seat),
            Phase::Leaving { seat, .. } => seat,
            Phase::Greeting { .. } => None,
        }
    }

    /// Notes in the log that the link has ended.
    pub(super) fn log_end(&self, why: &dyn fmt::Display) {
        let peer = &self.peer.address;
        match &self.name {
            Some(name) if self.bye => tracing::info!(%name, %peer, "left"),
            Some(name) => tracing::info!(%name, %peer, %why, "lost the link"),
            None => tracing::debug!(%peer, %why, "a link without a session ended"),
        }
    }

    fn seat(&self) -> Option<Seat> {
        match &self.phase {
            Phase::Open(seat) => Some(seat.clone()),
            _ => None,
        }
    }

    fn refuse_link(&mut self, code: Code, message: String) {
        self.refuse(code, message, None);
    }

    fn refuse(&mut self, code: Code, message: String, retry_after_ms: Option<u64>) {
        tracing::info!(peer = %self.peer.address, %code, why = message, "refused");
        let event = Event::Error(wire::Error { id: None, code, message, retry_after_ms });
        self.part_with(self.seat(), &event);
    }

    fn leave(&mut self, seat: Option<Seat>, reason: Reason, retry_after_ms: Option<u64>) {
        self.part_with(seat, &Event::Goodbye(Goodbye { reason, retry_after_ms }));
    }

    fn part_with(&mut self, seat: Option<Seat>, last: &Event) {
        self.part(seat, wire::write(last));
    }

    /// Ends the link after what is already owed and `last`.
    fn part(&mut self, seat: Option<Seat>, last: Bytes) {
        let mut out = VecDeque::new();
        match &mut self.phase {
            Phase::Greeting { out: owed, .. } => out.append(owed),
            Phase::Open(open) => {
                // An error on the way to the last frame would only say what is known: the link ends.
                let now = self.hub.now();
                let _ = open.session.poll_frames(open.link, LAST_FRAMES, now, &mut |it| out.push_back(it));
                if self.bye {
                    open.session.end(&self.hub);
                }
            }
            Phase::Leaving { .. } => return,
        }
        out.push_back(last.clone());
        self.phase = Phase::Leaving { out, farewell: last, seat };
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // After bye nobody comes back for its session, and after a panic nobody would look after it.
        if let Phase::Open(seat) = &self.phase {
            seat.session.end(&self.hub);
        }
    }
}

/// What is said to a link for which there is no place.
pub(super) fn full(why: &str) -> Bytes {
    wire::write(&Event::Error(wire::Error {
        id: None,
        code: Code::Full,
        message: why.to_owned(),
        retry_after_ms: Some(FULL_RETRY_MS),
    }))
}

/// Bytes of what is pending that still go out before the last frame of a link.
const LAST_FRAMES: usize = 64 * 1024;
