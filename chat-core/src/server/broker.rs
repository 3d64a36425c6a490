//! The broker: the one writer. It takes what waits, has the log commit it as one batch, then acknowledges, then
//! publishes. A commit in progress is what forms the next batch. Only after a large one there is a short rest, no longer
//! than it took: those it answered are about to speak again, and otherwise one half of them would always be waiting for
//! the commit of the other half.

use std::{iter, sync::Arc, time::Duration};

use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either, select},
    select_biased,
};

use super::{hub::Hub, mailbox::Mailbox, queue::Submission, refusal::storage_error, room::Room};
use crate::{
    log::{Append, LogEntry, Outcome, Position},
    wire::{self, Block, Code, Event},
};

/// Writes until the queue is closed and empty.
pub(super) async fn run(hub: Arc<Hub>) {
    let mut foreign = hub.log().follow().fuse();
    loop {
        // Our own people first; what others appended has been stored already and can wait.
        select_biased! {
            batch = hub.queue().take().fuse() => {
                if batch.is_empty() {
                    return;
                }
                let (is_large, began) = (batch.len() >= LARGE, hub.now());
                commit(&hub, batch.into()).await;
                let took = hub.now().saturating_duration_since(began);
                if is_large && !took.is_zero() {
                    hub.runtime().sleep_until(hub.now() + took.min(LONGEST_REST)).await;
                }
            }
            entry = foreign.next() => if let Some((room, entry)) = entry {
                hub.foreign(&room, entry);
            },
        }
    }
}

async fn commit(hub: &Hub, batch: Vec<Submission>) {
    let at = hub.time_of_day();
    let appends = |batch: &[Submission]| batch.iter().map(|it| it.append(at)).collect();
    let append = hub.log().append(appends(&batch));
    match patiently(hub, append, &batch).await {
        Ok(appended) => {
            for (room, entries) in acknowledge(&batch, appended.outcomes) {
                room.publish(&entries);
            }
            for (room, oldest) in appended.pruned {
                if let Some(room) = hub.room(&room) {
                    room.forget_below(oldest);
                }
            }
        }
        Err(error) => {
            tracing::error!(%error, messages = batch.len(), "nothing stored");
            // Some of it may be repetitions of what was stored long ago.
            let known = hub.log().lookup(appends(&batch)).await.unwrap_or_default();
            let mut acks = Block::default();
            for (it, outcome) in batch.iter().zip(known.into_iter().chain(iter::repeat(None))) {
                match outcome {
                    Some(outcome) => it.answer(outcome, &mut acks, 1),
                    None => it.mailbox.refuse_late(it.id, storage_error(Some(it.id), &error)),
                }
            }
        }
    }
    for it in batch {
        it.room.committed();
        hub.forget_if_vacant(&it.room);
        it.mailbox.settled(it.id);
    }
}

/// Waits for the log, and tells those who wait for it when that takes long: it may never answer again.
async fn patiently<T>(hub: &Hub, mut append: BoxFuture<'_, T>, batch: &[Submission]) -> T {
    loop {
        match select(append, hub.runtime().sleep_until(hub.now() + PATIENCE)).await {
            Either::Left((appended, _)) => return appended,
            Either::Right(((), still)) => append = still,
        }
        tracing::warn!(messages = batch.len(), "the log has not answered for {PATIENCE:?}");
        let mut told: Vec<*const Mailbox> = Vec::new();
        for it in batch {
            let mailbox = Arc::as_ptr(&it.mailbox);
            if !told.contains(&mailbox) {
                told.push(mailbox);
                it.mailbox.refuse(
                    None,
                    Code::StorageFailed,
                    "the disk does not answer; not all messages are stored yet",
                );
                it.mailbox.wake();
            }
        }
    }
}

impl Submission {
    fn append(&self, at: u64) -> Append {
        Append {
            client: self.client,
            request: self.id,
            room: self.room.name().clone(),
            author: self.author.clone(),
            at,
            body: self.body.clone(),
        }
    }

    /// Answers it, with an ack that lies behind those of others; `rest` are still to come, this one included.
    fn answer(&self, outcome: Outcome, acks: &mut Block, rest: usize) {
        match outcome {
            Outcome::Stored(position) | Outcome::Known(position) => {
                let ack = acks.ack(self.id, self.room.name().as_str(), position, rest * ACK_BYTES);
                self.mailbox.reply_frame(ack);
            }
            Outcome::Conflict => {
                let error = wire::Error::of(self.id, Code::Conflict, "this id was used for another message");
                self.mailbox.refuse_late(self.id, wire::write(&Event::Error(error)));
            }
        }
    }
}

/// Answers every submission and returns the new entries by room, each room's in order. The answers are queued before
/// anything is published, so that whoever said something reads its ack first.
fn acknowledge(batch: &[Submission], outcomes: Vec<Outcome>) -> Vec<(Arc<Room>, Vec<LogEntry>)> {
    debug_assert_eq!(batch.len(), outcomes.len(), "one outcome for each item");
    let mut news: Vec<(Arc<Room>, Vec<LogEntry>)> = Vec::new();
    let (mut acks, mut rest) = (Block::default(), batch.len());
    for (it, outcome) in batch.iter().zip(outcomes) {
        it.answer(outcome, &mut acks, rest);
        rest -= 1;
        if let Outcome::Stored(Position { seq, at }) = outcome {
            let entry = LogEntry { seq, at, author: it.author.clone(), body: it.body.clone() };
            // The last room first: a batch seldom has many, and neighbours are often in the same.
            match news.iter_mut().rev().find(|(room, _)| Arc::ptr_eq(room, &it.room)) {
                Some((_, entries)) => entries.push(entry),
                None => news.push((it.room.clone(), vec![entry])),
            }
        }
    }
    news
}

/// About what an ack is long.
const ACK_BYTES: usize = 96;
/// Messages in one batch that make it a large one.
const LARGE: usize = 8;
/// What a message may wait, at most, for others to be stored with it.
const LONGEST_REST: Duration = Duration::from_millis(1);
/// How long those who said something wait before they are told that it is not stored yet.
const PATIENCE: Duration = Duration::from_secs(5);
