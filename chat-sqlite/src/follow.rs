//! When the index follows the log: while nobody wants anything, when it is far behind, and before a search is answered.

use std::time::Duration;

use futures::channel::oneshot;
use rusqlite::{ErrorCode, TransactionBehavior};

use crate::{
    index,
    writer::{Desk, Store},
};

/// How far the index has come, and who waits for it.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    /// The newest entry that is indexed, if that is known.
    upto: Option<i64>,
    /// There is something to do, and time for it.
    is_at_work: bool,
    /// What is there is damaged.
    begins_anew: bool,
    /// How often it was found damaged in this process.
    damages: u32,
    /// The last step failed, and that was said.
    is_failing: bool,
    /// Searches, and the entry that has to be indexed before they are answered.
    waiting: Vec<(i64, oneshot::Sender<()>)>,
}

/// What a search knows of the index.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Index {
    /// Nothing bad.
    Good,
    /// It could not be read.
    Damaged,
}

impl Follower {
    fn found_damaged(&mut self) {
        (self.begins_anew, self.upto) = (true, None);
        self.damages += 1;
    }

    /// Whether there is no index to be had.
    fn is_off(&self) -> bool {
        self.damages > MOST_DAMAGES
    }

    /// How long to wait for something else to do before it goes on.
    pub(crate) fn patience(&self, idle: Duration) -> Duration {
        if self.is_at_work || !self.waiting.is_empty() { Duration::ZERO } else { idle }
    }
}

impl Desk {
    /// Has the index follow as far as the log goes now.
    pub(crate) fn index_for(&mut self, index: Index, answer: oneshot::Sender<()>) {
        if index == Index::Damaged && !self.follower.begins_anew {
            self.follower.found_damaged();
        }
        if self.follower.is_off() {
            return; // dropping the answer says so
        }
        // Without a store nothing is written at this moment; what is indexed will do.
        let target = self.store.as_ref().map_or(0, |it| it.next.entry - 1);
        self.follower.waiting.push((target, answer));
        self.step(AT_ONCE);
    }

    /// Follows a little if there is anything to follow; false if not.
    pub(crate) fn follow(&mut self) -> bool {
        self.step(AT_EASE);
        self.follower.is_at_work
    }

    /// Follows a little while others are waiting, rather than be left behind for good.
    pub(crate) fn follow_if_far_behind(&mut self) {
        let newest = self.store.as_ref().map_or(0, |it| it.next.entry - 1);
        let lag = self.follower.upto.map_or(0, |upto| newest - upto);
        if lag > FAR_BEHIND {
            self.step(AT_EASE);
        } else if !self.follower.waiting.is_empty() {
            self.step(AT_ONCE);
        }
    }

    fn step(&mut self, most: usize) {
        if self.follower.is_off() {
            self.follower.waiting.clear();
            self.follower.is_at_work = false;
            return;
        }
        let Some(mut store) = self.store.take() else {
            // The next batch opens it again. A search can do with what is indexed.
            self.follower.waiting.clear();
            self.follower.is_at_work = false;
            return;
        };
        let before = self.follower.upto;
        let stepped = self.step_with(&mut store, most);
        let newest = store.next.entry - 1;
        let io_failed = |it: &rusqlite::Error| it.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
        if !stepped.as_ref().is_err_and(io_failed) {
            self.store = Some(store); // otherwise the next batch opens it again, as after an error of its own
        }
        match stepped {
            Ok(upto) => {
                let it = &mut self.follower;
                (it.upto, it.is_at_work, it.begins_anew, it.is_failing) =
                    (Some(upto), upto < newest, false, false);
                let (done, waiting) = it.waiting.drain(..).partition(|(target, _)| *target <= upto);
                it.waiting = waiting;
                for (_, answer) in done {
                    let _ = answer.send(());
                }
            }
            // Nothing that was said depends on it, so the log goes on.
            Err(error) => {
                let it = &mut self.follower;
                if !it.is_failing {
                    tracing::warn!(%error, "the index of words cannot follow the log");
                }
                (it.upto, it.is_at_work, it.is_failing) = (None, false, true);
                if index::is_damage(&error) {
                    it.found_damaged();
                    it.is_at_work = true;
                } else {
                    it.waiting.clear();
                }
            }
        }
        if self.follower.upto != before {
            self.after_commit();
        }
    }

    fn step_with(&mut self, store: &mut Store, most: usize) -> rusqlite::Result<i64> {
        let newest = store.next.entry - 1;
        if self.follower.upto == Some(newest) || self.refused.is_some() {
            return Ok(newest);
        }
        let step = store.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let known = if self.follower.begins_anew { None } else { index::upto(&step)? };
        let upto = match known {
            Some(upto) => upto,
            None => {
                index::begin_anew(&step)?;
                0
            }
        };
        let upto = index::step(&step, &self.rooms.read(), upto..newest, most)?;
        step.commit()?;
        Ok(upto)
    }
}

/// How often an index is begun anew before nobody believes in it.
const MOST_DAMAGES: u32 = 2;
/// Entries indexed while others wait: some milliseconds.
const AT_ONCE: usize = 256;
/// Entries indexed while nobody does, or when it is far behind. In larger steps each of them costs less, but a batch that
/// comes meanwhile waits for one: some tens of milliseconds if this were 4096.
const AT_EASE: usize = 2048;
/// Entries that may be left for a quiet moment.
const FAR_BEHIND: i64 = 100_000;
