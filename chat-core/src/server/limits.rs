//! The limits of a server: every bound stands here, with its reason.

use std::time::Duration;

use crate::{
    bucket::Rate,
    wire::{LimitsFrame, MAX_FRAME, MAX_TEXT},
};

mod network;
mod rates;

pub use self::{
    network::{Network, NotANetwork},
    rates::Rates,
};
pub(super) use rates::{CLAIM, Kind};

/// The bounds that an operator may want to change. The default suits an office; protocol 11 has the reasons.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// What one person may do, by key or name, over all sessions.
    pub person: Rates,
    /// What one host may do, over all links and sessions; this machine is exempt from all but the rate of passwords.
    pub host: Rates,
    /// Wrong passwords of all hosts together; beyond that, a host that had one right away waits for its next try.
    pub passwords: Option<Rate>,
    /// The addresses that many people share: one of them gets as much as 16 hosts.
    pub shared_networks: Vec<Network>,
    /// Links from one host at a time; this machine is exempt.
    pub links_per_host: usize,
    /// Links in all.
    pub links: usize,
    /// Links in all that have no session yet, each with a frame that may have come in part.
    pub links_without_session: usize,
    /// Sessions that one host has opened, those that have lost their link included: a few times its links, as people come
    /// back under other names. This machine is exempt.
    pub sessions_per_host: usize,
    /// Sessions in all, those that have lost their link included.
    pub sessions: usize,
    /// Rooms made by one host, while they exist; this machine is exempt.
    pub rooms_per_host: usize,
    /// Rooms in all.
    pub rooms: usize,
    /// Rooms one session may be in.
    pub rooms_per_session: usize,
    /// Bytes of direct messages that one host has sent and that inboxes keep; this machine is exempt.
    pub inbox_bytes_per_host: usize,
    /// Bytes of direct messages that all inboxes keep.
    pub inbox_bytes: usize,
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
            person: Rates::of_a_person(),
            host: Rates::of_a_host(),
            passwords: Some(Rate { burst: 100, per_minute: 300 }),
            shared_networks: Vec::new(),
            links_per_host: 64,
            links: 20_000,
            links_without_session: 2048,
            sessions_per_host: 256,
            sessions: 40_000,
            rooms_per_host: 200,
            rooms: 10_000,
            rooms_per_session: 64,
            inbox_bytes_per_host: 8 * 1024 * 1024,
            inbox_bytes: 64 * 1024 * 1024,
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
    /// The same for a log that deletes the oldest entries beyond so many bytes: one host fills at most a quarter of
    /// that in a day, so that what others said is not pushed out.
    #[must_use]
    pub fn with_history(self, bytes: u64) -> Limits {
        Limits { host: self.host.with_history(bytes), ..self }
    }

    /// Without limits on rate, links and sessions, for trusted networks and load tests. Passwords stay hard to guess.
    #[must_use]
    pub fn unlimited(self) -> Limits {
        let none = usize::MAX;
        Limits {
            person: self.person.unlimited(),
            host: self.host.unlimited(),
            links_per_host: none,
            links: none,
            links_without_session: none,
            sessions_per_host: none,
            sessions: none,
            rooms_per_host: none,
            inbox_bytes_per_host: none,
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
            burst: self.person.messages.map(|rate| u64::from(rate.burst)),
            per_minute: self.person.messages.map(|rate| u64::from(rate.per_minute)),
        }
    }
}

/// Bytes that a frame counts for besides those it has: about what reading and answering the smallest one costs.
pub(super) const FRAME_COST: usize = 256;
/// Frames that are read from a link before other links have their turn.
pub(super) const FRAMES_A_TURN: usize = 64;
/// Bytes that are read from a link before other links have their turn: parsing them takes less than a millisecond.
pub(super) const BYTES_A_TURN: usize = 64 * 1024;
/// Searches under way at a time.
pub(super) const SEARCHES: usize = 2;
/// How many of those may be of one host.
pub(super) const SEARCHES_PER_HOST: usize = 1;
/// Pages of the log that are read at a time, so that the log's own queue is short.
pub(super) const PAGES: usize = 64;
/// How many of those may be of one host.
pub(super) const PAGES_PER_HOST: usize = 4;
/// Rooms that a page of the list of rooms names before it is kept: a smaller one is made anew each time.
pub(super) const SMALL_LIST: usize = 64;
/// For how long a page of the list of rooms is kept.
pub(super) const LIST_KEPT_FOR: Duration = Duration::from_secs(1);
/// Pages of the list of rooms that are kept.
pub(super) const LIST_PAGES: usize = 32;
/// For how long changes of a small room's members are gathered.
pub(super) const PRESENCE_GATHERED_FOR: Duration = Duration::from_millis(100);
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
/// Of those requests, how many may be of one host, so that one host does not keep the others out.
pub(super) const MAX_QUEUED_PER_HOST: usize = MAX_QUEUED / 4;
/// Of those bytes, how many may be of one host.
pub(super) const MAX_QUEUED_BYTES_PER_HOST: usize = MAX_QUEUED_BYTES / 4;
/// Records that may wait for the broker: about rooms that are forgotten, and about people.
pub(super) const MAX_PROPOSED: usize = 4 * MAX_QUEUED;
/// Requests that the log stores at once while several hosts wait: a host waits for one batch that others have filled.
pub(super) const BATCH: usize = MAX_QUEUED / 4;
/// Bytes of text that the log stores at once while several hosts wait.
pub(super) const BATCH_BYTES: usize = MAX_QUEUED_BYTES / 4;
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
/// Bytes of direct messages a session keeps, or one more entry.
pub(super) const INBOX_BYTES: usize = 256 * 1024;
/// How often all inboxes are gone through for what they can let go of.
pub(super) const INBOX_SPACE: Rate = Rate { burst: 1, per_minute: 60 };
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
