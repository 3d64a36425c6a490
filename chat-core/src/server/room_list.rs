//! The list of rooms, kept sorted: the rooms with the most people first. What a client is shown of it costs as much as
//! fits a frame, however many rooms there are.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use bytes::Bytes;

use super::{room::Room, sync::lock};
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
}

/// A room's place in the list: more people first, then by name.
type Place = (Reverse<usize>, RoomName);

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

    /// The reply to the request `id` for the list: the first rooms, as many as fit a frame.
    pub(super) fn frame(&self, id: u64) -> Bytes {
        let mut frame = Vec::with_capacity(FIRST_BYTES);
        frame.extend_from_slice(format!(r#"{{"type":"rooms","id":{id},"rooms":["#).as_bytes());
        let sorted = lock(&self.sorted);
        let empty = frame.len();
        for room in sorted.rooms.values() {
            let room = wire::write(&room.summary());
            if frame.len() + room.len() + 1 > MAX_FRAME - END_BYTES {
                break;
            }
            if frame.len() > empty {
                frame.push(b',');
            }
            frame.extend_from_slice(&room);
        }
        frame.extend_from_slice(format!(r#"],"total":{}}}"#, sorted.rooms.len()).as_bytes());
        frame.into()
    }
}

impl Sorted {
    fn has(&self, room: &Arc<Room>) -> bool {
        let Some(present) = self.present.get(room.name()) else { return false };
        let place = (Reverse(*present), room.name().clone());
        self.rooms.get(&place).is_some_and(|listed| Arc::ptr_eq(listed, room))
    }

    fn take(&mut self, name: &RoomName) {
        if let Some((name, present)) = self.present.remove_entry(name) {
            self.rooms.remove(&(Reverse(present), name));
        }
    }

    fn put(&mut self, room: Arc<Room>) {
        let present = room.presence().present();
        self.present.insert(room.name().clone(), present);
        self.rooms.insert((Reverse(present), room.name().clone()), room);
    }
}

/// What most lists need.
const FIRST_BYTES: usize = 4 * 1024;
/// What follows the rooms: the brackets and the total.
const END_BYTES: usize = 64;
