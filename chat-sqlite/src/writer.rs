//! The writer: one thread, one connection, one transaction for each batch.

use std::{
    collections::HashMap,
    io, mem,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use chat_core::{
    RoomName,
    log::{Append, Appended, LogError, Outcome},
};
use futures::channel::oneshot;
use rusqlite::{Connection, ErrorCode, TransactionBehavior, params};

use crate::{
    batch::Batch,
    checkpoint::{Checkpointer, checkpoint},
    connection,
    error::Trouble,
    follow::{Follower, Index},
    lineage::Run,
    load::{self, Loaded, Next, run_hash},
    open::Options,
    rooms::Shared,
};

/// The writer's thread, as others see it. When this is dropped, what waits is stored first.
#[derive(Debug)]
pub(crate) struct Writer {
    commands: Option<SyncSender<Command>>,
    is_closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Command {
    Append(Vec<Append>, oneshot::Sender<Result<Appended, LogError>>),
    /// Brings the index up to what is stored now.
    Index(Index, oneshot::Sender<()>),
    #[cfg(test)]
    Execute(String),
    #[cfg(test)]
    Fail(Fault),
}

/// When the next commit says that it has failed.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    AfterIt,
    InsteadOfIt,
}

impl Writer {
    pub(crate) fn start(
        path: PathBuf,
        options: Options,
        db: Connection,
        loaded: Loaded,
        refused: Option<String>,
    ) -> io::Result<(Writer, Shared)> {
        let (commands, received) = sync_channel(WAITING);
        let checkpointer = Checkpointer::start(path.clone(), options.durability)?;
        let rooms = Shared::new(loaded.rooms);
        let is_closing = Arc::new(AtomicBool::new(false));
        let store = Store { db, next: loaded.next, run_is_known: loaded.run_is_known };
        let mut desk = Desk {
            path,
            options,
            rooms: rooms.clone(),
            store: Some(store),
            refused,
            pruned: HashMap::new(),
            to_look_at: Vec::new(),
            follower: Follower::default(),
            checkpointer,
            is_closing: is_closing.clone(),
            #[cfg(test)]
            fault: None,
        };
        let thread = thread::Builder::new().name("chat-log-write".to_owned());
        let thread = thread.spawn(move || desk.run(&received))?;
        Ok((Writer { commands: Some(commands), is_closing, thread: Some(thread) }, rooms))
    }

    /// Queues a batch. One that finds too many before it is refused.
    pub(crate) fn append(&self, batch: Vec<Append>) -> oneshot::Receiver<Result<Appended, LogError>> {
        let (answer, answered) = oneshot::channel();
        let commands = self.commands.as_ref().expect("it is there until this is dropped");
        if let Err(
            TrySendError::Full(Command::Append(_, answer))
            | TrySendError::Disconnected(Command::Append(_, answer)),
        ) = commands.try_send(Command::Append(batch, answer))
        {
            let _ = answer.send(Err(LogError::Failed("too much waits for it".to_owned())));
        }
        answered
    }

    /// Brings the index up to what is stored now, a little at a time between batches. Ends with an error if there is no
    /// index to be had.
    pub(crate) fn index(&self, index: Index) -> oneshot::Receiver<()> {
        let (answer, answered) = oneshot::channel();
        let commands = self.commands.as_ref().expect("it is there until this is dropped");
        let _ = commands.try_send(Command::Index(index, answer)); // what is refused is dropped, which says so
        answered
    }

    /// Has the next commit say that it has failed.
    #[cfg(test)]
    pub(crate) fn fail(&self, fault: Fault) {
        self.commands.as_ref().unwrap().send(Command::Fail(fault)).unwrap();
    }

    /// Runs SQL on the connection that writes, to break things.
    #[cfg(test)]
    pub(crate) fn execute(&self, sql: &str) {
        self.commands.as_ref().unwrap().send(Command::Execute(sql.to_owned())).unwrap();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.is_closing.store(true, Ordering::Release);
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Everything the thread has.
#[derive(Debug)]
pub(crate) struct Desk {
    path: PathBuf,
    options: Options,
    pub(crate) rooms: Shared,
    /// Nothing after an error: then another connection, which has nothing in its memory, says what is stored.
    pub(crate) store: Option<Store>,
    /// Why nothing is written any more.
    pub(crate) refused: Option<String>,
    /// What was let go of and not told yet.
    pruned: HashMap<RoomName, u64>,
    /// Rooms that may have entries to let go of.
    to_look_at: Vec<RoomName>,
    pub(crate) follower: Follower,
    checkpointer: Checkpointer,
    is_closing: Arc<AtomicBool>,
    #[cfg(test)]
    fault: Option<Fault>,
}

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) db: Connection,
    pub(crate) next: Next,
    run_is_known: bool,
}

impl Desk {
    fn run(&mut self, commands: &Receiver<Command>) {
        loop {
            match commands.recv_timeout(self.follower.patience(IDLE)) {
                Ok(Command::Append(batch, answer)) => {
                    let appended = self.append(batch);
                    let _ = answer.send(appended.map_err(LogError::from));
                    self.after_commit();
                    self.follow_if_far_behind();
                }
                Ok(Command::Index(index, answer)) => self.index_for(index, answer),
                #[cfg(test)]
                Ok(Command::Execute(sql)) => self.store.as_ref().unwrap().db.execute_batch(&sql).unwrap(),
                #[cfg(test)]
                Ok(Command::Fail(fault)) => self.fault = Some(fault),
                Err(RecvTimeoutError::Timeout) => {
                    if !self.follow() {
                        self.tidy();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if let Some(store) = &self.store
            && let Err(error) = checkpoint(&store.db, "TRUNCATE")
        {
            tracing::warn!(%error, "the log is closed with work left for the next start");
        }
    }

    fn append(&mut self, items: Vec<Append>) -> Result<Appended, Trouble> {
        let outcomes = self.guarded(|desk, store| desk.commit(store, items))?;
        Ok(Appended { outcomes, pruned: mem::take(&mut self.pruned).into_iter().collect() })
    }

    /// Lets go of what is too old, some rooms at a time, while nobody wants anything.
    fn tidy(&mut self) {
        if self.options.keep.is_everything() || self.refused.is_some() {
            return;
        }
        if self.to_look_at.is_empty() {
            self.to_look_at = self.rooms.read().by_name.keys().cloned().collect();
        }
        let some = self.to_look_at.split_off(self.to_look_at.len().saturating_sub(ROOMS_AT_ONCE));
        if let Err(error) = self.guarded(|desk, store| desk.prune(store, &some)) {
            tracing::warn!(error = %LogError::from(error), "the log cannot let go of what is old");
        }
        self.after_commit();
    }

    pub(crate) fn after_commit(&self) {
        if let Some(store) = &self.store {
            self.checkpointer.after_commit(&store.db);
        }
    }

    /// Does something with the store, and decides after an error what that leaves of it.
    fn guarded<T>(
        &mut self,
        work: impl FnOnce(&mut Desk, &mut Store) -> Result<T, Failure<T>>,
    ) -> Result<T, Trouble> {
        if let Some(why) = &self.refused {
            return Err(Trouble::Damaged(why.clone()));
        }
        let mut store = self.take_store().map_err(|error| self.trouble(&error))?;
        match work(self, &mut store) {
            Ok(done) => {
                self.store = Some(store);
                Ok(done)
            }
            Err(Failure::Before(error)) => {
                let trouble = self.trouble(&error);
                // A full disk is no reason to distrust what is in memory.
                if matches!(trouble, Trouble::Full(_)) && store.db.is_autocommit() {
                    self.store = Some(store);
                }
                Err(trouble)
            }
            Err(Failure::Within { error, next, done }) => {
                drop(store);
                tracing::error!(%error, "a commit failed; nothing more is stored until it is clear how far it went");
                let is_stored = self.clear_up(next);
                if is_stored { Ok(done) } else { Err(self.trouble(&error)) }
            }
        }
    }

    fn trouble(&mut self, error: &rusqlite::Error) -> Trouble {
        let trouble = Trouble::from_ref(error);
        if let Trouble::Damaged(why) = &trouble {
            tracing::error!(%why, "the log takes nothing more until it is started again");
            self.refused = Some(why.clone());
        }
        trouble
    }

    /// Finds out whether a commit that failed is stored, however long that takes, and sees to it that it stays so:
    /// it may stand in the write-ahead log and not count, and would count after a crash. The next commit takes its
    /// place. Until then neither yes nor no would be true.
    fn clear_up(&mut self, next: Next) -> bool {
        loop {
            let cleared = self.take_store().and_then(|store| {
                // Whatever is stored is copied from where writing has failed.
                let left = checkpoint(&store.db, "PASSIVE")?.left;
                record_run(&store.db, self.rooms.read().runs.current())?;
                let is_stored = store.next.entry >= next.entry;
                self.store = Some(store);
                Ok(if is_stored && left > 0 { None } else { Some(is_stored) })
            });
            match cleared {
                Ok(Some(is_stored)) => return is_stored,
                Ok(None) => {}
                Err(error) => match self.trouble(&error) {
                    Trouble::Damaged(_) => return false,
                    Trouble::Full(why) | Trouble::Failed(why) => tracing::warn!(%why, "it is not clear yet"),
                },
            }
            if self.is_closing.load(Ordering::Acquire) {
                return false;
            }
            thread::sleep(PATIENCE);
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
        Ok(Store { db, next: loaded.next, run_is_known: loaded.run_is_known })
    }

    fn commit(
        &mut self,
        store: &mut Store,
        items: Vec<Append>,
    ) -> Result<Vec<Outcome>, Failure<Vec<Outcome>>> {
        let keep = self.options.keep;
        let at_most = items.len() * 2 + PRUNED_AT_ONCE;
        self.transact(store, |batch| {
            let outcomes = batch.append(items)?;
            let names: Vec<RoomName> = batch.drafts.keys().cloned().collect();
            Ok((outcomes, batch.prune(&names, &keep, at_most)?))
        })
    }

    fn prune(&mut self, store: &mut Store, names: &[RoomName]) -> Result<(), Failure<()>> {
        let keep = self.options.keep;
        self.transact(store, |batch| Ok(((), batch.prune(names, &keep, PRUNED_AT_ONCE)?)))
    }

    /// One transaction. What others see in memory is changed once it is committed, and not before.
    fn transact<T>(
        &mut self,
        store: &mut Store,
        work: impl FnOnce(&mut Batch<'_>) -> rusqlite::Result<(T, Vec<(RoomName, u64)>)>,
    ) -> Result<T, Failure<T>> {
        let transaction = store.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (done, pruned, drafts, next) = {
            let rooms = self.rooms.read();
            if !store.run_is_known {
                record_run(&transaction, rooms.runs.current())?;
            }
            let mut batch = Batch::new(&transaction, &rooms, store.next);
            let (done, pruned) = work(&mut batch)?;
            batch.finish()?;
            (done, pruned, batch.drafts, batch.next)
        };
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
            // Where there was no space for all of it, its end is missing, and so it will never count.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                return Err(Failure::Before(error));
            }
            Err(error) => return Err(Failure::Within { error, next, done }),
        }
        store.next = next;
        store.run_is_known = true;
        self.rooms.write().by_name.extend(drafts);
        self.pruned.extend(pruned);
        Ok(done)
    }
}

/// Where a transaction failed.
#[derive(Debug)]
enum Failure<T> {
    /// Before its commit, so nothing of it is stored.
    Before(rusqlite::Error),
    /// While it was committed. If all of it is stored after all, these are the next ids, and what it has `done`.
    Within { error: rusqlite::Error, next: Next, done: T },
}

impl<T> From<rusqlite::Error> for Failure<T> {
    fn from(error: rusqlite::Error) -> Failure<T> {
        Failure::Before(error)
    }
}

/// From here on a reader that was given something in this run is known again.
pub(crate) fn record_run(db: &Connection, run: Run) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO runs (id, name, hash) VALUES (?1, ?2, ?3)")?
        .execute(params![run.ordinal.cast_signed(), run.name.to_be_bytes(), run_hash(run)])?;
    Ok(())
}

/// Between two tries to find out what a commit that failed has left.
const PATIENCE: Duration = Duration::from_millis(250);
/// Batches that wait; the broker has one at a time.
const WAITING: usize = 1024;
/// How long nobody has to want anything before there is time to tidy up.
const IDLE: Duration = Duration::from_secs(1);
/// Entries let go of at once besides twice as many as came: a few milliseconds.
const PRUNED_AT_ONCE: usize = 64;
/// Rooms looked at at once.
const ROOMS_AT_ONCE: usize = 64;
