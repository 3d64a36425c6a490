//! The events of the server: what the client does with each of them.

use std::time::{Duration, Instant};

use super::{
    machine::{Client, Phase, local_error},
    rooms::HeadStatus,
    update::Update,
};
use crate::{
    RoomName,
    wire::{Code, Error, Event, Goodbye, PROTOCOL, Prove, Reason, RequestBody, Welcome, Who, read_event},
};

impl Client {
    /// Takes one frame from the link.
    ///
    /// # Errors
    /// When the link has to be dropped.
    pub fn on_frame(&mut self, frame: &[u8], now: Instant) -> Result<(), String> {
        let event = match read_event(frame) {
            Ok(event) => event,
            Err(_) if self.is_lossy() => return Ok(()), // a datagram may not be the server's
            Err(error) => return Err(format!("the server sent something else: {error}")),
        };
        // Only `welcome` and `prove` answer hello; other frames before it may be left over from another link.
        let is_answer =
            !matches!(self.phase, Phase::Greeting(_)) || matches!(event, Event::Welcome(_) | Event::Prove(_));
        if let Some(keepalive) = self.keepalive.as_mut().filter(|_| is_answer) {
            keepalive.heard(now);
            self.queue.in_flight.round_trip.heard(now);
        }
        match (event, &self.phase) {
            (Event::Welcome(welcome), Phase::Greeting(hello)) => {
                let hello = hello.sent_once_at();
                self.welcome(welcome, hello, now)
            }
            (Event::Prove(prove), Phase::Greeting(_)) if prove.id.is_none() => self.prove(&prove, now),
            (Event::Goodbye(goodbye), _) => self.goodbye(&goodbye, now),
            (Event::Error(error), _) if error.id.is_none() => self.link_error(error),
            (event, Phase::Open(_)) => self.event(event, now),
            _ if self.is_lossy() => Ok(()), // the frame overtook the welcome, or is late
            _ => Err("the server said something else before its welcome".to_owned()),
        }
    }

    /// The server has answered the client's share, so that the client can prove the password.
    fn prove(&mut self, prove: &Prove, now: Instant) -> Result<(), String> {
        match self.proof.answered(prove) {
            Ok(true) => self.say_hello(now),
            Ok(false) => {}
            Err(error) => return self.link_error(error),
        }
        Ok(())
    }

    fn welcome(&mut self, welcome: Welcome, asked: Option<Instant>, now: Instant) -> Result<(), String> {
        if let Err(error) = self.proof.welcomed() {
            return self.link_error(error);
        }
        if welcome.protocol != PROTOCOL {
            let message = format!("the server speaks protocol {}, not {PROTOCOL}", welcome.protocol);
            return self.link_error(local_error(Code::BadProtocol, message));
        }
        if let Some(asked) = asked {
            self.queue.in_flight.round_trip.opened(now - asked);
        }
        self.phase = Phase::Open(now);
        self.secret = Some(welcome.resume.clone());
        self.queue.allow(welcome.limits);
        self.rooms.session_opened(welcome.resumed, now);
        let queue = &mut self.queue;
        queue.session_opened(welcome.resumed, |request| {
            if let RequestBody::Join(join) = request {
                self.rooms.joining(join);
            }
        });
        for (room, join) in self.rooms.rejoins() {
            if !queue.joins_next(&room) {
                queue.ask(join, None);
            }
        }
        self.updates.push_back(Update::Connected(welcome));
        Ok(())
    }

    fn goodbye(&mut self, goodbye: &Goodbye, now: Instant) -> Result<(), String> {
        let why = Err(format!("the server said goodbye: {}", goodbye.reason));
        // An earlier hello of this client replaced it, which was still on its way when its link was lost.
        if goodbye.reason == Reason::Replaced
            && self.keepalive.as_ref().is_some_and(|keepalive| keepalive.is_young(now))
        {
            return why;
        }
        self.updates.push_back(Update::Goodbye(goodbye.reason));
        self.retry_hint = goodbye.retry_after_ms.map(wait);
        if matches!(goodbye.reason, Reason::Replaced | Reason::Bye) {
            self.phase = Phase::Over;
        }
        why
    }

