//! Datagrams that did not leave: the network loses some anyway, so this is counted and no error.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
};

/// Counts what was not sent.
#[derive(Debug, Default)]
pub(crate) struct Losses(AtomicU64);

impl Losses {
    /// Takes what came of a send. The log hears of the 1st, the 2nd, the 4th and so on that failed.
    pub(crate) fn note(&self, sent: io::Result<()>) {
        let Err(error) = sent else { return };
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_power_of_two() {
            tracing::debug!(%error, count, "a datagram was not sent");
        }
    }
}
