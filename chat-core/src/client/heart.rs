//! Whether the link lives: when the server was heard, and when it is time to ask for a sign of life.

use std::time::{Duration, Instant};

/// The signs of life of one link.
#[derive(Debug)]
pub(super) struct Heart {
    since: Instant,
    last_heard: Instant,
    next_ping: Instant,
    every: Duration,
}

impl Heart {
    /// The link has just been made. What its transport does not promise to deliver it asks for more often.
    pub(super) fn new(is_reliable: bool, now: Instant) -> Heart {
        let every = if is_reliable { PING_EVERY } else { PING_EVERY_IF_LOSSY };
        Heart { since: now, last_heard: now, next_ping: now + every, every }
    }

    /// Whether the link is so young that what was said over the one before may still be on its way.
    pub(super) fn is_young(&self, now: Instant) -> bool {
        now < self.since + YOUNG
    }

    /// Something came.
    pub(super) fn heard(&mut self, now: Instant) {
        self.last_heard = now;
    }

    /// Whether to ping now. `waits` says since when a reply is waited for, where that may be because it was lost.
    pub(super) fn beats(&mut self, waits: Option<Instant>, now: Instant) -> bool {
        let beats = self.next_beat(waits) <= now;
        if beats {
            self.next_ping = now + self.every;
        }
        beats
    }

    /// When to ping next. A server that does not reply may only have to wait for its disk: then it still replies to
    /// a ping.
    pub(super) fn next_beat(&self, waits: Option<Instant>) -> Instant {
        match waits {
            // Once a second, but not again before the last one had its time.
            Some(since) => (since.max(self.last_heard) + PROBE_AFTER)
                .max(self.next_ping.checked_sub(self.every - PROBE_AFTER).unwrap_or(self.next_ping))
                .min(self.next_ping),
            None => self.next_ping,
        }
    }

    /// Whether nothing was heard for too long.
    ///
    /// # Errors
    /// Then: the link is dead.
    pub(super) fn check(&self, waits: Option<Instant>, now: Instant) -> Result<(), String> {
        match waits {
            Some(_) if now >= self.dead_at(waits) => Err("nobody answers".to_owned()),
            None if now >= self.dead_at(waits) => Err(format!("nothing heard for {SILENT_AFTER:?}")),
            _ => Ok(()),
        }
    }

    pub(super) fn dead_at(&self, waits: Option<Instant>) -> Instant {
        match waits {
            Some(since) => since.max(self.last_heard) + UNANSWERED_FOR,
            None => self.last_heard + SILENT_AFTER,
        }
    }
}

/// For how long a frame may be on its way.
const YOUNG: Duration = Duration::from_secs(2);
/// How often the client pings. Where nothing is lost once is enough before silence means death: TCP sends it again for
/// as long as there is left. That is 15 s; a network that is away for longer ends the link, and the session resumes.
const PING_EVERY: Duration = Duration::from_secs(30);
/// The same on links that may lose frames, where it is also the last chance to hear that the newest message was lost.
const PING_EVERY_IF_LOSSY: Duration = Duration::from_secs(15);
const SILENT_AFTER: Duration = Duration::from_secs(45);
/// After what silence a server that owes a reply is pinged, on links that may lose frames.
const PROBE_AFTER: Duration = Duration::from_secs(1);
/// After what silence of a server that owes a reply such a link is given up.
const UNANSWERED_FOR: Duration = Duration::from_secs(5);
