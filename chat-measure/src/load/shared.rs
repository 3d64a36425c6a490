//! The state that all clients of a load share: the load, the clock, and the counters.

use std::{
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use chat_core::SharedRuntime;

use super::{spec::Load, stamp::mixed};
use crate::durations::{Durations, micros};

/// The state that all clients share.
pub(super) struct Shared {
    pub(super) load: Load,
    pub(super) runtime: SharedRuntime,
    pub(super) counters: LoadCounters,
    /// When the load begins, once that is decided.
    pub(super) began: OnceLock<Instant>,
    rooms: Vec<SentInRoom>,
    /// How long deliveries took, in several histograms so that threads rarely wait for the same lock.
    latencies: [Mutex<Durations>; SHARDS],
    /// When the last measured delivery came, in microseconds since the beginning.
    last_delivery: AtomicU64,
    /// The reason for which the first link was lost.
    why_lost: OnceLock<String>,
    /// The reason for which the first message was refused.
    why_refused: OnceLock<String>,
}

/// The messages that were sent to one room.
#[derive(Default)]
struct SentInRoom {
    count: AtomicU64,
    /// The sum of [`mixed`] over the numbers of those messages.
    sum: AtomicU64,
}

/// What a load counts while it runs.
#[derive(Debug, Default)]
pub struct LoadCounters {
    pub(super) joined: AtomicUsize,
    said: AtomicU64,
    refused: AtomicU64,
    delivered: AtomicU64,
    delivered_bytes: AtomicU64,
    expected: AtomicU64,
    parsed: AtomicU64,
    lost_links: AtomicUsize,
    down: AtomicUsize,
    next: AtomicU64,
}

impl LoadCounters {
    /// How many clients have joined their room.
    pub fn joined(&self) -> usize {
        self.joined.load(Relaxed)
    }

    /// How many messages were sent and not refused.
    pub fn said(&self) -> u64 {
        self.said.load(Relaxed)
    }

    /// How many messages were refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// How many deliveries there were.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Relaxed)
    }

    /// How many bytes of text those deliveries brought.
    pub fn delivered_bytes(&self) -> u64 {
        self.delivered_bytes.load(Relaxed)
    }

    /// How many frames light clients had to parse as JSON. Light clients recognise entries and acknowledgements by their
    /// bytes; a parsed frame costs a client about as much as it costs the server to write it.
    pub fn parsed(&self) -> u64 {
        self.parsed.load(Relaxed)
    }

    /// How often a link was lost.
    pub fn lost_links(&self) -> usize {
        self.lost_links.load(Relaxed)
    }

    /// How many clients have no link at the moment.
    pub(super) fn down(&self) -> usize {
        self.down.load(Relaxed)
    }

    pub(super) fn is_all_delivered(&self) -> bool {
        self.delivered() >= self.expected.load(Relaxed)
    }

    pub(super) fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Relaxed)
    }

    pub(super) fn note_parsed(&self) {
        self.parsed.fetch_add(1, Relaxed);
    }
}

impl Shared {
    pub(super) fn new(load: Load, runtime: SharedRuntime) -> Shared {
        Shared {
            rooms: (0..load.rooms).map(|_| SentInRoom::default()).collect(),
            load,
            runtime,
            counters: LoadCounters::default(),
            began: OnceLock::new(),
            latencies: Default::default(),
            last_delivery: AtomicU64::new(0),
            why_lost: OnceLock::new(),
            why_refused: OnceLock::new(),
        }
    }

    /// Microseconds since the beginning; 0 before it.
    pub(super) fn now(&self) -> u64 {
        let Some(began) = self.began.get() else { return 0 };
        micros(self.runtime.now().saturating_duration_since(*began))
    }

    /// Whether the load has begun. [`Shared::now`] stays 0 until then.
    pub(super) fn has_begun(&self) -> bool {
        self.began.get().is_some_and(|began| self.runtime.now() >= *began)
    }

    /// The instant that many microseconds after the beginning.
    pub(super) fn instant(&self, micros: u64) -> Instant {
        let began = self.began.get().copied().unwrap_or_else(|| self.runtime.now());
        began + Duration::from_micros(micros)
    }

    /// Counts message `number`, which a sender is about to send to `room`.
    pub(super) fn note_said(&self, room: usize, number: u64) {
        self.rooms[room].count.fetch_add(1, Relaxed);
        self.rooms[room].sum.fetch_add(mixed(number), Relaxed);
        self.counters.expected.fetch_add(self.load.members(room), Relaxed);
        self.counters.said.fetch_add(1, Relaxed);
    }

    /// Takes back that message `number` was sent: the server refused it.
    pub(super) fn note_refused(&self, room: usize, number: u64) {
        self.rooms[room].count.fetch_sub(1, Relaxed);
        self.rooms[room].sum.fetch_sub(mixed(number), Relaxed);
        self.counters.expected.fetch_sub(self.load.members(room), Relaxed);
        self.counters.said.fetch_sub(1, Relaxed);
        self.counters.refused.fetch_add(1, Relaxed);
    }

    /// How many messages were sent to a room, and the sum of [`mixed`] over their numbers.
    pub(super) fn said_in(&self, room: usize) -> (u64, u64) {
        (self.rooms[room].count.load(Relaxed), self.rooms[room].sum.load(Relaxed))
    }

    /// Counts deliveries of messages that were due at `dues`. The receiving client records latencies in `shard`.
    pub(super) fn note_delivered(&self, shard: usize, dues: &[u64], bytes: usize, now: u64) {
        self.counters.delivered.fetch_add(dues.len() as u64, Relaxed);
        self.counters.delivered_bytes.fetch_add(bytes as u64, Relaxed);
        let warm = micros(self.load.warmup);
        let mut latencies = lock(&self.latencies[shard % SHARDS]);
        let mut is_measured = false;
        for due in dues.iter().filter(|due| **due >= warm) {
            latencies.record(Duration::from_micros(now.saturating_sub(*due)));
            is_measured = true;
        }
        drop(latencies);
        if is_measured {
            self.last_delivery.fetch_max(now, Relaxed);
        }
    }

    pub(super) fn latencies(&self) -> Durations {
        let mut all = Durations::default();
        self.latencies.iter().for_each(|shard| all.add(&lock(shard)));
        all
    }

    /// When the last measured delivery came, in microseconds since the beginning.
    pub(super) fn last_delivery(&self) -> u64 {
        self.last_delivery.load(Relaxed)
    }

    pub(super) fn note_lost_link(&self, why: String) {
        let _ = self.why_lost.set(why); // only the first reason is kept
        self.counters.lost_links.fetch_add(1, Relaxed);
        self.counters.down.fetch_add(1, Relaxed);
    }

    pub(super) fn note_link_is_back(&self) {
        self.counters.down.fetch_sub(1, Relaxed);
    }

    pub(super) fn note_why_refused(&self, why: &str) {
        if self.why_refused.get().is_none() {
            let _ = self.why_refused.set(why.to_owned()); // only the first reason is kept
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
