//! What the client makes of what the server says.

use std::time::{Duration, Instant};

use super::{
    Client, Update,
    machine::{Phase, no},
    rooms::HeadStatus,
};
use crate::wire::{Code, Error, Event, Goodbye, PROTOCOL, Reason, RequestBody, Welcome, Who, read_event};

impl Client {
    /// Takes one frame from the link.
    ///
    /// # Errors
    /// When the link has to be dropped.
    pub fn on_frame(&mut self, frame: &[u8], now: Instant) -> Result<(), String> {
        let event = match read_event(frame) {
            Ok(event) => event,
            Err(_) if self.is_lossy() => return Ok(()), // it may not be the server's
            Err(error) => return Err(format!("the server sent something else: {error}")),
        };
        // Hello has one answer; whatever else comes before it may be left over from another link.
        let is_answer = !matches!(self.phase, Phase::Greeting(_)) || matches!(event, Event::Welcome(_));
        if let Some(keepalive) = self.keepalive.as_mut().filter(|_| is_answer) {
            keepalive.heard(now);
            self.queue.in_flight.round_trip.heard(now);
        }
        match (event, &self.phase) {
            (Event::Welcome(welcome), Phase::Greeting(hello)) => {
                let hello = hello.sent_once_at();
                self.welcome(welcome, hello, now)
            }
            (Event::Goodbye(goodbye), _) => self.goodbye(&goodbye, now),
            (Event::Error(error), _) if error.id.is_none() => self.link_error(error),
            (event, Phase::Open) => self.event(event, now),
            _ if self.is_lossy() => Ok(()), // it overtook the welcome, or is late
            _ => Err("the server said something else before its welcome".to_owned()),
        }
    }

    fn welcome(&mut self, welcome: Welcome, asked: Option<Instant>, now: Instant) -> Result<(), String> {
        if welcome.protocol != PROTOCOL {
            let message = format!("the server speaks protocol {}, not {PROTOCOL}", welcome.protocol);
            return self.link_error(no(Code::BadProtocol, message));
        }
        if let Some(asked) = asked {
            self.queue.in_flight.round_trip.opened(now - asked);
        }
        self.phase = Phase::Open;
        self.backoff.reset();
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
        // By a hello of ours that was still on its way when its link was lost.
        if goodbye.reason == Reason::Replaced && self.keepalive.as_ref().is_some_and(|it| it.is_young(now)) {
            return why;
        }
        self.updates.push_back(Update::Goodbye(goodbye.reason));
        self.retry_hint = goodbye.retry_after_ms.map(Duration::from_millis);
        if matches!(goodbye.reason, Reason::Replaced | Reason::Bye) {
            self.phase = Phase::Over;
        }
        why
    }

    fn link_error(&mut self, error: Error) -> Result<(), String> {
        if matches!(self.phase, Phase::Open | Phase::Parting(_)) {
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
            Event::Entry(entry) => {
                let room = entry.room.clone();
                self.rooms.entry(entry, now, &mut self.updates).map_err(|hole| {
                    format!("{} jumps from {} to {}", hole.room, hole.expected - 1, hole.got)
                })?;
                self.forget_satisfied(&room, now);
            }
            Event::Gap(gap) => {
                let room = gap.room.clone();
                self.rooms.gap(gap, now, &mut self.updates);
                self.forget_satisfied(&room, now);
            }
            Event::Presence(presence) => {
                let room = presence.room.clone();
                if !self.rooms.presence(presence, &mut self.updates) {
                    self.ask_who(&room);
                }
            }
            Event::Heads(heads) if heads.rooms.is_empty() => self.ping(),
            Event::Heads(heads) => {
                for (room, head) in heads.rooms {
                    match self.rooms.head(&room, &head, now) {
                        HeadStatus::Good => {}
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

    /// Everything that a request for entries of `room` was to bring may be here before its reply.
    fn forget_satisfied(&mut self, room: &str, now: Instant) {
        if self.is_lossy()
            && let Some(id) = self.rooms.satisfied(room)
        {
            self.queue.answered(id, now);
        }
    }

    fn rejoin(&mut self, room: &str) {
        let Some(join) = self.rooms.rejoin(room) else { return };
        if !self.queue.any(|it| matches!(it, RequestBody::Join(other) if other.room == join.room)) {
            self.queue.ask(join, None);
        }
    }

    fn ask_who(&mut self, room: &str) {
        // As we write it: the server might write it in as many ways as there are capitals.
        let Some(room) = self.rooms.known_as(room) else { return };
        if !self.queue.any(|it| matches!(it, RequestBody::Who(who) if who.room == room)) {
            self.queue.ask(Who { room: room.into() }, None);
        }
    }

    pub(super) fn reply(&mut self, id: u64, reply: Event, now: Instant) {
        if let Event::Error(Error { retry_after_ms: Some(wait), .. }) = reply {
            return self.queue.put_back(id, Duration::from_millis(wait), now);
        }
        // A room that nobody asked for would be joined again on every link.
        let fits = match &reply {
            Event::Joined(it) => self.queue.is_about(id, &it.room, |it| matches!(it, RequestBody::Join(_))),
            Event::Left(it) => self.queue.is_about(id, &it.room, |it| matches!(it, RequestBody::Leave(_))),
            _ => true,
        };
        if !fits {
            return;
        }
        let Some(asked) = self.queue.answered(id, now) else { return };
        match (reply, asked.tag) {
            (Event::Joined(joined), tag) => self.rooms.joined(tag, joined, now, &mut self.updates),
            (Event::Members(members), None) => {
                if self.rooms.members(&members) {
                    self.updates.push_back(Update::Members(members));
                }
            }
            (Event::Replayed(it), None) => self.rooms.replayed(&it.room, id, it.to, now),
            (Event::Error(error), tag) => {
                if let (RequestBody::Replay(replay), None) = (&asked.request.body, tag) {
                    self.rooms.replay_refused(&replay.room, id, now);
                }
                self.refused(&asked.request.body, error, tag);
            }
            (reply, Some(tag)) => {
                if let Event::Left(left) = &reply {
                    self.rooms.left(&left.room);
                }
                self.updates.push_back(Update::Reply { tag, reply });
            }
            (_, None) => {}
        }
    }

    fn refused(&mut self, request: &RequestBody<'static>, error: Error, tag: Option<u64>) {
        match request {
            // A join that is refused leaves the room unjoined, a leave that is refused was none to leave.
            RequestBody::Join(join) => self.rooms.left(&join.room),
            RequestBody::Leave(leave) => self.rooms.left(&leave.room),
            _ => {}
        }
        match (tag, request) {
            (Some(tag), _) => self.updates.push_back(Update::Reply { tag, reply: Event::Error(error) }),
            (None, RequestBody::Join(join)) => {
                self.updates.push_back(Update::LostRoom { room: join.room.to_string(), error });
            }
            (None, _) => {}
        }
    }
}
