//! The send window: how many entries of a room are sent at a time over a link that may lose frames.

use crate::server::limits::MAX_UNASKED;

/// The part of a backlog that is being sent while the reader is behind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SendWindow {
    /// The last number of the window.
    until: u64,
}

impl SendWindow {
    /// The last number that may be sent to a reader at `cursor`.
    pub(crate) fn until(&mut self, cursor: u64) -> u64 {
        if self.until <= cursor {
            self.until = cursor + MAX_UNASKED;
        }
        self.until
    }

    /// Takes note that entries were sent up to `cursor`. Once a whole window was sent, the cursor jumps to `head`: the
    /// client asks for the entries in between.
    pub(crate) fn sent(&mut self, cursor: &mut u64, head: u64) {
        if *cursor == self.until || *cursor >= head {
            *cursor = head.max(*cursor);
            self.until = *cursor;
        }
    }
}
