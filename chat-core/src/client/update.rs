//! What a client reports to its user.

use std::{collections::VecDeque, time::Duration};

use super::stats::Stats;
use crate::{
    Address,
    wire::{EntryFrame, Error, Event, Gap, Joined, Members, Presence, Reason, Welcome},
};

/// What a client reports to its user, in order.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Update {
    /// The session is open, or open again.
    Connected(Welcome),
    /// The link could not be made, or was lost. The client dials again after `retry_in`.
    Disconnected {
        /// Why.
        why: String,
        /// How long until the next try.
        retry_in: Duration,
    },
    /// From now on the client dials this address: because [`Remote::move_to`](super::Remote::move_to) asked for it, or
    /// because that did not work and the client goes back to the address before.
    Moved {
        /// The address.
        to: Address,
    },
    /// The client is in a room: for the first time, or again after a lost link.
    Joined {
        /// The tag of the request; none if the client joined again by itself.
        tag: Option<u64>,
        /// What the server says of the room.
        joined: Joined,
    },
    /// The client is no longer in a room, although the user did not leave: it could not be joined again.
    LostRoom {
        /// The room.
        room: String,
        /// Why.
        error: Error,
    },
    /// The next entry of a room: each once, in order. An entry of a kind that this version does not know is reported like
    /// all others. With [`Config::raw`](super::Config::raw) over a link that may lose frames: an entry that arrived.
    Entry(EntryFrame),
    /// These entries of a room are gone for good.
    Gap(Gap),
    /// The numbers of a room began anew, because its log was lost or restored. The entries reported so far are void, and
    /// the room is read again.
    Reset {
        /// The room.
        room: String,
    },
    /// Who entered and left a room.
    Presence(Presence),
    /// Everyone who is in a room: the client had missed changes.
    Members(Members),
    /// The reply to a request, also when it was refused. A successful join is [`Update::Joined`] instead.
    Reply {
        /// The tag given with the request.
        tag: u64,
        /// The reply.
        reply: Event,
    },
    /// No reply came within 2 s to a request that is sent once, see [`Config::raw`](super::Config::raw). Whether the
    /// server got the request is not known.
    Unanswered {
        /// The tag given with the request.
        tag: u64,
    },
    /// The measurements so far, as [`Remote::measure`](super::Remote::measure) asked.
    Stats(Stats),
    /// An error that answers no request.
    Error(Error),
    /// The server ends the link.
    Goodbye(Reason),
    /// The server does not let this client in, and waiting would not help. No update follows.
    Refused(Error),
}

/// The updates that the driver has not fetched yet.
pub(super) type UpdateQueue = VecDeque<Update>;
