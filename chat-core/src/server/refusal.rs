//! Refusals that several parts of the server give.

use bytes::Bytes;

use crate::{
    RoomName,
    log::LogError,
    wire::{self, Code, Event, INBOX},
};

/// The refusal of a request about a room that the session is not in.
pub(super) fn not_joined(id: u64, room: &RoomName) -> wire::Error {
    wire::Error::of(id, Code::NotJoined, format!("join {room} first"))
}

/// The name of the room as the client writes it, or the error the client gets.
pub(super) fn room_name(id: u64, room: &str) -> Result<RoomName, wire::Error> {
    let code = if room == INBOX { Code::Unsupported } else { Code::BadName };
    RoomName::parse(room).map_err(|error| wire::Error::of(id, code, error.to_string()))
}

/// The error frame for a log that failed.
pub(super) fn storage_error(id: Option<u64>, error: &LogError) -> Bytes {
    let code = match error {
        LogError::Full(_) => Code::StorageFull,
        LogError::Failed(_) | LogError::TooSlow => Code::StorageFailed,
        LogError::Unsearchable => Code::Unsupported,
    };
    wire::write(&Event::Error(wire::Error::of(id, code, error.to_string())))
}

/// Ends the link of a client that is in a room which the log has forgotten. The client joins the room again.
pub(super) fn room_forgotten() -> Bytes {
    let message =
        "a room was forgotten, because nobody was in it elsewhere and it had no entries; join it again";
    wire::write(&Event::Error(wire::Error::of(None, Code::NoSuchRoom, message)))
}
