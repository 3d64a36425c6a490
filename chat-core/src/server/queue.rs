//! The queue before the broker: bounded, in all and for each host, and a submission that finds it full is refused. Hosts
//! whose submissions wait take turns.

use std::{
    collections::{BTreeMap, VecDeque},
    future::poll_fn,
    mem,
    sync::{Arc, Mutex},
    task::Poll,
};

use futures::task::AtomicWaker;

use super::{
    limits::{
        BATCH, BATCH_BYTES, MAX_PROPOSED, MAX_QUEUED, MAX_QUEUED_BYTES, MAX_QUEUED_BYTES_PER_HOST,
        MAX_QUEUED_PER_HOST,
    },
    mailbox::Mailbox,
    room::Room,
    sync::lock,
    turns::HostId,
};
use crate::{
    ClientId,
    log::Record,
    wire::{Author, Body, Event},
};

/// A message that a session wants stored.
#[derive(Debug)]
pub(super) struct Submission {
    /// Where the answer goes.
    pub(super) mailbox: Arc<Mailbox>,
    /// Whose turn it is stored at.
    pub(super) host: HostId,
    pub(super) client: ClientId,
    pub(super) author: Arc<Author>,
    pub(super) id: u64,
    pub(super) room: Arc<Room>,
    pub(super) body: Arc<Body>,
}

/// A record that the server wants applied.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) record: Record,
    /// Whom to answer.
    pub(super) asked: Option<Asked>,
}

/// The request for which a record is proposed.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) id: u64,
    /// The reply when the record is applied.
    pub(super) reply: Event,
}

/// What the broker has the log store at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) submissions: Vec<Submission>,
    pub(super) proposals: Vec<Proposal>,
}

impl From<Record> for Proposal {
    fn from(record: Record) -> Proposal {
        Proposal { record, asked: None }
    }
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.submissions.is_empty() && self.proposals.is_empty()
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
    /// The hosts of which something waits.
    hosts: BTreeMap<HostId, Line>,
    proposals: Vec<Proposal>,
    /// Of all hosts together.
    submissions: usize,
    bytes: usize,
    closed: bool,
}

/// What waits of one host.
#[derive(Debug, Default)]
struct Line {
    submissions: VecDeque<Submission>,
    bytes: usize,
}

/// Too much waits already.
#[derive(Debug)]
pub(super) struct Busy;

impl Queue {
    pub(super) fn push(&self, submission: Submission) -> Result<(), Busy> {
        {
            let waiting = &mut *lock(&self.waiting);
            if waiting.closed || waiting.submissions >= MAX_QUEUED || waiting.bytes >= MAX_QUEUED_BYTES {
                return Err(Busy);
            }
            let line = waiting.hosts.entry(submission.host).or_default();
            let is_full =
                line.submissions.len() >= MAX_QUEUED_PER_HOST || line.bytes >= MAX_QUEUED_BYTES_PER_HOST;
            if is_full && submission.host != HostId::EXEMPT {
                return Err(Busy);
            }
            let bytes = submission.body.text.len();
            line.bytes += bytes;
            line.submissions.push_back(submission);
            (waiting.bytes, waiting.submissions) = (waiting.bytes + bytes, waiting.submissions + 1);
        }
        self.broker.wake();
        Ok(())
    }

    /// Queues a record; false if the queue is closed, or has as many as it takes.
    pub(super) fn propose(&self, proposal: Proposal) -> bool {
        let is_taken = {
            let mut waiting = lock(&self.waiting);
            let is_taken = !waiting.closed && waiting.proposals.len() < MAX_PROPOSED;
            if is_taken {
                waiting.proposals.push(proposal);
            }
            is_taken
        };
        self.broker.wake();
        is_taken
    }

    /// Takes no more. The broker ends once it has dealt with the rest.
    pub(super) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.broker.wake();
    }

    /// What waits, as soon as something does; nothing once the queue is closed and empty. Of one host that is everything,
    /// of several as much as one batch has.
    pub(super) async fn take(&self) -> Batch {
        let mut has_yielded = false;
        poll_fn(|cx| {
            self.broker.register(cx.waker());
            let mut waiting = lock(&self.waiting);
            if waiting.submissions == 0 && waiting.proposals.is_empty() && !waiting.closed {
                return Poll::Pending;
            }
            // The broker yields once before it takes the batch, so that the sessions that can run now have read the
            // batch before and add to this one: fewer and larger writes. On an idle server no session can
            // run, and nothing is delayed.
            if !mem::replace(&mut has_yielded, true) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let proposals = mem::take(&mut waiting.proposals);
            Poll::Ready(Batch { submissions: waiting.take_submissions(), proposals })
        })
        .await
    }
}

impl Waiting {
    fn take_submissions(&mut self) -> Vec<Submission> {
        if self.hosts.len() <= 1 {
            (self.submissions, self.bytes) = (0, 0);
            return self.hosts.pop_first().map(|(_, line)| line.submissions.into()).unwrap_or_default();
        }
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < BATCH && bytes < BATCH_BYTES && !self.hosts.is_empty() {
            for line in self.hosts.values_mut() {
                let Some(submission) = line.submissions.pop_front() else { continue };
                line.bytes -= submission.body.text.len();
                bytes += submission.body.text.len();
                batch.push(submission);
            }
            self.hosts.retain(|_, line| !line.submissions.is_empty());
        }
        (self.submissions, self.bytes) = (self.submissions - batch.len(), self.bytes - bytes);
        batch
    }
}

#[cfg(test)]
mod tests;
