//! The rooms of the hub: they are created when a session enters, and forgotten when nobody is in them and they are empty.

use std::sync::Arc;

use dashmap::Entry;

use super::{Hub, NotEntered};
use crate::{
    RoomName,
    log::{Record, RoomState, StateMap, epoch_of_room},
    server::{
        accounts::{Held, Payers},
        limits::Kind,
        room::Room,
        session::Session,
    },
};

impl Hub {
    /// Puts `session` into a room, and creates the room if there is none. `payers` pay for it.
    pub(crate) fn enter(
        &self,
        name: &RoomName,
        session: &Arc<Session>,
        payers: &Payers,
    ) -> Result<Arc<Room>, NotEntered> {
        let (limits, now) = (self.limits(), self.now());
        let full = self.rooms.len() >= limits.rooms;
        let spend = |costs: &[_]| payers.spend(&limits, costs, now).map_err(NotEntered::TooFast);
        // The entry is held while the session enters, so that the room is not forgotten in between.
        let (room, is_new) = match self.rooms.entry(name.clone()) {
            Entry::Occupied(known) if known.get().is_being_forgotten() => {
                return Err(NotEntered::BeingForgotten);
            }
            Entry::Occupied(known) => {
                spend(&[(Kind::Entrances, 1)])?;
                self.let_in(known.get(), session, now);
                (known.get().clone(), false)
            }
            Entry::Vacant(_) if full => return Err(NotEntered::Full),
            Entry::Vacant(free) => {
                self.look_alikes.claim(name).map_err(NotEntered::LooksLike)?;
                let of_host = Held::take(&payers.host, |host| &host.rooms, 1, limits.rooms_per_host)
                    .ok_or(NotEntered::HostFull)
                    .and_then(|held| spend(&[(Kind::Entrances, 1), (Kind::NewRooms, 1)]).map(|()| held))
                    .inspect_err(|_| self.look_alikes.forget(name))?;
                let room = Arc::new(self.new_room(name.clone(), of_host));
                self.let_in(&room, session, now);
                free.insert(room.clone());
                (room, true)
            }
        };
        if is_new {
            self.room_list.add(&room);
        } else {
            self.room_list.update(&room);
        }
        Ok(room)
    }

    /// Forgets a room that nobody is in and that has no entries. A room that the log knows is forgotten with a record.
    pub(crate) fn forget_if_vacant(&self, room: &Arc<Room>) {
        if !room.is_vacant() {
            return;
        }
        // The entry is held, so that nobody enters in between.
        let Entry::Occupied(entry) = self.rooms.entry(room.name().clone()) else { return };
        if !Arc::ptr_eq(entry.get(), room) || !room.is_vacant() {
            return;
        }
        if !room.is_made() {
            self.look_alikes.forget(room.name());
            entry.remove();
            self.room_list.remove(room);
        } else if room.begin_forgetting()
            && !self.queue.propose(Record::RoomForgotten { room: room.name().clone() }.into())
        {
            room.keep();
        }
    }

    /// Forgets every room that nobody is in and that has no entries.
    pub(crate) fn forget_vacant_rooms(&self) {
        let rooms: Vec<Arc<Room>> = self.rooms.iter().map(|room| room.value().clone()).collect();
        rooms.iter().for_each(|room| self.forget_if_vacant(room));
    }

    /// The log has not forgotten this room.
    pub(crate) fn keep(&self, name: &RoomName) {
        if let Some(room) = self.room(name) {
            room.keep();
        }
    }

    /// The log says that a room exists from here on.
    pub(crate) fn room_made(&self, state: &RoomState) {
        let made = match self.rooms.entry(state.room.clone()) {
            Entry::Occupied(room) => return room.get().note_made(&state.epoch),
            Entry::Vacant(entry) => {
                let room = Arc::new(Room::made(state.clone(), self.all_rings.clone()));
                self.look_alikes.note(room.name());
                entry.insert(room.clone());
                room
            }
        };
        self.room_list.add(&made);
    }

    /// The log says that a room does not exist any more. The links of people who are in it end: another server has
    /// forgotten it, and they have to join it anew.
    pub(crate) fn room_forgotten(&self, name: &RoomName) {
        if let Some((_, room)) = self.rooms.remove(name) {
            self.look_alikes.forget(name);
            self.room_list.remove(&room);
            room.end();
        }
    }

    fn new_room(&self, room: RoomName, of_host: Held) -> Room {
        let incarnation = self.runtime.random().to_be_bytes();
        let incarnation = u64::from_be_bytes(*incarnation.first_chunk().expect("16 bytes have 8")).max(1);
        let epoch = epoch_of_room(&self.log.epoch(), incarnation);
        let state = RoomState { room, epoch, oldest: 1, head: 0, state: StateMap::default() };
        Room::unmade(state, incarnation, Some(of_host), self.all_rings.clone())
    }
}
