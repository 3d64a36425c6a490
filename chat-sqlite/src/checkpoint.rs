//! Checkpoints: a thread copies the pages of the write-ahead log into the database, so that commits do not wait.
//!
//! A checkpoint beside the writer never quite catches up with it, and the write-ahead log starts again at its beginning
//! only when all of its pages are copied. So when few pages are left, or the write-ahead log has grown too large, the
//! writer copies the rest.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rusqlite::Connection;

use crate::{
    connection,
    mark::Mark,
    open::Durability,
    wal::{self, Wal, checkpoint},
};

/// Does checkpoints on a thread of its own when it is asked to.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    asked: Option<SyncSender<()>>,
    mark: Arc<Mark>,
    /// When a checkpoint was done last.
    done: Mutex<Instant>,
    busy: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(crate) fn start(path: PathBuf, durability: Durability, mark: Arc<Mark>) -> io::Result<Checkpointer> {
        let (asked, asks) = sync_channel(1);
        let busy = Arc::new(AtomicBool::new(false));
        let (is_busy, marked) = (busy.clone(), mark.clone());
        let thread = thread::Builder::new().name("chat-log-checkpoint".to_owned());
        let thread = thread.spawn(move || run(&asks, &is_busy, &path, durability, &marked))?;
        Ok(Checkpointer {
            asked: Some(asked),
            mark,
            done: Mutex::new(Instant::now()),
            busy,
            thread: Some(thread),
        })
    }

    /// Called by the writer after each commit, with its connection.
    pub(crate) fn after_commit(&self, db: &Connection) {
        self.mark.after_commit();
        if self.busy.load(Ordering::Acquire) {
            return;
        }
        let Ok(Wal { frames, left }) = checkpoint(db, "NOOP") else { return };
        let mut last = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if frames < LITTLE_ENOUGH {
            return;
        }
        let enough = if last.elapsed() >= SLOW {
            LITTLE_ENOUGH
        } else {
            // On a full disk the write-ahead log cannot be copied into a database that is much smaller.
            wal::pages(db).unwrap_or(ENOUGH).clamp(LITTLE_ENOUGH, ENOUGH)
        };
        if frames >= LARGE || (frames >= enough && left <= LITTLE) {
            *last = Instant::now();
            // Everything is in the database after this, and the next commit starts the log at its beginning.
            if let Err(error) = self.mark.checkpoint(|| checkpoint(db, "PASSIVE")) {
                tracing::error!(%error, "a checkpoint failed");
            }
        } else if left >= enough {
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

fn run(asks: &Receiver<()>, busy: &AtomicBool, path: &std::path::Path, durability: Durability, mark: &Mark) {
    let mut db: Option<Connection> = None;
    while asks.recv().is_ok() {
        let done = match db.take() {
            Some(db) => Ok(db),
            None => connection::writing(path, durability),
        };
        let done = done.and_then(|db| mark.checkpoint(|| checkpoint(&db, "PASSIVE")).map(|_| db));
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
/// Pages that are enough where the last checkpoint was [`SLOW`] ago or longer: 4 MiB, so that the disk of a log that
/// grows slowly has little to carry besides the log.
const LITTLE_ENOUGH: i64 = 1024;
const SLOW: Duration = Duration::from_secs(5);
/// Pages the writer can do itself within a few milliseconds.
const LITTLE: i64 = 256;
/// Pages above which commits wait rather than make it larger still: 32 MiB.
const LARGE: i64 = 8 * 1024;
