//! Reads a socket through all errors: an error never ends the reading, and never makes it spin.

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
    /// Errors in a row.
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

    /// Most errors are about a datagram that was sent before, and the next call works. If one stays, reading pauses.
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

/// Errors in a row after which reading pauses.
const ERRORS_IN_A_ROW: u32 = 16;

/// The pause; the system holds the datagrams that come meanwhile.
const PAUSE: Duration = Duration::from_millis(10);

/// The size of read buffers in bytes: more than the largest datagram, so that one over the limit is seen to be.
pub(crate) const BUFFER: usize = 64 * 1024;
