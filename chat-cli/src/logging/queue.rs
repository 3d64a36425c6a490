//! The queue between the program and its log: a record is queued without waiting, and a thread of its own writes it. A
//! reader that reads nothing (a full pipe, a stopped terminal, a stuck disk) holds up that thread alone.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tracing_subscriber::fmt::MakeWriter;

/// The queue of one log. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Queue {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The thread's work, until the first record starts the thread: a program that enters a network namespace may have
    /// one thread at that time.
    work: Option<Box<dyn FnOnce() + Send>>,
    records: VecDeque<Vec<u8>>,
    /// How many bytes `records` have together.
    bytes: usize,
    /// How many records did not fit since the last report of that.
    dropped: u64,
    /// Whether the thread is writing a record that is no longer in `records`.
    is_writing: bool,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl Queue {
    /// A queue whose records a thread writes to `log`. After records that did not fit, the thread calls `report` with
    /// their number as soon as the log takes records again. The first record starts the thread.
    pub(crate) fn to(mut log: impl Write + Send + 'static, report: impl Fn(u64) + Send + 'static) -> Queue {
        let queue = Queue::default();
        let writing = queue.clone();
        let write = move || {
            loop {
                // A log that cannot be written is no reason to stop the program.
                let _ = log.write_all(&writing.next()).and_then(|()| log.flush());
                if let Some(dropped) = writing.written() {
                    report(dropped);
                }
            }
        };
        queue.lock().work = Some(Box::new(write));
        queue
    }

    /// Queues `record`, or counts it if [`MAX_BYTES`] wait to be written.
    pub(crate) fn push(&self, record: &[u8]) {
        let mut state = self.lock();
        if let Some(work) = state.work.take() {
            // Where the system has no thread left, the program goes on without a log.
            let _ = thread::Builder::new().name("log".to_owned()).spawn(work);
        }
        if state.bytes + record.len() > MAX_BYTES {
            state.dropped += 1;
            return;
        }
        state.bytes += record.len();
        state.records.push_back(record.to_vec());
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Waits until all records are written, at most for `patience`: nobody may be reading.
    pub(crate) fn flush(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut state = self.lock();
        while state.is_writing || !state.records.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The next record to write, once there is one.
    fn next(&self) -> Vec<u8> {
        let mut state = self.lock();
        loop {
            if let Some(record) = state.records.pop_front() {
                state.bytes -= record.len();
                state.is_writing = true;
                return record;
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Notes that the record was written. Returns how many records did not fit, if any did not.
    fn written(&self) -> Option<u64> {
        let mut state = self.lock();
        state.is_writing = false;
        let dropped = mem::take(&mut state.dropped);
        drop(state);
        self.shared.changed.notify_all();
        (dropped > 0).then_some(dropped)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under the lock, so the state is whole.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call writes one record.
impl Write for Queue {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.push(record);
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Queue;

    fn make_writer(&'a self) -> Queue {
        self.clone()
    }
}

/// How many bytes may wait: some thousand records, which is the noise of a busy minute.
const MAX_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A log that takes one record each time it is told to.
    struct Stuck {
        go: mpsc::Receiver<()>,
        written: mpsc::Sender<usize>,
    }

    impl Write for Stuck {
        fn write(&mut self, record: &[u8]) -> io::Result<usize> {
            // Once the test is over, nothing is held up any more.
            let _ = self.go.recv();
            let _ = self.written.send(record.len());
            Ok(record.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_log_that_nobody_reads_holds_nothing_up_and_what_did_not_fit_is_counted() {
        let (go, gone) = mpsc::channel();
        let (written, lengths) = mpsc::channel();
        let (report, reports) = mpsc::channel();
        let queue = Queue::to(Stuck { go: gone, written }, move |dropped| {
            let _ = report.send(dropped);
        });
        let record = vec![b'x'; MAX_BYTES / 4];
        // The thread may have taken the first one before the others come.
        (0..10).for_each(|_| queue.push(&record));
        let began = Instant::now();
        queue.flush(Duration::from_millis(20));
        assert!(began.elapsed() >= Duration::from_millis(20), "nothing was written yet");
        drop(go);
        let dropped = reports.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!((5..=6).contains(&dropped), "{dropped}");
        queue.push(b"more");
        queue.flush(Duration::from_secs(10));
        let lengths: Vec<usize> = lengths.try_iter().collect();
        assert_eq!(lengths.len() as u64, 10 - dropped + 1);
        assert_eq!(lengths.last(), Some(&4));
    }
}
