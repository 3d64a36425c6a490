//! A room: its newest entries, encoded once for all readers, and its members.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;

pub(super) use self::frames::{entry_frames, entry_size, within};
use self::presence::{Gathered, Presence};
use super::{
    accounts::Held,
    limits::{ALL_RINGS_BYTES, RING_BYTES, RING_ENTRIES, SMALL_RING_BYTES},
    mailbox::Mailbox,
    sync::{read, write},
};
use crate::{
    Misplaced, PersonName, RoomName,
    log::{EntryHash, LogEntry, RoomState, StateMap},
    wire::{self, Gap, RoomSummary, with_hash},
};

mod frames;
mod presence;
mod signed;

/// One room. Readers keep their own cursors; the room knows none of them.
#[derive(Debug)]
pub(super) struct Room {
    name: RoomName,
    /// Distinguishes the room from another one with its name, if the log does not know it yet.
    incarnation: u64,
    /// The place among the rooms of the host that made it, given back when the room goes.
    _of_host: Option<Held>,
    /// Whether the log knows it.
    made: AtomicBool,
    /// The log is asked to forget it, and nobody can enter.
    being_forgotten: AtomicBool,
    /// The log has forgotten it.
    ended: AtomicBool,
    /// The largest number given; also under the lock, but read without it to see whether there is news.
    head: AtomicU64,
    presence_version: AtomicU64,
    /// What was submitted for it and is not committed yet.
    submitted: AtomicUsize,
    recent: RwLock<Recent>,
    presence: RwLock<Presence>,
    /// The number of the entry that was signed last, and the frame: all members are sent the same one.
    signed: Mutex<Option<(u64, Bytes)>>,
    all_rings: Arc<AtomicUsize>,
}

/// The newest entries, as the frames that are sent. The newest has the number `head`.
#[derive(Debug)]
struct Recent {
    frames: VecDeque<Bytes>,
    /// The hashes of the same entries.
    hashes: VecDeque<EntryHash>,
    bytes: usize,
    head: u64,
    /// The smallest number the log holds, `head` + 1 if none.
    oldest: u64,
    epoch: Arc<str>,
    state: StateMap,
}

/// Where [`Room::read_on`] found the next entries.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Reading {
    /// In the ring, and handed out as far as the budget went.
    InRing,
    /// They are no longer kept encoded: they are in the log.
    InLog,
}

/// What `joined` says of a room, taken at one moment.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) head: u64,
    pub(super) oldest: u64,
    pub(super) epoch: Arc<str>,
    pub(super) topic: String,
}

impl Room {
    /// A room that the log knows.
    pub(super) fn made(state: RoomState, all_rings: Arc<AtomicUsize>) -> Room {
        let room = Room::unmade(state, 0, None, all_rings);
        room.made.store(true, Ordering::Release);
        room
    }

    /// A room that the log does not know until something is said in it, and which counts as one of a host's rooms.
    pub(super) fn unmade(
        state: RoomState,
        incarnation: u64,
        of_host: Option<Held>,
        all_rings: Arc<AtomicUsize>,
    ) -> Room {
        let RoomState { room, epoch, oldest, head, state } = state;
        let recent = Recent {
            frames: VecDeque::new(),
            hashes: VecDeque::new(),
            bytes: 0,
            head,
            oldest,
            epoch: epoch.into(),
            state,
        };
        Room {
            name: room,
            incarnation,
            _of_host: of_host,
            made: AtomicBool::new(false),
            being_forgotten: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            head: AtomicU64::new(head),
            presence_version: AtomicU64::new(0),
            submitted: AtomicUsize::new(0),
            recent: RwLock::new(recent),
            presence: RwLock::default(),
            signed: Mutex::default(),
            all_rings,
        }
    }

    pub(super) fn name(&self) -> &RoomName {
        &self.name
    }

    pub(super) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Whether the log knows the room.
    pub(super) fn is_made(&self) -> bool {
        self.made.load(Ordering::Acquire)
    }

    /// The log knows the room from here on, under this epoch: perhaps another server has made it.
    pub(super) fn note_made(&self, epoch: &str) {
        let mut recent = write(&self.recent);
        if *recent.epoch != *epoch {
            recent.epoch = epoch.into();
        }
        self.made.store(true, Ordering::Release);
    }

