//! The server's side of one link, without input and output: from the first frame through the session to the farewell.

use std::{
    collections::VecDeque,
    fmt, mem,
    sync::Arc,
    task::Waker,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    login::{Answer, Refusal, login},
    pace::Pace,
};
use crate::{
    PersonName,
    server::{
        admission::Permit,
        hub::Hub,
        limits::{HELLO_RETRY_MS, Kind, Limits, MAX_OWED, RESTART_RETRY_MS},
        password::Proof,
        refusal::room_forgotten,
        session::{Attachment, NoFrames},
    },
    transport::{Peer, Promises},
    wire::{self, Code, Event, Goodbye, MAX_HELLO, Reason, Request, RequestBody, read_request},
};

/// The state of one link. It is told frames and the time, and hands out frames.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) hub: Arc<Hub>,
    pub(super) promises: Promises,
    pub(super) peer: Peer,
    pub(super) permit: Permit,
    pub(crate) pace: Pace,
    /// The limits when the link began, whose times hold for it.
    pub(super) limits: Arc<Limits>,
    pub(super) phase: Phase,
    /// The name of the session that was opened over this link.
    name: Option<PersonName>,
    /// The client said bye; the link ends once the client has all its answers.
    pub(super) bye: bool,
    last_heard: Instant,
}

#[derive(Debug)]
pub(super) enum Phase {
    /// No hello has come yet.
    Greeting { until: Instant, out: VecDeque<Bytes>, proof: Proof },
    /// The link speaks for a session.
    Open(Attachment),
    /// The last frames are on their way; the session, if it is not to end, waits for another link.
    Leaving { out: VecDeque<Bytes>, farewell: Option<Bytes>, attachment: Option<Attachment> },
}

