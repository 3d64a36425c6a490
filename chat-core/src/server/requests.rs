//! What a session does with each request of its client.

use std::{
    sync::{Arc, MutexGuard},
    time::{Duration, Instant},
};

use super::{
    broker::Submission,
    hub::{Hub, TooMany},
    inbox::{Conflict, Telling},
    limits::BUSY_RETRY_MS,
    reads::page_frame,
    room::Room,
    session::{Membership, NotCurrent, Session, State},
    sync::lock,
};
use crate::{
    NameError, PersonName, RoomName,
    text::{TextError, check_text, check_topic},
    wire::{
        self, Ack, Code, EntryKind, Event, Gap, INBOX, Joined, Left, MAX_HISTORY, MAX_REPLAY, Members, Pong,
        RECENT, Request, excerpt,
    },
};

/// What a request means for its link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// It goes on.
    GoOn,
    /// The client said `bye`.
    Bye,
}

impl Session {
    /// Acts on one request that came over `link`.
    pub(super) fn handle(
        self: &Arc<Self>,
        hub: &Hub,
        link: u64,
        request: Request<'_>,
        now: Instant,
    ) -> Result<Next, NotCurrent> {
        let mut state = self.state(link)?;
        state.confirmed = true;
        if let Some(id) = request.id()
            && !matches!(request, Request::Say(_) | Request::Tell(_) | Request::Topic(_) | Request::Ping(_))
            && let Err(wait) = state.requests.take(now)
        {
            self.refuse_for_now(id, Code::RateLimited, "too many requests", wait);
            return Ok(Next::GoOn);
        }
        match request {
            Request::Hello(_) => {
                self.refuse(None, Code::Unsupported, "this link has said hello already; log in on a new one");
            }
            Request::Join(it) => self.join(hub, state, &it),
            Request::Leave(it) => self.leave_room(hub, state, it.id, &it.room),
            Request::Say(it) => self.say(hub, state, it.id, &it.room, EntryKind::Message, &it.text, now),
            Request::Topic(it) => self.say(hub, state, it.id, &it.room, EntryKind::Topic, &it.text, now),
            Request::Tell(it) => self.tell(hub, state, &it, now),
            Request::Who(it) => self.who(hub, it.id, &it.room),
            Request::Rooms(it) => self.reply(&Event::Rooms(hub.list_rooms(it.id))),
            Request::History(it) => self.history(state, &it),
            Request::Replay(it) => self.replay(state, &it),
            Request::Ping(it) => self.reply(&Event::Pong(Pong { id: it.id })),
            Request::Bye {} => return Ok(Next::Bye),
            Request::Unknown(it) => {
                self.refuse(
                    it.id,
                    Code::Unsupported,
                    format!("there is no request called {:?}", excerpt(&it.tag)),
                );
            }
        }
        Ok(Next::GoOn)
    }

    fn join(self: &Arc<Self>, hub: &Hub, mut state: MutexGuard<'_, State>, join: &wire::Join<'_>) {
        if join.room == INBOX {
            return self.join_inbox(join);
        }
        let Ok(name) = self.room_name(join.id, &join.room) else { return };
        if state.membership(&name).is_none() {
            if state.rooms.len() >= hub.limits().rooms_per_session {
                let message = format!("one can be in {} rooms at once", hub.limits().rooms_per_session);
                return self.refuse(Some(join.id), Code::TooMany, message);
            }
            match hub.enter(&name, self) {
                Ok(room) => state.rooms.push(Membership { room, cursor: None, visible: 0, presence: 0 }),
                Err(TooMany { rooms }) => {
                    let message = format!("this server has {rooms} rooms and takes no more");
                    return self.refuse(Some(join.id), Code::TooMany, message);
                }
            }
        }
        let membership = state.membership(&name).expect("the session is in the room by now");
        let room = &membership.room;
        let standing = room.standing();
        let presence = room.presence();
        let (after, reset) = start(join, room.epoch(), standing.oldest, standing.head);
        membership.cursor = Some(after);
        membership.presence = presence.version();
        self.reply(&Event::Joined(Joined {
            id: join.id,
            room: room.name().to_string(),
            epoch: room.epoch().to_owned(),
            oldest: standing.oldest,
            head: standing.head,
            after,
            reset,
            topic: standing.topic,
            version: presence.version(),
            members: presence.names(),
            present: presence.present() as u64,
        }));
    }

    fn join_inbox(&self, join: &wire::Join<'_>) {
        let mut inbox = lock(&self.inbox);
        let epoch = inbox.epoch();
        let (after, reset) = start(join, &epoch, inbox.oldest(), inbox.head());
        inbox.set_cursor(after);
        let (oldest, head) = (inbox.oldest(), inbox.head());
        drop(inbox);
        self.reply(&Event::Joined(Joined {
            id: join.id,
            room: INBOX.to_owned(),
            epoch,
            oldest,
            head,
            after,
            reset,
            topic: String::new(),
            version: 0,
            members: Vec::new(),
            present: 0,
        }));
    }