    /// Notes that the log is asked to forget the room; false if it is asked already.
    pub(super) fn begin_forgetting(&self) -> bool {
        !self.being_forgotten.swap(true, Ordering::AcqRel)
    }

    pub(super) fn is_being_forgotten(&self) -> bool {
        self.being_forgotten.load(Ordering::Acquire)
    }

    /// Notes that the log does not forget the room after all.
    pub(super) fn keep(&self) {
        self.being_forgotten.store(false, Ordering::Release);
    }

    /// The log has forgotten the room; the links of those who are in it end.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        read(&self.presence).wake_all();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// The largest number given, without waiting for anyone.
    pub(super) fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// The version of the members that was announced, without waiting for anyone.
    pub(super) fn presence_version(&self) -> u64 {
        self.presence_version.load(Ordering::Acquire)
    }

    /// The smallest number the log holds, one more than the head if it holds none.
    pub(super) fn oldest(&self) -> u64 {
        read(&self.recent).oldest
    }

    pub(super) fn standing(&self) -> Standing {
        let recent = read(&self.recent);
        Standing {
            head: recent.head,
            oldest: recent.oldest,
            epoch: recent.epoch.clone(),
            topic: recent.state.topic().to_owned(),
        }
    }

    /// Reads on from `cursor`, which moves along, up to number `until` or until `budget` bytes are spent. Numbers
    /// that are gone for good are told as a `gap`.
    pub(super) fn read_on(
        &self,
        cursor: &mut u64,
        until: u64,
        hashes: bool,
        budget: &mut usize,
        out: &mut impl FnMut(Bytes),
    ) -> Reading {
        let recent = read(&self.recent);
        if *cursor + 1 < recent.oldest {
            let gap = Gap { room: self.name.to_string(), from: *cursor + 1, to: recent.oldest - 1 };
            out(wire::write(&wire::Event::Gap(gap)));
            *cursor = recent.oldest - 1;
        }
        let unread = recent.head - *cursor;
        let Some(skip) = (recent.frames.len() as u64).checked_sub(unread) else { return Reading::InLog };
        let skip = usize::try_from(skip).expect("no more than the length of the ring");
        for frame in recent.frames_from(skip, hashes) {
            if *cursor >= until || *budget == 0 {
                break;
            }
            *budget = budget.saturating_sub(frame.len());
            *cursor += 1;
            out(frame);
        }
        Reading::InRing
    }

    /// Hands out the entries from `from` to `to`, no more than `budget` bytes of them, or one, after a `gap` for those
    /// that are gone. Returns the last number dealt with; nothing, with nothing handed out, if they are in the log.
    pub(super) fn replay(
        &self,
        from: u64,
        to: u64,
        hashes: bool,
        budget: usize,
        out: &mut impl FnMut(Bytes),
    ) -> Option<u64> {
        let recent = read(&self.recent);
        let kept = recent.head - recent.frames.len() as u64;
        let gone = recent.oldest - 1;
        if to > gone.max(from - 1) && gone.max(from - 1) < kept {
            return None;
        }
        let mut cursor = from - 1;
        if cursor < gone {
            cursor = gone.min(to);
            out(wire::write(&wire::Event::Gap(Gap { room: self.name.to_string(), from, to: cursor })));
        }
        let skip = usize::try_from(cursor.max(kept) - kept).expect("no more than the length of the ring");
        let most = usize::try_from(to - cursor).unwrap_or(usize::MAX);
        for frame in within(recent.frames_from(skip, hashes).take(most), budget, Bytes::len) {
            cursor += 1;
            out(frame);
        }
        Some(cursor)
    }

    /// Adds entries that the log has just stored, and wakes everyone who is in.
    ///
    /// # Errors
    /// When the entries do not follow the newest one.
    pub(super) fn publish(&self, entries: &[LogEntry]) -> Result<(), Misplaced> {
        let expected = self.head() + 1;
        if let Some(first) = entries.first()
            && first.seq != expected
        {
            return Err(Misplaced::Entry { room: self.name.clone(), expected, found: first.seq });
        }
        {
            // Encoded before the lock is taken.
            let frames: Vec<Bytes> = entry_frames(&self.name, entries, false).collect();
            let mut recent = write(&self.recent);
            for (entry, frame) in entries.iter().zip(frames) {
                recent.push(entry, frame, &self.all_rings);
            }
            self.head.store(recent.head, Ordering::Release);
        }
        read(&self.presence).wake_all();
        Ok(())
    }

