//! A frame that is said until it is answered: `hello` and `bye`, which are no requests with an `id`.

use std::time::Instant;

use bytes::Bytes;

use super::round_trip::RoundTrip;

/// The frame, and when it is said next.
#[derive(Debug)]
pub(super) struct HandshakeRetry {
    frame: Bytes,
    since: Instant,
    tries: u32,
    /// None if it need not be said again.
    due: Option<Instant>,
}

impl HandshakeRetry {
    /// Begins now.
    pub(super) fn new(frame: Bytes, now: Instant) -> HandshakeRetry {
        HandshakeRetry { frame, since: now, tries: 0, due: Some(now) }
    }

    /// The frame, if it is to be said now. `again` says whether it may be lost.
    pub(super) fn poll(&mut self, again: bool, round_trip: &mut RoundTrip, now: Instant) -> Option<Bytes> {
        self.due.filter(|at| *at <= now)?;
        self.due = again.then(|| now + round_trip.rto(self.tries, now));
        self.tries += 1;
        Some(self.frame.clone())
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// When it was said, if that was once.
    pub(super) fn sent_once_at(&self) -> Option<Instant> {
        (self.tries == 1).then_some(self.since)
    }
}
