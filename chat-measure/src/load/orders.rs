//! The orders that the load gives to each of its clients.

use std::time::Duration;

use futures::channel::oneshot;

/// The receiving side of a client's orders.
pub(super) struct Orders {
    /// To begin to send.
    pub(super) begin: oneshot::Receiver<()>,
    /// To leave.
    pub(super) end: oneshot::Receiver<()>,
}

/// How long a client may take from dialling to being in its room.
pub(super) const JOIN_TIMEOUT: Duration = Duration::from_secs(30);
