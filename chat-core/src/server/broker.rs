//! The broker: the one task that appends to the log, and the one that publishes what the tail of the log says.
//!
//! It has the log store all waiting submissions as one batch. The tail then has the batch as one commit, in its place
//! among the commits of other servers. When that commit comes, the broker acknowledges the submissions and publishes the
//! entries, in this order, so that each author reads the ack before the entry.
//!
//! While the log stores a batch, the next one gathers. After a large batch the broker rests, no longer than that batch
//! took: the authors it has answered are about to speak again, and without the rest one half of them would always wait
//! for the commit of the other half.

use std::{
    future::{Future, poll_fn},
    iter,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either, select},
    pin_mut,
};

use super::{
    hub::Hub,
    limits::BUSY_RETRY_MS,
    mailbox::Mailbox,
    queue::{Asked, Batch, Proposal, Submission},
    refusal::storage_error,
    room::Room,
};
use crate::{
    Misplaced, Registry,
    log::{Append, Appended, Change, Commit, LogError, Outcome, Record, Tail, Write},
    wire::{self, Block, Code, Event},
};

/// The broker's side of the log.
pub(super) struct Broker {
    hub: Arc<Hub>,
    registry: Registry,
    tail: Tail,
    /// A commit that came together with an answer, which has to be dealt with first.
    held: Option<Commit>,
}

/// Why the server cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The tail has ended, or the server was too slow to read it.
    #[error("the tail of the log has ended: {0}")]
    Tail(LogError),
    /// The tail is not one.
    #[error("the tail of the log has a hole: {0}")]
    Hole(#[from] Misplaced),
    /// A batch was answered, and the tail does not have its commit.
    #[error("the tail of the log does not have position {expected}, which was answered")]
    Missing { expected: u64 },
    /// The tail went past a batch that was answered without having its commit.
    #[error("the tail of the log is at position {found} without having had {expected}")]
    Skipped { expected: u64, found: u64 },
}

enum Step<T> {
    Done(T),
    Commit(Commit),
}

impl Broker {
    /// `registry` and `tail` begin at the same position.
    pub(super) fn new(hub: Arc<Hub>, registry: Registry, tail: Tail) -> Broker {
        Broker { hub, registry, tail, held: None }
    }

    /// Stores and publishes until the queue is closed and empty.
    pub(super) async fn run(mut self) -> Result<(), Failure> {
        let hub = self.hub.clone();
        hub.forget_vacant_rooms();
        loop {
            let take = hub.queue().take();
            pin_mut!(take);
            let batch = self.until(take).await?;
            if batch.is_empty() {
                return Ok(());
            }
            let (is_large, began) = (batch.submissions.len() >= LARGE, hub.now());
            self.store(batch).await?;
            let took = hub.now().saturating_duration_since(began);
            if is_large && !took.is_zero() {
                self.until(hub.runtime().sleep_until(hub.now() + took.min(LONGEST_REST))).await?;
            }
        }
    }

    /// Waits for `work`, and publishes the commits that come meanwhile.
    async fn until<F: Future + Unpin>(&mut self, mut work: F) -> Result<F::Output, Failure> {
        loop {
            let step = poll_fn(|cx| {
                if let Poll::Ready(done) = work.poll_unpin(cx) {
                    return Poll::Ready(Ok(Step::Done(done)));
                }
                let commit = match self.poll_commit(cx) {
                    Poll::Ready(Ok(commit)) => commit,
                    Poll::Ready(Err(failure)) => return Poll::Ready(Err(failure)),
                    Poll::Pending => return Poll::Pending,
                };
                // An answer comes before its commit, but perhaps after it was polled for just now.
                Poll::Ready(Ok(match work.poll_unpin(cx) {
                    Poll::Ready(done) => {
                        self.held = Some(commit);
                        Step::Done(done)
                    }
                    Poll::Pending => Step::Commit(commit),
                }))
            });
            match step.await? {
                Step::Done(done) => return Ok(done),
                Step::Commit(commit) => self.publish(&commit)?,
            }
        }
    }

