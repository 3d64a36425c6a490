//! What all clients of a load share: what is asked for, the clock, and counters.

use std::{
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use chat_core::SharedRuntime;

use super::{Load, mark::mixed, micros};
use crate::Durations;

/// What all clients share.
pub(super) struct Shared {
    pub(super) load: Load,
    pub(super) runtime: SharedRuntime,
    pub(super) counters: Counters,
    /// When it begins, once that is known.
    pub(super) began: OnceLock<Instant>,
    rooms: Vec<Room>,
    /// How long deliveries took. Several, so that threads rarely want the same one.
    latencies: [Mutex<Durations>; SHARDS],
    /// When the last delivery that counts came, in microseconds since the beginning.
    last_heard: AtomicU64,
    /// Why links were lost, the first reason.
    why_lost: OnceLock<String>,
    /// Why a message was refused, the first reason.
    why_refused: OnceLock<String>,
}

/// What was said in a room.
#[derive(Default)]
struct Room {
    said: AtomicU64,
    /// Of the numbers of its messages, [`mixed`].
    sum: AtomicU64,
}

/// What is counted while it goes on, for whoever looks on.
#[derive(Debug, Default)]
pub struct Counters {
    pub(super) joined: AtomicUsize,
    said: AtomicU64,
    refused: AtomicU64,
    heard: AtomicU64,
    heard_bytes: AtomicU64,
    expected: AtomicU64,
    lost_links: AtomicUsize,
    down: AtomicUsize,
    next: AtomicU64,
}

impl Counters {
    /// How many clients are in their rooms.
    pub fn joined(&self) -> usize {
        self.joined.load(Relaxed)
    }

    /// How many messages were said and not refused.
    pub fn said(&self) -> u64 {
        self.said.load(Relaxed)
    }

    /// How many messages were refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// How many deliveries there were.
    pub fn delivered(&self) -> u64 {
        self.heard.load(Relaxed)
    }

    /// How many bytes of text they brought.
    pub fn delivered_bytes(&self) -> u64 {
        self.heard_bytes.load(Relaxed)
    }

    /// How often a link was lost.
    pub fn lost_links(&self) -> usize {
        self.lost_links.load(Relaxed)
    }

    /// How many clients have no link at the moment.
    pub(super) fn down(&self) -> usize {
        self.down.load(Relaxed)
    }

    pub(super) fn is_all_heard(&self) -> bool {
        self.delivered() >= self.expected.load(Relaxed)
    }

    pub(super) fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Relaxed)
    }
}

impl Shared {
    pub(super) fn new(load: Load, runtime: SharedRuntime) -> Shared {
        Shared {
            rooms: (0..load.rooms).map(|_| Room::default()).collect(),
            load,
            runtime,
            counters: Counters::default(),
            began: OnceLock::new(),
            latencies: Default::default(),
            last_heard: AtomicU64::new(0),
            why_lost: OnceLock::new(),
            why_refused: OnceLock::new(),
        }
    }

    /// Microseconds since the beginning; 0 before it.
    pub(super) fn now(&self) -> u64 {
        let Some(began) = self.began.get() else { return 0 };
        micros(self.runtime.now().saturating_duration_since(*began))
    }

    /// Whether it has begun. The clock stands still until then.
    pub(super) fn has_begun(&self) -> bool {
        self.began.get().is_some_and(|began| self.runtime.now() >= *began)
    }

    /// The instant so many microseconds after the beginning.
    pub(super) fn instant(&self, micros: u64) -> Instant {
        let began = self.began.get().copied().unwrap_or_else(|| self.runtime.now());
        began + Duration::from_micros(micros)
    }

    pub(super) fn said(&self, room: usize, number: u64) {
        self.rooms[room].said.fetch_add(1, Relaxed);
        self.rooms[room].sum.fetch_add(mixed(number), Relaxed);
        self.counters.expected.fetch_add(self.load.members(room), Relaxed);
        self.counters.said.fetch_add(1, Relaxed);
    }

    pub(super) fn refused(&self, room: usize, number: u64) {
        self.rooms[room].said.fetch_sub(1, Relaxed);
        self.rooms[room].sum.fetch_sub(mixed(number), Relaxed);
        self.counters.expected.fetch_sub(self.load.members(room), Relaxed);
        self.counters.said.fetch_sub(1, Relaxed);
        self.counters.refused.fetch_add(1, Relaxed);
    }

    /// How many messages were said in a room, and the sum of their numbers.
    pub(super) fn said_in(&self, room: usize) -> (u64, u64) {
        (self.rooms[room].said.load(Relaxed), self.rooms[room].sum.load(Relaxed))
    }

    /// Deliveries of messages that were due at `dues`, to somebody who counts in `shard`.
    pub(super) fn heard(&self, shard: usize, dues: &[u64], bytes: usize, now: u64) {
        self.counters.heard.fetch_add(dues.len() as u64, Relaxed);
        self.counters.heard_bytes.fetch_add(bytes as u64, Relaxed);
        let begins = micros(self.load.warmup);
        let mut latencies = lock(&self.latencies[shard % SHARDS]);
        let mut counts = false;
        for due in dues.iter().filter(|it| **it >= begins) {
            latencies.record(Duration::from_micros(now.saturating_sub(*due)));
            counts = true;
        }
        drop(latencies);
        if counts {
            self.last_heard.fetch_max(now, Relaxed);
        }
    }

    pub(super) fn latencies(&self) -> Durations {
        let mut all = Durations::default();
        self.latencies.iter().for_each(|it| all.add(&lock(it)));
        all
    }

    /// When the last delivery that counts came, in microseconds since the beginning.
    pub(super) fn last_heard(&self) -> u64 {
        self.last_heard.load(Relaxed)
    }

    pub(super) fn note_lost_link(&self, why: String) {
        let _ = self.why_lost.set(why); // the first is enough
        self.counters.lost_links.fetch_add(1, Relaxed);
        self.counters.down.fetch_add(1, Relaxed);
    }

    pub(super) fn note_link_is_back(&self) {
        self.counters.down.fetch_sub(1, Relaxed);
    }

    pub(super) fn note_why_refused(&self, why: &str) {
        if self.why_refused.get().is_none() {
            let _ = self.why_refused.set(why.to_owned()); // the first is enough
        }
    }

    pub(super) fn why_lost(&self) -> Option<String> {
        self.why_lost.get().cloned()
    }

    pub(super) fn why_refused(&self) -> Option<String> {
        self.why_refused.get().cloned()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const SHARDS: usize = 16;
