//! What the handler of a request needs besides the session's state.

use std::{
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    server::{accounts::Spent, hub::Hub, limits::Limits, session::Session},
    transport::Binding,
    wire::{self, Code, Event},
};

/// Whether a session may read, and how much it has read by its request.
#[derive(Debug)]
pub(crate) struct Allowance {
    may_read: bool,
    spent: Cell<usize>,
}

impl Allowance {
    pub(crate) fn new(may_read: bool) -> Allowance {
        Allowance { may_read, spent: Cell::new(0) }
    }

    pub(crate) fn may_read(&self) -> bool {
        self.may_read
    }

    /// The bytes that were read.
    pub(crate) fn spent(&self) -> usize {
        self.spent.get()
    }
}

/// The session whose request is handled, the server it is on, and the time.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) hub: &'a Hub,
    pub(crate) session: &'a Arc<Session>,
    pub(crate) limits: &'a Limits,
    /// What names the handshake of the link, if it is encrypted.
    pub(crate) binding: Option<Binding>,
    pub(crate) allowance: &'a Allowance,
    pub(crate) now: Instant,
}

impl Context<'_> {
    pub(crate) fn reply(&self, event: &Event) {
        self.session.mailbox().reply(event);
    }

    pub(crate) fn reply_frame(&self, frame: Bytes) {
        self.session.mailbox().reply_frame(frame);
    }

    /// Replies with something that was asked for, whose size counts for the host.
    pub(crate) fn bring(&self, event: &Event) {
        self.bring_frame(wire::write(event));
    }

    /// Replies with a frame that was asked for, whose size counts for the host.
    pub(crate) fn bring_frame(&self, frame: Bytes) {
        self.allowance.spent.update(|spent| spent + frame.len());
        self.reply_frame(frame);
    }

    /// Refuses a request for good.
    pub(crate) fn refuse(&self, id: Option<u64>, code: Code, message: impl Into<String>) {
        self.session.mailbox().refuse(id, code, message);
    }

    /// Refuses a request for which a budget has not enough left.
    pub(crate) fn refuse_spent(&self, id: u64, spent: &Spent) {
        self.refuse_for_now(id, Code::RateLimited, spent.message(), spent.wait);
    }

    /// Refuses a request until `wait` has passed.
    pub(crate) fn refuse_for_now(&self, id: u64, code: Code, message: impl Into<String>, wait: Duration) {
        self.session.mailbox().refuse_for_now(id, code, message, wait);
    }
}
