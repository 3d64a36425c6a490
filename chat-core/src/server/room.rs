//! A room: its newest entries, encoded once for all readers, and its members.

use std::{
    collections::VecDeque,
    sync::{
        Arc, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;

use self::presence::Presence;
use super::{
    limits::{ALL_RINGS_BYTES, RING_BYTES, RING_ENTRIES, SMALL_RING_BYTES},
    mailbox::Mailbox,
    sync::{read, write},
};
use crate::{
    PersonName, RoomName,
    log::{LogEntry, RoomState},
    wire::{self, Block, EntryKind, Gap, RoomSummary},
};

mod presence;

/// One room. Readers keep their own cursors; the room knows none of them.
#[derive(Debug)]
pub(super) struct Room {
    name: RoomName,
    epoch: String,
    /// The largest number given; also under the lock, but read without it to see whether there is news.
    head: AtomicU64,
    presence_version: AtomicU64,
    /// What was submitted for it and is not committed yet.
    submitted: AtomicUsize,
    recent: RwLock<Recent>,
    presence: RwLock<Presence>,
    all_rings: Arc<AtomicUsize>,
}

/// The newest entries, as the frames that are sent. The newest has the number `head`.
#[derive(Debug)]
struct Recent {
    frames: VecDeque<Bytes>,
    bytes: usize,
    head: u64,
    /// The smallest number the log holds, `head` + 1 if none.
    oldest: u64,
    topic: String,
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
    pub(super) topic: String,
}

impl Room {
    pub(super) fn new(state: RoomState, all_rings: Arc<AtomicUsize>) -> Room {
        let RoomState { room, epoch, oldest, head, topic } = state;
        Room {
            name: room,
            epoch,
            head: AtomicU64::new(head),
            presence_version: AtomicU64::new(0),
            submitted: AtomicUsize::new(0),
            recent: RwLock::new(Recent { frames: VecDeque::new(), bytes: 0, head, oldest, topic }),
            presence: RwLock::default(),
            all_rings,
        }
    }

    pub(super) fn name(&self) -> &RoomName {
        &self.name
    }

    pub(super) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The largest number given, without waiting for anyone.
    pub(super) fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// The version of the members, without waiting for anyone.
    pub(super) fn presence_version(&self) -> u64 {
        self.presence_version.load(Ordering::Acquire)
    }

    /// The smallest number the log holds, one more than the head if it holds none.
    pub(super) fn oldest(&self) -> u64 {
        read(&self.recent).oldest
    }

    pub(super) fn standing(&self) -> Standing {
        let recent = read(&self.recent);
        Standing { head: recent.head, oldest: recent.oldest, topic: recent.topic.clone() }
    }

    /// Reads on from `cursor`, which moves along, up to number `until` or until `budget` bytes are spent. Numbers
    /// that are gone for good are told as a `gap`.
    pub(super) fn read_on(
        &self,
        cursor: &mut u64,
        until: u64,
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
        for frame in recent.frames.iter().skip(skip) {
            if *cursor >= until || *budget == 0 {
                break;
            }
            *budget = budget.saturating_sub(frame.len());
            *cursor += 1;
            out(frame.clone());
        }
        Reading::InRing
    }

    /// Hands out the entries from `from` to `to`, no more than `budget` bytes of them, or one, after a `gap` for those
    /// that are gone. Returns the last number dealt with; nothing, with nothing handed out, if they are in the log.
    pub(super) fn replay(
        &self,
        from: u64,
        to: u64,
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
        let frames = recent.frames.iter().skip(skip).take(usize::try_from(to - cursor).unwrap_or(usize::MAX));
        for frame in within(frames, budget, |it| it.len()) {
            cursor += 1;
            out(frame.clone());
        }
        Some(cursor)
    }

    /// Adds entries the log has just stored, and wakes everyone who is in.
    pub(super) fn publish(&self, entries: &[LogEntry]) {
        {
            // Encoded before the lock is taken.
            let frames: Vec<Bytes> = entry_frames(&self.name, entries).collect();
            let mut recent = write(&self.recent);
            for (entry, frame) in entries.iter().zip(frames) {
                recent.push(entry, frame, &self.all_rings);
            }
            self.head.store(recent.head, Ordering::Release);
        }
        read(&self.presence).wake_all();
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

    pub(super) fn enter(&self, name: PersonName, mailbox: Arc<Mailbox>) {
        self.change_presence(|presence| presence.enter(name, mailbox));
    }

    pub(super) fn leave(&self, name: &PersonName) {
        self.change_presence(|presence| presence.leave(name));
    }

    fn change_presence(&self, change: impl FnOnce(&mut Presence)) {
        let mut presence: RwLockWriteGuard<'_, Presence> = write(&self.presence);
        change(&mut presence);
        self.presence_version.store(presence.version(), Ordering::Release);
        if presence.is_small() {
            presence.wake_all();
        }
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

    /// Whether nothing would be lost if the room were forgotten: nobody is in it, and it never had an entry. Entries on
    /// their way to the log are looked at before those that have arrived there, so that none slips through in between.
    pub(super) fn is_vacant(&self) -> bool {
        self.submitted.load(Ordering::Acquire) == 0 && self.head() == 0 && self.presence().present() == 0
    }

    pub(super) fn summary(&self) -> RoomSummary {
        let present = self.presence().present() as u64;
        let standing = self.standing();
        RoomSummary { room: self.name.to_string(), present, head: standing.head, topic: standing.topic }
    }
}

impl Recent {
    fn push(&mut self, entry: &LogEntry, frame: Bytes, all_rings: &AtomicUsize) {
        debug_assert_eq!(entry.seq, self.head + 1, "the log numbers without holes");
        self.head = entry.seq;
        if entry.body.kind == EntryKind::Topic {
            self.topic.clone_from(&entry.body.text);
        }
        self.bytes += frame.len();
        let all = all_rings.fetch_add(frame.len(), Ordering::Relaxed);
        self.frames.push_back(frame);
        let most = if all > ALL_RINGS_BYTES { SMALL_RING_BYTES } else { RING_BYTES };
        while (self.frames.len() > RING_ENTRIES || self.bytes > most) && self.drop_oldest(all_rings) {}
    }

    fn drop_oldest(&mut self, all_rings: &AtomicUsize) -> bool {
        let Some(frame) = self.frames.pop_front() else { return false };
        self.bytes -= frame.len();
        all_rings.fetch_sub(frame.len(), Ordering::Relaxed);
        true
    }
}

/// The first of `frames`, and those that follow as long as all together have at most `budget` bytes.
pub(super) fn within<T>(
    frames: impl Iterator<Item = T>,
    mut budget: usize,
    bytes: impl Fn(&T) -> usize,
) -> impl Iterator<Item = T> {
    frames.enumerate().map_while(move |(number, frame)| {
        let left = budget.checked_sub(bytes(&frame));
        budget = left.unwrap_or_default();
        (number == 0 || left.is_some()).then_some(frame)
    })
}

/// The frames of these entries.
pub(super) fn entry_frames(room: &RoomName, entries: &[LogEntry]) -> impl Iterator<Item = Bytes> {
    let mut rest: usize = entries.iter().map(entry_size).sum();
    let mut block = Block::default();
    entries.iter().map(move |entry| {
        let frame = block.entry(room.as_str(), entry, rest);
        rest -= entry_size(entry);
        frame
    })
}

/// The size of an entry's frame, roughly.
pub(super) fn entry_size(entry: &LogEntry) -> usize {
    entry.body.text.len() + ENTRY_OVERHEAD
}

/// The bytes of an entry's frame besides the text, roughly.
const ENTRY_OVERHEAD: usize = 128;
