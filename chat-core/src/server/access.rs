//! Access: the one place that decides what a session may do. Every request that is about a room, a person or the server
//! is asked about here once, before it is done.

use std::sync::Arc;

use super::{
    refusal::{not_joined, room_name},
    room::Room,
    session::State,
};
use crate::{
    RoomName,
    wire::{self, INBOX, RequestBody, Target},
};

/// An action that a session may be permitted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Action {
    Join,
    Leave,
    /// To send a message to a room, or set its topic.
    Post,
    /// To send a message to a person.
    Tell,
    /// To read entries again, as a page or one by one.
    Read,
    /// To list the members of a room.
    ListMembers,
    ListRooms,
    Search,
    /// To learn who has a name.
    FindPerson,
    /// To list, add or remove keys of one's own person.
    ManageKeys,
}

/// The place where an action happens.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// A room that the session is in.
    Joined(Arc<Room>),
    /// A room that the session is not in, or that does not exist.
    Room(RoomName),
    /// The session's own inbox.
    Inbox,
    /// No room in particular.
    Server,
}

impl Action {
    /// The action of a request and the room it names. `None` for a request that is about the link alone.
    pub(super) fn of<'a>(body: &'a RequestBody<'_>) -> Option<(Action, Option<&'a str>)> {
        Some(match body {
            RequestBody::Join(join) => (Action::Join, Some(&join.room)),
            RequestBody::Leave(leave) => (Action::Leave, Some(&leave.room)),
            RequestBody::Post(post) => match &post.to {
                Target::Room(room) => (Action::Post, Some(room)),
                Target::Person(_) => (Action::Tell, None),
            },
            RequestBody::Who(who) => (Action::ListMembers, Some(&who.room)),
            RequestBody::Rooms(_) => (Action::ListRooms, None),
            RequestBody::History(history) => (Action::Read, Some(&history.room)),
            RequestBody::Replay(replay) => (Action::Read, Some(&replay.room)),
            RequestBody::Search(search) => (Action::Search, search.room.as_deref()),
            RequestBody::Whois(_) => (Action::FindPerson, None),
            RequestBody::Link | RequestBody::Claim(_) | RequestBody::Keys | RequestBody::Revoke(_) => {
                (Action::ManageKeys, None)
            }
            RequestBody::Hello(_) | RequestBody::Ping | RequestBody::Bye | RequestBody::Unknown(_) => {
                return None;
            }
        })
    }

    /// Whether the action can be about the session's own inbox.
    fn knows_inbox(self) -> bool {
        matches!(self, Action::Join | Action::Read)
    }
}

impl Place {
    /// The room's name.
    pub(super) fn name(&self) -> Option<&RoomName> {
        match self {
            Place::Joined(room) => Some(room.name()),
            Place::Room(name) => Some(name),
            Place::Inbox | Place::Server => None,
        }
    }
}

/// Whether the session may do this to the room of that name, or to the server. Returns where it happens, or the error that
/// the client gets for the request `id`.
///
/// Messages, pages and leaving are for members. Everything else is open to every session; whose keys a session may manage
/// follows from the key that it has proved.
pub(super) fn permits(
    state: &State,
    id: u64,
    action: Action,
    room: Option<&str>,
) -> Result<Place, wire::Error> {
    let place = find(state, id, action, room)?;
    match (action, &place) {
        (Action::Leave | Action::Post | Action::Read, Place::Room(name)) => Err(not_joined(id, name)),
        _ => Ok(place),
    }
}

fn find(state: &State, id: u64, action: Action, room: Option<&str>) -> Result<Place, wire::Error> {
    let Some(room) = room else { return Ok(Place::Server) };
    // Most clients write the name as the room itself does.
    if let Some(membership) = state.rooms.iter().find(|membership| membership.room.name().as_str() == room) {
        return Ok(Place::Joined(membership.room.clone()));
    }
    if room == INBOX && action.knows_inbox() {
        return Ok(Place::Inbox);
    }
    let name = room_name(id, room)?;
    let joined = state.rooms.iter().find(|membership| *membership.room.name() == name);
    Ok(joined.map_or(Place::Room(name), |membership| Place::Joined(membership.room.clone())))
}
