//! One direction of a socket: remembers that it would block, so that the kernel is not asked again in vain.
//!
//! A link's task wakes for many reasons: a new message to write, a timer. Without this each of them would cost a
//! read that finds nothing, and for a slow peer a write that takes nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures::task::{ArcWake, AtomicWaker, waker_ref};

/// Lets attempts through unless the last one is still pending.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    pending: bool,
    signal: Arc<Signal>,
}

impl Gate {
    /// Makes the `attempt`, unless an earlier one was pending and its waker was not called since.
    pub(crate) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        attempt: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        // Before `woken` is looked at: a call that comes in between then wakes this task.
        self.signal.task.register(cx.waker());
        if self.pending && !self.signal.woken.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let outcome = attempt(&mut Context::from_waker(&waker_ref(&self.signal)));
        self.pending = outcome.is_pending();
        outcome
    }
}

#[derive(Debug, Default)]
struct Signal {
    woken: AtomicBool,
    task: AtomicWaker,
}

impl ArcWake for Signal {
    fn wake_by_ref(this: &Arc<Signal>) {
        this.woken.store(true, Ordering::Release);
        this.task.wake();
    }
}
