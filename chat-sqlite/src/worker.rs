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
    time::{Duration, Instant},
};

use chat_core::{
    RoomName,
    log::{Appended, Change, Commit, Feed, LogError, Outcome, Record, Snapshot, Write},
};
use futures::channel::oneshot;
use rusqlite::{ErrorCode, TransactionBehavior};

#[cfg(test)]
use crate::command::Fault;
use crate::{
    batch::{Batch, Changed},
    checkpoint::Checkpointer,
    clock::{self, Clock},
    command::{Command, Signals},
    connection,
    error::StorageError,
    indexer::Progress,
    load,
    mark::Mark,
    open::Options,
    rooms::{Next, Shared},
    store::{Store, record_run},
    wal::checkpoint,
};

mod housekeeping;

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
    /// When old entries were deleted last while there was time.
    looked_after: Instant,
    /// When it was seen last that the file is in its place.
    looked_at_file: Instant,
    clock: Clock,
    progress: Arc<Progress>,
    mark: Arc<Mark>,
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
        (signals, (progress, mark)): (Arc<Signals>, (Arc<Progress>, Arc<Mark>)),
    ) -> io::Result<WriterThread> {
        let newest_at = rooms.read().by_name.values().map(|room| room.newest_at).max();
        let clock = Clock::new(clock::saved(&store.db), newest_at.filter(|at| *at > 0), store.newest());
        Ok(WriterThread {
            checkpointer: Checkpointer::start(path.clone(), options.durability, mark.clone())?,
            path,
            options,
            rooms,
            published: store.newest(),
            store: Some(store),
            refused,
            feed: Feed::default(),
            to_look_at: Vec::new(),
            looked_after: Instant::now(),
            looked_at_file: Instant::now(),
            clock,
            signals,
            progress,
            mark,
            #[cfg(test)]
            fault: None,
        })
    }

    /// Serves commands until the last sender is gone. Deletes old entries while there are none.
    pub(crate) fn run(&mut self, commands: &Receiver<Command>) {
        loop {
            match commands.recv_timeout(IDLE) {
                Ok(command) => {
                    self.look_at_file();
                    self.serve(command);
                    if self.looked_after.elapsed() >= LONGEST_BUSY {
                        self.delete_old();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.look_at_file();
                    self.delete_old();
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let Some(store) = &self.store else { return self.mark.forget() };
        if self.options.keep.age.is_some() && self.refused.is_none() {
            let _ = self.clock.save(&store.db); // the next run believes a little less
        }
        self.mark.forget(); // the last connection may still do a checkpoint when it is closed
        if let Err(error) = checkpoint(&store.db, "TRUNCATE") {
            tracing::warn!(%error, "the write-ahead log could not be emptied; the next start does it");
        }
    }

    fn serve(&mut self, command: Command) {
        match command {
            Command::Append(batch, answer) => {
                self.append(batch, answer);
                self.after_commit();
            }
            Command::Subscribe(answer) => {
                let held = self.rooms.read();
                let (rooms, people) = (held.states(), held.people.clone());
                drop(held);
                let snapshot = Snapshot { position: self.published.cast_unsigned(), rooms, people };
                let _ = answer.send((snapshot, self.feed.subscribe()));
            }
            #[cfg(test)]
            Command::Execute(sql) => self.store.as_ref().unwrap().db.execute_batch(&sql).unwrap(),
            #[cfg(test)]
            Command::Fail(fault) => self.fault = Some(fault),
        }
    }

    /// Stores a batch. The answer comes before the tail has the commit.
    fn append(&mut self, items: Vec<Write>, answer: oneshot::Sender<Result<Appended, LogError>>) {
        let mut done = self.guarded(|worker, store| worker.commit(store, &items));
        if matches!(done, Err(StorageError::Full(_))) && self.make_space() {
            done = self.guarded(|worker, store| worker.commit(store, &items));
        }
        match done {
            Ok((outcomes, commit)) => {
                // A search for what is acknowledged finds it.
                self.progress.newest.fetch_max(commit.position.cast_signed(), Ordering::AcqRel);
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
        self.progress.newest.fetch_max(self.published, Ordering::AcqRel);
        self.feed.publish(commit);
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
                self.mark.forget();
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
                let left = self.mark.checkpoint(|| checkpoint(&store.db, "PASSIVE"))?.left;
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

    fn commit(&mut self, store: &mut Store, items: &[Write]) -> Transacted<Vec<Outcome>> {
        let keep = self.options.keep;
        let horizon = (!keep.is_everything()).then(|| self.clock.horizon(&keep, store.newest()));
        let at_most = items.len() * 2 + PRUNED_AT_ONCE;
        self.transact(store, |batch| {
            let outcomes = batch.write(items)?;
            if let Some(horizon) = horizon {
                let names = batch.changed_rooms();
                batch.prune(&names, &horizon, at_most)?;
            }
            Ok(outcomes)
        })
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
        let Changed { drafts, forgotten, people, next, commit } = changed;
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
        if done.1.changes.iter().any(|change| matches!(change, Change::Record(Record::RoomTrimmed { .. }))) {
            self.progress.deletions.fetch_add(1, Ordering::AcqRel);
        }
        store.next = next;
        store.run_is_known = true;
        let mut rooms = self.rooms.write();
        for name in &forgotten {
            rooms.by_name.remove(name);
        }
        rooms.by_name.extend(drafts);
        if let Some(people) = people {
            rooms.people = people;
        }
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
/// How long commands may come without a pause before old entries are deleted all the same.
const LONGEST_BUSY: Duration = Duration::from_secs(5);
/// How many entries one transaction deletes, besides twice as many as it stores: a few milliseconds.
const PRUNED_AT_ONCE: usize = 64;
