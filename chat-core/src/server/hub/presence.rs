//! Who comes into a room and who leaves: the members are told, of many changes at once.

use std::{sync::Arc, time::Instant};

use futures::FutureExt;

use super::Hub;
use crate::{
    PersonName,
    server::{room::Room, session::Session},
};

impl Hub {
    /// Puts a session into a room that exists.
    pub(super) fn let_in(&self, room: &Arc<Room>, session: &Session, now: Instant) {
        let is_guest = session.person().is_none();
        let due = room.enter(session.name().clone(), session.mailbox().clone(), is_guest, now);
        self.announce(room, due);
    }

    /// Tells the members of a room about changes that are gathered until `due`.
    pub(super) fn announce(&self, room: &Arc<Room>, due: Option<Instant>) {
        let Some(due) = due else { return };
        let (room, runtime) = (room.clone(), self.runtime.clone());
        let announce = async move {
            runtime.sleep_until(due).await;
            room.announce(runtime.now());
        };
        self.runtime.spawn(announce.boxed());
    }

    /// Takes a person out of a room.
    pub(crate) fn leave(&self, room: &Arc<Room>, name: &PersonName) {
        self.announce(room, room.leave(name, self.now()));
        self.room_list.update(room);
        self.forget_if_vacant(room);
    }
}
