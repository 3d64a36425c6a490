//! Retransmits `hello` and `bye`, which have no request id.

use std::time::Instant;

use bytes::Bytes;

use super::round_trip::RoundTrip;

/// The frame, and when it is sent next.
#[derive(Debug)]
pub(super) struct HandshakeRetry {
    frame: Bytes,
    since: Instant,
    tries: u32,
    /// None once the frame was sent over a link that does not lose it.
    due: Option<Instant>,
}

impl HandshakeRetry {
    /// A frame that is first sent now.
    pub(super) fn new(frame: Bytes, now: Instant) -> HandshakeRetry {
        HandshakeRetry { frame, since: now, tries: 0, due: Some(now) }
    }

    /// The frame, if it is due now. `is_lossy` says whether the link may lose it.
    pub(super) fn poll(&mut self, is_lossy: bool, round_trip: &mut RoundTrip, now: Instant) -> Option<Bytes> {
        self.due.filter(|at| *at <= now)?;
        self.due = is_lossy.then(|| now + round_trip.rto(self.tries, now));
        self.tries += 1;
        Some(self.frame.clone())
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// When the frame was sent, if it was sent once: only then does the reply measure a round trip.
    pub(super) fn sent_once_at(&self) -> Option<Instant> {
        (self.tries == 1).then_some(self.since)
    }
}
