//! Whether the link lives: when the server was heard, and when it is time to ask for a sign of life.

use std::time::{Duration, Instant};

/// The signs of life of one link.
#[derive(Debug)]
pub(super) struct Keepalive {
    since: Instant,
    last_heard: Instant,
    next_ping: Instant,
    timing: &'static Timing,
}

/// How long things take, by what the transport promises.
#[derive(Debug)]
struct Timing {
    /// How often the client pings.
    ping_every: Duration,
    /// After what silence a link is dead.
    silent_after: Duration,
    /// After what silence a server that owes a reply is pinged.
    probe_after: Duration,
    /// After what silence of a server that owes a reply the link is given up.
    unanswered_for: Duration,
}

impl Keepalive {
    /// The link has just been made.
    pub(super) fn new(is_lossless: bool, now: Instant) -> Keepalive {
        let timing = if is_lossless { &LOSSLESS } else { &LOSSY };
        Keepalive { since: now, last_heard: now, next_ping: now + timing.ping_every, timing }
    }

    /// Whether the link is so young that what was said over the one before may still be on its way.
    pub(super) fn is_young(&self, now: Instant) -> bool {
        now < self.since + YOUNG
    }

    /// Something came.
    pub(super) fn heard(&mut self, now: Instant) {
        self.last_heard = now;
    }

    /// Whether to ping now. `waiting_since` says since when a reply is waited for.
    pub(super) fn take_ping_due(&mut self, waiting_since: Option<Instant>, now: Instant) -> bool {
        let is_due = self.next_ping_at(waiting_since) <= now;
        if is_due {
            self.next_ping = now + self.timing.ping_every;
        }
        is_due
    }

    /// When to ping next. A server that does not reply may only have to wait for its disk: then it still replies to
    /// a ping.
    pub(super) fn next_ping_at(&self, waiting_since: Option<Instant>) -> Instant {
        let Timing { ping_every, probe_after, .. } = *self.timing;
        match waiting_since {
            // But not again before the last one had its time.
            Some(since) => (since.max(self.last_heard) + probe_after)
                .max(self.next_ping.checked_sub(ping_every - probe_after).unwrap_or(self.next_ping))
                .min(self.next_ping),
            None => self.next_ping,
        }
    }

    /// Whether nothing was heard for too long.
    ///
    /// # Errors
    /// Then: the link is dead.
    pub(super) fn check(&self, waiting_since: Option<Instant>, now: Instant) -> Result<(), String> {
        match waiting_since {
            Some(_) if now >= self.dead_at(waiting_since) => Err("nobody answers".to_owned()),
            None if now >= self.dead_at(waiting_since) => {
                Err(format!("nothing heard for {:?}", self.timing.silent_after))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn dead_at(&self, waiting_since: Option<Instant>) -> Instant {
        match waiting_since {
            Some(since) => since.max(self.last_heard) + self.timing.unanswered_for,
            None => self.last_heard + self.timing.silent_after,
        }
    }
}

/// For how long a frame may be on its way.
const YOUNG: Duration = Duration::from_secs(2);
/// Nothing is lost, so one ping in a while is enough to find a server that went without a word. Who waits for a reply
/// hears sooner: TCP says things again ever more rarely while a network is away, and a new link is there at once.
const LOSSLESS: Timing = Timing {
    ping_every: Duration::from_secs(60),
    silent_after: Duration::from_secs(75),
    probe_after: Duration::from_secs(5),
    unanswered_for: Duration::from_secs(15),
};
/// Here a ping is also the last chance to hear that the newest message was lost, and keeps a way through routers open.
const LOSSY: Timing = Timing {
    ping_every: Duration::from_secs(15),
    silent_after: Duration::from_secs(45),
    probe_after: Duration::from_secs(1),
    unanswered_for: Duration::from_secs(5),
};
