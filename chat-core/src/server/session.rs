//! The server's side of one client: what outlives its links. It is told frames and the time, and hands out frames.

use std::{
    sync::{Arc, Mutex},
    task::Waker,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::task::AtomicWaker;

use super::{
    doors::Doors,
    hub::Hub,
    inbox::Inbox,
    limits::{Limits, MAX_OWED, MAX_OWED_BYTES},
    membership::Membership,
    probe::Probe,
    reads::{LogAnswer, LogRead, Reads},
    replies::Replies,
    sequence::Sequence,
    sync::lock,
};
use crate::{
    ClientId, PersonName, RoomName,
    bucket::Bucket,
    id::Secret,
    log::LogError,
    transport::Promises,
    wire::{self, Code, Event, Welcome},
};

/// One client's session. Whoever takes more than one lock takes them in this order: `state`, then a room's, then
/// `replies` or an `inbox`.
#[derive(Debug)]
pub(super) struct Session {
    name: PersonName,
    client: ClientId,
    secret: Secret,
    host: String,
    /// Wakes the task of the newest link.
    waker: AtomicWaker,
    state: Mutex<State>,
    replies: Mutex<Replies>,
    pub(super) inbox: Mutex<Inbox>,
}

#[derive(Debug)]
pub(super) struct State {
    /// The newest link's number. Only that link speaks for the session.
    link: u64,
    /// What that link keeps to.
    pub(super) promises: Promises,
    /// Since when there is no link.
    lost: Option<Instant>,
    pub(super) probe: Option<Probe>,
    ended: bool,
    /// The client has asked for something, so it has read its welcome.
    pub(super) confirmed: bool,
    pub(super) rooms: Vec<Membership>,
    /// Where reading the rooms begins next, so that a busy one cannot hide the others.
    next_room: usize,
    pub(super) reads: Reads,
    pub(super) sequence: Sequence,
    pub(super) doors: Doors,
    pub(super) messages: Bucket,
    pub(super) requests: Bucket,
    pub(super) replays: Bucket,
    pub(super) searches: Bucket,
    /// A message was refused for now: so is every later one until then, or they would overtake it.
    pub(super) refused_until: Option<(Instant, Code)>,
}

/// A session, and the number of the link that speaks for it.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) session: Arc<Session>,
    pub(super) link: u64,
    /// Whether the session was there before the link.
    pub(super) resumed: bool,
}

/// The link no longer speaks for the session: a newer one does, or the session has ended.
#[derive(Debug)]
pub(super) struct NotCurrent;

impl Session {
    pub(super) fn new(
        name: PersonName,
        client: ClientId,
        secret: Secret,
        host: String,
        inbox: Inbox,
        limits: &Limits,
    ) -> Session {
        let state = State {
            link: 0,
            promises: Promises { ordered: true, reliable: true, max_frame: wire::MAX_FRAME },
            lost: None,
            probe: None,
            ended: false,
            confirmed: false,
            rooms: Vec::new(),
            next_room: 0,
            reads: Reads::default(),
            sequence: Sequence::default(),
            doors: Doors::default(),
            messages: Bucket::new(limits.messages),
            requests: Bucket::new(limits.requests),
            replays: Bucket::new(limits.replays),
            searches: Bucket::new(limits.searches),
            refused_until: None,
        };
        Session {
            name,
            client,
            secret,
            host,
            waker: AtomicWaker::new(),
            state: Mutex::new(state),
            replies: Mutex::default(),
            inbox: Mutex::new(inbox),
        }
    }

    pub(super) fn name(&self) -> &PersonName {
        &self.name
    }

    pub(super) fn client(&self) -> ClientId {
        self.client
    }

