//! Whether the link is alive: when the server was last heard, and when to ping it.

use std::time::{Duration, Instant};

/// The keepalive timers of one link.
#[derive(Debug)]
pub(super) struct Keepalive {
    since: Instant,
    last_heard: Instant,
    next_ping: Instant,
    timing: &'static Timing,
}

/// The intervals, which depend on the promises of the transport.
#[derive(Debug)]
struct Timing {
    /// How often the client pings.
    ping_every: Duration,
    /// The silence after which a link is dead.
    silent_after: Duration,
    /// The silence after which a server that owes a reply is pinged.
    probe_after: Duration,
    /// The silence after which the link to a server that owes a reply is given up.
    unanswered_for: Duration,
}

impl Keepalive {
    /// The link has just been made.
    pub(super) fn new(is_lossy: bool, now: Instant) -> Keepalive {
        let timing = if is_lossy { &LOSSY } else { &LOSSLESS };
        Keepalive { since: now, last_heard: now, next_ping: now + timing.ping_every, timing }
    }

    /// Whether the link is so young that frames sent over the link before it may still arrive at the server.
    pub(super) fn is_young(&self, now: Instant) -> bool {
        now < self.since + YOUNG
    }

    /// A frame came from the server.
    pub(super) fn heard(&mut self, now: Instant) {
        self.last_heard = now;
    }

    /// Whether a ping is due; if so, the timer of the next ping starts. `waiting_since` says since when the client waits
    /// for a reply.
    pub(super) fn take_ping_due(&mut self, waiting_since: Option<Instant>, now: Instant) -> bool {
        let is_due = self.next_ping_at(waiting_since) <= now;
        if is_due {
            self.next_ping = now + self.timing.ping_every;
        }
        is_due
    }

    /// When the next ping is due. A server that owes a reply is pinged sooner: it may only wait for its disk, and then it
    /// still answers a ping.
    pub(super) fn next_ping_at(&self, waiting_since: Option<Instant>) -> Instant {
        let Timing { ping_every, probe_after, .. } = *self.timing;
        let Some(since) = waiting_since else { return self.next_ping };
        // The last ping was at `next_ping - ping_every`; its reply has `probe_after` before the next ping.
        let after_last_ping = self.next_ping.checked_sub(ping_every - probe_after).unwrap_or(self.next_ping);
        (since.max(self.last_heard) + probe_after).max(after_last_ping).min(self.next_ping)
    }

    /// Fails when the link is dead.
    ///
    /// # Errors
    /// When the client heard nothing for too long.
    pub(super) fn check(&self, waiting_since: Option<Instant>, now: Instant) -> Result<(), String> {
        if now < self.dead_at(waiting_since) {
            return Ok(());
        }
        Err(match waiting_since {
            Some(_) => "nobody answers".to_owned(),
            None => format!("nothing heard for {:?}", self.timing.silent_after),
        })
    }

    /// When the link is dead if nothing is heard before.
    pub(super) fn dead_at(&self, waiting_since: Option<Instant>) -> Instant {
        match waiting_since {
            Some(since) => since.max(self.last_heard) + self.timing.unanswered_for,
            None => self.last_heard + self.timing.silent_after,
        }
    }
}

/// For how long a frame may be on its way.
const YOUNG: Duration = Duration::from_secs(2);
/// No frame is lost, so a rare ping is enough to find that a server vanished without a word. A client that waits for a
/// reply gives up sooner: TCP backs off while the network is down, and a new connection recovers at once.
const LOSSLESS: Timing = Timing {
    ping_every: Duration::from_secs(60),
    silent_after: Duration::from_secs(75),
    probe_after: Duration::from_secs(5),
    unanswered_for: Duration::from_secs(15),
};
/// On a lossy link the ping is also the last chance to learn that the newest entry was lost, and it keeps the mappings
/// of routers alive.
const LOSSY: Timing = Timing {
    ping_every: Duration::from_secs(15),
    silent_after: Duration::from_secs(45),
    probe_after: Duration::from_secs(1),
    unanswered_for: Duration::from_secs(5),
};