    pub(super) fn link_error(&mut self, error: Error) -> Result<(), String> {
        if matches!(self.phase, Phase::Open(_) | Phase::Parting(_)) {
            self.updates.push_back(Update::Error(error));
            return Ok(());
        }
        let why = error.message.clone();
        match error.retry_after_ms {
            Some(ms) => {
                self.retry_hint = Some(wait(ms));
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
            Event::Entry(entry) => {
                let Ok(room) = RoomName::from_wire(&entry.room) else { return Ok(()) };
                self.rooms.entry(&room, entry, now, &mut self.updates).map_err(|jump| {
                    format!("{} jumps from {} to {}", jump.room, jump.expected - 1, jump.got)
                })?;
                self.finish_complete_request(&room, now);
            }
            Event::Gap(gap) => {
                let Ok(room) = RoomName::from_wire(&gap.room) else { return Ok(()) };
                self.rooms.gap(&room, gap, now, &mut self.updates);
                self.finish_complete_request(&room, now);
            }
            Event::Presence(presence) => {
                let Ok(room) = RoomName::from_wire(&presence.room) else { return Ok(()) };
                if !self.rooms.presence(&room, presence, &mut self.updates) {
                    self.ask_who(&room);
                }
            }
            Event::Heads(heads) => {
                for (room, head) in heads.rooms {
                    let Ok(room) = RoomName::from_wire(&room) else { continue };
                    match self.rooms.head(&room, &head, now) {
                        HeadStatus::Known => {}
                        HeadStatus::OtherMembers => self.ask_who(&room),
                        HeadStatus::OtherEpoch => self.rejoin(&room),
                    }
                }
            }
            reply => {
                if let Some(id) = reply.reply_to() {
                    self.reply(id, reply, now);
                }
            }
        }
        Ok(())
    }

    /// Ends the request for entries of `room` if all of them have arrived, whether or not its reply has.
    fn finish_complete_request(&mut self, room: &RoomName, now: Instant) {
        if self.is_lossy()
            && let Some(id) = self.rooms.take_complete_request(room)
        {
            self.queue.answered(id, now);
        }
    }

    fn rejoin(&mut self, room: &RoomName) {
        let Some(join) = self.rooms.rejoin(room) else { return };
        let is_same = |request: &RequestBody<'_>| matches!(request, RequestBody::Join(other) if other.room == join.room);
        if !self.queue.any(is_same) {
            self.queue.ask(join, None);
        }
    }

    fn ask_who(&mut self, room: &RoomName) {
        // In the spelling that is known here: the server may write the name in capitals and in small letters by turns, and
        // each spelling would be another request.
        let Some(room) = self.rooms.spelling(room) else { return };
        let is_same =
            |request: &RequestBody<'_>| matches!(request, RequestBody::Who(who) if who.room == room);
        if !self.queue.any(is_same) {
            self.queue.ask(Who { room: room.into() }, None);
        }
    }

    fn reply(&mut self, id: u64, reply: Event, now: Instant) {
        match reply {
            Event::Error(Error { retry_after_ms: Some(ms), .. }) => {
                self.queue.put_back(id, wait(ms), now);
            }
            Event::Joined(joined) => {
                let Ok(room) = RoomName::from_wire(&joined.room) else { return };
                // A room that the client did not ask for would be joined again on every link.
                if self.queue.is_about(id, &room, |request| matches!(request, RequestBody::Join(_)))
                    && let Some(asked) = self.queue.answered(id, now)
                {
                    self.rooms.joined(room, asked.tag, joined, now, &mut self.updates);
                }
            }
            Event::Left(left) => {
                let Ok(room) = RoomName::from_wire(&left.room) else { return };
                if self.queue.is_about(id, &room, |request| matches!(request, RequestBody::Leave(_)))
                    && let Some(asked) = self.queue.answered(id, now)
                {
                    self.rooms.left(&room);
                    self.report_reply(asked.tag, Event::Left(left));
                }
            }
            reply => {
                if let Some(asked) = self.queue.answered(id, now) {
                    self.answer(id, &asked.request.body, asked.tag, reply, now);
                }
            }
        }
    }

    /// Takes in the reply to a request that is neither a join nor a leave that worked.
    fn answer(
        &mut self,
        id: u64,
        request: &RequestBody<'static>,
        tag: Option<u64>,
        reply: Event,
        now: Instant,
    ) {
        match (reply, tag) {
            (Event::Error(error), tag) => self.refused(id, request, error, tag, now),
            (Event::Members(members), None) => {
                if self.rooms.members(&members) {
                    self.updates.push_back(Update::Members(members));
                }
            }
            (Event::Ack(ack), tag) => {
                // A link over which a message was stored has done what it is for, however short it lived.
                self.backoff.reset();
                self.report_reply(tag, Event::Ack(ack));
            }
            (Event::Replayed(replayed), None) => self.rooms.replayed(&replayed.room, id, replayed.to, now),
            (reply, tag) => self.report_reply(tag, reply),
        }
    }

    fn refused(
        &mut self,
        id: u64,
        request: &RequestBody<'static>,
        error: Error,
        tag: Option<u64>,
        now: Instant,
    ) {
        match request {
            // After a refused join or leave the client is not in the room.
            RequestBody::Join(join) => self.left(&join.room),
            RequestBody::Leave(leave) => self.left(&leave.room),
            RequestBody::Replay(replay) if tag.is_none() => self.rooms.replay_refused(&replay.room, id, now),
            _ => {}
        }
        match (tag, request) {
            (None, RequestBody::Join(join)) => {
                self.updates.push_back(Update::LostRoom { room: join.room.to_string(), error });
            }
            (tag, _) => self.report_reply(tag, Event::Error(error)),
        }
    }

    fn left(&mut self, room: &str) {
        if let Ok(room) = RoomName::from_wire(room) {
            self.rooms.left(&room);
        }
    }

    /// Reports a reply to the user, unless the client itself asked.
    fn report_reply(&mut self, tag: Option<u64>, reply: Event) {
        if let Some(tag) = tag {
            self.updates.push_back(Update::Reply { tag, reply });
        }
    }
}

/// How long the server asks this client to wait. A server that asks for more than [`LONGEST_WAIT`] is asked again sooner.
fn wait(ms: u64) -> Duration {
    Duration::from_millis(ms).min(LONGEST_WAIT)
}

/// Longer than any server has a reason to ask for: a session without a link lives for half a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
