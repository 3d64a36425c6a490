//! What a link is told for which there is no place, or no place any more.

use std::{io, time::Instant};

use bytes::Bytes;

use super::connection::Connection;
use crate::{
    server::limits::FULL_RETRY_MS,
    wire::{self, Code, Event},
};

/// The error for a link for which there is no place.
pub(crate) fn full(why: &str) -> Bytes {
    let error = wire::Error::of(None, Code::Full, why);
    wire::write(&Event::Error(wire::Error { retry_after_ms: Some(FULL_RETRY_MS), ..error }))
}

impl Connection {
    /// The link holds more of an unfinished frame than there is room for.
    pub(crate) fn on_too_much(&mut self, error: &io::Error) {
        self.refuse(Code::Full, error.to_string(), Some(FULL_RETRY_MS));
    }

    /// Whether the link has to end at once in favour of a newer one of its host.
    pub(crate) fn gives_way(&self) -> bool {
        self.permit.gives_way()
    }

    /// The last frame of a link that gives way, if it has not said its last already.
    pub(crate) fn gave_way(&self, now: Instant) -> Option<Bytes> {
        let is_told = self.permit.host().may_be_told(&self.limits, now);
        if is_told {
            tracing::info!(peer = %self.peer.address, why = GAVE_WAY, "a link ended");
        }
        let is_heard = is_told || self.promises.is_lossless();
        (is_heard && !self.is_leaving()).then(|| full(GAVE_WAY))
    }
}

/// Why a link ended that gave way to a newer one.
const GAVE_WAY: &str =
    "too many connections from your address; this one had asked for nothing, and made room for a newer one";
