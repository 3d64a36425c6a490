//! What the handler of a request needs besides the session's state.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    server::{
        hub::Hub,
        refusal::{not_joined, room_name},
        room::Room,
        session::{Session, State},
    },
    wire::{self, Code, Event},
};

/// The session whose request is handled, the server it is on, and the time.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) hub: &'a Hub,
    pub(crate) session: &'a Arc<Session>,
    pub(crate) now: Instant,
}

impl Context<'_> {
    pub(crate) fn reply(&self, event: &Event) {
        self.session.mailbox().reply(event);
    }

    pub(crate) fn reply_frame(&self, frame: Bytes) {
        self.session.mailbox().reply_frame(frame);
    }

    /// Refuses a request for good.
    pub(crate) fn refuse(&self, id: Option<u64>, code: Code, message: impl Into<String>) {
        self.session.mailbox().refuse(id, code, message);
    }

    /// Refuses a request until `wait` has passed.
    pub(crate) fn refuse_for_now(&self, id: u64, code: Code, message: impl Into<String>, wait: Duration) {
        self.session.mailbox().refuse_for_now(id, code, message, wait);
    }

    /// The room, if the session is in it; otherwise the error the client gets.
    pub(crate) fn joined_room(
        &self,
        state: &mut State,
        id: u64,
        room: &str,
    ) -> Result<Arc<Room>, wire::Error> {
        // Most clients write the name as the room itself does.
        if let Some(membership) =
            state.rooms.iter().find(|membership| membership.room.name().as_str() == room)
        {
            return Ok(membership.room.clone());
        }
        let name = room_name(id, room)?;
        let room = state.membership(&name).map(|membership| membership.room.clone());
        room.ok_or_else(|| not_joined(id, &name))
    }
}
