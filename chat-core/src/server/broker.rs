//! The broker: the one writer. It takes what waits, has the log commit it as one batch, then acknowledges, then
//! publishes. A commit in progress is what forms the next batch. Only after a large one there is a short rest, no longer
//! than it took: those it answered are about to speak again, and otherwise one half of them would always be waiting for
//! the commit of the other half.

use std::{
    collections::VecDeque,
    future::poll_fn,
    iter, mem,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either, select},
    select_biased,
    task::AtomicWaker,
};

use super::{
    hub::Hub,
    limits::{MAX_QUEUED, MAX_QUEUED_BYTES},
    reads::storage_error,
    room::Room,
    session::Session,
    sync::lock,
};
use crate::{
    log::{Append, LogEntry, Outcome, Position},
    wire::{self, Block, Code, EntryKind, Event},
};

/// Something a session wants stored.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) session: Arc<Session>,
    pub(super) id: u64,
    pub(super) room: Arc<Room>,
    pub(super) kind: EntryKind,
    pub(super) text: String,
}

/// What waits for the broker: bounded, and whoever comes when it is full is told so.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    broker: AtomicWaker,
}

#[derive(Debug, Default)]
struct Waiting {
    submissions: VecDeque<Submission>,
    bytes: usize,
    closed: bool,
}

/// Too much waits already.
#[derive(Debug)]
pub(super) struct Busy;

impl Queue {
    pub(super) fn push(&self, submission: Submission) -> Result<(), Busy> {
        {
            let mut waiting = lock(&self.waiting);
            if waiting.closed || waiting.submissions.len() >= MAX_QUEUED || waiting.bytes >= MAX_QUEUED_BYTES
            {
                return Err(Busy);
            }
            waiting.bytes += submission.text.len();
            waiting.submissions.push_back(submission);
        }
        self.broker.wake();
        Ok(())
    }

    /// Takes no more. The broker ends once it has dealt with the rest.
    pub(super) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.broker.wake();
    }

    /// Everything that waits, as soon as something does; nothing once the queue is closed and empty.
    async fn take(&self) -> VecDeque<Submission> {
        let mut others_had_their_turn = false;
        poll_fn(|cx| {
            self.broker.register(cx.waker());
            let mut waiting = lock(&self.waiting);
            if waiting.submissions.is_empty() && !waiting.closed {
                return Poll::Pending;
            }
            // Whoever is about to run first adds to the batch, and has read the one before: fewer, larger writes to
            // everybody. On an idle server nobody is, and nothing is delayed.
            if !mem::replace(&mut others_had_their_turn, true) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            waiting.bytes = 0;
            Poll::Ready(mem::take(&mut waiting.submissions))
        })
        .await
    }
}

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

async fn commit(hub: &Hub, mut batch: Vec<Submission>) {
    let at = hub.time_of_day();
    let appends = |batch: &[Submission]| batch.iter().map(|it| it.append(at)).collect();
    let append = hub.log().append(appends(&batch));
    match patiently(hub, append, &batch).await {
        Ok(appended) => {
            for (room, entries) in acknowledge(&mut batch, appended.outcomes) {
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
                    None => it.session.refuse_after_all(it.id, storage_error(Some(it.id), &error)),
                }
            }
        }
    }
    for it in batch {
        it.room.committed();
        hub.forget_if_vacant(&it.room);
        it.session.settled(it.id);
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
        let mut told: Vec<*const Session> = Vec::new();
        for it in batch {
            let session = Arc::as_ptr(&it.session);
            if !told.contains(&session) {
                told.push(session);
                it.session.refuse(
                    None,
                    Code::StorageFailed,
                    "the disk does not answer; not all is stored yet",
                );
                it.session.wake();
            }
        }
    }
}

impl Submission {
    fn append(&self, at: u64) -> Append {
        Append {
            client: self.session.client(),
            request: self.id,
            room: self.room.name().clone(),
            kind: self.kind,
            from: self.session.name().as_str().to_owned(),
            at,
            text: self.text.clone(),
        }
    }

    /// Answers it, with an ack that lies behind those of others; `rest` are still to come, this one included.
    fn answer(&self, outcome: Outcome, acks: &mut Block, rest: usize) {
        match outcome {
            Outcome::Stored(position) | Outcome::Known(position) => {
                let ack = acks.ack(self.id, self.room.name().as_str(), position, rest * ACK_BYTES);
                self.session.reply_frame(ack);
            }
            Outcome::Conflict => {
                let error = wire::Error::of(self.id, Code::Conflict, "this id was used for another message");
                self.session.refuse_after_all(self.id, wire::write(&Event::Error(error)));
            }
        }
    }
}

/// Answers every submission and returns the new entries by room, each room's in order. The answers are queued before
/// anything is published, so that whoever said something reads its ack first.
fn acknowledge(batch: &mut [Submission], outcomes: Vec<Outcome>) -> Vec<(Arc<Room>, Vec<LogEntry>)> {
    debug_assert_eq!(batch.len(), outcomes.len(), "one outcome for each item");
    let mut news: Vec<(Arc<Room>, Vec<LogEntry>)> = Vec::new();
    let (mut acks, mut rest) = (Block::default(), batch.len());
    for (it, outcome) in batch.iter_mut().zip(outcomes) {
        it.answer(outcome, &mut acks, rest);
        rest -= 1;
        if let Outcome::Stored(Position { seq, at }) = outcome {
            let (from, text) = (it.session.name().as_str().to_owned(), mem::take(&mut it.text));
            let entry = LogEntry { seq, at, kind: it.kind, from, text };
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
