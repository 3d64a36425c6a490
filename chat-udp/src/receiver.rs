//! Reading a socket whatever happens: an error of it is never the end, and never a reason to spin.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use chat_core::SharedRuntime;
use futures::{FutureExt, future::BoxFuture};

use crate::net::{Arrival, Socket};

/// The reading side of a socket.
pub(crate) struct Receiver {
    socket: Arc<dyn Socket>,
    runtime: SharedRuntime,
    /// In a row.
    errors: u32,
    pause: Option<BoxFuture<'static, ()>>,
}

impl Receiver {
    pub(crate) fn new(socket: Arc<dyn Socket>, runtime: SharedRuntime) -> Receiver {
        Receiver { socket, runtime, errors: 0, pause: None }
    }

    /// The next datagram.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Arrival> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.poll_unpin(cx));
                self.pause = None;
            }
            match ready!(self.socket.poll_recv(cx, buffer)) {
                Ok(arrival) => {
                    self.errors = 0;
                    return Poll::Ready(arrival);
                }
                Err(error) => self.after(&error),
            }
        }
    }

    /// Most errors tell of a datagram that was sent before, and the next call works. One that stays is waited out.
    fn after(&mut self, error: &std::io::Error) {
        self.errors += 1;
        if self.errors <= ERRORS_IN_A_ROW {
            return;
        }
        if self.errors.is_power_of_two() {
            tracing::warn!(%error, count = self.errors, "cannot receive");
        }
        self.pause = Some(self.runtime.sleep_until(self.runtime.now() + PAUSE));
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// Errors that are taken one after the other before the next one is waited out.
const ERRORS_IN_A_ROW: u32 = 16;

/// How long it is waited out; the system holds what comes meanwhile.
const PAUSE: Duration = Duration::from_millis(10);

/// What a datagram is read into, in bytes: more than the largest, so that one over the limit is seen to be.
pub(crate) const BUFFER: usize = 64 * 1024;
