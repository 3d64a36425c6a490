//! What is known of one direction of a socket: whether a read or a write can do anything.
//!
//! A link's task wakes for many reasons, such as a new message to write or a timer. Without this cache each of them
//! would cost a read that finds nothing, and on the link of a slow peer a write that the kernel refuses.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures::task::{ArcWake, AtomicWaker, waker_ref};

/// Ready until it is cleared, and then not until the reactor says that the socket is.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    cleared: bool,
    /// The reactor was asked to call `signal` when the socket is ready.
    waiting: bool,
    /// Made by the first wait.
    signal: Option<Arc<Signal>>,
}

impl Readiness {
    /// Notes that the kernel has nothing more to give, or takes nothing more.
    pub(crate) fn clear(&mut self) {
        self.cleared = true;
    }

    /// Ready when a read or write may do something. `poll_ready` asks the reactor, and is not called again before the
    /// reactor has answered.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        poll_ready: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        if !self.cleared {
            return Poll::Ready(Ok(()));
        }
        let signal = self.signal.get_or_insert_default();
        // Before `woken` is read, so that a signal that comes in between wakes this task.
        signal.task.register(cx.waker());
        let woken = self.waiting && signal.woken.swap(false, Ordering::AcqRel);
        if self.waiting && !woken {
            return Poll::Pending;
        }
        let is_ready = poll_ready(&mut Context::from_waker(&waker_ref(signal)))?;
        self.waiting = is_ready.is_pending();
        // async-io may report `Pending` right after it woke us, if another thread polled it meanwhile. The read or
        // write that follows tells.
        if self.waiting && !woken {
            return Poll::Pending;
        }
        self.cleared = false;
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
