//! The queue before the broker: bounded, and a submission that finds it full is refused.

use std::{
    collections::VecDeque,
    future::poll_fn,
    mem,
    sync::{Arc, Mutex},
    task::Poll,
};

use futures::task::AtomicWaker;

use super::{
    limits::{MAX_QUEUED, MAX_QUEUED_BYTES},
    mailbox::Mailbox,
    room::Room,
    sync::lock,
};
use crate::{
    ClientId,
    log::Record,
    wire::{Author, Body},
};

/// A message that a session wants stored.
#[derive(Debug)]
pub(super) struct Submission {
    /// Where the answer goes.
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) client: ClientId,
    pub(super) author: Arc<Author>,
    pub(super) id: u64,
    pub(super) room: Arc<Room>,
    pub(super) body: Arc<Body>,
}

/// What the broker has the log store at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) submissions: Vec<Submission>,
    pub(super) records: Vec<Record>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.submissions.is_empty() && self.records.is_empty()
    }
}

/// What waits for the broker.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    broker: AtomicWaker,
}

#[derive(Debug, Default)]
struct Waiting {
    submissions: VecDeque<Submission>,
    /// Few: each is about another room.
    records: Vec<Record>,
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
            waiting.bytes += submission.body.text.len();
            waiting.submissions.push_back(submission);
        }
        self.broker.wake();
        Ok(())
    }

    /// Queues a record; false if the queue is closed.
    pub(super) fn propose(&self, record: Record) -> bool {
        let is_open = {
            let mut waiting = lock(&self.waiting);
            if !waiting.closed {
                waiting.records.push(record);
            }
            !waiting.closed
        };
        self.broker.wake();
        is_open
    }

    /// Takes no more. The broker ends once it has dealt with the rest.
    pub(super) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.broker.wake();
    }

    /// Everything that waits, as soon as something does; nothing once the queue is closed and empty.
    pub(super) async fn take(&self) -> Batch {
        let mut has_yielded = false;
        poll_fn(|cx| {
            self.broker.register(cx.waker());
            let mut waiting = lock(&self.waiting);
            if waiting.submissions.is_empty() && waiting.records.is_empty() && !waiting.closed {
                return Poll::Pending;
            }
            // The broker yields once before it takes the batch, so that the sessions that can run now have read the
            // batch before and add to this one: fewer and larger writes. On an idle server no session can
            // run, and nothing is delayed.
            if !mem::replace(&mut has_yielded, true) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            waiting.bytes = 0;
            let records = mem::take(&mut waiting.records);
            Poll::Ready(Batch { submissions: mem::take(&mut waiting.submissions).into(), records })
        })
        .await
    }
}
