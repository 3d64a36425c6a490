//! The thread of the index of words: it brings the index up to date a little at a time while the log is quiet, and
//! answers searches. Nobody who stores or reads waits for it.

use std::{
    collections::VecDeque,
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use chat_core::log::{Found, LogError, Search};
use futures::{FutureExt, channel::oneshot, future::BoxFuture};
use rusqlite::Connection;

use crate::{
    connection,
    error::StorageError,
    index::{self, Index},
    rooms::Shared,
    search,
};

/// What the writer has stored, as far as the index has to know.
#[derive(Debug)]
pub(crate) struct Progress {
    /// The id of the newest entry or record.
    pub(crate) newest: AtomicI64,
    /// How often entries were deleted.
    pub(crate) deletions: AtomicU64,
    /// The disk is full: the index has to make space.
    pub(crate) gives_way: AtomicBool,
}

/// The handle of the thread.
#[derive(Debug)]
pub(crate) struct Indexer {
    searches: Option<SyncSender<Wanted>>,
    progress: Arc<Progress>,
    thread: Option<JoinHandle<()>>,
}

/// A search that waits for its answer.
#[derive(Debug)]
struct Wanted {
    search: Search,
    /// The newest entry at the time it was asked for.
    target: i64,
    /// When it is answered from what is indexed by then.
    deadline: Instant,
    answer: oneshot::Sender<Result<Found, LogError>>,
}

impl Indexer {
    pub(crate) fn start(database: PathBuf, rooms: Shared, progress: Arc<Progress>) -> io::Result<Indexer> {
        let (searches, received) = sync_channel(WAITING);
        let newest = progress.newest.load(Ordering::Acquire);
        let mut state = IndexThread {
            index: index::path(&database),
            database,
            rooms,
            progress: progress.clone(),
            newest_before: newest,
            open: None,
            waiting: VecDeque::new(),
            damages: 0,
            failure: None,
            pace: Pace { at: Instant::now(), newest, is_quiet: true },
            swept: Sweep { deletions: None, from: None },
            gave_way: None,
        };
        let thread = thread::Builder::new().name("chat-log-index".to_owned());
        let thread = thread.spawn(move || state.run(&received))?;
        Ok(Indexer { searches: Some(searches), progress, thread: Some(thread) })
    }

    /// What `search` finds among everything stored by now, or among what is indexed when [`PATIENCE`] ends.
    pub(crate) fn search(&self, search: Search) -> BoxFuture<'static, Result<Found, LogError>> {
        let (answer, answered) = oneshot::channel();
        let target = self.progress.newest.load(Ordering::Acquire);
        let wanted = Wanted { search, target, deadline: Instant::now() + PATIENCE, answer };
        // A search that is refused is dropped, and its receiver is told so.
        let _ = self.searches.as_ref().expect("the sender is there until this is dropped").try_send(wanted);
        answered
            .map(|it| {
                it.unwrap_or_else(|_| Err(LogError::Failed("too many searches are waiting".to_owned())))
            })
            .boxed()
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.searches = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The state of the thread.
#[derive(Debug)]
struct IndexThread {
    database: PathBuf,
    index: PathBuf,
    rooms: Shared,
    progress: Arc<Progress>,
    /// The newest id when this run began.
    newest_before: i64,
    open: Option<Open>,
    /// Searches in the order in which they came.
    waiting: VecDeque<Wanted>,
    /// How often the index was found damaged in this process.
    damages: u32,
    /// Why the last step failed, which was logged.
    failure: Option<String>,
    pace: Pace,
    swept: Sweep,
    /// When the index was removed for the space it took.
    gave_way: Option<Instant>,
}

#[derive(Debug)]
struct Open {
    index: Index,
    /// Reads entries.
    log: Connection,
}

/// How much is being stored, as seen lately.
#[derive(Debug)]
struct Pace {
    at: Instant,
    newest: i64,
    is_quiet: bool,
}

/// Which deletions the index has followed.
#[derive(Debug)]
struct Sweep {
    /// The number of deletions when the last sweep began; `None` before the first.
    deletions: Option<u64>,
    /// Where the sweep in progress goes on.
    from: Option<i64>,
}

impl IndexThread {
    fn run(&mut self, searches: &Receiver<Wanted>) {
        let mut wait = Duration::ZERO;
        loop {
            match searches.recv_timeout(wait) {
                Ok(wanted) => self.waiting.push_back(wanted),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.answer();
            wait = self.work();
        }
    }

    /// Answers the first search, if the index has come far enough or the search has waited long enough.
    fn answer(&mut self) {
        let upto = self.open.as_ref().map_or(-1, |open| open.index.upto());
        let is_due = |wanted: &Wanted| upto >= wanted.target || Instant::now() >= wanted.deadline;
        if !self.waiting.front().is_some_and(is_due) {
            return;
        }
        let Some(wanted) = self.waiting.pop_front() else { return };
        if wanted.answer.is_canceled() {
            return;
        }
        let Some(open) = &self.open else {
            let why = self.failure.clone().unwrap_or_else(|| "its index of words is not ready".to_owned());
            let _ = wanted.answer.send(Err(LogError::Failed(why)));
            return;
        };
        match search::search(&open.index.db, &open.log, &self.rooms, &wanted.search, upto) {
            Ok(mut found) => {
                found.pending = wanted.target.saturating_sub(upto).max(0).cast_unsigned();
                let _ = wanted.answer.send(Ok(found));
            }
            Err(error) if index::is_damage(&error) && self.found_damaged(&error) => {
                self.waiting.push_front(wanted); // the new index may answer it in time
            }
            Err(error) => {
                self.open = None;
                let _ = wanted.answer.send(Err(LogError::from(StorageError::from(error))));
            }
        }
    }

    /// Does a little of what there is to do, and says how long there is nothing more.
    fn work(&mut self) -> Duration {
        let newest = self.progress.newest.load(Ordering::Acquire);
        self.pace.note(newest);
        let began = Instant::now();
        match self.step(newest) {
            Ok(Some(rest)) => {
                self.failure = None;
                match rest {
                    Rest::None => Duration::ZERO,
                    Rest::Half => began.elapsed(),
                    Rest::Look => LOOK,
                }
            }
            Ok(None) => {
                if self.open.is_some() {
                    self.failure = None;
                }
                if self.waiting.is_empty() { IDLE } else { Duration::ZERO }
            }
            Err(error) if index::is_damage(&error) && self.found_damaged(&error) => Duration::ZERO,
            // No acknowledged entry depends on the index, so the log goes on.
            Err(error) => {
                if self.failure.is_none() {
                    tracing::warn!(%error, "the index of words cannot be updated");
                }
                self.failure = Some(format!("its index of words cannot be used ({error})"));
                // Searches are answered from what is indexed.
                self.waiting.iter_mut().for_each(|wanted| wanted.deadline = Instant::now());
                if self.waiting.is_empty() { IDLE } else { Duration::ZERO }
            }
        }
    }

    /// One step, and how long to rest after it; `None` if there was nothing to do.
    fn step(&mut self, newest: i64) -> rusqlite::Result<Option<Rest>> {
        if self.progress.gives_way.swap(false, Ordering::AcqRel) {
            tracing::warn!("the disk is full; the index of words is removed, and made again later");
            self.open = None;
            index::remove(&self.index);
            self.gave_way = Some(Instant::now());
        }
        if self.gave_way.is_some_and(|gave_way| gave_way.elapsed() < GIVEN_WAY) {
            self.failure = Some("its index of words was removed, as the disk is full".to_owned());
            self.waiting.iter_mut().for_each(|wanted| wanted.deadline = Instant::now());
            return Ok(None);
        }
        if self.damages > MOST_DAMAGES {
            self.open = None;
            self.failure = Some("its index of words is damaged".to_owned());
            self.waiting.iter_mut().for_each(|wanted| wanted.deadline = Instant::now());
            return Ok(None);
        }
        let open = match &mut self.open {
            Some(open) => open,
            open => {
                let index = Index::open(&self.index, &self.rooms, self.newest_before, newest)?;
                open.insert(Open { index, log: connection::reading(&self.database)? })
            }
        };
        let behind = newest - open.index.upto();
        if behind > 0 {
            let rest = match (self.waiting.is_empty(), self.pace.is_quiet) {
                (false, _) | (true, true) => Rest::None,
                (true, false) if behind > FAR_BEHIND => Rest::Half,
                (true, false) => return Ok(Some(Rest::Look)),
            };
            open.index.step(&open.log, &self.rooms, newest)?;
            return Ok(Some(rest));
        }
        if !self.waiting.is_empty() || !self.pace.is_quiet {
            return Ok(None);
        }
        let deletions = self.progress.deletions.load(Ordering::Acquire);
        let from = match self.swept.from {
            Some(from) => from,
            None if self.swept.deletions == Some(deletions) => return Ok(None),
            None => 0,
        };
        if self.swept.from.is_none() {
            self.swept.deletions = Some(deletions);
        }
        self.swept.from = open.index.sweep(&open.log, from)?;
        Ok(self.swept.from.map(|_| Rest::Look))
    }

    /// Has the index made again; false if that was done too often.
    fn found_damaged(&mut self, error: &rusqlite::Error) -> bool {
        tracing::warn!(%error, "the index of words is damaged, and begins anew");
        self.open = None;
        index::remove(&self.index);
        self.damages += 1;
        self.damages <= MOST_DAMAGES
    }
}

/// How long the thread rests after a step.
#[derive(Clone, Copy, Debug)]
enum Rest {
    None,
    /// As long as the step took.
    Half,
    /// Until it looks again.
    Look,
}

impl Pace {
    fn note(&mut self, newest: i64) {
        let passed = self.at.elapsed();
        if passed < LOOK {
            return;
        }
        let most = QUIET * i64::try_from(passed.as_millis()).unwrap_or(i64::MAX / QUIET) / 1000;
        (self.is_quiet, self.at, self.newest) = (newest - self.newest <= most, Instant::now(), newest);
    }
}

/// How long a search waits for the index.
const PATIENCE: Duration = Duration::from_millis(700);
/// How many searches may wait: a session has one at a time.
const WAITING: usize = 1 << 16;
/// How often the index is made again in one process.
const MOST_DAMAGES: u32 = 2;
/// How long the index stays away after the disk was full.
const GIVEN_WAY: Duration = Duration::from_secs(60);
/// Between two looks at a log that is indexed whole. Entries are indexed together then, which costs less than one by one.
const IDLE: Duration = Duration::from_secs(1);
/// Between two looks at a log that stores too much for the index to follow.
const LOOK: Duration = Duration::from_millis(250);
/// How many entries a second leave the processor to the index as well.
const QUIET: i64 = 256;
/// How many entries may wait for the log to be quiet.
const FAR_BEHIND: i64 = 100_000;
