//! The deadline of a frame: how long a peer may take from its first byte to its last.

use std::{
    fmt,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use chat_core::Runtime;
use futures::{FutureExt, future::BoxFuture};

/// The deadline of the frame that has begun and is not complete.
///
/// There is at most one timer, and it outlives its frame: a timer that fires for a frame that is complete by then is
/// set again for the frame in progress. So a busy link seldom makes a timer, and an idle link soon holds none.
#[derive(Default)]
pub(crate) struct FrameDeadline {
    began: Option<Instant>,
    timer: Option<Timer>,
}

struct Timer {
    at: Instant,
    sleep: BoxFuture<'static, ()>,
}

impl FrameDeadline {
    /// Notes that a frame is complete; the next frame gets the whole time again.
    pub(crate) fn frame_done(&mut self) {
        self.began = None;
    }

    /// Ready when the frame in progress is not complete `limit` after the first call for it.
    pub(crate) fn poll_expired(
        &mut self,
        limit: Duration,
        runtime: &dyn Runtime,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let deadline = *self.began.get_or_insert_with(|| runtime.now()) + limit;
        loop {
            let timer = self
                .timer
                .get_or_insert_with(|| Timer { at: deadline, sleep: runtime.sleep_until(deadline) });
            ready!(timer.sleep.poll_unpin(cx));
            let fired_for = timer.at;
            self.timer = None;
            if fired_for >= deadline {
                return Poll::Ready(());
            }
        }
    }

    /// Between frames: drops the timer once it has fired.
    pub(crate) fn rest(&mut self, cx: &mut Context<'_>) {
        if self.timer.as_mut().is_some_and(|timer| timer.sleep.poll_unpin(cx).is_ready()) {
            self.timer = None;
        }
    }

    /// Whether there is a timer.
    #[cfg(test)]
    pub(crate) fn is_armed(&self) -> bool {
        self.timer.is_some()
    }
}

impl fmt::Debug for FrameDeadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameDeadline").field("began", &self.began).finish_non_exhaustive()
    }
}