    /// Takes note that the log let go of everything below `oldest`.
    pub(super) fn forget_below(&self, oldest: u64) {
        let mut recent = write(&self.recent);
        recent.oldest = recent.oldest.max(oldest);
        while (recent.head + 1).saturating_sub(recent.frames.len() as u64) < oldest
            && recent.drop_oldest(&self.all_rings)
        {}
    }

    pub(super) fn presence(&self) -> RwLockReadGuard<'_, Presence> {
        read(&self.presence)
    }

    /// Lets a person in. Returns when [`Room::announce`] has to be called, if it has to.
    pub(super) fn enter(
        &self,
        name: PersonName,
        mailbox: Arc<Mailbox>,
        is_guest: bool,
        now: Instant,
    ) -> Option<Instant> {
        self.change_presence(|presence| {
            presence.enter(name, mailbox, is_guest);
            presence.gather(now)
        })
    }

    /// Takes a person out. Returns when [`Room::announce`] has to be called, if it has to.
    pub(super) fn leave(&self, name: &PersonName, now: Instant) -> Option<Instant> {
        self.change_presence(|presence| {
            presence.leave(name);
            presence.gather(now)
        })
    }

    /// Tells the members of the changes that were gathered.
    pub(super) fn announce(&self, now: Instant) {
        self.change_presence(|presence| presence.announce(now));
    }

    fn change_presence(&self, change: impl FnOnce(&mut Presence) -> Gathered) -> Option<Instant> {
        let mut presence = write(&self.presence);
        let gathered = change(&mut presence);
        self.presence_version.store(presence.announced(), Ordering::Release);
        if gathered == Gathered::Announced && presence.is_small() {
            presence.wake_all();
        }
        if let Gathered::Until(at) = gathered { Some(at) } else { None }
    }

    /// The frame that leads a member from presence version `since` to the present one, which is returned too.
    pub(super) fn presence_frame(&self, since: u64) -> (u64, Bytes) {
        let mut presence = write(&self.presence);
        let frame = presence.frame(self.name.as_str(), since);
        (presence.version(), frame)
    }

    /// Takes note that an entry for it is on its way to the log.
    pub(super) fn submitted(&self) {
        self.submitted.fetch_add(1, Ordering::AcqRel);
    }

    /// Takes note that the log has dealt with that entry, and it is published if it was stored.
    pub(super) fn committed(&self) {
        self.submitted.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether nothing would be lost if the room were forgotten: nobody is in it, and it has no entries. Entries on
    /// their way to the log are looked at before those that have arrived there, so that none slips through in between.
    pub(super) fn is_vacant(&self) -> bool {
        self.submitted.load(Ordering::Acquire) == 0
            && self.presence().present() == 0
            && read(&self.recent).is_empty()
    }

    pub(super) fn summary(&self) -> RoomSummary {
        let present = self.presence().present() as u64;
        let standing = self.standing();
        RoomSummary { room: self.name.to_string(), present, head: standing.head, topic: standing.topic }
    }
}

impl Recent {
    fn is_empty(&self) -> bool {
        self.oldest > self.head
    }

    /// The frames but for the first `skip`, with hashes for a reader that wants them.
    fn frames_from(&self, skip: usize, hashes: bool) -> impl Iterator<Item = Bytes> {
        self.frames.iter().zip(&self.hashes).skip(skip).map(move |(frame, hash)| match hashes {
            true => with_hash(frame, *hash),
            false => frame.clone(),
        })
    }

    fn push(&mut self, entry: &LogEntry, frame: Bytes, all_rings: &AtomicUsize) {
        self.head = entry.seq;
        self.state.apply(entry);
        self.bytes += frame.len();
        let all = all_rings.fetch_add(frame.len(), Ordering::Relaxed);
        self.frames.push_back(frame);
        self.hashes.push_back(entry.hash);
        let most = if all > ALL_RINGS_BYTES { SMALL_RING_BYTES } else { RING_BYTES };
        while (self.frames.len() > RING_ENTRIES || self.bytes > most) && self.drop_oldest(all_rings) {}
    }

    fn drop_oldest(&mut self, all_rings: &AtomicUsize) -> bool {
        let Some(frame) = self.frames.pop_front() else { return false };
        self.hashes.pop_front();
        self.bytes -= frame.len();
        all_rings.fetch_sub(frame.len(), Ordering::Relaxed);
        true
    }
}
