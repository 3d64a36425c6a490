//! What is broken on purpose, from the outside, so that it can be seen that the checker sees it.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use chat_core::log::{Append, Appended, LogError, MemoryLog, RoomLog, Write};
use futures::{FutureExt, future::BoxFuture};

use super::{
    disk::Durable,
    network::{Bound, Kind, Tamper},
    plan::{Outage, Plan},
};
use chat_testkit::weather::Odds;

/// One thing that is broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sabotage {
    /// The log does not know a request again.
    ForgetsRequests,
    /// The log says that something is stored before it is, and loses it in a crash.
    AcknowledgesEarly,
    /// The log stores neighbours in each other's place.
    SwapsNeighbours,
    /// Nobody is told where the rooms stand.
    NoHeads,
    /// Nobody can ask for what is missing.
    NoReplay,
    /// Now and then somebody gets another text than was said.
    ChangesText,
    /// Now and then somebody is answered twice.
    AnswersTwice,
}

impl Sabotage {
    /// Every kind.
    pub const ALL: [Sabotage; 7] = [
        Sabotage::ForgetsRequests,
        Sabotage::AcknowledgesEarly,
        Sabotage::SwapsNeighbours,
        Sabotage::NoHeads,
        Sabotage::NoReplay,
        Sabotage::ChangesText,
        Sabotage::AnswersTwice,
    ];

    /// What `seed` decides, and this is broken; with enough going on that it makes a difference.
    pub fn plan(self, seed: u64) -> Plan {
        let mut plan = Plan { sabotage: Some(self), ..Plan::of(seed) };
        let lossy = Odds { loss: 35, ..Odds::default() };
        match self {
            Sabotage::AcknowledgesEarly => {
                let crash = Outage { after: plan.length / 2, away: A_SECOND, orderly: false, wipes: false };
                plan.outages = vec![crash];
            }
            Sabotage::SwapsNeighbours => plan.disk.commit = A_SECOND / 2,
            Sabotage::ForgetsRequests | Sabotage::NoHeads | Sabotage::NoReplay => {
                for person in &mut plan.people {
                    person.kind = Kind::Air;
                    (person.up.odds, person.down.odds) = (lossy, lossy);
                    person.strays = false;
                    // Everything is said while frames are still lost, and then there is silence.
                    if self == Sabotage::NoHeads {
                        (person.asks, person.pause) = (40, A_SECOND / 4);
                        (person.up.dark, person.down.dark) = (Vec::new(), Vec::new());
                        person.kills = Vec::new();
                    }
                }
                plan.disk.fails = 0;
                if self == Sabotage::NoHeads {
                    plan.limits = plan.limits.unlimited();
                    plan.disk.commit = Duration::ZERO;
                    plan.outages = Vec::new();
                }
            }
            Sabotage::ChangesText | Sabotage::AnswersTwice => {}
        }
        plan
    }

    pub(super) fn log(self, durable: &Arc<Durable>) -> Arc<dyn RoomLog> {
        let log = durable.clone();
        match self {
            Sabotage::ForgetsRequests => Arc::new(Broken { log, change: forget, count: AtomicU64::new(0) }),
            Sabotage::SwapsNeighbours => Arc::new(Broken { log, change: swap, count: AtomicU64::new(0) }),
            _ => log,
        }
    }

    pub(super) fn tamper(self, seed: u64) -> Option<Tamper> {
        let mut dice = fastrand::Rng::with_seed(seed);
        let swallow = |bound: Bound, head: &'static [u8]| -> Tamper {
            Box::new(move |_, to, frame: Bytes| (to != bound || !frame.starts_with(head)).then_some(frame))
        };
        match self {
            Sabotage::NoHeads => Some(swallow(Bound::Client, br#"{"type":"heads""#)),
            Sabotage::NoReplay => Some(swallow(Bound::Server, br#"{"type":"replay""#)),
            Sabotage::ChangesText => Some(Box::new(move |_, to, frame: Bytes| {
                let message = to == Bound::Client && frame.starts_with(br#"{"type":"message""#);
                if !message || dice.u8(..50) > 0 {
                    return Some(frame);
                }
                let mut bytes = frame.to_vec();
                let field = br#""text":""#;
                if let Some(at) = bytes.windows(field.len()).position(|it| it == field) {
                    bytes[at + field.len()] = b'?';
                }
                Some(bytes.into())
            })),
            _ => None,
        }
    }
}

/// A log that is given other items than those that are to be stored.
struct Broken {
    log: Arc<Durable>,
    change: fn(Vec<&mut Append>, u64),
    count: AtomicU64,
}

fn forget(batch: Vec<&mut Append>, count: u64) {
    for (item, n) in batch.into_iter().zip(0..) {
        item.request = (count << 20) + n;
    }
}

fn swap(mut batch: Vec<&mut Append>, _: u64) {
    for at in 1..batch.len() {
        let (before, rest) = batch.split_at_mut(at);
        let (one, other) = (&mut before[at - 1], &mut rest[0]);
        if one.room == other.room && one.body.kind == other.body.kind && one.author.name == other.author.name
        {
            std::mem::swap(&mut one.body, &mut other.body);
            return;
        }
    }
}

impl RoomLog for Broken {
    chat_testkit::reads_from!(log);

    fn append(&self, mut batch: Vec<Write>) -> BoxFuture<'_, Result<Appended, LogError>> {
        let entries = batch.iter_mut().filter_map(|write| match write {
            Write::Entry(item) => Some(item),
            Write::Record(_) => None,
        });
        (self.change)(entries.collect(), self.count.fetch_add(1, Ordering::Relaxed));
        self.log.append(batch)
    }
}

/// A log that stores what it has said yes to only after a while.
pub(super) struct Early {
    view: MemoryLog,
    durable: Arc<Durable>,
    unwritten: Mutex<Vec<Vec<Write>>>,
}

impl Early {
    /// A log that holds what was stored before.
    pub(super) async fn open(durable: &Arc<Durable>) -> Result<Early, LogError> {
        let view = MemoryLog::new(usize::MAX, durable.epoch_number());
        view.append(durable.writes()).await?;
        Ok(Early { view, durable: durable.clone(), unwritten: Mutex::default() })
    }

    /// Stores what is not stored yet, but for so many batches.
    pub(super) async fn write(&self, but: usize) -> Result<(), LogError> {
        let due: Vec<Vec<Write>> = {
            let mut unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
            let count = unwritten.len().saturating_sub(but);
            unwritten.drain(..count).collect()
        };
        for batch in due {
            self.durable.append(batch).await?;
        }
        Ok(())
    }
}

impl RoomLog for Early {
    chat_testkit::reads_from!(view);

    fn append(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<Appended, LogError>> {
        async move {
            let appended = self.view.append(batch.clone()).await?;
            self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
            self.write(LATE_BATCHES).await?;
            Ok(appended)
        }
        .boxed()
    }
}

/// How many batches a log that acknowledges early is behind.
const LATE_BATCHES: usize = 8;
const A_SECOND: Duration = Duration::from_secs(1);
