//! What a session does with what its client says: in its turn, at its pace, and once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

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
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Taken {
    /// It is answered, or will be by the broker.
    Answered,
    /// It is refused for now.
    ForNow,
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
        let taken = match turn {
            Turn::Later => return state.sequence.hold(message.into_owned()),
            Turn::OfOneRefused => return self.refuse_with_others(state, &message, now),
            Turn::Now | Turn::Before => match &message {
                Request::Say(it) => {
                    self.say(hub, state, (it.id, turn), &it.room, EntryKind::Message, &it.text, now)
                }
                Request::Topic(it) => {
                    self.say(hub, state, (it.id, turn), &it.room, EntryKind::Topic, &it.text, now)
                }
                Request::Tell(it) => self.tell(hub, state, it, turn, now),
                _ => Taken::Answered,
            },
        };
        match taken {
            Taken::Answered => state.sequence.done(id, order),
            Taken::ForNow => {
                let _ = state.sequence.refused(order); // said already
            }
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
        (id, turn): (u64, Turn),
        room: &str,
        kind: EntryKind,
        text: &str,
        now: Instant,
    ) -> Taken {
        let Some(room) = self.joined_room(state, id, room) else { return Taken::Answered };
        let checked = if kind == EntryKind::Topic { check_topic(text) } else { check_text(text) };
        if self.is_bad_text(id, checked) {
            return Taken::Answered;
        }
        if !state.promises.reliable && self.is_with_broker(id) {
            return Taken::Answered; // by what was said before
        }
        if self.is_too_fast(state, id, turn, now) {
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
        turn: Turn,
        now: Instant,
    ) -> Taken {
        let id = tell.id;
        if self.is_bad_text(id, check_text(&tell.text)) {
            return Taken::Answered;
        }
        if self.is_too_fast(state, id, turn, now) {
            return Taken::ForNow;
        }
        self.tell_now(hub, tell);
        // Also when the recipient has too much to read: nobody else has to wait for that.
        Taken::Answered
    }

    fn tell_now(self: &Arc<Self>, hub: &Hub, tell: &wire::Tell<'_>) {
        let id = tell.id;
        let nobody = || self.refuse(Some(id), Code::NotHere, format!("{:?} is not here", excerpt(&tell.to)));
        let Ok(to) = PersonName::parse(&tell.to) else { return nobody() };
        let request = (self.client(), id);
        let (from, at) = (self.name().as_str(), hub.time_of_day());
        let telling = Telling { request, from, to: &to, at, text: &tell.text };
        // One inbox at a time: the other person may be telling us something at this moment.
        let known = lock(&self.inbox).find(&telling);
        let position = match known {
            Err(Conflict) => {
                return self.refuse(Some(id), Code::Conflict, "this id was used for another message");
            }
            Ok(Some(position)) => position,
            Ok(None) => {
                let Some(reader) = hub.find(&to) else { return nobody() };
                let telling = Telling { to: reader.name(), ..telling };
                if lock(&self.inbox).is_full() {
                    return self.refuse_unread(id, "you have");
                }
                if !Arc::ptr_eq(&reader, self) && !reader.is_told(&telling) {
                    return self.refuse_unread(id, &format!("{} has", reader.name()));
                }
                lock(&self.inbox).push(&telling)
            }
        };
        self.reply(&Event::Ack(Ack { id, room: INBOX.to_owned(), seq: position.seq, at: position.at }));
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

    fn is_bad_text(&self, id: u64, checked: Result<(), TextError>) -> bool {
        let Err(error) = checked else { return false };
        let code = if matches!(error, TextError::TooLong { .. }) { Code::TooLarge } else { Code::BadText };
        self.refuse(Some(id), code, error.to_string());
        true
    }

    fn is_too_fast(&self, state: &mut State, id: u64, turn: Turn, now: Instant) -> bool {
        if turn == Turn::Before {
            // It was let in; all that is wanted is the answer.
            let Err(wait) = state.requests.take(now) else { return false };
            self.refuse_for_now(id, Code::RateLimited, "too many requests", wait);
            return true;
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
}
