//! One client's session, which outlives that client's links: its state, the link that speaks for it, and what it hands
//! out. A session is told frames and the time; it owns no link and no task.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
    time::Instant,
};

use bytes::Bytes;

use super::{
    inbox::Inbox,
    join_log::JoinLog,
    membership::Membership,
    pages::Sign,
    reads::{LogAnswer, NextRead, Reads},
    sequence::{RefusedForNow, Sequence},
    superseded::{NoFrames, Superseded},
};
use crate::{
    ClientId, KeyId, PersonName, RoomName,
    id::Secret,
    log::LogError,
    server::{
        accounts::{Account, Held, Payers},
        limits::{Kind, LINGER, Limits, MAX_OWED, MAX_OWED_BYTES, MAY_BE_LOST_AFTER},
        link_codes::Linking,
        mailbox::Mailbox,
        sync::lock,
    },
    transport::Promises,
    wire::{self, Author},
};

/// One client's session. Code that takes more than one lock takes them in this order: `state`, then a room's, then
/// the mailbox's or an inbox's.
#[derive(Debug)]
pub(crate) struct Session {
    name: PersonName,
    /// The author of this session's messages, shared by its entries.
    author: Arc<Author>,
    /// The key that the client has proved to the transport, one of the author's.
    key: Option<KeyId>,
    /// Whether that key was removed from its person's.
    revoked: AtomicBool,
    client: ClientId,
    secret: Secret,
    /// The place among the sessions of the host that opened it.
    _of_host: Held,
    mailbox: Arc<Mailbox>,
    state: Mutex<State>,
    pub(crate) inbox: Mutex<Inbox>,
}

#[derive(Debug)]
pub(crate) struct State {
    /// The newest link's number. Only that link speaks for the session.
    link: u64,
    /// The promises of that link's transport.
    pub(crate) promises: Promises,
    /// Since when there is no link.
    lost: Option<Instant>,
    /// When the last request came, or the last link.
    pub(crate) heard: Option<Instant>,
    ended: bool,
    /// The client has sent a request, so it has read its welcome.
    pub(crate) confirmed: bool,
    pub(crate) rooms: Vec<Membership>,
    /// The room that is read first next time, so that a busy room cannot starve the others.
    next_room: usize,
    pub(crate) reads: Reads,
    pub(crate) sequence: Sequence,
    pub(crate) join_log: JoinLog,
    pub(crate) payers: Payers,
    /// The client proves to know a code.
    pub(crate) linking: Option<Box<Linking>>,
    /// A message was refused for now. Later ones are refused as well until then, or they would overtake it.
    pub(crate) refused: Option<RefusedForNow>,
}

impl Session {
    /// `key` is the key that the client has proved, and the first one of its person.
    pub(crate) fn new(
        name: PersonName,
        client: ClientId,
        secret: Secret,
        key: Option<(KeyId, KeyId)>,
        inbox: Inbox,
        payers: Payers,
        of_host: Held,
    ) -> Session {
        let state = State {
            link: 0,
            promises: Promises { ordered: true, reliable: true, max_frame: wire::MAX_FRAME },
            lost: None,
            heard: None,
            ended: false,
            confirmed: false,
            rooms: Vec::new(),
            next_room: 0,
            reads: Reads::default(),
            sequence: Sequence::default(),
            join_log: JoinLog::default(),
            payers,
            linking: None,
            refused: None,
        };
        Session {
            author: Arc::new(Author {
                identity: key.map(|(_, person)| person),
                ..Author::person(name.as_str())
            }),
            key: key.map(|(key, _)| key),
            revoked: AtomicBool::new(false),
            name,
            client,
            secret,
            _of_host: of_host,
            mailbox: Arc::default(),
            state: Mutex::new(state),
            inbox: Mutex::new(inbox),
        }
    }

    /// The author of this session's messages: the person, or a program that speaks by itself.
    pub(crate) fn author(&self, bot: bool) -> Arc<Author> {
        if bot { Arc::new(Author { bot, ..(*self.author).clone() }) } else { self.author.clone() }
    }

    pub(crate) fn name(&self) -> &PersonName {
        &self.name
    }

    pub(crate) fn client(&self) -> ClientId {
        self.client
    }

    pub(crate) fn secret(&self) -> Secret {
        self.secret
    }

