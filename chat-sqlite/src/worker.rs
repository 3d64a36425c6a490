//! The writer thread: one connection, one transaction for each batch.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use chat_core::{
    RoomName,
    log::{Appended, Commit, Feed, LogError, Outcome, Snapshot, Write},
};
use futures::channel::oneshot;
use rusqlite::{ErrorCode, TransactionBehavior};

#[cfg(test)]
use crate::command::Fault;
use crate::{
    batch::{Batch, Changed},
    checkpoint::Checkpointer,
    command::{Command, Signals},
    connection,
    error::StorageError,
    indexer::{AT_EASE, AT_ONCE, Indexer},
    load,
    open::Options,
    rooms::{Next, Shared},
    store::{Store, record_run},
    wal::checkpoint,
};

/// The state of the writer thread.
#[derive(Debug)]
pub(crate) struct WriterThread {
    path: PathBuf,
    options: Options,
    rooms: Shared,
    /// `None` after an error: a new connection, whose caches are empty, then finds out what is stored.
    store: Option<Store>,
    /// Why nothing is written any more.
    refused: Option<String>,
    /// The readers of the tail.
    feed: Feed,
    /// The position of the newest commit that the tail has.
    published: i64,
    /// Rooms that may have entries to delete.
    to_look_at: Vec<RoomName>,
    indexer: Indexer,
    checkpointer: Checkpointer,
    signals: Arc<Signals>,
    #[cfg(test)]
    fault: Option<Fault>,
}

impl WriterThread {
    pub(crate) fn new(
        path: PathBuf,
        options: Options,
        store: Store,
        rooms: Shared,
        refused: Option<String>,
        signals: Arc<Signals>,
    ) -> io::Result<WriterThread> {
        Ok(WriterThread {
            checkpointer: Checkpointer::start(path.clone(), options.durability)?,
            path,
            options,
            rooms,
            published: store.newest(),
            store: Some(store),
            refused,
            feed: Feed::default(),
            to_look_at: Vec::new(),
            indexer: Indexer::default(),
            signals,
            #[cfg(test)]
            fault: None,
        })
    }

