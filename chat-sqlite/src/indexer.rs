//! When the index of words is updated: while no batch waits, when it is far behind, and before a search is answered.

use std::time::Duration;

use futures::channel::oneshot;
use rusqlite::{ErrorCode, TransactionBehavior};

use crate::{index, rooms::Shared, store::Store};

/// How far the index is, and which searches wait for it.
#[derive(Debug, Default)]
pub(crate) struct Indexer {
    /// The newest indexed entry, if that is known.
    indexed_to: Option<i64>,
    /// There are entries to index, and the thread is idle.
    is_at_work: bool,
    /// The index is damaged and has to be rebuilt.
    rebuilds: bool,
    /// How often the index was found damaged in this process.
    damages: u32,
    /// The last step failed, and that was logged.
    is_failing: bool,
    /// Searches, each with the entry that has to be indexed before it is answered.
    waiting: Vec<(i64, oneshot::Sender<()>)>,
}

/// What a search knows of the state of the index.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum IndexState {
    /// Nothing wrong is known.
    Good,
    /// It could not be read.
    Damaged,
}

/// What a step did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stepped {
    /// It changed the database.
    pub(crate) has_written: bool,
    /// The disk failed: this connection must not be used again.
    pub(crate) store_failed: bool,
}

impl Indexer {
    /// How long to wait for a command before the next step.
    pub(crate) fn poll_after(&self, idle: Duration) -> Duration {
        if self.is_at_work || !self.waiting.is_empty() { Duration::ZERO } else { idle }
    }

    pub(crate) fn is_at_work(&self) -> bool {
        self.is_at_work
    }

    /// Answers as soon as the entries up to `newest` are indexed. Returns false, and drops the answer, if there is no
    /// index.
    pub(crate) fn request(&mut self, index: IndexState, newest: i64, answer: oneshot::Sender<()>) -> bool {
        if index == IndexState::Damaged && !self.rebuilds {
            self.found_damaged();
        }
        if self.is_off() {
            return false;
        }
        self.waiting.push((newest, answer));
        true
    }

    /// How many entries to index at once although commands may be waiting; `None` if the index can wait.
    pub(crate) fn most_now(&self, newest: i64) -> Option<usize> {
        let lag = self.indexed_to.map_or(0, |indexed_to| newest - indexed_to);
        if lag > FAR_BEHIND {
            Some(AT_EASE)
        } else if self.waiting.is_empty() {
            None
        } else {
            Some(AT_ONCE)
        }
    }

    /// Lets waiting searches use the index as it is.
    pub(crate) fn cancel(&mut self) {
        self.waiting.clear();
        self.is_at_work = false;
    }

    /// Indexes up to `most` entries, fewer once `is_wanted` says that a command waits, and answers the searches that
    /// waited for them.
    pub(crate) fn step(
        &mut self,
        store: &mut Store,
        rooms: &Shared,
        most: usize,
        is_wanted: impl Fn() -> bool,
    ) -> Stepped {
        if self.is_off() {
            self.cancel();
            return Stepped { has_written: false, store_failed: false };
        }
        let before = self.indexed_to;
        let stepped = self.write(store, rooms, most, is_wanted);
        let io_failed =
            |error: &rusqlite::Error| error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
        let store_failed = stepped.as_ref().is_err_and(io_failed);
        match stepped {
            Ok(indexed_to) => {
                self.indexed_to = Some(indexed_to);
                (self.is_at_work, self.rebuilds, self.is_failing) =
                    (indexed_to < store.newest(), false, false);
                let (done, waiting) = self.waiting.drain(..).partition(|(target, _)| *target <= indexed_to);
                self.waiting = waiting;
                for (_, answer) in done {
                    let _ = answer.send(());
                }
            }
            // No acknowledged entry depends on the index, so the log goes on.
            Err(error) => {
                if !self.is_failing {
                    tracing::warn!(%error, "the index of words cannot be updated");
                }
                (self.indexed_to, self.is_at_work, self.is_failing) = (None, false, true);
                if index::is_damage(&error) {
                    self.found_damaged();
                    self.is_at_work = true;
                } else {
                    self.waiting.clear();
                }
            }
        }
        Stepped { has_written: self.indexed_to != before, store_failed }
    }

    fn write(
        &self,
        store: &mut Store,
        rooms: &Shared,
        most: usize,
        is_wanted: impl Fn() -> bool,
    ) -> rusqlite::Result<i64> {
        let newest = store.newest();
        if self.indexed_to == Some(newest) {
            return Ok(newest);
        }
        let step = store.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let known = if self.rebuilds { None } else { index::indexed_to(&step)? };
        let indexed_to = match known {
            Some(indexed_to) => indexed_to,
            None => {
                index::begin_anew(&step)?;
                0
            }
        };
        let indexed_to = index::step(&step, &rooms.read(), indexed_to..newest, most, is_wanted)?;
        step.commit()?;
        Ok(indexed_to)
    }

    fn found_damaged(&mut self) {
        (self.rebuilds, self.indexed_to) = (true, None);
        self.damages += 1;
    }

    /// Whether the index was damaged so often that it is not used any more.
    fn is_off(&self) -> bool {
        self.damages > MOST_DAMAGES
    }
}

/// How often the index is rebuilt in one process.
const MOST_DAMAGES: u32 = 2;
/// How many entries are indexed at once while commands wait: some milliseconds.
pub(crate) const AT_ONCE: usize = 256;
/// How many entries are indexed at once while no command waits, or when the index is far behind. Larger steps cost less
/// for each entry, but a batch that comes near the end of a step waits until SQLite has written its words.
pub(crate) const AT_EASE: usize = 512;
/// How many entries may wait for the thread to be idle.
const FAR_BEHIND: i64 = 100_000;