    /// The key that the client has proved to the transport.
    pub(crate) fn key(&self) -> Option<KeyId> {
        self.key
    }

    /// The first key of the session's person; nothing for a guest.
    pub(crate) fn person(&self) -> Option<KeyId> {
        self.author.identity
    }

    /// The key is no longer one of its person's, so that the session ends.
    pub(crate) fn revoke(&self) {
        self.revoked.store(true, Ordering::Release);
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Acquire)
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Tells the session's task that there is something to do.
    pub(crate) fn wake(&self) {
        self.mailbox.wake();
    }

    /// Makes a new link the one that speaks for the session, and sends it `welcome`. Rooms and inbox wait until the
    /// client says where it has read to: frames handed to the old link may never have arrived.
    pub(crate) fn attach(
        &self,
        host: &Arc<Account>,
        promises: Promises,
        resumed: bool,
        welcome: Bytes,
        now: Instant,
    ) -> Option<u64> {
        let mut state = lock(&self.state);
        if state.ended {
            return None;
        }
        state.link += 1;
        state.promises = promises;
        state.payers.host = host.clone();
        state.lost = None;
        state.heard = Some(now);
        if resumed {
            self.pause(&mut state);
        }
        // At once, or the broker's answer to a request of the link before could come first.
        let mut replies = self.mailbox.replies();
        replies.clear();
        replies.push(welcome);
        drop(replies);
        self.wake(); // the task of the link before, which has to end
        Some(state.link)
    }

    /// Sends `welcome` to a client that may not have received it.
    pub(crate) fn welcome_again(
        &self,
        link: u64,
        limits: &Limits,
        now: Instant,
        welcome: impl FnOnce() -> Bytes,
    ) {
        let may = |state: MutexGuard<'_, State>| state.payers.spend(limits, &[(Kind::Requests, 1)], now);
        if self.state(link).is_ok_and(|state| may(state).is_ok()) {
            self.mailbox.reply_frame(welcome());
        }
    }

    /// Takes note that `link` is lost. Returns false if it no longer spoke for the session.
    pub(crate) fn detach(&self, link: u64, now: Instant) -> bool {
        let mut state = lock(&self.state);
        if state.link != link || state.ended {
            return false;
        }
        state.lost = Some(now);
        self.pause(&mut state);
        self.mailbox.replies().clear();
        true
    }

    fn pause(&self, state: &mut State) {
        state.reads = Reads::default();
        state.sequence.link_lost();
        state.join_log.link_lost();
        state.rooms.iter_mut().for_each(Membership::pause);
        lock(&self.inbox).pause();
    }

    /// When the session ends and its name is free, unless its client comes back: known where the session has lost its
    /// link, or may have lost it and cannot tell.
    pub(crate) fn ends_at(&self, limits: &Limits, now: Instant) -> Option<Instant> {
        let state = lock(&self.state);
        let lost = state.lost.or_else(|| {
            let heard = state.heard.filter(|_| !state.promises.is_lossless())?;
            (now >= heard + MAY_BE_LOST_AFTER).then(|| heard + limits.silent_after_if_lossy + LINGER)
        });
        lost.map(|at| at + limits.grace)
    }

    /// Marks the session as ended if `is_right` says so of its state at this moment. Returns the rooms it is to leave, if
    /// it ends with this call; otherwise whether it had ended before.
    pub(crate) fn close(&self, is_right: impl FnOnce(&State) -> bool) -> Result<Vec<Membership>, bool> {
        let mut state = lock(&self.state);
        if state.ended || !is_right(&state) {
            return Err(state.ended);
        }
        state.ended = true;
        Ok(std::mem::take(&mut state.rooms))
    }

