//! Threads that read, so that nobody waits for the disk on the threads of the executor.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
};

use chat_core::log::{LogError, LogPage, PageLimit};
use futures::channel::oneshot;
use rusqlite::Connection;

use crate::{
    connection,
    error::Trouble,
    page::{self, Damage},
    rooms::Room,
};

/// A few threads, each with a connection that can only read.
#[derive(Debug)]
pub(crate) struct Readers {
    reads: Option<SyncSender<Read>>,
    threads: Vec<JoinHandle<()>>,
}

/// A page that somebody waits for.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) room: Room,
    pub(crate) after: u64,
    pub(crate) limit: PageLimit,
    pub(crate) answer: oneshot::Sender<Result<LogPage, LogError>>,
}

impl Readers {
    pub(crate) fn start(path: &std::path::Path) -> io::Result<Readers> {
        let (reads, waiting) = sync_channel(WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        let damage = Arc::new(Damage::default());
        let mut readers = Readers { reads: Some(reads), threads: Vec::new() };
        for _ in 0..THREADS {
            let (waiting, damage) = (waiting.clone(), damage.clone());
            let mut reader = Reader { path: path.to_owned(), db: None, damage };
            let thread = thread::Builder::new().name("chat-log-read".to_owned());
            readers.threads.push(thread.spawn(move || reader.run(&waiting))?);
        }
        Ok(readers)
    }

    /// Queues a read. One that finds too many before it is refused.
    pub(crate) fn read(&self, read: Read) {
        let reads = self.reads.as_ref().expect("it is there until this is dropped");
        if let Err(TrySendError::Full(read) | TrySendError::Disconnected(read)) = reads.try_send(read) {
            let _ = read.answer.send(Err(LogError::Failed("too many readers wait for it".to_owned())));
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.reads = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

#[derive(Debug)]
struct Reader {
    path: PathBuf,
    db: Option<Connection>,
    damage: Arc<Damage>,
}

impl Reader {
    fn run(&mut self, waiting: &Mutex<Receiver<Read>>) {
        loop {
            // Whoever holds the lock waits for a read; the others wait for the lock, which is the same.
            let read = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(read) = read else { return };
            if !read.answer.is_canceled() {
                let page = self.page(&read).map_err(|error| LogError::from(Trouble::from(error)));
                let _ = read.answer.send(page);
            }
        }
    }

    fn page(&mut self, read: &Read) -> rusqlite::Result<LogPage> {
        let db = match self.db.take() {
            Some(db) => db,
            None => connection::reading(&self.path)?,
        };
        // A connection on which something failed is not used again.
        let page = page::read(&db, &read.room, read.after, read.limit, &self.damage)?;
        self.db = Some(db);
        Ok(page)
    }
}

/// A page takes a fraction of a millisecond. More threads would only be in each other's way, and the writer's.
const THREADS: usize = 2;
/// A session has one read at a time, so this many sessions can wait.
const WAITING: usize = 1 << 16;
