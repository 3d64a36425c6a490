//! The pace of a link: a host that has sent much is read later, and one that has asked for much is sent it later, so that
//! other hosts have their share of the server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::server::{
    accounts::Account,
    limits::{FRAME_COST, Kind, Limits},
    turns::HostId,
};

/// What a link may do now. All links of a host spend from the same account.
#[derive(Debug)]
pub(crate) struct Pace {
    host: Arc<Account>,
    /// From when on the link is read again.
    receives_at: Option<Instant>,
    /// From when on the client is sent more of what it asked for.
    reads_at: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(host: Arc<Account>) -> Pace {
        Pace { host, receives_at: None, reads_at: None }
    }

    /// The host as one that takes turns with others.
    pub(crate) fn host(&self) -> HostId {
        self.host.host()
    }

    /// Looks at the time. A link that has waited has one turn, whatever other links of its host have spent meanwhile: so
    /// none of them waits for ever.
    pub(crate) fn begin_turn(&mut self, now: Instant) {
        self.receives_at = self.receives_at.filter(|at| now < *at);
        self.reads_at = self.reads_at.filter(|at| now < *at);
    }

    /// Whether the link may be read.
    pub(crate) fn may_receive(&self) -> bool {
        self.receives_at.is_none()
    }

    /// Whether the client may be sent more of what it asked for.
    pub(crate) fn may_read(&self) -> bool {
        self.reads_at.is_none()
    }

    /// Takes note of so many frames that came, with so many bytes together.
    pub(crate) fn has_received(&mut self, limits: &Limits, frames: usize, bytes: usize, now: Instant) {
        let cost = bytes + frames * FRAME_COST;
        self.receives_at = self.charge(limits, Kind::BytesReceived, cost, now).or(self.receives_at);
    }

    /// Takes note of so many bytes that the client asked for and is sent.
    pub(crate) fn has_read(&mut self, limits: &Limits, bytes: usize, now: Instant) {
        self.reads_at = self.charge(limits, Kind::BytesRead, bytes, now).or(self.reads_at);
    }

    /// When [`Pace::begin_turn`] changes something next.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.receives_at.into_iter().chain(self.reads_at).min()
    }

    fn charge(&self, limits: &Limits, kind: Kind, bytes: usize, now: Instant) -> Option<Instant> {
        if bytes == 0 {
            return None;
        }
        self.host.charge(limits, kind, u32::try_from(bytes).unwrap_or(u32::MAX), now);
        let wait = self.host.wait(limits, kind, now);
        (wait > Duration::ZERO).then(|| now + wait)
    }
}