    /// The state, for the link that speaks for the session.
    pub(crate) fn state(&self, link: u64) -> Result<MutexGuard<'_, State>, Superseded> {
        let state = lock(&self.state);
        if state.link == link && !state.ended { Ok(state) } else { Err(Superseded) }
    }

    /// Has `waker` woken when there is something to do for `link`.
    pub(crate) fn register(&self, link: u64, waker: &Waker) {
        // Under the lock, or the task of an old link could take the place of the new one's.
        if let Ok(_state) = self.state(link) {
            self.mailbox.register(waker);
        }
    }

    /// Whether the link is to be read: not while too many replies are owed.
    pub(crate) fn wants_input(&self) -> bool {
        let owed = lock(&self.state).reads.len();
        let replies = self.mailbox.replies();
        owed + replies.owed() < MAX_OWED && replies.bytes() < MAX_OWED_BYTES
    }

    /// Whether every request has been answered and every answer handed out.
    pub(crate) fn owes_nothing(&self) -> bool {
        lock(&self.state).reads.len() == 0 && self.mailbox.replies().owed() == 0
    }

    /// Hands out frames for `link` until about `budget` bytes are spent: replies first, then what its rooms have. Entries
    /// from before the client joined a room are handed out only if it `may_read`. Returns how many bytes of those rooms
    /// were handed out.
    pub(crate) fn poll_frames(
        &self,
        link: u64,
        (mut budget, may_read): (usize, bool),
        now: Instant,
        out: &mut impl FnMut(Bytes),
    ) -> Result<usize, NoFrames> {
        let mut state = self.state(link)?;
        let mut has_ended = false;
        for membership in &mut state.rooms {
            membership.visible = membership.room.head();
            has_ended |= membership.room.has_ended();
        }
        if has_ended {
            // Numbers begin anew if the room is made again, so the client has to join it again.
            state.rooms.retain(|membership| !membership.room.has_ended());
            return Err(NoFrames::RoomForgotten);
        }
        {
            let mut replies = self.mailbox.replies();
            while budget > 0
                && let Some(frame) = replies.pop()
            {
                budget = budget.saturating_sub(frame.len());
                out(frame);
            }
        }
        lock(&self.inbox).read_on(!state.promises.is_lossless(), &mut budget, now, out);
        let state = &mut *state;
        let rooms = state.rooms.len();
        let mut read = 0;
        for turn in 0..rooms {
            if budget == 0 {
                break;
            }
            let at = (state.next_room + turn) % rooms;
            let membership = &mut state.rooms[at];
            let is_in_past = membership.is_in_past();
            if is_in_past && !may_read {
                continue;
            }
            let poll = (state.promises.is_lossless(), now, &mut budget);
            if is_in_past {
                let mut counted = |frame: Bytes| {
                    read += frame.len();
                    out(frame);
                };
                state.reads.poll_room(membership, poll, &mut counted);
            } else {
                state.reads.poll_room(membership, poll, out);
            }
            if budget == 0 {
                state.next_room = (at + 1) % rooms;
            }
        }
        Ok(read)
    }

    /// The next read, if there is one that may begin; the result of one of the log comes back through
    /// [`Session::on_read`]. Unless the client `may_read`, only rooms are read on from where it has seen them live.
    pub(crate) fn next_read(&self, link: u64, may_read: bool) -> Option<NextRead> {
        let mut state = self.state(link).ok()?;
        if self.mailbox.replies().bytes() >= MAX_OWED_BYTES {
            return None; // the entries of the read before have to leave first
        }
        let State { rooms, reads, .. } = &mut *state;
        reads.next(rooms, may_read)
    }

    /// Takes the result of a read of the log. Returns how many bytes of it the client asked for.
    ///
    /// # Errors
    /// When a room cannot be read on; the client has to come back for it later.
    pub(crate) fn on_read(
        &self,
        link: u64,
        answer: Result<LogAnswer, LogError>,
        sign: &Sign<'_>,
    ) -> Result<usize, LogError> {
        let Ok(mut state) = self.state(link) else { return Ok(0) };
        let State { rooms, reads, .. } = &mut *state;
        let mut replies = self.mailbox.replies();
        reads.finish(rooms, answer, sign, &mut |frame| replies.push(frame))
    }
}

impl State {
    /// Whether this link speaks for the session, whose client has not sent a request yet.
    pub(crate) fn is_unused(&self, link: u64) -> bool {
        self.link == link && !self.confirmed
    }

    /// Whether the session has no link.
    pub(crate) fn is_waiting(&self) -> bool {
        self.lost.is_some()
    }

    /// Whether the session has lost this link and has no other.
    pub(crate) fn is_lost(&self, link: u64) -> bool {
        self.link == link && self.lost.is_some()
    }

    pub(crate) fn membership(&mut self, room: &RoomName) -> Option<&mut Membership> {
        self.rooms.iter_mut().find(|membership| membership.room.name() == room)
    }
}