    /// Serves commands until the last sender is gone. Deletes old entries and updates the index while there are none.
    pub(crate) fn run(&mut self, commands: &Receiver<Command>) {
        loop {
            let command = commands.recv_timeout(self.indexer.poll_after(IDLE));
            if command.is_ok() {
                self.signals.waiting.fetch_sub(1, Ordering::AcqRel);
            }
            match command {
                Ok(command) => self.serve(command),
                Err(RecvTimeoutError::Timeout) => {
                    self.index(AT_EASE);
                    if !self.indexer.is_at_work() {
                        self.delete_old();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if let Some(store) = &self.store
            && let Err(error) = checkpoint(&store.db, "TRUNCATE")
        {
            tracing::warn!(%error, "the write-ahead log could not be emptied; the next start does it");
        }
    }

    fn serve(&mut self, command: Command) {
        match command {
            Command::Append(batch, answer) => {
                self.append(batch, answer);
                self.after_commit();
                self.index_if_far_behind();
            }
            Command::Subscribe(answer) => {
                let (position, rooms) = (self.published.cast_unsigned(), self.rooms.read().states());
                let _ = answer.send((Snapshot { position, rooms }, self.feed.subscribe()));
            }
            Command::Index(index, answer) => {
                // Without a store nothing can be indexed now; the search uses the index as it is.
                let newest = self.store.as_ref().map_or(0, Store::newest);
                if self.indexer.request(index, newest, answer) {
                    self.index(AT_ONCE);
                }
            }
            #[cfg(test)]
            Command::Execute(sql) => self.store.as_ref().unwrap().db.execute_batch(&sql).unwrap(),
            #[cfg(test)]
            Command::Fail(fault) => self.fault = Some(fault),
        }
    }

    /// Stores a batch. The answer comes before the tail has the commit.
    fn append(&mut self, items: Vec<Write>, answer: oneshot::Sender<Result<Appended, LogError>>) {
        match self.guarded(|worker, store| worker.commit(store, items)) {
            Ok((outcomes, commit)) => {
                let position = (!commit.changes.is_empty()).then_some(commit.position);
                let _ = answer.send(Ok(Appended { outcomes, position }));
                self.publish(commit);
            }
            Err(error) => {
                let _ = answer.send(Err(LogError::from(error)));
            }
        }
    }

    fn publish(&mut self, commit: Commit) {
        self.published = self.published.max(commit.position.cast_signed());
        self.feed.publish(commit);
    }

    /// Updates the index a little although commands are waiting, if it is far behind or a search waits for it.
    fn index_if_far_behind(&mut self) {
        let newest = self.store.as_ref().map_or(0, Store::newest);
        if let Some(most) = self.indexer.most_now(newest) {
            self.index(most);
        }
    }

    /// Indexes up to `most` entries.
    fn index(&mut self, most: usize) {
        let Some(store) = self.store.as_mut() else { return self.indexer.cancel() };
        if self.refused.is_some() {
            return self.indexer.cancel();
        }
        let is_wanted = || self.signals.waiting.load(Ordering::Acquire) > 0;
        let stepped = self.indexer.step(store, &self.rooms, most, is_wanted);
        if stepped.store_failed {
            self.store = None; // the next batch opens the database again, as after an error of its own
        } else if stepped.has_written {
            self.after_commit();
        }
    }

    /// Deletes entries that are too old, of some rooms at a time.
    fn delete_old(&mut self) {
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

    fn after_commit(&self) {
        if let Some(store) = &self.store {
            self.checkpointer.after_commit(&store.db);
        }
    }

    /// Runs `work` on the store. After an error it decides whether the store can still be used, and for a commit that
    /// failed it finds out whether the transaction is stored.
    fn guarded<T>(
        &mut self,
        work: impl FnOnce(&mut WriterThread, &mut Store) -> Result<T, Failure<T>>,
    ) -> Result<T, StorageError> {
        if let Some(why) = &self.refused {
            return Err(StorageError::Damaged(why.clone()));
        }
        let mut store = self.take_store().map_err(|error| self.note(&error))?;
        match work(self, &mut store) {
            Ok(done) => {
                self.store = Some(store);
                Ok(done)
            }
            Err(Failure::Before(error)) => {
                let noted = self.note(&error);
                // A full disk is no reason to distrust the caches of this connection.
                if matches!(noted, StorageError::Full(_)) && store.db.is_autocommit() {
                    self.store = Some(store);
                }
                Err(noted)
            }
            Err(Failure::Within { error, next, done }) => {
                drop(store);
                tracing::error!(%error, "a commit failed; nothing more is stored until it is clear how far it went");
                let is_stored = self.clear_up(next);
                if is_stored { Ok(done) } else { Err(self.note(&error)) }
            }
        }
    }

    /// Classifies an error. After damage nothing more is written.
    fn note(&mut self, error: &rusqlite::Error) -> StorageError {
        let error = StorageError::from_ref(error);
        if let StorageError::Damaged(why) = &error {
            tracing::error!(%why, "the log takes nothing more until it is started again");
            self.refused = Some(why.clone());
        }
        error
    }

    /// Finds out whether a failed commit is stored, however long that takes, and makes the answer final.
    ///
    /// The commit record may be in the write-ahead log without its fsync; after a crash it would be replayed. Until that
    /// is decided the batch can neither be acknowledged nor refused. The next commit overwrites a record that does not
    /// count.
    fn clear_up(&mut self, next: Next) -> bool {
        loop {
            let cleared = self.take_store().and_then(|store| {
                // A checkpoint copies the stored pages out of the file to which the write has failed.
                let left = checkpoint(&store.db, "PASSIVE")?.left;
                record_run(&store.db, self.rooms.read().runs.current())?;
                let is_stored = store.next.entry >= next.entry;
                self.store = Some(store);
                Ok(if is_stored && left > 0 { None } else { Some(is_stored) })
            });
            match cleared {
                Ok(Some(is_stored)) => return is_stored,
                Ok(None) => {}
                Err(error) => match self.note(&error) {
                    StorageError::Damaged(_) => return false,
                    StorageError::Full(why) | StorageError::Failed(why) => {
                        tracing::warn!(%why, "whether the commit is stored is not known yet");
                    }
                },
            }
            if self.signals.is_closing.load(Ordering::Acquire) {
                return false;
            }
            thread::sleep(RETRY_AFTER);
        }
    }

    /// The store, opened again after an error.
    fn take_store(&mut self) -> rusqlite::Result<Store> {
        if let Some(store) = self.store.take() {
            return Ok(store);
        }
        let db = connection::writing(&self.path, self.options.durability)?;
        let run = self.rooms.read().runs.current();
        let loaded = load::load(&db, Ok(run))?;
        let mut rooms = self.rooms.write();
        *rooms = loaded.rooms.not_behind(&rooms);
        drop(rooms);
        let mut next = loaded.next;
        next.entry = next.entry.max(self.published + 1);
        Ok(Store { db, next, run_is_known: loaded.run_is_known })
    }

    fn commit(&mut self, store: &mut Store, items: Vec<Write>) -> Transacted<Vec<Outcome>> {
        let keep = self.options.keep;
        let at_most = items.len() * 2 + PRUNED_AT_ONCE;
        self.transact(store, |batch| {
            let outcomes = batch.write(items)?;
            let names = batch.changed_rooms();
            batch.prune(&names, &keep, at_most)?;
            Ok(outcomes)
        })
    }

    fn prune(&mut self, store: &mut Store, names: &[RoomName]) -> Transacted<()> {
        let keep = self.options.keep;
        self.transact(store, |batch| batch.prune(names, &keep, PRUNED_AT_ONCE))
    }

    /// Runs one transaction. The rooms in memory change only once it is committed.
    fn transact<T>(
        &mut self,
        store: &mut Store,
        work: impl FnOnce(&mut Batch<'_>) -> rusqlite::Result<T>,
    ) -> Transacted<T> {
        let transaction = store.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (done, changed) = {
            let rooms = self.rooms.read();
            if !store.run_is_known {
                record_run(&transaction, rooms.runs.current())?;
            }
            let mut batch = Batch::new(&transaction, &rooms, store.next);
            let done = work(&mut batch)?;
            (done, batch.finish()?)
        };
        let Changed { drafts, forgotten, next, commit } = changed;
        let done = (done, commit);
        #[cfg(not(test))]
        let committed = transaction.commit();
        #[cfg(test)]
        let committed = match self.fault.take() {
            None => transaction.commit(),
            Some(Fault::AfterIt) => transaction.commit().and(Err(crate::error::io_error())),
            Some(Fault::InsteadOfIt) => transaction.rollback().and(Err(crate::error::io_error())),
        };
        match committed {
            Ok(()) => {}
            // The disk had no space for the whole transaction, so its commit record is missing and it never counts.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                return Err(Failure::Before(error));
            }
            Err(error) => return Err(Failure::Within { error, next, done }),
        }
        store.next = next;
        store.run_is_known = true;
        let mut rooms = self.rooms.write();
        for name in &forgotten {
            rooms.by_name.remove(name);
        }
        rooms.by_name.extend(drafts);
        Ok(done)
    }
}

/// What a transaction has brought, and what the tail says of it.
type Transacted<T> = Result<(T, Commit), Failure<(T, Commit)>>;

/// Where a transaction failed.
#[derive(Debug)]
enum Failure<T> {
    /// Before its commit, so nothing of it is stored.
    Before(rusqlite::Error),
    /// During its commit. If the transaction is stored after all, `next` are the ids after it, and `done` its result.
    Within { error: rusqlite::Error, next: Next, done: T },
}

impl<T> From<rusqlite::Error> for Failure<T> {
    fn from(error: rusqlite::Error) -> Failure<T> {
        Failure::Before(error)
    }
}

/// Between two attempts to find out whether a failed commit is stored.
const RETRY_AFTER: Duration = Duration::from_millis(250);
/// How long no command must come before old entries are deleted.
const IDLE: Duration = Duration::from_secs(1);
/// How many entries one transaction deletes, besides twice as many as it stores: a few milliseconds.
const PRUNED_AT_ONCE: usize = 64;
/// How many rooms one transaction searches for old entries.
const ROOMS_AT_ONCE: usize = 64;