    pub(super) fn secret(&self) -> Secret {
        self.secret
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Tells the session's task that there is something to do.
    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    /// Makes a new link the one that speaks for the session, and welcomes it. Rooms and inbox wait for the client to
    /// say where it stands: what the old link was handed may never have arrived.
    pub(super) fn attach(&self, hub: &Hub, promises: Promises, resumed: bool) -> Option<u64> {
        let mut state = lock(&self.state);
        if state.ended {
            return None;
        }
        state.link += 1;
        state.promises = promises;
        state.lost = None;
        state.probe = None;
        if resumed {
            self.pause(&mut state);
        }
        // At once, or the broker's answer to the link before could come first.
        let mut replies = lock(&self.replies);
        replies.clear();
        replies.push(self.welcome(hub, resumed));
        drop(replies);
        self.wake(); // the task of the link before, which has to go
        Some(state.link)
    }

    fn welcome(&self, hub: &Hub, resumed: bool) -> Bytes {
        wire::write(&Event::Welcome(Welcome {
            protocol: wire::PROTOCOL,
            name: self.name.to_string(),
            server: hub.software().to_owned(),
            resume: self.secret.reveal(),
            resumed,
            at: Some(hub.time_of_day()),
            limits: hub.limits().frame(),
        }))
    }

    /// Welcomes a client that may not have heard it.
    pub(super) fn welcome_again(&self, hub: &Hub, link: u64, resumed: bool, now: Instant) {
        if self.state(link).is_ok_and(|mut it| it.requests.take(now).is_ok()) {
            self.reply_frame(self.welcome(hub, resumed));
        }
    }

    /// Takes note that `link` is lost; false if it spoke for nobody any more.
    pub(super) fn detach(&self, link: u64, now: Instant) -> bool {
        let mut state = lock(&self.state);
        if state.link != link || state.ended {
            return false;
        }
        state.lost = Some(now);
        self.pause(&mut state);
        lock(&self.replies).clear();
        true
    }

    fn pause(&self, state: &mut State) {
        state.reads = Reads::default();
        state.sequence.link_lost();
        state.doors.link_lost();
        state.rooms.iter_mut().for_each(Membership::pause);
        lock(&self.inbox).pause();
    }

    /// For how long the session has had no link, if it has none.
    pub(super) fn lost_for(&self, now: Instant) -> Option<Duration> {
        let state = lock(&self.state);
        state.lost.filter(|_| !state.ended).map(|since| now - since)
    }

    /// Ends the session if its client may never have read its welcome; false if it has.
    pub(super) fn end_unless_confirmed(&self, hub: &Hub) -> bool {
        self.end_if(hub, |state| !state.confirmed)
    }

    /// Ends the session if it has no link.
    pub(super) fn end_if_lost(&self, hub: &Hub) {
        self.end_if(hub, |state| state.lost.is_some());
    }

    /// Ends the session: it leaves its rooms and gives up its name.
    pub(super) fn end(&self, hub: &Hub) {
        self.end_if(hub, |_| true);
    }

    /// Ends the session if that is still right at this very moment: its client may be coming back. Returns whether
    /// it has ended.
    fn end_if(&self, hub: &Hub, is_right: impl FnOnce(&State) -> bool) -> bool {
        let rooms = {
            let mut state = lock(&self.state);
            if state.ended || !is_right(&state) {
                return state.ended;
            }
            state.ended = true;
            std::mem::take(&mut state.rooms)
        };
        for membership in rooms {
            hub.leave(&membership.room, &self.name);
        }
        hub.forget(self);
        self.wake();
        true
    }

    /// Ends the session unless it has another link than `link` by now.
    pub(super) fn expire(&self, hub: &Hub, link: u64) {
        self.end_if(hub, |state| state.link == link && state.lost.is_some());
    }

    /// The state, for the link that speaks for the session.
    pub(super) fn state(&self, link: u64) -> Result<std::sync::MutexGuard<'_, State>, NotCurrent> {
        let state = lock(&self.state);
        if state.link == link && !state.ended { Ok(state) } else { Err(NotCurrent) }
    }

