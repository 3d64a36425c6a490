//! The figures of one conversation.

use serde::{Deserialize, Serialize};

use crate::durations::Durations;

/// The figures of one conversation over one contestant. Fields that end in `us` are microseconds.
///
/// A delivery is one message that reached one reader. The sender is not a reader of its own messages.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Figures {
    /// From when a message was due until a reader had it, for every first delivery.
    pub latency: Durations,
    /// The latencies by the time at which messages were due. A slot in which nothing was delivered is left out.
    pub over_time: Vec<TimeSlot>,
    /// How readers waited for data that had arrived already; `None` where that cannot be observed.
    pub stalls: Option<Stalls>,
    /// Messages that were sent.
    pub said: u64,
    /// Deliveries that there would be if nothing were lost.
    pub expected: u64,
    /// Deliveries, each counted once.
    pub delivered: u64,
    /// Deliveries that never came.
    pub lost: u64,
    /// Deliveries that came again.
    pub duplicated: u64,
    /// Deliveries that came after one with a larger sequence number.
    pub reordered: u64,
    /// The faults that repair made up for; `None` where there is no repair.
    pub before_repair: Option<BeforeRepair>,
    /// Bytes of delivered texts per second.
    pub goodput: f64,
    /// The time from the first message to the last delivery, in microseconds.
    pub lasted_us: u64,
    /// The packets on the wire; `None` where they cannot be observed.
    pub wire: Option<Wire>,
    /// Retransmissions: of segments by TCP, of requests and entries by repair.
    pub retransmissions: Option<u64>,
    /// How clients joined their rooms.
    pub join: Join,
    /// For every reader and outage, from the end of the outage until the reader had the next message; `None` without an outage.
    pub recovery: Option<Durations>,
    /// Processor time.
    pub cpu: Cpu,
}

/// The deliveries of messages that were due in one slot of a conversation.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct TimeSlot {
    /// When the slot began, in milliseconds since the conversation began.
    pub at_ms: u64,
    /// Deliveries.
    pub delivered: u64,
    /// The median of the latencies.
    pub p50_us: u64,
    /// The longest latency.
    pub max_us: u64,
}

/// Head-of-line blocking: data had arrived at a reader's machine and could not be read, because earlier data had not
/// arrived.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Stalls {
    /// The number of stalls.
    pub count: u64,
    /// Their total length over all readers.
    pub total_us: u64,
    /// The length of the longest stall. If a stall before the conversation was longer than every one in it, this is an upper
    /// bound.
    pub longest_us: u64,
}

/// What the network did to entries, as seen by clients that repaired it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct BeforeRepair {
    /// Entries that did not arrive without being asked for.
    pub lost: u64,
    /// Entries that arrived more than once.
    pub duplicated: u64,
    /// Entries that arrived, without being asked for, after later ones.
    pub reordered: u64,
}

/// The packets on the wire during the conversation, in both directions.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Wire {
    /// From the clients to the server.
    pub up: WireCounts,
    /// From the server to the clients.
    pub down: WireCounts,
    /// Packets that the emulator did not take in time. If this is not 0, the machine was too slow and the link was worse
    /// than asked for.
    pub missed: u64,
}

/// The packets in one direction of the wire.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct WireCounts {
    /// IP packets that were sent, including acknowledgements and retransmissions.
    pub packets: u64,
    /// Their bytes, with IP headers.
    pub bytes: u64,
    /// Packets that were lost by chance.
    pub lost: u64,
    /// Packets that were sent in an outage, and lost.
    pub outage: u64,
    /// Packets that were lost because a queue was full.
    pub queue_full: u64,
    /// Packets that arrived twice.
    pub duplicated: u64,
    /// Packets that were held back, so that others overtook them.
    pub reordered: u64,
    /// Packets in which a bit was flipped.
    pub corrupted: u64,
}

/// How clients joined their rooms.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Join {
    /// From dialling until the client had joined its room, for all clients.
    pub took: Durations,
    /// Links that failed and had to be dialled again.
    pub redialled: u64,
}

/// Processor time in microseconds; `None` where it is not known.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Cpu {
    /// The server's processor time.
    pub server_us: Option<u64>,
    /// The processor time of all clients together.
    pub clients_us: Option<u64>,
}

impl Figures {
    /// The share of expected deliveries that came, from 0 to 1.
    pub fn share_delivered(&self) -> f64 {
        share(self.delivered, self.expected)
    }

    /// IP packets per delivery, in both directions together.
    pub fn packets_per_delivery(&self) -> Option<f64> {
        let wire = self.wire.filter(|_| self.delivered > 0)?;
        Some((wire.up.packets + wire.down.packets) as f64 / self.delivered as f64)
    }

    /// Bytes of IP packets per delivery, in both directions together.
    pub fn bytes_per_delivery(&self) -> Option<f64> {
        let wire = self.wire.filter(|_| self.delivered > 0)?;
        Some((wire.up.bytes + wire.down.bytes) as f64 / self.delivered as f64)
    }
}

/// The share of `part` in `whole`; 1 if `whole` is 0.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}
