//! Many seeds, on as many threads as are wanted.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use chat_core::client::Update;

use super::{Plan, Report, What, network::Traffic, run};

/// What came of many runs.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How many there were.
    pub seeds: u64,
    /// Messages and topics that were stored.
    pub stored: u64,
    /// Entries that were shown to somebody.
    pub shown: u64,
    /// Times a server began, the first of each run aside.
    pub restarts: u64,
    /// Times somebody's program was killed.
    pub kills: u64,
    /// What became of the frames.
    pub traffic: Traffic,
    /// How much time passed in all of them.
    pub elapsed: Duration,
}

/// Runs `seeds` as `plan` says on `threads` threads, and has each seed whose history breaks a rule given to `failed`,
/// with the report or what the panic said, until that says that it is enough.
pub fn run_many(
    seeds: impl IntoIterator<Item = u64>,
    threads: usize,
    plan: impl Fn(u64) -> Plan + Sync,
    ran: impl Fn(u64) + Sync,
    failed: impl FnMut(u64, Result<Report, String>) -> bool + Send,
) -> Summary {
    let seeds = Mutex::new(seeds.into_iter().collect::<Vec<u64>>().into_iter());
    let (summary, failed) = (Mutex::new(Summary::default()), Mutex::new(failed));
    let (enough, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let work = || {
        while !enough.load(Ordering::Relaxed) {
            let Some(seed) = seeds.lock().unwrap_or_else(PoisonError::into_inner).next() else { return };
            let report = catch_unwind(AssertUnwindSafe(|| run(seed, plan(seed)))).map_err(|panic| {
                let words = panic.downcast_ref::<String>().map(String::as_str);
                words.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
            });
            if let Ok(report) = &report {
                summary.lock().unwrap_or_else(PoisonError::into_inner).add(report);
            }
            ran(done.fetch_add(1, Ordering::Relaxed) + 1);
            if !report.as_ref().is_ok_and(|it| it.violations.is_empty()) {
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                if !enough.load(Ordering::Relaxed) && failed(seed, report) {
                    enough.store(true, Ordering::Relaxed);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(work);
        }
    });
    summary.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl Summary {
    fn add(&mut self, report: &Report) {
        self.seeds += 1;
        self.stored += report.logs.iter().map(|it| it.stored.len() as u64).sum::<u64>();
        self.elapsed += report.elapsed;
        self.traffic.add(report.traffic);
        for it in &report.history {
            match it.what {
                What::Told(Update::Entry(_)) => self.shown += 1,
                What::ServerBegins(_) => self.restarts += 1,
                What::Killed => self.kills += 1,
                _ => {}
            }
        }
        self.restarts -= 1;
    }
}
