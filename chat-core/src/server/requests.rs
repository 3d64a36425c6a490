//! What a session does with each request of its client.

use std::{
    sync::{Arc, MutexGuard},
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    doors::{Known, Passed},
    hub::{Hub, TooMany},
    limits::REPLAY_BYTES,
    membership::Membership,
    reads::page_frame,
    room::{Room, within},
    search::search,
    session::{NotCurrent, Session, State},
    sync::lock,
};
use crate::{
    RoomName,
    wire::{
        self, Code, Event, Gap, INBOX, Joined, Left, MAX_HISTORY, MAX_REPLAY, Members, Pong, RECENT, Request,
        excerpt,
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
        if let Some(probe) = &mut state.probe {
            probe.answered = true;
        }
        if let Some(id) = request.id()
            && !request.is_message()
            && let Err(wait) = state.allow(&request, now)
        {
            self.refuse_for_now(id, Code::RateLimited, "too many requests", wait);
            return Ok(Next::GoOn);
        }
        if !state.promises.reliable && request.id().is_some_and(|id| state.reads.has(id)) {
            return Ok(Next::GoOn); // it will be answered
        }
        match request {
            Request::Hello(_) => {
                self.refuse(None, Code::Unsupported, "this link has said hello already; log in on a new one");
            }
            Request::Join(it) => self.join(hub, state, &it),
            Request::Leave(it) => self.leave_room(hub, state, it.id, &it.room),
            message @ (Request::Say(_) | Request::Topic(_) | Request::Tell(_)) => {
                self.take_in(hub, &mut state, message, now);
            }
            Request::Who(it) => self.who(hub, it.id, &it.room),
            Request::Rooms(it) => self.reply(&Event::Rooms(hub.list_rooms(it.id))),
            Request::History(it) => self.history(state, &it),
            Request::Replay(it) => self.replay(state, &it, now),
            Request::Search(it) => match search(&it) {
                Ok(search) => state.reads.search(it.id, search),
                Err(error) => self.reply(&Event::Error(error)),
            },
            Request::Ping(it) => {
                self.reply(&Event::Pong(Pong { id: it.id }));
                // Up to nine frames for one: not as often as anybody likes.
                if !state.promises.reliable && state.requests.take(now).is_ok() {
                    self.say_all_heads(&state);
                }
            }
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
            return self.join_inbox(&mut state, join);
        }
        let name = match room_name(join.id, &join.room) {
            Ok(name) => name,
            Err(error) => return self.reply(&Event::Error(error)),
        };
        let known = state.known(join.id, &name);
        match &known {
            Known::Late => return,
            Known::Again(Passed::Refused(refusal)) => return self.reply_frame(refusal.clone()),
            _ => {}
        }
        if state.membership(&name).is_none() {
            match self.enter(hub, &state, &name) {
                Ok(room) => {
                    state.rooms.reserve_exact(1); // most people are in one room
                    state.rooms.push(Membership::new(room));
                }
                Err(message) => {
                    let error = wire::Error::of(join.id, Code::TooMany, message);
                    return self.refuse_door(&mut state, join.id, name, error);
                }
            }
        }
        let membership = state.membership(&name).expect("the session is in the room by now");
        let room = membership.room.clone();
        let standing = room.standing();
        let presence = room.presence();
        let (after, reset) = match known {
            Known::Again(Passed::In { after, reset }) => (after, reset),
            _ => {
                let is_ours = join.epoch.as_ref().zip(join.after).is_none_or(|(epoch, after)| {
                    *epoch == room.epoch() || hub.log().holds(room.name(), epoch, after)
                });
                let (after, reset) = start(join, is_ours, standing.oldest, standing.head);
                membership.read_from(after);
                membership.presence = presence.version();
                state.note(join.id, name, Passed::In { after, reset });
                (after, reset)
            }
        };
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

    fn enter(self: &Arc<Self>, hub: &Hub, state: &State, room: &RoomName) -> Result<Arc<Room>, String> {
        let most = hub.limits().rooms_per_session;
        if state.rooms.len() >= most {
            return Err(format!("one can be in {most} rooms at once"));
        }
        let too_many = |TooMany { rooms }| format!("this server has {rooms} rooms and takes no more");
        hub.enter(room, self).map_err(too_many)
    }

    /// Refuses a join or a leave, also if it comes again.
    fn refuse_door(&self, state: &mut State, id: u64, room: RoomName, error: wire::Error) {
        let refusal = wire::write(&Event::Error(error));
        state.note(id, room, Passed::Refused(refusal.clone()));
        self.reply_frame(refusal);
    }

    fn join_inbox(&self, state: &mut State, join: &wire::Join<'_>) {
        let known = state.known(join.id, &RoomName::inbox());
        let mut inbox = lock(&self.inbox);
        let epoch = inbox.epoch();
        let (oldest, head) = (inbox.oldest(), inbox.head());
        let (after, reset) = match known {
            Known::Late => return,
            Known::Again(Passed::In { after, reset }) => (after, reset),
            _ => {
                let is_ours = join.epoch.as_ref().is_none_or(|it| *it == epoch);
                let (after, reset) = start(join, is_ours, oldest, head);
                inbox.set_cursor(after);
                state.note(join.id, RoomName::inbox(), Passed::In { after, reset });
                (after, reset)
            }
        };
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
        let name = match room_name(id, room) {
            Ok(name) => name,
            Err(error) => return self.reply(&Event::Error(error)),
        };
        match state.known(id, &name) {
            Known::Late => return,
            Known::Again(Passed::Refused(refusal)) => return self.reply_frame(refusal),
            Known::Again(_) => return self.reply(&Event::Left(Left { id, room: name.to_string() })),
            Known::New => {}
        }
        let Some(room) = state.membership(&name).map(|it| it.room.clone()) else {
            let error = not_joined(id, &name);
            return self.refuse_door(&mut state, id, name, error);
        };
        state.rooms.retain(|it| !Arc::ptr_eq(&it.room, &room));
        state.note(id, name, Passed::Out);
        hub.leave(&room, self.name());
        self.reply(&Event::Left(Left { id, room: room.name().to_string() }));
    }

    fn who(&self, hub: &Hub, id: u64, room: &str) {
        let name = match room_name(id, room) {
            Ok(name) => name,
            Err(error) => return self.reply(&Event::Error(error)),
        };
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
        let room = match self.joined_room(&mut state, history.id, &history.room) {
            Ok(room) => room,
            Err(error) => return self.reply(&Event::Error(error)),
        };
        let before = history.before.unwrap_or(u64::MAX).min(room.head() + 1);
        state.reads.history(history.id, room, before, limit);
    }

    fn replay(&self, mut state: MutexGuard<'_, State>, replay: &wire::Replay<'_>, now: Instant) {
        let wire::Replay { id, from, to, .. } = *replay;
        state.reads.lacked = Some(now);
        let refuse = |message: String| self.refuse(Some(id), Code::TooLarge, message);
        if from == 0 || to < from || to - from >= MAX_REPLAY {
            return refuse(format!("ask for 1 to {MAX_REPLAY} entries, not for {from} to {to}"));
        }
        if replay.room == INBOX {
            return self.replay_inbox(id, from, to);
        }
        let room = match self.joined_room(&mut state, id, &replay.room) {
            Ok(room) => room,
            Err(error) => return self.reply(&Event::Error(error)),
        };
        let head = room.head();
        if from > head {
            return refuse(format!("{} has numbers up to {head}", room.name()));
        }
        let to = to.min(head);
        if let Some(membership) = state.membership(room.name()) {
            membership.lacks(to, now);
        }
        match room.replay(from, to, REPLAY_BYTES, &mut |frame| self.reply_frame(frame)) {
            Some(to) => {
                let room = room.name().to_string();
                self.reply(&Event::Replayed(wire::Replayed { id, room, from, to }));
            }
            None => state.reads.replay(id, room, from, to),
        }
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
        let mut last = from.max(inbox.oldest()) - 1;
        for frame in within(inbox.frames(from, to), REPLAY_BYTES, Bytes::len) {
            last += 1;
            self.reply_frame(frame);
        }
        let to = last.min(to);
        self.reply(&Event::Replayed(wire::Replayed { id, room: INBOX.to_owned(), from, to }));
    }

    /// The room, if the session is in it; otherwise the error the client gets.
    pub(super) fn joined_room(
        &self,
        state: &mut State,
        id: u64,
        room: &str,
    ) -> Result<Arc<Room>, wire::Error> {
        // Almost always it is written as the room writes it itself.
        if let Some(it) = state.rooms.iter().find(|it| it.room.name().as_str() == room) {
            return Ok(it.room.clone());
        }
        let name = room_name(id, room)?;
        let membership = state.membership(&name).map(|it| it.room.clone());
        membership.ok_or_else(|| not_joined(id, &name))
    }
}

fn not_joined(id: u64, room: &RoomName) -> wire::Error {
    wire::Error::of(id, Code::NotJoined, format!("join {room} first"))
}

/// The room as the client writes it, or the error it gets.
pub(super) fn room_name(id: u64, room: &str) -> Result<RoomName, wire::Error> {
    let code = if room == INBOX { Code::Unsupported } else { Code::BadName };
    RoomName::parse(room).map_err(|error| wire::Error::of(id, code, error.to_string()))
}

impl State {
    /// Whether the client may ask for this now, or after which time.
    fn allow(&mut self, request: &Request<'_>, now: Instant) -> Result<(), Duration> {
        match request {
            Request::Ping(_) => Ok(()),
            Request::Replay(_) => self.replays.take(now),
            Request::Search(_) => self.searches.take(now),
            _ => self.requests.take(now),
        }
    }

    /// Whether a join or leave was done before. On a reliable link none comes twice.
    fn known(&self, id: u64, room: &RoomName) -> Known {
        if self.promises.reliable { Known::New } else { self.doors.find(id, room) }
    }

    fn note(&mut self, id: u64, room: RoomName, passed: Passed) {
        if !self.promises.reliable {
            self.doors.note(id, room, passed);
        }
    }
}

/// Where reading begins, and whether that is not where the client stood. `is_ours` says whether what it has read is what
/// is held here.
fn start(join: &wire::Join<'_>, is_ours: bool, oldest: u64, head: u64) -> (u64, bool) {
    match join.after {
        Some(after) if after > head || !is_ours => (oldest - 1, true),
        Some(after) => (after, false),
        None => (head.saturating_sub(join.recent.unwrap_or(RECENT)).max(oldest - 1), false),
    }
}
