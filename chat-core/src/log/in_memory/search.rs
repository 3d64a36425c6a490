//! Looking through what is held, newest first over all rooms, so much at a time.

use std::{cmp::Ordering, collections::BinaryHeap};

use super::{Entries, Held};
use crate::{
    RoomName,
    log::{Found, Hit, Search},
};

impl Held {
    pub(super) fn search(&self, search: &Search) -> Found {
        let mut found = Found::default();
        let before = search.before.unwrap_or(u64::MAX);
        // The rooms by their newest entry that was not looked at.
        let mut rooms: BinaryHeap<_> = self
            .rooms
            .iter()
            .filter(|(room, _)| search.room.as_ref().is_none_or(|it| it == *room))
            .filter_map(|(room, entries)| Next::below(entries.count_below(before), room, entries))
            .collect();
        let (mut looked_at, mut bytes) = (0, 0);
        while let Some(Next { place, room, entries, left }) = rooms.pop() {
            let stored = &entries.entries[left - 1];
            if search.since.is_some_and(|since| stored.entry.at < since) {
                continue; // and so is all that is older in this room
            }
            rooms.extend(Next::below(left - 1, room, entries));
            if search.is_for(&stored.entry.author.name, &stored.entry.body.text) {
                found.hits.push(Hit { room: room.clone(), entry: stored.entry.clone(), place });
            }
            looked_at += 1;
            bytes += stored.entry.body.text.len();
            let enough =
                found.hits.len() >= search.limit.max(1) || looked_at >= AT_A_TIME || bytes >= BYTES_AT_A_TIME;
            if enough {
                found.more = (!rooms.is_empty()).then_some(place);
                break;
            }
        }
        found
    }
}

impl Entries {
    /// How many entries are older than `place`.
    fn count_below(&self, place: u64) -> usize {
        self.entries.partition_point(|it| it.place < place)
    }
}

/// A room whose first `left` entries are still to be looked at, the last of them first.
struct Next<'a> {
    place: u64,
    room: &'a RoomName,
    entries: &'a Entries,
    left: usize,
}

impl<'a> Next<'a> {
    fn below(left: usize, room: &'a RoomName, entries: &'a Entries) -> Option<Next<'a>> {
        let place = entries.entries.get(left.checked_sub(1)?)?.place;
        Some(Next { place, room, entries, left })
    }
}

impl PartialEq for Next<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Next<'_> {}

impl PartialOrd for Next<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Next<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place.cmp(&other.place)
    }
}

/// Entries looked at in one search: others want the log as well.
const AT_A_TIME: usize = 16_384;
/// Bytes of text looked at in one search, or one entry.
const BYTES_AT_A_TIME: usize = 1024 * 1024;
