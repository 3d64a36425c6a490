//! What the people of a conversation count together while it is held.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed},
};

/// What all people of a conversation count together, for whoever looks on.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) entered: AtomicUsize,
    said: AtomicU64,
    heard: AtomicU64,
    expected: AtomicU64,
    pub(crate) silent: AtomicUsize,
    pub(crate) next: AtomicU32,
    /// Why a link failed last.
    trouble: Mutex<Option<String>>,
}

impl Counters {
    /// How many are in their rooms.
    pub fn entered(&self) -> usize {
        self.entered.load(Relaxed)
    }

    /// How many messages were said.
    pub fn said(&self) -> u64 {
        self.said.load(Relaxed)
    }

    /// How many deliveries there were, each once.
    pub fn heard(&self) -> u64 {
        self.heard.load(Relaxed)
    }

    pub(crate) fn note_said(&self, readers: u64) {
        self.said.fetch_add(1, Relaxed);
        self.expected.fetch_add(readers, Relaxed);
    }

    pub(crate) fn note_heard(&self) {
        self.heard.fetch_add(1, Relaxed);
    }

    pub(crate) fn note_silent(&self) {
        self.silent.fetch_add(1, Relaxed);
    }

    pub(crate) fn note_trouble(&self, why: String) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn is_all_heard(&self) -> bool {
        self.heard() >= self.expected.load(Relaxed)
    }
}
