//! The writer: one thread, one connection, one transaction for each batch.

use std::{
    collections::HashMap,
    io, mem,
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use chat_core::{
    RoomName,
    log::{Append, Appended, LogError, Outcome},
};
use futures::channel::oneshot;
use rusqlite::{Connection, TransactionBehavior, params};

use crate::{
    batch::Batch,
    checkpoint::{Checkpointer, checkpoint},
    connection,
    error::Trouble,
    lineage::Run,
    load::{self, Loaded, Next, run_hash},
    open::Options,
    rooms::Shared,
};

/// The writer's thread, as others see it. When this is dropped, what waits is stored first.
#[derive(Debug)]
pub(crate) struct Writer {
    commands: Option<SyncSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Command {
    Append(Vec<Append>, oneshot::Sender<Result<Appended, LogError>>),
    #[cfg(test)]
    Execute(String),
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
        let store = Store { db, next: loaded.next, run_is_known: loaded.run_is_known };
        let mut desk = Desk {
            path,
            options,
            rooms: rooms.clone(),
            store: Some(store),
            refused,
            pruned: HashMap::new(),
            to_look_at: Vec::new(),
            checkpointer,
        };
        let thread = thread::Builder::new().name("chat-log-write".to_owned());
        let thread = thread.spawn(move || desk.run(&received))?;
        Ok((Writer { commands: Some(commands), thread: Some(thread) }, rooms))
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

    /// Runs SQL on the connection that writes, to break things.
    #[cfg(test)]
    pub(crate) fn execute(&self, sql: &str) {
        self.commands.as_ref().unwrap().send(Command::Execute(sql.to_owned())).unwrap();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Everything the thread has.
#[derive(Debug)]
struct Desk {
    path: PathBuf,
    options: Options,
    rooms: Shared,
    /// Nothing after an error that leaves it open what is stored: then it is looked up before anything else.
    store: Option<Store>,
    /// Why nothing is written any more.
    refused: Option<String>,
    /// What was let go of and not told yet.
    pruned: HashMap<RoomName, u64>,
    /// Rooms that may have entries to let go of.
    to_look_at: Vec<RoomName>,
    checkpointer: Checkpointer,
}

#[derive(Debug)]
struct Store {
    db: Connection,
    next: Next,
    run_is_known: bool,
}

impl Desk {
    fn run(&mut self, commands: &Receiver<Command>) {
        loop {
            match commands.recv_timeout(IDLE) {
                Ok(Command::Append(batch, answer)) => {
                    let appended = self.append(batch);
                    let _ = answer.send(appended.map_err(LogError::from));
                    self.after_commit();
                }
                #[cfg(test)]
                Ok(Command::Execute(sql)) => self.store.as_ref().unwrap().db.execute_batch(&sql).unwrap(),
                Err(RecvTimeoutError::Timeout) => self.tidy(),
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

    fn after_commit(&self) {
        if let Some(store) = &self.store {
            self.checkpointer.after_commit(&store.db);
        }
    }

    /// Does something with the store, and decides after an error what that leaves of it.
    fn guarded<T>(
        &mut self,
        work: impl FnOnce(&mut Desk, &mut Store) -> rusqlite::Result<T>,
    ) -> Result<T, Trouble> {
        if let Some(why) = &self.refused {
            return Err(Trouble::Damaged(why.clone()));
        }
        let done = self.take_store().and_then(|mut store| {
            let done = work(self, &mut store);
            // A full disk leaves nothing open: all of it was taken back.
            let is_full = |error: &rusqlite::Error| matches!(Trouble::from_ref(error), Trouble::Full(_));
            if done.as_ref().err().is_none_or(is_full) && store.db.is_autocommit() {
                self.store = Some(store);
            }
            done
        });
        done.map_err(|error| {
            let trouble = Trouble::from(error);
            if let Trouble::Damaged(why) = &trouble {
                tracing::error!(%why, "the log takes nothing more until it is started again");
                self.refused = Some(why.clone());
            }
            trouble
        })
    }

    /// The store, opened again after an error: another connection, which has nothing in its memory, says what is
    /// stored and what is not.
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

    fn commit(&mut self, store: &mut Store, items: Vec<Append>) -> rusqlite::Result<Vec<Outcome>> {
        let keep = self.options.keep;
        let at_most = items.len() * 2 + PRUNED_AT_ONCE;
        self.transact(store, |batch| {
            let outcomes = batch.append(items)?;
            let mut pruned = Vec::new();
            if !keep.is_everything() {
                let names: Vec<RoomName> = batch.drafts.keys().cloned().collect();
                for name in names {
                    let oldest = batch.prune(&name, &keep, at_most)?;
                    pruned.extend(oldest.map(|oldest| (name, oldest)));
                }
            }
            Ok((outcomes, pruned))
        })
    }

    fn prune(&mut self, store: &mut Store, names: &[RoomName]) -> rusqlite::Result<()> {
        let keep = self.options.keep;
        self.transact(store, |batch| {
            let mut pruned = Vec::new();
            for name in names {
                let oldest = batch.prune(name, &keep, PRUNED_AT_ONCE)?;
                pruned.extend(oldest.map(|oldest| (name.clone(), oldest)));
            }
            Ok(((), pruned))
        })
    }

    /// One transaction. What others see in memory is changed once it is committed, and not before.
    fn transact<T>(
        &mut self,
        store: &mut Store,
        work: impl FnOnce(&mut Batch<'_>) -> rusqlite::Result<(T, Vec<(RoomName, u64)>)>,
    ) -> rusqlite::Result<T> {
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
        transaction.commit()?;
        store.next = next;
        store.run_is_known = true;
        self.rooms.write().by_name.extend(drafts);
        self.pruned.extend(pruned);
        Ok(done)
    }
}

/// From here on a reader that was given something in this run is known again.
pub(crate) fn record_run(db: &Connection, run: Run) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO runs (id, name, hash) VALUES (?1, ?2, ?3)")?.execute(params![
        run.ordinal.cast_signed(),
        run.name.to_be_bytes(),
        run_hash(run)
    ])?;
    Ok(())
}

/// Batches that wait; the broker has one at a time.
const WAITING: usize = 1024;
/// How long nobody has to want anything before there is time to tidy up.
const IDLE: Duration = Duration::from_secs(1);
/// Entries let go of at once besides twice as many as came: a few milliseconds.
const PRUNED_AT_ONCE: usize = 64;
/// Rooms looked at at once.
const ROOMS_AT_ONCE: usize = 64;
