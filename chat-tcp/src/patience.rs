//! How long a peer may take over one frame.

use std::{
    fmt,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use chat_core::Runtime;
use futures::{FutureExt, future::BoxFuture};

/// The clock of the frame that has begun and is not complete.
///
/// There is at most one timer, and it outlives its frame: if it rings for a frame that is complete, it is set again
/// for the one that is not. So a busy link makes one timer in a while, and an idle one soon has none.
#[derive(Default)]
pub(crate) struct Patience {
    began: Option<Instant>,
    timer: Option<Timer>,
}

struct Timer {
    at: Instant,
    ring: BoxFuture<'static, ()>,
}

impl Patience {
    /// A frame is complete; the next one gets the whole time again.
    pub(crate) fn frame_done(&mut self) {
        self.began = None;
    }

    /// Ready when the frame that is in progress is not complete `limit` after the first call for it.
    pub(crate) fn poll_expired(
        &mut self,
        limit: Duration,
        runtime: &dyn Runtime,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let deadline = *self.began.get_or_insert_with(|| runtime.now()) + limit;
        loop {
            let timer =
                self.timer.get_or_insert_with(|| Timer { at: deadline, ring: runtime.sleep_until(deadline) });
            ready!(timer.ring.poll_unpin(cx));
            let rang_for = timer.at;
            self.timer = None;
            if rang_for >= deadline {
                return Poll::Ready(());
            }
        }
    }

    /// Between frames: drops the timer once it has rung.
    pub(crate) fn rest(&mut self, cx: &mut Context<'_>) {
        if self.timer.as_mut().is_some_and(|timer| timer.ring.poll_unpin(cx).is_ready()) {
            self.timer = None;
        }
    }

    /// Whether there is a timer.
    #[cfg(test)]
    pub(crate) fn is_armed(&self) -> bool {
        self.timer.is_some()
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patience").field("began", &self.began).finish_non_exhaustive()
    }
}
