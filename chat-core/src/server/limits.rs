//! The limits of a server: every bound stands here, with its reason.

use std::time::Duration;

use crate::{
    bucket::Rate,
    wire::{LimitsFrame, MAX_FRAME, MAX_TEXT},
};

/// The bounds that an operator may want to change. The default suits an office.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// How fast one session may send messages (`say`, `tell` and `topic`); `None` is without a limit.
    pub messages: Option<Rate>,
    /// How fast one session may send other requests.
    pub requests: Option<Rate>,
    /// How fast one session may ask for entries again, a page at a time.
    pub replays: Option<Rate>,
    /// How fast one session may search.
    pub searches: Option<Rate>,
    /// How fast one host, and one person, may create rooms; this machine is exempt as a host.
    pub new_rooms: Option<Rate>,
    /// Links from one host at a time; this machine is exempt.
    pub links_per_host: usize,
    /// Links in all.
    pub links: usize,
    /// Sessions in all, those that have lost their link included.
    pub sessions: usize,
    /// Rooms in all.
    pub rooms: usize,
    /// Rooms one session may be in.
    pub rooms_per_session: usize,
    /// For how long a session outlives its link.
    pub grace: Duration,
    /// Within which time a new link has to send `hello`.
    pub hello_within: Duration,
    /// After which time without a frame a link is dead.
    pub silent_after: Duration,
    /// The same for one that may lose frames, over which a client pings more often.
    pub silent_after_if_lossy: Duration,
    /// For how long a link may take no bytes before it is cut.
    pub unwritable_for: Duration,
    /// For how long a server that stops delivers pending frames.
    pub drain_within: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            messages: Some(Rate { burst: 20, per_minute: 300 }),
            requests: Some(Rate { burst: 200, per_minute: 3000 }),
            replays: Some(Rate { burst: 200, per_minute: 12_000 }),
            searches: Some(Rate { burst: 40, per_minute: 300 }),
            new_rooms: Some(Rate { burst: 20, per_minute: 10 }),
            links_per_host: 64,
            links: 20_000,
            sessions: 40_000,
            rooms: 10_000,
            rooms_per_session: 64,
            grace: Duration::from_secs(30),
            hello_within: Duration::from_secs(5),
            silent_after: Duration::from_secs(75),
            silent_after_if_lossy: Duration::from_secs(45),
            unwritable_for: Duration::from_secs(10),
            drain_within: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// Without limits on rate, links and sessions, for trusted networks and load tests.
    #[must_use]
    pub fn unlimited(self) -> Limits {
        let none = usize::MAX;
        Limits {
            messages: None,
            requests: None,
            replays: None,
            searches: None,
            new_rooms: None,
            links_per_host: none,
            links: none,
            sessions: none,
            ..self
        }
    }

    /// The limits that `welcome` tells a client.
    pub(super) fn frame(&self) -> LimitsFrame {
        LimitsFrame {
            frame: MAX_FRAME as u64,
            text: MAX_TEXT as u64,
            rooms: self.rooms_per_session as u64,
            pending: MAX_OWED as u64,
            ahead: Some(MAX_HELD as u64),
            in_flight: Some(MAX_IN_FLIGHT as u64),
            burst: self.messages.map(|rate| u64::from(rate.burst)),
            per_minute: self.messages.map(|rate| u64::from(rate.per_minute)),
        }
    }
}

/// Replies a session may owe before its link is no longer read.
pub(super) const MAX_OWED: usize = 64;
/// Bytes of replies that may wait to be sent before a link is no longer read.
pub(super) const MAX_OWED_BYTES: usize = 64 * 1024;
/// Bytes of frames taken from a session at a time.
pub(super) const FRAMES_AT_A_TIME: usize = 32 * 1024;
/// Requests that may wait for the broker; then the answer is `busy`.
pub(super) const MAX_QUEUED: usize = 4096;
/// Bytes of text that may wait for the broker; then the answer is `busy`.
pub(super) const MAX_QUEUED_BYTES: usize = 4 * 1024 * 1024;
/// After how many milliseconds a client may ask again after `busy`.
pub(super) const BUSY_RETRY_MS: u64 = 250;
/// Messages of one session that may be ahead of their turn.
pub(super) const MAX_HELD: usize = 16;
/// Requests a client may have under way on a link that is not lossless.
pub(super) const MAX_IN_FLIGHT: usize = 32;
/// Joins and leaves of one link that are recognised when they come again: more than a client has under way.
pub(super) const JOIN_LOG: usize = 2 * MAX_IN_FLIGHT;
/// Entries of one room that are sent at a time over a link that may lose frames: a receiver's buffer holds some
/// three hundred datagrams.
pub(super) const MAX_UNASKED: u64 = 64;
/// Bytes that one replay brings.
pub(super) const REPLAY_BYTES: usize = 32 * 1024;
/// Rooms that one `heads` names, so that it fits a packet.
pub(super) const HEADS_AT_A_TIME: usize = 8;
/// Entries a room keeps encoded.
pub(super) const RING_ENTRIES: usize = 1024;
/// Bytes of entries a room keeps encoded.
pub(super) const RING_BYTES: usize = 1024 * 1024;
/// Bytes a room keeps encoded once all rooms together hold [`ALL_RINGS_BYTES`].
pub(super) const SMALL_RING_BYTES: usize = 16 * 1024;
/// Bytes all rooms together keep encoded before each is held shorter.
pub(super) const ALL_RINGS_BYTES: usize = 256 * 1024 * 1024;
/// Changes of its members that a room remembers; the client of a member further behind asks `who`.
pub(super) const PRESENCE_CHANGES: usize = 256;
/// In a room of more people, a change of members waits for the next frame instead of waking every member: otherwise n
/// people who enter cost n² frames.
pub(super) const PRESENCE_WAKES: usize = 256;
/// Direct messages a session keeps.
pub(super) const INBOX_ENTRIES: usize = 256;
/// After how many milliseconds a client may dial again when the server stops.
pub(super) const RESTART_RETRY_MS: u64 = 1000;
/// After how many milliseconds a client may dial again when the server is full.
pub(super) const FULL_RETRY_MS: u64 = 1000;
/// For how long a link that was closed is still read, in case its last frame was lost.
pub(super) const LINGER: Duration = Duration::from_secs(1);
/// After so long a silence, a session whose link may lose frames may have lost it. Its client pings every 15 s.
pub(super) const MAY_BE_LOST_AFTER: Duration = Duration::from_secs(20);
/// After how many milliseconds a client may dial again when its hello did not come in time.
pub(super) const HELLO_RETRY_MS: u64 = 1000;