    fn poll_commit(&mut self, cx: &mut Context<'_>) -> Poll<Result<Commit, Failure>> {
        if let Some(commit) = self.held.take() {
            return Poll::Ready(Ok(commit));
        }
        self.tail.poll_next_unpin(cx).map(|commit| {
            let ended = || LogError::Failed("the log was closed".to_owned());
            commit.unwrap_or_else(|| Err(ended())).map_err(Failure::Tail)
        })
    }

    async fn store(&mut self, batch: Batch) -> Result<(), Failure> {
        let hub = self.hub.clone();
        let Batch { submissions, proposals } = batch;
        let made = rooms_to_make(&submissions);
        let at = hub.time_of_day();
        let entries = submissions.iter().map(|submission| Write::Entry(submission.append(at)));
        let count = proposals.len() + made.len();
        let proposed = proposals.iter().map(|proposal| proposal.record.clone());
        let writes = proposed.chain(made).map(Write::Record).chain(entries).collect();
        match self.patiently(hub.log().append(writes), &submissions).await? {
            Ok(Appended { mut outcomes, position }) => {
                debug_assert_eq!(outcomes.len(), count + submissions.len(), "one outcome for each item");
                let answers = outcomes.split_off(count.min(outcomes.len()));
                self.publish_before(position).await?;
                acknowledge(&submissions, &answers);
                if let Some(commit) = self.held.take() {
                    self.publish(&commit)?;
                }
                for (proposal, outcome) in proposals.into_iter().zip(outcomes) {
                    proposal.answer(&hub, Ok(outcome));
                }
            }
            Err(error) => {
                tracing::error!(%error, messages = submissions.len(), "nothing stored");
                // Some submissions may repeat what was stored long ago.
                let appends = submissions.iter().map(|submission| submission.append(at)).collect();
                let known = self.until(hub.log().lookup(appends)).await?.unwrap_or_default();
                refuse(&submissions, known, &error);
                proposals.into_iter().for_each(|proposal| proposal.answer(&hub, Err(&error)));
            }
        }
        for submission in submissions {
            submission.room.committed();
            hub.forget_if_vacant(&submission.room);
            submission.mailbox.settled(submission.id);
        }
        Ok(())
    }

    /// Publishes the commits before the one at `position`, which is then held. Without a position the batch has changed
    /// nothing, and no commit is due.
    async fn publish_before(&mut self, position: Option<u64>) -> Result<(), Failure> {
        let Some(expected) = position else { return Ok(()) };
        let hub = self.hub.clone();
        loop {
            let commit = match poll_fn(|cx| Poll::Ready(self.poll_commit(cx))).await {
                Poll::Ready(commit) => commit?,
                // It is about to come.
                Poll::Pending => {
                    let timeout = hub.runtime().sleep_until(hub.now() + PATIENCE);
                    match select(poll_fn(|cx| self.poll_commit(cx)), timeout).await {
                        Either::Left((commit, _)) => commit?,
                        Either::Right(_) => return Err(Failure::Missing { expected }),
                    }
                }
            };
            if commit.position == expected {
                self.held = Some(commit);
                return Ok(());
            }
            if commit.position > expected {
                return Err(Failure::Skipped { expected, found: commit.position });
            }
            self.publish(&commit)?;
        }
    }

    fn publish(&mut self, commit: &Commit) -> Result<(), Failure> {
        self.registry.apply(commit)?;
        for change in &commit.changes {
            match change {
                Change::Entries { room, entries } => match self.hub.room(room) {
                    Some(room) => room.publish(entries)?,
                    None => return Err(Misplaced::Record { room: room.clone() }.into()),
                },
                Change::Record(Record::RoomMade { room, .. }) => {
                    if let Some(state) = self.registry.room(room) {
                        self.hub.room_made(state);
                    }
                }
                Change::Record(Record::RoomTrimmed { room, oldest }) => {
                    if let Some(room) = self.hub.room(room) {
                        room.forget_below(*oldest);
                        self.hub.forget_if_vacant(&room);
                    }
                }
                Change::Record(Record::RoomForgotten { room }) => self.hub.room_forgotten(room),
                Change::Record(Record::People(record)) => self.hub.people_changed(record),
            }
        }
        Ok(())
    }

