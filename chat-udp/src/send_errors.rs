//! Datagrams that were not sent. The network loses datagrams anyway, so this is counted, and no error of the link.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
};

/// Counts the datagrams that were not sent.
#[derive(Debug, Default)]
pub(crate) struct SendErrors(AtomicU64);

impl SendErrors {
    /// Notes the outcome of a send. The 1st failure, the 2nd, the 4th and so on are logged.
    pub(crate) fn note(&self, sent: io::Result<()>) {
        let Err(error) = sent else { return };
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_power_of_two() {
            tracing::debug!(%error, count, "a datagram was not sent");
        }
    }
}
