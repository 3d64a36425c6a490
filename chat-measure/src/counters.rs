//! The counters that the clients of a conversation share.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed},
};

/// What the clients of a conversation count together. It can be read while the conversation runs.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) joined: AtomicUsize,
    said: AtomicU64,
    delivered: AtomicU64,
    expected: AtomicU64,
    /// How many speakers have sent their last message.
    pub(crate) finished: AtomicUsize,
    pub(crate) next: AtomicU32,
    /// Why a link failed last.
    last_failure: Mutex<Option<String>>,
}

impl Counters {
    /// How many clients have joined their rooms.
    pub fn joined(&self) -> usize {
        self.joined.load(Relaxed)
    }

    /// How many messages were sent.
    pub fn said(&self) -> u64 {
        self.said.load(Relaxed)
    }

    /// How many deliveries there were, each counted once.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Relaxed)
    }

    pub(crate) fn note_said(&self, readers: u64) {
        self.said.fetch_add(1, Relaxed);
        self.expected.fetch_add(readers, Relaxed);
    }

    pub(crate) fn note_delivered(&self) {
        self.delivered.fetch_add(1, Relaxed);
    }

    pub(crate) fn note_finished(&self) {
        self.finished.fetch_add(1, Relaxed);
    }

    pub(crate) fn note_failure(&self, why: String) {
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    pub(crate) fn last_failure(&self) -> Option<String> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn is_all_delivered(&self) -> bool {
        self.delivered() >= self.expected.load(Relaxed)
    }
}
