//! How much of a room is sent at a time over a link that may lose frames.

use super::limits::MAX_UNASKED;

/// What is being sent of a backlog, while the reader is behind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Helping {
    until: u64,
}

impl Helping {
    /// The last number that is sent to a reader at `cursor`.
    pub(super) fn until(&mut self, cursor: u64) -> u64 {
        if self.until <= cursor {
            self.until = cursor + MAX_UNASKED;
        }
        self.until
    }

    /// Takes note of how far it was sent. What is left after a whole helping the client has to ask for.
    pub(super) fn sent(&mut self, cursor: &mut u64, head: u64) {
        if *cursor == self.until || *cursor >= head {
            *cursor = head.max(*cursor);
            self.until = *cursor;
        }
    }
}
