//! A session's outbound mailbox: the replies that wait to be sent, the requests the broker has yet to answer, and the
//! waker of the task that sends them. Rooms and the broker hold mailboxes and know no sessions.

use std::{
    collections::VecDeque,
    mem,
    sync::{Mutex, MutexGuard},
    task::Waker,
    time::Duration,
};

use bytes::Bytes;
use futures::task::AtomicWaker;

use super::sync::lock;
use crate::wire::{self, Code, Event};

/// The mailbox of one session. It outlives the session's links.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    /// Wakes the task of the session's newest link.
    waker: AtomicWaker,
    replies: Mutex<Replies>,
}

/// What a mailbox holds.
#[derive(Debug, Default)]
pub(super) struct Replies {
    frames: VecDeque<Bytes>,
    bytes: usize,
    /// Requests the broker has not answered yet.
    with_broker: Vec<u64>,
    /// Messages the broker refused after they had been taken in, with the refusal. The session has not heard of them.
    refused_late: Vec<(u64, Bytes)>,
}

impl Mailbox {
    /// Tells the session's task that there is something to do.
    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    /// Has `waker` woken by [`Mailbox::wake`], in place of the one before.
    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// The contents, locked.
    pub(super) fn replies(&self) -> MutexGuard<'_, Replies> {
        lock(&self.replies)
    }

    pub(super) fn reply(&self, event: &Event) {
        self.reply_frame(wire::write(event));
    }

    pub(super) fn reply_frame(&self, frame: Bytes) {
        self.replies().push(frame);
    }

    /// Refuses a request for good.
    pub(super) fn refuse(&self, id: Option<u64>, code: Code, message: impl Into<String>) {
        self.reply(&Event::Error(wire::Error::of(id, code, message)));
    }

    /// Refuses a request until `wait` has passed.
    pub(super) fn refuse_for_now(&self, id: u64, code: Code, message: impl Into<String>, wait: Duration) {
        self.reply(&Event::Error(wire::Error::of(id, code, message).until(wait)));
    }

    /// The broker refuses a message that the session took in before.
    pub(super) fn refuse_late(&self, id: u64, refusal: Bytes) {
        let mut replies = self.replies();
        replies.refused_late.push((id, refusal.clone()));
        replies.push(refusal);
    }

    /// The messages that were refused late since this was last asked.
    pub(super) fn take_refused_late(&self) -> Vec<(u64, Bytes)> {
        mem::take(&mut self.replies().refused_late)
    }

    /// Whether the broker has the request `id` and will answer it.
    pub(super) fn is_with_broker(&self, id: u64) -> bool {
        self.replies().with_broker.contains(&id)
    }

    /// Notes that the broker has the request `id`.
    pub(super) fn asked_broker(&self, id: u64) {
        self.replies().with_broker.push(id);
    }

    /// Notes that the broker has answered the request `id` and published what it stored.
    pub(super) fn settled(&self, id: u64) {
        let with_broker = &mut self.replies().with_broker;
        if let Some(at) = with_broker.iter().position(|other| *other == id) {
            with_broker.swap_remove(at);
        }
        self.wake();
    }
}

impl Replies {
    pub(super) fn push(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        if self.frames.is_empty() {
            self.frames = VecDeque::new(); // most sessions are idle most of the time
        }
        Some(frame)
    }

    /// Drops the frames that wait: their link is gone.
    pub(super) fn clear(&mut self) {
        self.frames = VecDeque::new();
        self.bytes = 0;
    }

    /// How many replies wait to be sent or are yet to come from the broker.
    pub(super) fn owed(&self) -> usize {
        self.frames.len() + self.with_broker.len()
    }

    /// The bytes of the replies that wait to be sent.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
