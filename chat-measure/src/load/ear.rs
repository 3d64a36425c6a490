//! What a client hears: numbered without holes, each message once.

use std::sync::Arc;

use super::{
    mark::{Mark, mixed},
    shared::Shared,
};

/// Counts what one client hears, in next to no memory.
pub(super) struct Ear {
    shared: Arc<Shared>,
    /// Where its latencies are counted.
    shard: usize,
    /// The largest number heard in its room.
    head: u64,
    heard: Heard,
}

/// What one client heard in the end.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Heard {
    pub(super) room: usize,
    /// How many messages, each once.
    pub(super) count: u64,
    /// Of the numbers of those messages, [`mixed`].
    pub(super) sum: u64,
    /// Numbers of the room that were skipped and have not come after all.
    pub(super) missing: u64,
    pub(super) duplicated: u64,
    pub(super) reordered: u64,
}

/// Messages that came together.
pub(super) struct Batch {
    dues: [u64; BATCH],
    count: usize,
    bytes: usize,
}

impl Ear {
    /// The ear of client `nth`, which is in its room and has read up to number `head`.
    pub(super) fn new(nth: usize, head: u64, shared: Arc<Shared>) -> Ear {
        let heard = Heard { room: shared.load.room(nth), ..Heard::default() };
        Ear { shared, shard: nth, head, heard }
    }

    /// A message came that has number `seq` in the room. At most [`BATCH`] make a batch.
    pub(super) fn hear(&mut self, seq: u64, mark: Mark, bytes: usize, batch: &mut Batch) {
        let heard = &mut self.heard;
        if seq <= self.head && heard.missing == 0 {
            heard.duplicated += 1;
            return;
        }
        if seq <= self.head {
            // It fills a hole, as far as can be told without remembering which.
            heard.missing -= 1;
            heard.reordered += 1;
        } else {
            heard.missing += seq - self.head - 1;
            self.head = seq;
        }
        heard.count += 1;
        heard.sum = heard.sum.wrapping_add(mixed(mark.number));
        batch.dues[batch.count] = mark.due;
        batch.count += 1;
        batch.bytes += bytes;
    }

    /// Something else has that number, or it is gone.
    pub(super) fn skip(&mut self, seq: u64) {
        self.head = self.head.max(seq);
    }

    /// The messages of a batch are delivered now.
    pub(super) fn settle(&self, batch: &Batch, now: u64) {
        if batch.count > 0 {
            self.shared.heard(self.shard, &batch.dues[..batch.count], batch.bytes, now);
        }
    }

    pub(super) fn heard(&self) -> Heard {
        self.heard
    }
}

impl Batch {
    pub(super) fn new() -> Batch {
        Batch { dues: [0; BATCH], count: 0, bytes: 0 }
    }
}

/// How many messages make a batch, and how many frames are read before others have their turn.
pub(super) const BATCH: usize = 64;
