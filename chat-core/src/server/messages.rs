//! What a session does with what its client says: in its turn, at its pace, and once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    broker::Submission,
    hub::Hub,
    inbox::{Conflict, Telling},
    limits::BUSY_RETRY_MS,
    sequence::Turn,
    session::{Session, State},
    sync::lock,
};
use crate::{
    PersonName,
    text::{TextError, check_text, check_topic},
    wire::{self, Ack, Code, EntryKind, Event, INBOX, Request, excerpt},
};

/// What became of a message.
#[derive(Debug)]
enum Taken {
    /// It is answered, or will be by the broker.
    Answered,
    /// It is refused for now, and that was said.
    ForNow,
    /// It is refused for good, which is yet to be said.
    Refused(wire::Error),
}

impl Session {
    /// Deals with a message when it is its turn, and with those that waited for it.
    pub(super) fn take_in(
        self: &Arc<Self>,
        hub: &Hub,
        state: &mut State,
        message: Request<'_>,
        now: Instant,
    ) {
        self.message(hub, state, message, now);
        while let Some(held) = state.sequence.release() {
            self.message(hub, state, held, now);
        }
    }

    fn message(self: &Arc<Self>, hub: &Hub, state: &mut State, message: Request<'_>, now: Instant) {
        let (id, order, ordered) = (message.id(), message.order(), state.promises.ordered);
        let turn = state.sequence.turn(id, order, ordered);
        let repeated = turn == Turn::Before;
        let taken = match turn {
            Turn::Later => return state.sequence.hold(message.into_owned()),
            Turn::OfOneRefused => return self.refuse_with_others(state, &message, now),
            Turn::Refused(refusal) => return self.refuse_again(state, &message, refusal, now),
            Turn::Now | Turn::Before => match &message {
                Request::Say(it) => {
                    let kind = EntryKind::said(it.bot);
                    self.say(hub, state, (it.id, repeated), &it.room, kind, &it.text, now)
                }
                Request::Topic(it) => {
                    self.say(hub, state, (it.id, repeated), &it.room, EntryKind::Topic, &it.text, now)
                }
                Request::Tell(it) => self.tell(hub, state, it, repeated, now),
                _ => Taken::Answered,
            },
        };
        match taken {
            Taken::Answered => state.sequence.done(id, order, None),
            Taken::ForNow => {
                let _ = state.sequence.refused(order); // said already
            }
            Taken::Refused(error) => {
                let refusal = wire::write(&Event::Error(error));
                state.sequence.done(id, order, Some(refusal.clone()));
                self.reply_frame(refusal);
            }
        }
    }

    /// Says once more that a message was refused for good.
    fn refuse_again(&self, state: &mut State, message: &Request<'_>, refusal: Bytes, now: Instant) {
        if message.id().is_none_or(|id| !self.is_asked_too_often(state, id, now)) {
            self.reply_frame(refusal);
        }
    }

