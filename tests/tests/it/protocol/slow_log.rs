//! A log that takes its time, stores early or late, and fails while told to.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chat_core::{
    log::{Appended, LogError, MemoryLog, RoomLog, Write},
    server::Limits,
};
use chat_testkit::{TailGate, virtual_time::VirtualTime};
use futures::{FutureExt, future::BoxFuture};

use super::{SECOND, TestServer};

/// A log in memory whose commits take a second unless told.
pub struct SlowLog {
    pub log: Arc<MemoryLog>,
    pub takes: Duration,
    /// Whether a batch can be read as soon as the commit begins, rather than when it ends.
    pub stores_first: bool,
    /// What every commit fails with.
    pub trouble: Mutex<Option<LogError>>,
    pub commits: AtomicUsize,
    pub time: VirtualTime,
    pub gate: TailGate,
}

impl SlowLog {
    pub fn new(time: &VirtualTime) -> SlowLog {
        SlowLog {
            log: Arc::new(MemoryLog::new(1 << 20, 7)),
            takes: SECOND,
            stores_first: false,
            trouble: Mutex::default(),
            commits: AtomicUsize::new(0),
            time: time.clone(),
            gate: TailGate::default(),
        }
    }

    /// How many commits were begun.
    pub fn commits(&self) -> usize {
        self.commits.load(Ordering::Relaxed)
    }

    pub fn fail_with(&self, trouble: Option<LogError>) {
        *self.trouble.lock().unwrap() = trouble;
    }
}

/// A server whose log fails everything, after a second.
pub async fn failing_server(time: &VirtualTime) -> TestServer {
    failing_server_taking(time, SECOND).await
}

/// The same, after so long.
pub async fn failing_server_taking(time: &VirtualTime, takes: Duration) -> TestServer {
    let log = SlowLog { takes, ..SlowLog::new(time) };
    log.fail_with(Some(LogError::Failed("it is gone".into())));
    TestServer::with(time, Limits::default().unlimited(), Arc::new(log)).await
}

impl RoomLog for SlowLog {
    chat_testkit::reads_from!(log, gate);

    fn append(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<Appended, LogError>> {
        let unanswered = self.gate.append();
        async move {
            let _unanswered = unanswered;
            self.commits.fetch_add(1, Ordering::Relaxed);
            if self.stores_first {
                let appended = self.log.append(batch).await;
                self.time.pass(self.takes).await;
                return appended;
            }
            self.time.pass(self.takes).await;
            let trouble = self.trouble.lock().unwrap().clone();
            match trouble {
                Some(error) => Err(error),
                None => self.log.append(batch).await,
            }
        }
        .boxed()
    }
}
