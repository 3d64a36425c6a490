//! One direction of a socket: remembers that the kernel has no more to give, or to take, so that it is not asked again
//! in vain.
//!
//! A link's task wakes for many reasons: a new message to write, a timer. Without this each of them would cost a
//! read that finds nothing, and for a slow peer a write that takes nothing.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures::task::{ArcWake, AtomicWaker, waker_ref};

/// Open until it is closed, and then until the socket is ready again.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    closed: bool,
    /// The reactor was asked to call `signal` when the socket is ready.
    waiting: bool,
    /// Only there once somebody has waited.
    signal: Option<Arc<Signal>>,
}

impl Gate {
    /// The kernel has nothing more to give or to take.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// Whether the kernel may be asked. `poll_ready` asks the reactor, and is not called again before that has answered.
    pub(crate) fn poll_open(
        &mut self,
        cx: &mut Context<'_>,
        poll_ready: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        if !self.closed {
            return Poll::Ready(Ok(()));
        }
        let signal = self.signal.get_or_insert_default();
        // Before `woken` is looked at: a call that comes in between then wakes this task.
        signal.task.register(cx.waker());
        let woken = self.waiting && signal.woken.swap(false, Ordering::AcqRel);
        if self.waiting && !woken {
            return Poll::Pending;
        }
        let is_ready = poll_ready(&mut Context::from_waker(&waker_ref(signal)))?;
        self.waiting = is_ready.is_pending();
        // A reactor that has woken us may doubt it: async-io does when another thread polled meanwhile. The kernel knows.
        if self.waiting && !woken {
            return Poll::Pending;
        }
        self.closed = false;
        Poll::Ready(Ok(()))
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
