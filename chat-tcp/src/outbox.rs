//! The bytes that a link has yet to write: encoded frames behind one another, ready for one call.

use std::cell::Cell;

use crate::frame::{self, FrameError};

/// Encoded frames of which a part may be written already. Holds no buffer while it is empty.
///
/// Frames are copied rather than kept as a list: most are a few hundred bytes, and the kernel takes one long buffer for
/// less than hundreds of pieces.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    written: usize,
}

impl Outbox {
    /// Appends a frame of at most `max` bytes.
    pub(crate) fn push(&mut self, frame: &[u8], max: usize) -> Result<(), FrameError> {
        if self.bytes.capacity() == 0 {
            self.bytes = SPARE.take();
        }
        frame::encode(frame, max, &mut self.bytes)
    }

    /// The bytes that are not yet written.
    pub(crate) fn unwritten(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// Notes that the first `n` bytes of [`unwritten`](Outbox::unwritten) are written.
    pub(crate) fn wrote(&mut self, n: usize) {
        self.written += n;
        if self.written == self.bytes.len() {
            self.written = 0;
            give_back(std::mem::take(&mut self.bytes));
        }
    }

    /// Frees memory before a wait for a peer that does not read, so that such a peer costs little more than the bytes it
    /// has yet to read.
    pub(crate) fn shrink(&mut self) {
        let owed = self.bytes.len() - self.written;
        if self.bytes.capacity() > 2 * owed {
            let rest = self.unwritten().to_vec();
            give_back(std::mem::replace(&mut self.bytes, rest));
            self.written = 0;
        }
    }

    /// The memory held, in bytes.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.bytes.capacity()
    }
}

fn give_back(mut bytes: Vec<u8>) {
    bytes.clear();
    if bytes.capacity() <= SPARE_MAX {
        SPARE.set(bytes);
    }
}

thread_local! {
    /// The buffer of the link that wrote last on this thread, so that the next one need not allocate.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The largest buffer that is kept for the next link, in bytes: more than a link ever gathers.
const SPARE_MAX: usize = 256 * 1024;
