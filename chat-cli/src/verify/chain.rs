//! The hash chain of a room, computed from entries as they are read (protocol 8.13).

use chat_core::{
    log::{
        EntryHash,
        chain::{Link, digest},
    },
    wire::EntryFrame,
};

/// The hash of the last of `entries`, which follow an entry with the hash `start` without a gap.
pub(super) fn end(start: EntryHash, entries: &[EntryFrame]) -> EntryHash {
    entries.iter().fold(start, |previous, entry| {
        let EntryFrame { room, seq, author, at, body, .. } = entry;
        let link =
            Link { previous, room, seq: *seq, at: *at, author, kind: &body.kind, digest: digest(body) };
        link.hash()
    })
}
