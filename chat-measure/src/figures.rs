//! What came of one conversation, in numbers.

use serde::{Deserialize, Serialize};

use crate::Durations;

/// One conversation of one contestant. Times that end in `us` are microseconds.
///
/// A delivery is one message at one reader; whoever says something is no reader of it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Figures {
    /// From when a message was due to be said until a reader had it, for every first delivery.
    pub latency: Durations,
    /// The same by the time at which messages were due; where nothing was delivered, there is no moment.
    pub over_time: Vec<Moment>,
    /// How readers waited for what was there already; nothing where it cannot be seen.
    pub stalls: Option<Stalls>,
    /// Messages that were said.
    pub said: u64,
    /// Deliveries that there would be if nothing were lost.
    pub expected: u64,
    /// Deliveries, each once.
    pub delivered: u64,
    /// Deliveries that never came.
    pub lost: u64,
    /// Deliveries that came again.
    pub duplicated: u64,
    /// Deliveries that came after one with a later number in the room.
    pub reordered: u64,
    /// What repair had to make up for; nothing where there is none.
    pub before_repair: Option<BeforeRepair>,
    /// Bytes of delivered texts in a second.
    pub goodput: f64,
    /// How long it lasted from the first message to the last delivery, in microseconds.
    pub lasted_us: u64,
    /// What crossed the wire; nothing where it cannot be seen.
    pub wire: Option<Wire>,
    /// What was sent again: segments by TCP, requests and entries by repair.
    pub retransmissions: Option<u64>,
    /// How people came in.
    pub join: Join,
    /// For every reader and outage, from its end until the reader had the next message; nothing without an outage.
    pub recovery: Option<Durations>,
    /// The processor's time.
    pub cpu: Cpu,
}

/// What was due in one stretch of a conversation.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Moment {
    /// When it began, in milliseconds after the conversation did.
    pub at_ms: u64,
    /// Deliveries.
    pub delivered: u64,
    /// The median of their latencies.
    pub p50_us: u64,
    /// The longest of them.
    pub max_us: u64,
}

/// Head-of-line blocking: what had arrived at a reader's machine could not be read, because something before it had not.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Stalls {
    /// How often that began.
    pub count: u64,
    /// How long it lasted in all, over all readers.
    pub total_us: u64,
    /// How long the longest lasted; where one before the conversation was longer than each in it, at most this long.
    pub longest_us: u64,
}

/// What the network did to entries, as clients saw it that made up for it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct BeforeRepair {
    /// Entries that did not come by themselves.
    pub lost: u64,
    /// Entries that came more than once.
    pub duplicated: u64,
    /// Entries that came by themselves after later ones.
    pub reordered: u64,
}

/// What crossed the wire during the conversation, both ways.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Wire {
    /// From the people to the server.
    pub up: Way,
    /// From the server to the people.
    pub down: Way,
    /// Packets that the emulator did not take in time: where it is not 0, the machine was too slow and the link worse
    /// than asked.
    pub missed: u64,
}

/// One direction of the wire.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Way {
    /// IP packets that were sent, acknowledgements and what was sent again included.
    pub packets: u64,
    /// Their bytes, with IP headers.
    pub bytes: u64,
    /// Of these packets, those that were lost by chance.
    pub lost: u64,
    /// Those that were sent in an outage.
    pub outage: u64,
    /// Those for which a queue had no room.
    pub queue_full: u64,
    /// Those that arrived twice.
    pub duplicated: u64,
    /// Those that were held back, so that others overtook.
    pub reordered: u64,
    /// Those with a flipped bit.
    pub corrupted: u64,
}

/// How people came in.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Join {
    /// From dialling until one was in the room, for all people.
    pub took: Durations,
    /// Links that failed on the way and had to be dialled anew.
    pub redialled: u64,
}

/// The processor's time, in all, in microseconds; nothing where it is not known.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Cpu {
    /// Of the server.
    pub server_us: Option<u64>,
    /// Of all clients together.
    pub clients_us: Option<u64>,
}

impl Figures {
    /// The share of deliveries that came, from 0 to 1.
    pub fn share_delivered(&self) -> f64 {
        share(self.delivered, self.expected)
    }

    /// IP packets for each delivery, both ways together.
    pub fn packets_per_delivery(&self) -> Option<f64> {
        let wire = self.wire.filter(|_| self.delivered > 0)?;
        Some((wire.up.packets + wire.down.packets) as f64 / self.delivered as f64)
    }

    /// Bytes of IP packets for each delivery, both ways together.
    pub fn bytes_per_delivery(&self) -> Option<f64> {
        let wire = self.wire.filter(|_| self.delivered > 0)?;
        Some((wire.up.bytes + wire.down.bytes) as f64 / self.delivered as f64)
    }
}

/// How much of the whole a part is; nothing has all of its parts.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}
