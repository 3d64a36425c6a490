//! What a session owes its client: answers that wait to be sent, and those the broker has yet to give.

use std::collections::VecDeque;

use bytes::Bytes;

/// What is to be sent before anything else.
#[derive(Debug, Default)]
pub(super) struct Replies {
    pub(super) frames: VecDeque<Bytes>,
    pub(super) bytes: usize,
    /// Requests the broker has not answered yet.
    pub(super) with_broker: Vec<u64>,
}

impl Replies {
    pub(super) fn push(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        if self.frames.is_empty() {
            self.frames = VecDeque::new(); // most sessions are idle most of the time
        }
        Some(frame)
    }

    pub(super) fn clear(&mut self) {
        self.frames = VecDeque::new();
        self.bytes = 0;
    }
}
