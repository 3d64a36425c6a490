//! Counts the deliveries of one client: missing, repeated and late messages, by their sequence numbers in the room.

use std::sync::Arc;

use super::{
    shared::Shared,
    stamp::{Stamp, mixed},
};

/// Counts the deliveries of one client in constant memory.
pub(super) struct DeliveryCounter {
    shared: Arc<Shared>,
    /// Where this client's latencies are recorded.
    shard: usize,
    /// The largest sequence number that was received from the room.
    head: u64,
    counts: DeliveryCounts,
}

/// The deliveries of one client.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct DeliveryCounts {
    pub(super) room: usize,
    /// How many messages were received, each counted once.
    pub(super) count: u64,
    /// The sum of [`mixed`] over the numbers of those messages.
    pub(super) sum: u64,
    /// Sequence numbers that were skipped and have not been received later either.
    pub(super) missing: u64,
    pub(super) duplicated: u64,
    pub(super) reordered: u64,
}

/// Messages that a client received together.
pub(super) struct Batch {
    dues: [u64; BATCH],
    count: usize,
    bytes: usize,
}

impl DeliveryCounter {
    /// The counter of client `nth`, which joined its room when the last sequence number there was `head`.
    pub(super) fn new(nth: usize, head: u64, shared: Arc<Shared>) -> DeliveryCounter {
        let counts = DeliveryCounts { room: shared.load.room_of(nth), ..DeliveryCounts::default() };
        DeliveryCounter { shared, shard: nth, head, counts }
    }

    /// Records the message with sequence number `seq`. A batch holds at most [`BATCH`] messages.
    pub(super) fn record(&mut self, seq: u64, stamp: Stamp, bytes: usize, batch: &mut Batch) {
        let counts = &mut self.counts;
        if seq <= self.head && counts.missing == 0 {
            counts.duplicated += 1;
            return;
        }
        if seq <= self.head {
            // This message is taken to fill a gap: which numbers are missing is not remembered.
            counts.missing -= 1;
            counts.reordered += 1;
        } else {
            counts.missing += seq - self.head - 1;
            self.head = seq;
        }
        counts.count += 1;
        counts.sum = counts.sum.wrapping_add(mixed(stamp.number));
        batch.dues[batch.count] = stamp.due;
        batch.count += 1;
        batch.bytes += bytes;
    }

    /// Records that sequence number `seq` belongs to an entry that is no message of this load.
    pub(super) fn skip(&mut self, seq: u64) {
        self.head = self.head.max(seq);
    }

    /// Counts the messages of a batch as delivered at `now`.
    pub(super) fn flush(&self, batch: &Batch, now: u64) {
        if batch.count > 0 {
            self.shared.note_delivered(self.shard, &batch.dues[..batch.count], batch.bytes, now);
        }
    }

    pub(super) fn counts(&self) -> DeliveryCounts {
        self.counts
    }
}

impl Batch {
    pub(super) fn new() -> Batch {
        Batch { dues: [0; BATCH], count: 0, bytes: 0 }
    }
}

/// How many messages a batch holds, and how many frames a client reads before it yields to other tasks.
pub(super) const BATCH: usize = 64;
