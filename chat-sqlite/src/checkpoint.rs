//! Checkpoints: a thread copies the pages of the write-ahead log into the database, so that commits do not wait.
//!
//! A checkpoint beside the writer never quite catches up with it, and the write-ahead log starts again at its beginning
//! only when all of its pages are copied. So when few pages are left, or the write-ahead log has grown too large, the
//! writer copies the rest.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use rusqlite::Connection;

use crate::{
    connection,
    open::Durability,
    wal::{Wal, checkpoint},
};

/// Does checkpoints on a thread of its own when it is asked to.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    asked: Option<SyncSender<()>>,
    busy: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(crate) fn start(path: PathBuf, durability: Durability) -> io::Result<Checkpointer> {
        let (asked, asks) = sync_channel(1);
        let busy = Arc::new(AtomicBool::new(false));
        let is_busy = busy.clone();
        let thread = thread::Builder::new().name("chat-log-checkpoint".to_owned());
        let thread = thread.spawn(move || run(&asks, &is_busy, &path, durability))?;
        Ok(Checkpointer { asked: Some(asked), busy, thread: Some(thread) })
    }

    /// Called by the writer after each commit, with its connection.
    pub(crate) fn after_commit(&self, db: &Connection) {
        if self.busy.load(Ordering::Acquire) {
            return;
        }
        let Ok(Wal { frames, left }) = checkpoint(db, "NOOP") else { return };
        if frames >= LARGE || (frames >= ENOUGH && left <= LITTLE) {
            // Everything is in the database after this, and the next commit starts the log at its beginning.
            if let Err(error) = checkpoint(db, "PASSIVE") {
                tracing::error!(%error, "a checkpoint failed");
            }
        } else if left >= ENOUGH {
            self.busy.store(true, Ordering::Release);
            if let Some(Ok(())) = self.asked.as_ref().map(|it| it.try_send(())) {
                return;
            }
            self.busy.store(false, Ordering::Release);
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.asked = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(asks: &Receiver<()>, busy: &AtomicBool, path: &std::path::Path, durability: Durability) {
    let mut db: Option<Connection> = None;
    while asks.recv().is_ok() {
        let done = match db.take() {
            Some(db) => Ok(db),
            None => connection::writing(path, durability),
        };
        let done = done.and_then(|db| checkpoint(&db, "PASSIVE").map(|_| db));
        match done {
            Ok(it) => db = Some(it),
            Err(error) => tracing::error!(%error, "a checkpoint failed"),
        }
        busy.store(false, Ordering::Release);
    }
}

/// Pages worth a checkpoint: 16 MiB. The ends of the indexes are written with every batch, and copied once for all of
/// these.
const ENOUGH: i64 = 4 * 1024;
/// Pages the writer can do itself within a few milliseconds.
const LITTLE: i64 = 256;
/// Pages above which commits wait rather than make it larger still: 32 MiB.
const LARGE: i64 = 8 * 1024;