impl Connection {
    pub(crate) fn new(
        hub: Arc<Hub>,
        permit: Permit,
        promises: Promises,
        peer: Peer,
        now: Instant,
    ) -> Connection {
        let limits = hub.limits();
        let (until, out) = (now + limits.hello_within, VecDeque::new());
        let phase = Phase::Greeting { until, out, proof: Proof::default() };
        let pace = Pace::new(permit.host().clone());
        Connection {
            hub,
            promises,
            peer,
            permit,
            pace,
            limits,
            phase,
            name: None,
            bye: false,
            last_heard: now,
        }
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Has `waker` woken when there is a frame to hand out.
    pub(crate) fn register(&mut self, waker: &Waker) {
        match &self.phase {
            Phase::Greeting { .. } => {}
            Phase::Open(attachment) => attachment.session.register(attachment.link, waker),
            // The link may no longer speak for its session.
            Phase::Leaving { .. } => self.permit.pend(),
        }
        self.permit.register(waker);
    }

    /// Whether the link is to be read.
    pub(crate) fn wants_input(&self) -> bool {
        match &self.phase {
            _ if !self.pace.may_receive() => false,
            Phase::Greeting { out, .. } => !self.hub.is_stopping() && out.len() < MAX_OWED,
            Phase::Open(attachment) => {
                !self.bye && !self.hub.is_stopping() && attachment.session.wants_input()
            }
            Phase::Leaving { .. } => false,
        }
    }

    /// Takes one frame from the link.
    pub(crate) fn handle(&mut self, frame: &[u8], now: Instant) {
        self.last_heard = now;
        let greeting = matches!(self.phase, Phase::Greeting { .. });
        let request = match frame.len() {
            // Before it is parsed.
            bytes if greeting && bytes > MAX_HELLO => {
                Err(format!("a frame of {bytes} bytes before welcome; at most {MAX_HELLO}"))
            }
            _ => read_request(frame).map_err(|bad| bad.to_string()),
        };
        match (request, greeting) {
            (Err(bad), _) if self.promises.is_lossless() => self.refuse_link(Code::BadFrame, bad),
            (Err(_), _) => {} // noise on a lossy link does not end it
            (Ok(Request { body: RequestBody::Hello(hello), .. }), true) => self.hello(&hello, now),
            (Ok(Request { body: RequestBody::Bye, .. }), true) => self.leave(None, Reason::Bye, None),
            (Ok(_), true) => {
                self.refuse_link(Code::Unsupported, "the first frame has to be hello".to_owned())
            }
            (Ok(request), false) => self.request(request, now),
        }
    }

    /// The link cannot make frames of what the peer sends.
    pub(crate) fn on_garbage(&mut self, error: &std::io::Error) {
        self.refuse_link(Code::BadFrame, error.to_string());
    }

    fn hello(&mut self, hello: &wire::Hello<'_>, now: Instant) {
        let peer = &self.peer.address;
        let limits = self.hub.limits();
        let host = self.permit.host().clone();
        // Each hello costs a request, so that a link cannot try names without end.
        let allowed = host.spend(&limits, &[(Kind::Requests, 1)], now).map_err(Refusal::spent);
        let Phase::Greeting { out, proof, .. } = &mut self.phase else { return };
        match allowed.and_then(|()| login(&self.hub, hello, (&self.peer, &host), self.promises, proof)) {
            Ok(Answer::Prove(frame)) => out.push_back(frame),
            Ok(Answer::Session(attachment)) => {
                tracing::info!(name = %attachment.session.name(), %peer, "here");
                self.permit.has_session();
                if attachment.resumed {
                    self.permit.is_used();
                }
                self.name = Some(attachment.session.name().clone());
                self.phase = Phase::Open(attachment);
            }
            Err(Refusal { error, ends_link }) => {
                // A host that is refused all the time does not fill the program's log.
                let is_told = hello.protocol == 0 || host.may_be_told(&limits, now);
                if !is_told && ends_link && !self.promises.is_lossless() {
                    return self.end_silently();
                }
                // Version 0 does not exist: a client that asks for it only wants to know whether a server answers.
                match hello.protocol {
                    0 => tracing::debug!(%peer, "a client tested whether a server answers"),
                    _ if !is_told => {}
                    _ => tracing::info!(%peer, code = %error.code, why = error.message, "hello refused"),
                }
                match ends_link {
                    true => self.part_with(None, &Event::Error(error)),
                    false => out.push_back(wire::write(&Event::Error(error))),
                }
            }
        }
    }

    /// Hands out frames until about `budget` bytes are spent. Returns whether these were all there are for now: then the
    /// waker is woken for more.
    pub(crate) fn poll_frames(&mut self, budget: usize, now: Instant, out: &mut VecDeque<Bytes>) -> bool {
        let (before, may_read) = (out.len(), self.may_read());
        let mut left = budget;
        match &mut self.phase {
            Phase::Greeting { out: mine, .. } | Phase::Leaving { out: mine, .. } => out.append(mine),
            Phase::Open(attachment) => {
                let hand_out = &mut |frame: Bytes| {
                    left = left.saturating_sub(frame.len());
                    out.push_back(frame);
                };
                match attachment.session.poll_frames(attachment.link, (budget, may_read), now, hand_out) {
                    Ok(0) => {}
                    Ok(read) => self.pace.has_read(&self.hub.limits(), read, now),
                    Err(NoFrames::Superseded) => {
                        self.superseded();
                        return self.poll_frames(budget, now, out);
                    }
                    Err(NoFrames::RoomForgotten) => {
                        self.part(self.attachment(), room_forgotten());
                        return self.poll_frames(budget, now, out);
                    }
                }
            }
        }
        let (is_stopping, nothing) = (self.hub.is_stopping(), out.len() == before);
        if !(self.bye || is_stopping && nothing) || self.is_leaving() || !self.owes_nothing() {
            return left > 0 && (nothing || !is_stopping); // a server that stops asks once more, until there is nothing left
        }
        match self.bye {
            true => self.leave(None, Reason::Bye, None),
            false => {
                out.extend(self.signed_heads());
                self.leave(self.attachment(), Reason::Shutdown, Some(RESTART_RETRY_MS));
            }
        }
        self.poll_frames(budget, now, out)
    }

    /// The signed heads of the session's rooms, which it keeps when the server is gone.
    fn signed_heads(&self) -> Vec<Bytes> {
        let Phase::Open(open) = &self.phase else { return Vec::new() };
        let Ok(state) = open.session.state(open.link) else { return Vec::new() };
        state.rooms.iter().filter_map(|membership| self.hub.signed_head(&membership.room)).collect()
    }

    fn owes_nothing(&self) -> bool {
        !matches!(&self.phase, Phase::Open(attachment) if !attachment.session.owes_nothing())
    }

    /// Whether nothing follows after the frames that were handed out.
    pub(crate) fn is_leaving(&self) -> bool {
        matches!(self.phase, Phase::Leaving { .. })
    }

    /// The frame to repeat to a peer that goes on sending after the farewell: the farewell may have been lost.
    pub(crate) fn farewell_again(&self) -> Option<Bytes> {
        match &self.phase {
            Phase::Leaving { farewell, .. } if !self.promises.is_lossless() => farewell.clone(),
            _ => None,
        }
    }

    /// When [`Connection::on_timeout`] is due next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let timeout = match &self.phase {
            Phase::Greeting { until, .. } => Some(*until),
            Phase::Open(_) if self.promises.is_lossless() => Some(self.silent_at()),
            Phase::Open(attachment) => Some(
                attachment
                    .session
                    .heads_due(attachment.link)
                    .map_or(self.silent_at(), |at| at.min(self.silent_at())),
            ),
            Phase::Leaving { .. } => return None,
        };
        timeout.into_iter().chain(self.pace.next()).min()
    }

    fn silent_at(&self) -> Instant {
        let Limits { silent_after, silent_after_if_lossy, .. } = *self.limits;
        let silent_after = if self.promises.is_lossless() { silent_after } else { silent_after_if_lossy };
        self.last_heard + silent_after
    }

    pub(crate) fn on_timeout(&mut self, now: Instant) {
        match &self.phase {
            Phase::Greeting { until, .. } if now < *until => return,
            Phase::Open(attachment) if now < self.silent_at() => {
                if !self.promises.is_lossless() {
                    attachment.session.send_due_heads(attachment.link, now);
                }
                return;
            }
            Phase::Leaving { .. } => return,
            _ => {}
        }
        if let Phase::Greeting { .. } = &self.phase {
            let message = format!("no hello within {:?}", self.limits.hello_within);
            // A hello that was delayed on the way is welcome at the next try.
            return self.refuse(Code::Unsupported, message, Some(HELLO_RETRY_MS));
        }
        if self.wants_input() {
            self.leave(self.attachment(), Reason::Silent, None);
        } else {
            self.last_heard = now; // we stopped reading this link ourselves, so its silence does not count
        }
    }

    /// For how long the link may take no bytes.
    pub(crate) fn unwritable_for(&self) -> Duration {
        self.limits.unwritable_for
    }

    /// The link is gone. Returns the attachment of the session that waits for another link, if one does.
    pub(crate) fn into_attachment(mut self) -> Option<Attachment> {
        if self.bye {
            return None; // a session that is still open ends with this
        }
        let gone = Phase::Leaving { out: VecDeque::new(), farewell: None, attachment: None };
        match mem::replace(&mut self.phase, gone) {
            Phase::Open(attachment) => Some(attachment),
            Phase::Leaving { attachment, .. } => attachment,
            Phase::Greeting { .. } => None,
        }
    }

    /// Writes to the program's log that the link has ended.
    pub(crate) fn log_end(&self, why: &dyn fmt::Display) {
        let peer = &self.peer.address;
        match &self.name {
            Some(name) if self.bye => tracing::info!(%name, %peer, "left"),
            Some(name) => tracing::info!(%name, %peer, %why, "lost the link"),
            None => tracing::debug!(%peer, %why, "a link without a session ended"),
        }
    }

    pub(super) fn attachment(&self) -> Option<Attachment> {
        match &self.phase {
            Phase::Open(attachment) => Some(attachment.clone()),
            _ => None,
        }
    }

    fn refuse_link(&mut self, code: Code, message: String) {
        self.refuse(code, message, None);
    }

    pub(super) fn refuse(&mut self, code: Code, message: String, retry_after_ms: Option<u64>) {
        if self.permit.host().may_be_told(&self.limits, self.last_heard) {
            tracing::info!(peer = %self.peer.address, %code, why = message, "refused");
        }
        let error = wire::Error { retry_after_ms, ..wire::Error::of(None, code, message) };
        self.part_with(self.attachment(), &Event::Error(error));
    }

    /// Ends a link that no longer speaks for its session.
    pub(super) fn superseded(&mut self) {
        let is_revoked = matches!(&self.phase, Phase::Open(attachment) if attachment.session.is_revoked());
        self.leave(None, if is_revoked { Reason::Revoked } else { Reason::Replaced }, None);
    }

    pub(super) fn leave(
        &mut self,
        attachment: Option<Attachment>,
        reason: Reason,
        retry_after_ms: Option<u64>,
    ) {
        self.part_with(attachment, &Event::Goodbye(Goodbye { reason, retry_after_ms }));
    }

    fn part_with(&mut self, attachment: Option<Attachment>, last: &Event) {
        self.part(attachment, wire::write(last));
    }

    /// Ends a link without a session and without another word.
    fn end_silently(&mut self) {
        self.phase = Phase::Leaving { out: VecDeque::new(), farewell: None, attachment: None };
    }

    /// Ends the link after the frames that are already owed, and after `last`.
    pub(super) fn part(&mut self, attachment: Option<Attachment>, last: Bytes) {
        let (now, may_read) = (self.hub.now(), self.may_read());
        let mut out = VecDeque::new();
        match &mut self.phase {
            Phase::Greeting { out: owed, .. } => out.append(owed),
            Phase::Open(open) => {
                // An error here would only say that the link is superseded, and the link ends anyhow.
                let hand_out = &mut |frame| out.push_back(frame);
                let _ = open.session.poll_frames(open.link, (LAST_FRAMES, may_read), now, hand_out);
                if self.bye {
                    self.hub.end(&open.session);
                }
            }
            Phase::Leaving { .. } => return,
        }
        out.push_back(last.clone());
        self.phase = Phase::Leaving { out, farewell: Some(last), attachment };
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // After bye no client comes back for the session, and after a panic no task would end it in time.
        if let Phase::Open(attachment) = &self.phase {
            self.hub.end(&attachment.session);
        }
    }
}

/// Bytes of pending frames that still go out before the last frame of a link.
const LAST_FRAMES: usize = 64 * 1024;
