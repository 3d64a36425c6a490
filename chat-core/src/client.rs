//! The client: joins rooms, says things, reads on, and comes back after a lost link without missing or repeating
//! anything.
//!
//! [`Client`] does no I/O: it is told frames and the time. [`start`] runs one over any transport.

use std::{collections::VecDeque, fmt, time::Duration};

mod backoff;
mod driver;
mod handshake_retry;
mod in_flight;
mod inbound;
mod keepalive;
mod machine;
mod raw;
mod repair;
mod request_queue;
mod rooms;
mod round_trip;
mod stats;

pub use driver::{Closed, Remote, Updates, start};
pub use machine::Client;
pub use stats::{RoundTrips, Stats};

use crate::{
    Address, ClientId,
    wire::{EntryFrame, Error, Event, Gap, Joined, Members, Presence, Reason, Welcome},
};

/// Who a client is.
#[derive(Clone)]
pub struct Config {
    /// The name it wants.
    pub name: String,
    /// Names its requests: 128 random bits, new for each run.
    pub client: ClientId,
    /// The server's password, if it has one.
    pub password: Option<String>,
    /// For the jitter of its timers.
    pub seed: u64,
    /// To see what a link does that may lose frames: nothing is sent again but what opens sessions and rooms,
    /// nothing is asked for again, and what comes is shown as it comes. On other links it changes nothing.
    pub raw: bool,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("name", &self.name).field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// What a client tells its user, in order.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Update {
    /// The session is open, or open again.
    Connected(Welcome),
    /// The link could not be made, or was lost. It is tried again after `retry_in`.
    Disconnected {
        /// Why.
        why: String,
        /// How long until the next try.
        retry_in: Duration,
    },
    /// From now on it dials there: as [`Remote::move_to`] asked, or back where it was because that did not work.
    Moved {
        /// Where.
        to: Address,
    },
    /// In a room: for the first time, or again after a lost link.
    Joined {
        /// The tag of the request, if it was asked for rather than done by the client itself.
        tag: Option<u64>,
        /// What the server says of the room.
        joined: Joined,
    },
    /// No longer in a room, although nobody asked: it could not be joined again.
    LostRoom {
        /// The room.
        room: String,
        /// Why.
        error: Error,
    },
    /// The next entry of a room: each once, in order. With [`Config::raw`] over a link that may lose frames, whatever
    /// entry came.
    Entry(EntryFrame),
    /// These entries of a room are gone for good.
    Gap(Gap),
    /// The room's numbers began anew, after its log was lost or put back: what was shown is void, it is read again.
    Reset {
        /// The room.
        room: String,
    },
    /// Who entered and left a room.
    Presence(Presence),
    /// Who is in a room, all at once: too much had changed.
    Members(Members),
    /// The reply to a request, also when it was refused. A join that worked is [`Update::Joined`] instead.
    Reply {
        /// The tag given with the request.
        tag: u64,
        /// The reply.
        reply: Event,
    },
    /// No reply came in 2 s to a request that is sent once, see [`Config::raw`]. Nobody knows what became of it.
    Unanswered {
        /// The tag given with the request.
        tag: u64,
    },
    /// What was measured so far, as [`Remote::measure`] asked.
    Stats(Stats),
    /// An error that is no request's.
    Error(Error),
    /// The server ends the link.
    Goodbye(Reason),
    /// The server does not let this client in and waiting would not help. Nothing follows.
    Refused(Error),
}

/// Updates that wait to be fetched.
type UpdateQueue = VecDeque<Update>;
