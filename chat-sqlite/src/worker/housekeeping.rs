//! What the writer does besides storing: it deletes old entries, makes space, and looks whether its file is still there.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use chat_core::{RoomName, log::LogError};

use super::{PRUNED_AT_ONCE, Transacted, WriterThread};
use crate::{
    store::Store,
    wal::{Wal, checkpoint},
};

impl WriterThread {
    /// Makes space on a full disk; false if there is nothing to be had.
    pub(super) fn make_space(&mut self) -> bool {
        let Some(store) = &self.store else { return false };
        // The index can be made again, and the pages of the write-ahead log belong into the database.
        self.progress.gives_way.store(true, Ordering::Release);
        let emptied = self.mark.checkpoint(|| checkpoint(&store.db, "TRUNCATE"));
        self.delete_old();
        match emptied {
            Ok(Wal { left, .. }) => left == 0,
            Err(error) => {
                tracing::warn!(%error, "the disk is full, and the write-ahead log cannot be emptied");
                false
            }
        }
    }

    /// Stores nothing more if the file was replaced or removed: it would be lost.
    pub(super) fn look_at_file(&mut self) {
        if self.looked_at_file.elapsed() < FILE_LOOKED_AT_EVERY {
            return;
        }
        self.looked_at_file = Instant::now();
        if self.refused.is_none() && !self.mark.is_in_place() {
            let why = "its file was replaced, moved or removed while the server runs";
            tracing::error!(file = %self.path.display(), "{why}; nothing more is stored until the server is started again");
            self.refused = Some(why.to_owned());
        }
    }

    /// Deletes entries that are too old, of some rooms at a time.
    pub(super) fn delete_old(&mut self) {
        self.looked_after = Instant::now();
        if self.options.keep.is_everything() || self.refused.is_some() {
            return;
        }
        if self.to_look_at.is_empty() {
            self.to_look_at = self.rooms.read().by_name.keys().cloned().collect();
        }
        let some = self.to_look_at.split_off(self.to_look_at.len().saturating_sub(ROOMS_AT_ONCE));
        match self.guarded(|worker, store| worker.prune(store, &some)) {
            Ok(((), commit)) => self.publish(commit),
            Err(error) => tracing::warn!(error = %LogError::from(error), "old entries cannot be deleted"),
        }
        self.after_commit();
    }

    fn prune(&mut self, store: &mut Store, names: &[RoomName]) -> Transacted<()> {
        let keep = self.options.keep;
        let horizon = self.clock.horizon(&keep, store.newest());
        let clock = (keep.age.is_some() && self.clock.is_to_be_saved()).then(|| self.clock.clone());
        self.transact(store, |batch| {
            if let Some(clock) = clock {
                clock.save(batch.db)?;
            }
            batch.prune(names, &horizon, PRUNED_AT_ONCE)
        })
    }
}

/// How often it is looked whether the file is in its place.
const FILE_LOOKED_AT_EVERY: Duration = Duration::from_millis(100);
/// How many rooms one transaction searches for old entries.
const ROOMS_AT_ONCE: usize = 64;
