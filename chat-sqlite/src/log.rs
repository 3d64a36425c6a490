//! `SqliteLog`: the log in a file as the server uses it.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64},
    },
};

use chat_core::{
    RoomName,
    log::{
        Append, Appended, Found, LogError, LogPage, Outcome, PageLimit, RoomLog, RoomState, Search, Snapshot,
        Tail, Write,
    },
};
use futures::{
    FutureExt,
    future::{self, BoxFuture},
};
use rusqlite::Connection;

use crate::{
    connection,
    directory::Directory,
    error::{OpenError, StorageError},
    indexer::{Indexer, Progress},
    load::{self, Loaded},
    lookup,
    mark::Mark,
    migrate,
    open::Options,
    page::{self, Damage},
    readers::Readers,
    rooms::Shared,
    schema,
    store::{Store, record_run},
    wal::checkpoint,
    writer::Writer,
};

/// A log in a file. While it is open no other process can open it. Dropping it stores the queued batches and closes the
/// file, which takes some milliseconds.
#[derive(Debug)]
pub struct SqliteLog {
    rooms: Shared,
    // Fields are dropped in this order: the last connection to be closed removes the write-ahead log, and then the lock is
    // released.
    readers: Readers,
    indexer: Indexer,
    writer: Writer,
    damage: Arc<Damage>,
    _directory: Directory,
}

impl SqliteLog {
    /// Opens the log in `directory`, and makes both where they are missing. Blocks for as long as that takes: well
    /// under a second, however much the log holds.
    ///
    /// # Errors
    /// Another server has it; it is not a log, or one of a newer version; it cannot be read or written.
    pub fn open(directory: impl AsRef<Path>, options: Options) -> Result<SqliteLog, OpenError> {
        schema::check_library(rusqlite::version_number(), rusqlite::version())?;
        let directory = Directory::take(directory.as_ref(), &options)?;
        let path = directory.database();
        let failed = |source| OpenError::Database { path: path.to_owned(), source };
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        let (mut db, was_old) = connection::first(path, options.durability)?;
        let mut loaded = load::load(&db, Err(random_name().map_err(io)?)).map_err(failed)?;
        let refused = recover(&mut db, &mut loaded, &directory.mark()).map_err(failed)?;
        let readers = Readers::start(path, READERS).map_err(io)?;
        let Loaded { rooms, next, run_is_known } = loaded;
        let (rooms, store) = (Shared::new(rooms), Store { db, next, run_is_known });
        let newest = AtomicI64::new(store.newest());
        let progress =
            Arc::new(Progress { newest, deletions: AtomicU64::new(0), gives_way: AtomicBool::new(false) });
        let indexer = Indexer::start(path.to_owned(), rooms.clone(), progress.clone()).map_err(io)?;
        let writer = Writer::start(
            path.to_owned(),
            options,
            store,
            rooms.clone(),
            refused,
            (progress, directory.mark()),
        )
        .map_err(io)?;
        if !was_old {
            migrate::remove_copies(path); // of a migration after which this start has gone well
        }
        Ok(SqliteLog { rooms, readers, indexer, writer, damage: Arc::default(), _directory: directory })
    }

    /// Makes the next commit report a failure.
    #[cfg(test)]
    pub(crate) fn fail(&self, fault: crate::command::Fault) {
        self.writer.fail(fault);
    }

    /// Runs SQL on the connection that writes, to damage the database.
    #[cfg(test)]
    pub(crate) fn execute(&self, sql: &str) {
        self.writer.execute(sql);
    }
}

impl RoomLog for SqliteLog {
    fn epoch(&self) -> String {
        self.rooms.read().epoch()
    }

    fn holds(&self, room: &RoomName, epoch: &str, seq: u64) -> bool {
        self.rooms.read().holds(room, epoch, seq)
    }

    fn rooms(&self) -> BoxFuture<'_, Result<Vec<RoomState>, LogError>> {
        let states = self.rooms.read().states();
        future::ready(Ok(states)).boxed()
    }

    fn subscribe(&self) -> BoxFuture<'_, Result<(Snapshot, Tail), LogError>> {
        self.writer.subscribe().map(|answer| answer.map_err(|_| has_ended())).boxed()
    }

    fn append(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<Appended, LogError>> {
        self.writer.append(batch).map(|answer| answer.unwrap_or_else(|_| Err(has_ended()))).boxed()
    }

    fn lookup(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Vec<Option<Outcome>>, LogError>> {
        let rooms = self.rooms.clone();
        self.readers.read(move |db| lookup::all(db, &rooms, &batch))
    }

    fn read<'a>(
        &'a self,
        room: &'a RoomName,
        after: u64,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<LogPage, LogError>> {
        let Some(room) = self.rooms.read().by_name.get(room).cloned() else {
            return future::ready(Ok(LogPage { entries: Vec::new(), through: after })).boxed();
        };
        let damage = self.damage.clone();
        self.readers.read(move |db| page::read(db, &room, after, limit, &damage))
    }

    fn search(&self, search: Search) -> BoxFuture<'_, Result<Found, LogError>> {
        self.indexer.search(search)
    }
}

/// Copies what an earlier process left in the write-ahead log into the database, and records the new run.
///
/// The system's page cache may still hold pages that it failed to write, and lose them later; a checkpoint writes them
/// again. On a full disk both can wait: reading works, and the run is recorded with the first batch for which there is
/// space. A damaged file is read as far as possible; then the reason why nothing is written to it is returned.
fn recover(db: &mut Connection, loaded: &mut Loaded, mark: &Mark) -> rusqlite::Result<Option<String>> {
    let mut recovered = || {
        mark.checkpoint(|| checkpoint(db, "TRUNCATE"))?;
        let step = db.transaction()?;
        record_run(&step, loaded.rooms.runs.current())?;
        step.commit()?;
        mark.checkpoint(|| checkpoint(db, "TRUNCATE"))
    };
    let Err(error) = recovered() else {
        loaded.run_is_known = true;
        return Ok(None);
    };
    match StorageError::from_ref(&error) {
        StorageError::Full(why) => tracing::error!(%why, "entries can be read, but nothing can be stored"),
        StorageError::Damaged(why) => {
            tracing::error!(%why, "entries are read as far as possible, and nothing is stored");
            return Ok(Some(why));
        }
        StorageError::Failed(_) => return Err(error),
    }
    Ok(None)
}

fn has_ended() -> LogError {
    LogError::Failed("the writer thread has ended".to_owned())
}

fn random_name() -> io::Result<u128> {
    let mut name = [0; 16];
    getrandom::fill(&mut name).map_err(io::Error::other)?;
    Ok(u128::from_be_bytes(name))
}

/// A page takes a fraction of a millisecond. More threads would only compete with each other and with the writer.
const READERS: usize = 2;
