//! The list of rooms, kept sorted: the rooms with the most people first. A page of it has as many rooms as fit a frame,
//! however many there are, and is kept encoded for a while: many may ask for it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    fmt,
    ops::Bound,
    sync::{Arc, Mutex},
    time::Instant,
};

use bytes::Bytes;

use super::{
    limits::{LIST_KEPT_FOR, LIST_PAGES, SMALL_LIST},
    room::Room,
    sync::lock,
};
use crate::{
    RoomName,
    wire::{self, MAX_FRAME},
};

/// All rooms of a server in the order in which they are listed. Its lock is taken before a room's, never after.
#[derive(Debug, Default)]
pub(super) struct RoomList {
    sorted: Mutex<Sorted>,
}

#[derive(Debug, Default)]
struct Sorted {
    rooms: BTreeMap<Place, Arc<Room>>,
    /// How many people each room has in `rooms`.
    present: HashMap<RoomName, usize>,
    /// The pages that are kept, by the place after which they begin.
    pages: BTreeMap<Option<Place>, Page>,
}

/// A room's place in the list: more people first, then by name.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    present: Reverse<usize>,
    name: RoomName,
}

/// A page, encoded but for its beginning.
#[derive(Debug)]
struct Page {
    made: Instant,
    end: Bytes,
}

impl RoomList {
    /// Adds a room, in place of one of the same name that was forgotten.
    pub(super) fn add(&self, room: &Arc<Room>) {
        let mut sorted = lock(&self.sorted);
        sorted.take(room.name());
        sorted.put(room.clone());
    }

    /// Takes note that people have entered or left the room. A room that was removed stays removed.
    pub(super) fn update(&self, room: &Arc<Room>) {
        let mut sorted = lock(&self.sorted);
        if sorted.has(room) {
            sorted.take(room.name());
            sorted.put(room.clone());
        }
    }

    /// Removes a room that was forgotten.
    pub(super) fn remove(&self, room: &Arc<Room>) {
        let mut sorted = lock(&self.sorted);
        if sorted.has(room) {
            sorted.take(room.name());
        }
    }

    /// The reply to the request `id` for the rooms after `place`, or for the first ones: as many as fit a frame.
    pub(super) fn frame(&self, id: u64, place: Option<Place>, now: Instant) -> Bytes {
        let page = lock(&self.sorted).page(place, now);
        let mut frame = Vec::with_capacity(page.len() + BEGIN_BYTES);
        frame.extend_from_slice(format!(r#"{{"type":"rooms","id":{id},"rooms":["#).as_bytes());
        frame.extend_from_slice(&page);
        frame.into()
    }
}

impl Place {
    /// The place that a client names by the `more` of an earlier page; `None` if no page ever named it.
    pub(super) fn parse(more: &str) -> Option<Place> {
        let (present, name) = more.split_once(' ')?;
        Some(Place { present: Reverse(present.parse().ok()?), name: RoomName::parse(name).ok()? })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.present.0, self.name)
    }
}

impl Sorted {
    fn has(&self, room: &Arc<Room>) -> bool {
        let Some(present) = self.present.get(room.name()) else { return false };
        let place = Place { present: Reverse(*present), name: room.name().clone() };
        self.rooms.get(&place).is_some_and(|listed| Arc::ptr_eq(listed, room))
    }

    fn take(&mut self, name: &RoomName) {
        if let Some((name, present)) = self.present.remove_entry(name) {
            self.rooms.remove(&Place { present: Reverse(present), name });
        }
    }

    fn put(&mut self, room: Arc<Room>) {
        let present = room.presence().present();
        self.present.insert(room.name().clone(), present);
        self.rooms.insert(Place { present: Reverse(present), name: room.name().clone() }, room);
    }

    /// The page after `place`: one that was made a moment ago, or a new one.
    fn page(&mut self, place: Option<Place>, now: Instant) -> Bytes {
        if let Some(kept) = self.pages.get(&place).filter(|page| now < page.made + LIST_KEPT_FOR) {
            return kept.end.clone();
        }
        let (end, rooms) = self.encode(place.as_ref());
        if rooms > SMALL_LIST {
            if self.pages.len() >= LIST_PAGES {
                self.pages.clear();
            }
            self.pages.insert(place, Page { made: now, end: end.clone() });
        }
        end
    }

    /// Encodes the page after `place`. Returns how many rooms it names as well.
    fn encode(&self, place: Option<&Place>) -> (Bytes, usize) {
        let mut page = Vec::with_capacity(FIRST_BYTES);
        let mut last: Option<&Place> = None;
        let mut named = 0;
        let after = place.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rooms = self.rooms.range((after, Bound::Unbounded)).peekable();
        while let Some((place, room)) = rooms.peek() {
            let room = wire::write(&room.summary());
            if page.len() + room.len() + 1 > MAX_FRAME - BEGIN_BYTES - END_BYTES {
                break;
            }
            if named > 0 {
                page.push(b',');
            }
            page.extend_from_slice(&room);
            (last, named) = (Some(*place), named + 1);
            rooms.next();
        }
        page.extend_from_slice(format!(r#"],"total":{}"#, self.rooms.len()).as_bytes());
        if let Some(last) = last.filter(|_| rooms.peek().is_some()) {
            page.extend_from_slice(br#","more":"#);
            page.extend_from_slice(&wire::write(&last.to_string()));
        }
        page.push(b'}');
        (page.into(), named)
    }
}

/// What most lists need.
const FIRST_BYTES: usize = 4 * 1024;
/// What precedes the rooms at most: the type and the request's number.
const BEGIN_BYTES: usize = 64;
/// What follows the rooms at most: the total, and a place with the longest name, of which each byte may be escaped.
const END_BYTES: usize = 1024;