    /// The state, unless the session has ended.
    pub(super) fn present(&self) -> Option<std::sync::MutexGuard<'_, State>> {
        let state = lock(&self.state);
        (!state.ended).then_some(state)
    }

    /// Has `waker` woken when there is something to do for `link`.
    pub(super) fn register(&self, link: u64, waker: &Waker) {
        // Under the lock, or the task of an old link could take the place of the new one's.
        if let Ok(_state) = self.state(link) {
            self.waker.register(waker);
        }
    }

    /// Whether more requests may come: otherwise so many replies are owed that the link is not read.
    pub(super) fn wants_input(&self) -> bool {
        let owed = lock(&self.state).reads.len();
        let replies = lock(&self.replies);
        owed + replies.frames.len() + replies.with_broker.len() < MAX_OWED && replies.bytes < MAX_OWED_BYTES
    }

    /// Whether every request has been answered and the answers handed out.
    pub(super) fn owes_nothing(&self) -> bool {
        if lock(&self.state).reads.len() > 0 {
            return false;
        }
        let replies = lock(&self.replies);
        replies.frames.is_empty() && replies.with_broker.is_empty()
    }

    pub(super) fn reply(&self, event: &Event) {
        self.reply_frame(wire::write(event));
    }

    pub(super) fn reply_frame(&self, frame: Bytes) {
        lock(&self.replies).push(frame);
    }

    pub(super) fn refuse(&self, id: Option<u64>, code: Code, message: impl Into<String>) {
        self.reply(&Event::Error(wire::Error::of(id, code, message)));
    }

    pub(super) fn refuse_for_now(&self, id: u64, code: Code, message: impl Into<String>, wait: Duration) {
        self.reply(&Event::Error(wire::Error::of(id, code, message).until(wait)));
    }

    /// The broker refuses a message that was taken in.
    pub(super) fn refuse_after_all(&self, id: u64, refusal: Bytes) {
        if let Some(mut state) = self.present() {
            state.sequence.refused_after_all(id, &refusal);
        }
        self.reply_frame(refusal);
    }

    /// Whether the broker has the request `id` and will answer it.
    pub(super) fn is_with_broker(&self, id: u64) -> bool {
        lock(&self.replies).with_broker.contains(&id)
    }

    pub(super) fn asked_broker(&self, id: u64) {
        lock(&self.replies).with_broker.push(id);
    }

    /// The broker has done with one request: it is answered, and published if it was stored.
    pub(super) fn settled(&self, id: u64) {
        let with_broker = &mut lock(&self.replies).with_broker;
        if let Some(at) = with_broker.iter().position(|it| *it == id) {
            with_broker.swap_remove(at);
        }
        self.wake();
    }

    /// Hands out frames for `link` until about `budget` bytes are spent: replies first, then what its rooms have.
    pub(super) fn poll_frames(
        &self,
        link: u64,
        mut budget: usize,
        now: Instant,
        out: &mut impl FnMut(Bytes),
    ) -> Result<(), NotCurrent> {
        let mut state = self.state(link)?;
        for membership in &mut state.rooms {
            membership.visible = membership.room.head();
        }
        {
            let mut replies = lock(&self.replies);
            while budget > 0
                && let Some(frame) = replies.pop()
            {
                budget = budget.saturating_sub(frame.len());
                out(frame);
            }
        }
        lock(&self.inbox).read_on(!state.promises.reliable, &mut budget, now, out);
        let state = &mut *state;
        let rooms = state.rooms.len();
        for turn in 0..rooms {
            if budget == 0 {
                break;
            }
            let at = (state.next_room + turn) % rooms;
            let membership = &mut state.rooms[at];
            match state.promises.reliable {
                true => membership.poll_frames(&mut budget, &mut state.reads, out),
                false => membership.poll_some_frames(&mut budget, now, out),
            }
            if budget == 0 {
                state.next_room = (at + 1) % rooms;
            }
        }
        Ok(())
    }

    /// What to read from the log next, if anything; its result is to come back through [`Session::on_read`].
    pub(super) fn next_read(&self, link: u64) -> Option<LogRead> {
        let mut state = self.state(link).ok()?;
        if lock(&self.replies).bytes >= MAX_OWED_BYTES {
            return None; // what was read before has to leave first
        }
        let State { rooms, reads, .. } = &mut *state;
        reads.next(rooms)
    }

    /// Takes what was read from the log.
    ///
    /// # Errors
    /// When a room cannot be read on; the client has to come back for it later.
    pub(super) fn on_read(&self, link: u64, answer: Result<LogAnswer, LogError>) -> Result<(), LogError> {
        let Ok(mut state) = self.state(link) else { return Ok(()) };
        let State { rooms, reads, .. } = &mut *state;
        let mut replies = lock(&self.replies);
        reads.finish(rooms, answer, &mut |frame| replies.push(frame))
    }
}

impl State {
    pub(super) fn membership(&mut self, room: &RoomName) -> Option<&mut Membership> {
        self.rooms.iter_mut().find(|it| it.room.name() == room)
    }
}