    fn leave_room(&self, hub: &Hub, mut state: MutexGuard<'_, State>, id: u64, room: &str) {
        let Some(room) = self.joined_room(&mut state, id, room) else { return };
        state.rooms.retain(|it| !Arc::ptr_eq(&it.room, &room));
        hub.leave(&room, self.name());
        self.reply(&Event::Left(Left { id, room: room.name().to_string() }));
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one request")]
    fn say(
        self: &Arc<Self>,
        hub: &Hub,
        mut state: MutexGuard<'_, State>,
        id: u64,
        room: &str,
        kind: EntryKind,
        text: &str,
        now: Instant,
    ) {
        let Some(room) = self.joined_room(&mut state, id, room) else { return };
        let checked = if kind == EntryKind::Topic { check_topic(text) } else { check_text(text) };
        if self.is_bad_text(id, checked) || self.is_too_fast(&mut state, id, now) {
            return;
        }
        self.asked_broker();
        let submission = Submission { session: self.clone(), id, room, kind, text: text.to_owned() };
        if hub.submit(submission).is_err() {
            let wait = Duration::from_millis(BUSY_RETRY_MS);
            state.refused_until = Some((now + wait, Code::Busy));
            self.settled();
            self.refuse_for_now(id, Code::Busy, "too much waits to be stored", wait);
        }
    }

    fn tell(
        self: &Arc<Self>,
        hub: &Hub,
        mut state: MutexGuard<'_, State>,
        tell: &wire::Tell<'_>,
        now: Instant,
    ) {
        let id = tell.id;
        if self.is_bad_text(id, check_text(&tell.text)) || self.is_too_fast(&mut state, id, now) {
            return;
        }
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

    fn who(&self, hub: &Hub, id: u64, room: &str) {
        let Ok(name) = self.room_name(id, room) else { return };
        let Some(room) = hub.room(&name) else {
            return self.refuse(Some(id), Code::NoSuchRoom, format!("there is no room {name}"));
        };
        let presence = room.presence();
        self.reply(&Event::Members(Members {
            id,
            room: room.name().to_string(),
            version: presence.version(),
            members: presence.names(),
            present: presence.present() as u64,
        }));
    }

    fn history(&self, mut state: MutexGuard<'_, State>, history: &wire::History<'_>) {
        let limit = history.limit.unwrap_or(RECENT).clamp(1, MAX_HISTORY);
        if history.room == INBOX {
            let inbox = lock(&self.inbox);
            let newest = inbox.newest_below(history.before.unwrap_or(u64::MAX)).zip(0..limit);
            let page = page_frame(history.id, &RoomName::inbox(), newest.map(|(entry, _)| entry));
            drop(inbox);
            return self.reply_frame(page);
        }
        let Some(room) = self.joined_room(&mut state, history.id, &history.room) else { return };
        let before = history.before.unwrap_or(u64::MAX).min(room.head() + 1);
        state.reads.history(history.id, room, before, limit);
    }

    fn replay(&self, mut state: MutexGuard<'_, State>, replay: &wire::Replay<'_>) {
        let wire::Replay { id, from, to, .. } = *replay;
        let refuse = |message: String| self.refuse(Some(id), Code::TooLarge, message);
        if from == 0 || to < from || to - from >= MAX_REPLAY {
            return refuse(format!("ask for 1 to {MAX_REPLAY} entries, not for {from} to {to}"));
        }
        if replay.room == INBOX {
            return self.replay_inbox(id, from, to);
        }
        let Some(room) = self.joined_room(&mut state, id, &replay.room) else { return };
        let head = room.head();
        if from > head {
            return refuse(format!("{} has numbers up to {head}", room.name()));
        }
        state.reads.replay(id, room, from, to.min(head));
    }

    fn replay_inbox(&self, id: u64, from: u64, to: u64) {
        let inbox = lock(&self.inbox);
        if from > inbox.head() {
            let message = format!("{INBOX} has numbers up to {}", inbox.head());
            return self.refuse(Some(id), Code::TooLarge, message);
        }
        let to = to.min(inbox.head());
        if from < inbox.oldest() {
            let gone = Gap { room: INBOX.to_owned(), from, to: to.min(inbox.oldest() - 1) };
            self.reply(&Event::Gap(gone));
        }
        for frame in inbox.frames(from, to) {
            self.reply_frame(frame);
        }
        self.reply(&Event::Replayed(wire::Replayed { id, room: INBOX.to_owned(), from, to }));
    }

    /// The room as the client writes it, or the error it gets.
    fn room_name(&self, id: u64, room: &str) -> Result<RoomName, NameError> {
        let code = if room == INBOX { Code::Unsupported } else { Code::BadName };
        RoomName::parse(room).inspect_err(|error| self.refuse(Some(id), code, error.to_string()))
    }

    /// The room, if the session is in it; otherwise the client is told.
    fn joined_room(&self, state: &mut State, id: u64, room: &str) -> Option<Arc<Room>> {
        // Almost always it is written as the room writes it itself.
        if let Some(it) = state.rooms.iter().find(|it| it.room.name().as_str() == room) {
            return Some(it.room.clone());
        }
        let name = self.room_name(id, room).ok()?;
        let membership = state.membership(&name);
        if membership.is_none() {
            self.refuse(Some(id), Code::NotJoined, format!("join {name} first"));
        }
        membership.map(|it| it.room.clone())
    }

    fn is_bad_text(&self, id: u64, checked: Result<(), TextError>) -> bool {
        let Err(error) = checked else { return false };
        let code = if matches!(error, TextError::TooLong { .. }) { Code::TooLarge } else { Code::BadText };
        self.refuse(Some(id), code, error.to_string());
        true
    }

    fn is_too_fast(&self, state: &mut State, id: u64, now: Instant) -> bool {
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

/// Where reading begins, and whether that is not where the client stood.
fn start(join: &wire::Join<'_>, epoch: &str, oldest: u64, head: u64) -> (u64, bool) {
    match join.after {
        Some(after) if after > head || join.epoch.as_ref().is_some_and(|it| it != epoch) => {
            (oldest - 1, true)
        }
        Some(after) => (after, false),
        None => (head.saturating_sub(join.recent.unwrap_or(RECENT)).max(oldest - 1), false),
    }
}