    /// Refuses a message that would overtake one before it, which was refused for now.
    fn refuse_with_others(&self, state: &mut State, message: &Request<'_>, now: Instant) {
        // Where nothing is sent again, everything is answered.
        if !state.sequence.refused(message.order()) && !state.promises.ordered {
            return;
        }
        let (until, code) = state.refused_until.unwrap_or((now, Code::Busy));
        let wait = until.saturating_duration_since(now).max(Duration::from_millis(BUSY_RETRY_MS));
        if let Some(id) = message.id() {
            self.refuse_for_now(id, code, "one before it was refused", wait);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one request")]
    fn say(
        self: &Arc<Self>,
        hub: &Hub,
        state: &mut State,
        (id, repeated): (u64, bool),
        room: &str,
        kind: EntryKind,
        text: &str,
        now: Instant,
    ) -> Taken {
        let room = match self.joined_room(state, id, room) {
            Ok(room) => room,
            Err(error) => return Taken::Refused(error),
        };
        let checked = if kind == EntryKind::Topic { check_topic(text) } else { check_text(text) };
        if let Err(error) = checked {
            return Taken::Refused(bad_text(id, &error));
        }
        if (repeated || !state.promises.reliable) && self.is_with_broker(id) {
            return Taken::Answered; // by what was said before
        }
        if self.is_too_fast(state, id, repeated, now) {
            return Taken::ForNow;
        }
        self.asked_broker(id);
        let submission = Submission { session: self.clone(), id, room, kind, text: text.to_owned() };
        if hub.submit(submission).is_ok() {
            return Taken::Answered;
        }
        let wait = Duration::from_millis(BUSY_RETRY_MS);
        state.refused_until = Some((now + wait, Code::Busy));
        self.settled(id);
        self.refuse_for_now(id, Code::Busy, "too much waits to be stored", wait);
        Taken::ForNow
    }

    fn tell(
        self: &Arc<Self>,
        hub: &Hub,
        state: &mut State,
        tell: &wire::Tell<'_>,
        repeated: bool,
        now: Instant,
    ) -> Taken {
        let id = tell.id;
        if let Err(error) = check_text(&tell.text) {
            return Taken::Refused(bad_text(id, &error));
        }
        if self.is_too_fast(state, id, repeated, now) {
            return Taken::ForNow;
        }
        // Answered also when the recipient has too much to read: nobody else has to wait for that.
        self.tell_now(hub, tell).map_or_else(Taken::Refused, |()| Taken::Answered)
    }

    fn tell_now(self: &Arc<Self>, hub: &Hub, tell: &wire::Tell<'_>) -> Result<(), wire::Error> {
        let id = tell.id;
        let nobody =
            || Err(wire::Error::of(id, Code::NotHere, format!("{:?} is not here", excerpt(&tell.to))));
        let Ok(to) = PersonName::parse(&tell.to) else { return nobody() };
        let request = (self.client(), id);
        let (from, at) = (self.name().as_str(), hub.time_of_day());
        let kind = EntryKind::said(tell.bot);
        let telling = Telling { request, kind, from, to: &to, at, text: &tell.text };
        // One inbox at a time: the other person may be telling us something at this moment.
        let known = lock(&self.inbox).find(&telling);
        let position = match known {
            Err(Conflict) => {
                return Err(wire::Error::of(id, Code::Conflict, "this id was used for another message"));
            }
            Ok(Some(position)) => position,
            Ok(None) => {
                let Some(reader) = hub.find(&to) else { return nobody() };
                let telling = Telling { to: reader.name(), ..telling };
                if lock(&self.inbox).is_full() {
                    self.refuse_unread(id, "you have");
                    return Ok(());
                }
                if !Arc::ptr_eq(&reader, self) && !reader.is_told(&telling) {
                    self.refuse_unread(id, &format!("{} has", reader.name()));
                    return Ok(());
                }
                lock(&self.inbox).push(&telling)
            }
        };
        self.reply(&Event::Ack(Ack { id, room: INBOX.to_owned(), seq: position.seq, at: position.at }));
        Ok(())
    }

    /// Puts what somebody else says into the inbox, unless it is there; false if the inbox is full.
    fn is_told(&self, telling: &Telling<'_>) -> bool {
        let mut inbox = lock(&self.inbox);
        if matches!(inbox.find(telling), Ok(Some(_))) {
            return true;
        }
        if inbox.is_full() {
            return false;
        }
        inbox.push(telling);
        drop(inbox);
        self.wake();
        true
    }

    fn refuse_unread(&self, id: u64, who_has: &str) {
        let message = format!("{who_has} not read what was told before");
        self.refuse_for_now(id, Code::Busy, message, Duration::from_millis(BUSY_RETRY_MS));
    }

    fn is_too_fast(&self, state: &mut State, id: u64, repeated: bool, now: Instant) -> bool {
        if repeated {
            // It was let in; all that is wanted is the answer.
            return self.is_asked_too_often(state, id, now);
        }
        let (until, code) = match state.refused_until.filter(|(until, _)| *until > now) {
            Some(refused) => refused,
            None => match state.messages.take(now) {
                Ok(()) => return false,
                Err(wait) => (now + wait, Code::RateLimited),
            },
        };
        state.refused_until = Some((until, code));
        let message = if code == Code::Busy { "too much waits to be stored" } else { "too many messages" };
        self.refuse_for_now(id, code, message, until - now);
        true
    }

    fn is_asked_too_often(&self, state: &mut State, id: u64, now: Instant) -> bool {
        let Err(wait) = state.requests.take(now) else { return false };
        self.refuse_for_now(id, Code::RateLimited, "too many requests", wait);
        true
    }
}

fn bad_text(id: u64, error: &TextError) -> wire::Error {
    let code = if matches!(error, TextError::TooLong { .. }) { Code::TooLarge } else { Code::BadText };
    wire::Error::of(id, code, error.to_string())
}
