//! The log of a simulation: it takes its time, fails now and then, and remembers everything it ever stored.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chat_core::log::{
    Append, Appended, LogEntry, LogError, MemoryLog, Outcome, PageLimit, RoomLog, RoomState, Write,
};
use futures::{FutureExt, future::BoxFuture};

use super::plan;
use chat_testkit::{TailGate, virtual_time::VirtualTime};

/// What survives whatever happens to the server.
#[derive(Debug)]
pub struct Durable {
    log: MemoryLog,
    epoch: u128,
    stored: Mutex<Vec<Stored>>,
    /// Everything that has changed the log.
    writes: Mutex<Vec<Write>>,
    time: VirtualTime,
}

/// Something that was stored, and when.
#[derive(Clone, Debug)]
pub struct Stored {
    /// When, since the beginning.
    pub when: Duration,
    /// Its number in its room.
    pub seq: u64,
    /// The smallest number the room held just before.
    pub oldest: u64,
    /// The room's epoch.
    pub epoch: String,
    /// What was to be stored.
    pub item: Append,
}

impl Durable {
    pub(super) fn new(time: &VirtualTime, bytes: usize, epoch: u128) -> Durable {
        Durable {
            log: MemoryLog::new(bytes, epoch),
            epoch,
            stored: Mutex::default(),
            writes: Mutex::default(),
            time: time.clone(),
        }
    }

    pub(super) fn epoch_number(&self) -> u128 {
        self.epoch
    }

    /// Everything that was stored, in order; also what the log has let go of.
    pub fn stored(&self) -> Vec<Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All entries and records that have changed the log, in order.
    pub(super) fn writes(&self) -> Vec<Write> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it holds of every room.
    pub async fn rooms_and_entries(&self) -> Vec<(RoomState, Vec<LogEntry>)> {
        let mut held = Vec::new();
        for state in self.log.rooms().await.expect("a log in memory can be read") {
            let limit = PageLimit { entries: usize::MAX, bytes: usize::MAX };
            let page = self.log.read(&state.room, 0, limit).await.expect("a log in memory can be read");
            held.push((state, page.entries));
        }
        held.sort_by(|(a, _), (b, _)| a.room.cmp(&b.room));
        held
    }
}

impl RoomLog for Durable {
    chat_testkit::reads_from!(log);

    fn append(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<Appended, LogError>> {
        async move {
            let before = self.log.rooms().await?;
            let appended = self.log.append(batch.clone()).await?;
            let after = self.log.rooms().await?;
            let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
            let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
            for (write, outcome) in batch.into_iter().zip(&appended.outcomes) {
                if matches!(outcome, Outcome::Stored(_) | Outcome::Applied) {
                    writes.push(write.clone());
                }
                if let (Write::Entry(item), Outcome::Stored(position)) = (write, outcome) {
                    let oldest = before.iter().find(|it| it.room == item.room).map_or(1, |it| it.oldest);
                    let epoch = after.iter().find(|it| it.room == item.room).map(|it| it.epoch.clone());
                    let (when, seq) = (self.time.elapsed(), position.seq);
                    stored.push(Stored { when, seq, oldest, epoch: epoch.unwrap_or_default(), item });
                }
            }
            Ok(appended)
        }
        .boxed()
    }
}

/// A log that takes its time, before it has stored something and after.
pub(super) struct Slow {
    log: Arc<dyn RoomLog>,
    disk: plan::Disk,
    time: VirtualTime,
    dice: Mutex<fastrand::Rng>,
    gate: TailGate,
}

impl Slow {
    pub(super) fn new(log: Arc<dyn RoomLog>, disk: plan::Disk, time: &VirtualTime, seed: u64) -> Slow {
        let dice = Mutex::new(fastrand::Rng::with_seed(seed));
        Slow { log, disk, time: time.clone(), dice, gate: TailGate::default() }
    }
}

impl RoomLog for Slow {
    chat_testkit::reads_from!(log, gate);

    fn append(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<Appended, LogError>> {
        let (before, after, fails) = {
            let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
            let before = self.disk.commit.mul_f64(dice.f64());
            (before, self.disk.commit.mul_f64(dice.f64()), dice.u8(0..100) < self.disk.fails)
        };
        let unanswered = self.gate.append();
        async move {
            let _unanswered = unanswered;
            if !before.is_zero() {
                self.time.pass(before).await;
            }
            if fails {
                return Err(LogError::Failed("the disk has a bad day".to_owned()));
            }
            let appended = self.log.append(batch).await;
            if !after.is_zero() {
                self.time.pass(after).await;
            }
            appended
        }
        .boxed()
    }
}
