//! The handle of the writer thread: it queues batches and hands out the tail.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
};

use chat_core::log::{Appended, LogError, Snapshot, Tail, Write};
use futures::channel::oneshot;

#[cfg(test)]
use crate::command::Fault;
use crate::{
    command::{Command, Signals},
    indexer::Progress,
    mark::Mark,
    open::Options,
    rooms::Shared,
    store::Store,
    worker::WriterThread,
};

/// The handle of the writer thread. Dropping the handle stores the queued batches first.
#[derive(Debug)]
pub(crate) struct Writer {
    commands: Option<SyncSender<Command>>,
    signals: Arc<Signals>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(
        path: PathBuf,
        options: Options,
        store: Store,
        rooms: Shared,
        refused: Option<String>,
        shared: (Arc<Progress>, Arc<Mark>),
    ) -> io::Result<Writer> {
        let (commands, received) = sync_channel(WAITING);
        let signals: Arc<Signals> = Arc::default();
        let mut worker = WriterThread::new(path, options, store, rooms, refused, (signals.clone(), shared))?;
        let thread = thread::Builder::new().name("chat-log-write".to_owned());
        let thread = thread.spawn(move || worker.run(&received))?;
        Ok(Writer { commands: Some(commands), signals, thread: Some(thread) })
    }

    /// Queues a batch. A batch that finds too many before it is refused.
    pub(crate) fn append(&self, batch: Vec<Write>) -> oneshot::Receiver<Result<Appended, LogError>> {
        let (answer, answered) = oneshot::channel();
        if let Err(
            TrySendError::Full(Command::Append(_, answer))
            | TrySendError::Disconnected(Command::Append(_, answer)),
        ) = self.send(Command::Append(batch, answer))
        {
            let _ = answer.send(Err(LogError::Failed("too many batches are waiting".to_owned())));
        }
        answered
    }

    /// All rooms, and the commits from then on.
    pub(crate) fn subscribe(&self) -> oneshot::Receiver<(Snapshot, Tail)> {
        let (answer, answered) = oneshot::channel();
        let _ = self.send(Command::Subscribe(answer));
        answered
    }

    fn send(&self, command: Command) -> Result<(), TrySendError<Command>> {
        self.commands().try_send(command)
    }

    fn commands(&self) -> &SyncSender<Command> {
        self.commands.as_ref().expect("the sender is taken only when the handle is dropped")
    }

    /// Makes the next commit report a failure.
    #[cfg(test)]
    pub(crate) fn fail(&self, fault: Fault) {
        self.send(Command::Fail(fault)).unwrap();
    }

    /// Runs SQL on the connection that writes, to damage the database.
    #[cfg(test)]
    pub(crate) fn execute(&self, sql: &str) {
        self.send(Command::Execute(sql.to_owned())).unwrap();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.signals.is_closing.store(true, Ordering::Release);
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// How many batches may wait; the broker has one in progress at a time.
const WAITING: usize = 1024;