    /// Waits for the log. When that takes long the authors are told, because the log may never answer again.
    async fn patiently<T>(
        &mut self,
        mut append: BoxFuture<'_, T>,
        submissions: &[Submission],
    ) -> Result<T, Failure> {
        let hub = self.hub.clone();
        loop {
            let timeout = hub.runtime().sleep_until(hub.now() + PATIENCE);
            match self.until(select(append, timeout)).await? {
                Either::Left((appended, _)) => return Ok(appended),
                Either::Right(((), still)) => append = still,
            }
            tracing::warn!(messages = submissions.len(), "the log has not answered for {PATIENCE:?}");
            let mut told: Vec<*const Mailbox> = Vec::new();
            for submission in submissions {
                let mailbox = Arc::as_ptr(&submission.mailbox);
                if !told.contains(&mailbox) {
                    told.push(mailbox);
                    submission.mailbox.refuse(
                        None,
                        Code::StorageFailed,
                        "the disk does not answer; not all messages are stored yet",
                    );
                    submission.mailbox.wake();
                }
            }
        }
    }
}

/// The records that make the rooms in which these are the first entries.
fn rooms_to_make(submissions: &[Submission]) -> Vec<Record> {
    let mut rooms: Vec<&Arc<Room>> = Vec::new();
    for Submission { room, .. } in submissions {
        if !room.is_made() && !rooms.iter().any(|other| Arc::ptr_eq(other, room)) {
            rooms.push(room);
        }
    }
    let made =
        |room: &Arc<Room>| Record::RoomMade { room: room.name().clone(), incarnation: room.incarnation() };
    rooms.into_iter().map(made).collect()
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

    /// Answers the submission. Its ack shares a block with those of others; `rest` are still to come, this one included.
    fn answer(&self, outcome: Outcome, acks: &mut Block, rest: usize) {
        match outcome {
            Outcome::Stored(position) | Outcome::Known(position) => {
                let ack = acks.ack(self.id, self.room.name().as_str(), position, rest * ACK_BYTES);
                self.mailbox.reply_frame(ack);
            }
            Outcome::Conflict | Outcome::Applied | Outcome::Refused => {
                let error = wire::Error::of(self.id, Code::Conflict, "this id was used for another message");
                self.mailbox.refuse_late(self.id, wire::write(&Event::Error(error)));
            }
        }
    }
}

impl Proposal {
    /// Tells whoever waits what has become of the record.
    fn answer(self, hub: &Hub, outcome: Result<Outcome, &LogError>) {
        if outcome != Ok(Outcome::Applied)
            && let Some(room) = self.record.room()
        {
            hub.keep(room);
        }
        let Some(Asked { mailbox, id, reply }) = self.asked else { return };
        match outcome {
            Ok(Outcome::Applied) => mailbox.reply(&reply),
            Ok(_) => {
                let wait = Duration::from_millis(BUSY_RETRY_MS);
                mailbox.refuse_for_now(id, Code::Busy, "the keys have just changed; try again", wait);
            }
            Err(error) => mailbox.reply_frame(storage_error(Some(id), error)),
        }
        mailbox.settled(id);
    }
}

/// Queues the answers of a batch that is stored.
fn acknowledge(submissions: &[Submission], outcomes: &[Outcome]) {
    let (mut acks, mut rest) = (Block::default(), submissions.len());
    for (submission, outcome) in submissions.iter().zip(outcomes) {
        submission.answer(*outcome, &mut acks, rest);
        rest -= 1;
    }
}

/// Queues the answers of a batch that is not stored, but for the submissions that are known.
fn refuse(submissions: &[Submission], known: Vec<Option<Outcome>>, error: &LogError) {
    let mut acks = Block::default();
    for (submission, outcome) in submissions.iter().zip(known.into_iter().chain(iter::repeat(None))) {
        match outcome {
            Some(outcome) => submission.answer(outcome, &mut acks, 1),
            None => submission.mailbox.refuse_late(submission.id, storage_error(Some(submission.id), error)),
        }
    }
}

/// About how long an ack is.
const ACK_BYTES: usize = 96;
/// How many submissions make a batch a large one.
const LARGE: usize = 8;
/// How long a message waits, at most, for others to be stored with it.
const LONGEST_REST: Duration = Duration::from_millis(1);
/// How long the log may take before the authors are told that their messages are not stored yet.
const PATIENCE: Duration = Duration::from_secs(5);
