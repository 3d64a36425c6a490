//! Frames of entries: encoded for all readers at once, and as many of them as a budget of bytes allows.

use bytes::Bytes;

use crate::{
    RoomName,
    log::LogEntry,
    wire::{Block, with_hash},
};

/// The first of `frames`, and those that follow as long as all together have at most `budget` bytes.
pub(crate) fn within<T>(
    frames: impl Iterator<Item = T>,
    mut budget: usize,
    bytes: impl Fn(&T) -> usize,
) -> impl Iterator<Item = T> {
    frames.enumerate().map_while(move |(number, frame)| {
        let left = budget.checked_sub(bytes(&frame));
        budget = left.unwrap_or_default();
        (number == 0 || left.is_some()).then_some(frame)
    })
}

/// The frames of these entries, with hashes for a reader that wants them.
pub(crate) fn entry_frames(
    room: &RoomName,
    entries: &[LogEntry],
    hashes: bool,
) -> impl Iterator<Item = Bytes> {
    let mut rest: usize = entries.iter().map(entry_size).sum();
    let mut block = Block::default();
    entries.iter().map(move |entry| {
        let frame = block.entry(room.as_str(), entry, rest);
        rest -= entry_size(entry);
        if hashes { with_hash(&frame, entry.hash) } else { frame }
    })
}

/// The size of an entry's frame, roughly.
pub(crate) fn entry_size(entry: &LogEntry) -> usize {
    entry.body.text.len() + ENTRY_OVERHEAD
}

/// The bytes of an entry's frame besides the text, roughly.
const ENTRY_OVERHEAD: usize = 128;
