//! What the writer thread is asked to do.

use std::sync::atomic::AtomicBool;

use chat_core::log::{Appended, LogError, Snapshot, Tail, Write};
use futures::channel::oneshot;

/// What the writer thread is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Stores a batch.
    Append(Vec<Write>, oneshot::Sender<Result<Appended, LogError>>),
    /// Hands out the rooms and the commits from then on.
    Subscribe(oneshot::Sender<(Snapshot, Tail)>),
    #[cfg(test)]
    Execute(String),
    #[cfg(test)]
    Fail(Fault),
}

/// When the next commit reports a failure.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    AfterIt,
    InsteadOfIt,
}

/// What the handle tells the thread besides commands.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// The log is being closed.
    pub(crate) is_closing: AtomicBool,
}
