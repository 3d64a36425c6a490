//! Threads that read, so that nobody waits for the disk on the threads of the executor.

use std::{
    fmt, io,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use chat_core::log::LogError;
use futures::{FutureExt, channel::oneshot, future::BoxFuture};
use rusqlite::Connection;

use crate::{connection, error::StorageError};

/// A few threads, each with a connection that can only read.
#[derive(Debug)]
pub(crate) struct Readers {
    reads: Option<SyncSender<Read>>,
    threads: Vec<JoinHandle<()>>,
}

/// Something to be read. It is given a connection, or why there is none, and says whether that is still good.
struct Read(Box<Work>);

type Work = dyn FnOnce(rusqlite::Result<&Connection>) -> bool + Send;

impl Readers {
    pub(crate) fn start(path: &Path, threads: usize) -> io::Result<Readers> {
        let (reads, waiting) = sync_channel(WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        let mut readers = Readers { reads: Some(reads), threads: Vec::new() };
        for _ in 0..threads {
            let (path, waiting) = (path.to_owned(), waiting.clone());
            let thread = thread::Builder::new().name("chat-log-read".to_owned());
            readers.threads.push(thread.spawn(move || run(&path, &waiting))?);
        }
        Ok(readers)
    }

    /// What `read` brings. Nothing is read if nobody waits for it any more, and if too many wait one is refused.
    pub(crate) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, LogError>> {
        let (answer, answered) = oneshot::channel();
        let read = Read(Box::new(move |db| {
            if answer.is_canceled() {
                return true;
            }
            let found = db.and_then(read);
            let is_good = found.is_ok();
            let _ = answer.send(found.map_err(|error| LogError::from(StorageError::from(error))));
            is_good
        }));
        // What is refused is dropped, and says so to whoever waits.
        let _ = self.reads.as_ref().expect("it is there until this is dropped").try_send(read);
        answered
            .map(|it| it.unwrap_or_else(|_| Err(LogError::Failed("too many wait for it".to_owned()))))
            .boxed()
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

impl fmt::Debug for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Read(…)")
    }
}

fn run(path: &Path, waiting: &Mutex<Receiver<Read>>) {
    let mut open: Option<Connection> = None;
    loop {
        // Whoever holds the lock waits for a read; the others wait for the lock, which is the same.
        let read = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Read(read)) = read else { return };
        // A connection on which something failed is not used again.
        open = match open.take().map_or_else(|| connection::reading(path), Ok) {
            Ok(db) => read(Ok(&db)).then_some(db),
            Err(error) => {
                read(Err(error));
                None
            }
        };
    }
}

/// A session has one read at a time, so this many sessions can wait.
const WAITING: usize = 1 << 16;
