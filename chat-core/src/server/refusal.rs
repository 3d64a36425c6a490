//! Refusals that several parts of the server give.

use bytes::Bytes;

use crate::{
    RoomName,
    log::LogError,
    wire::{self, Code, Event, INBOX, MAX_HISTORY, RECENT},
};

/// The refusal of a request about a room that the session is not in.
pub(super) fn not_joined(id: u64, room: &RoomName) -> wire::Error {
    wire::Error::of(id, Code::NotJoined, format!("join {room} first"))
}

/// The name of the room as the client writes it, or the error the client gets.
pub(super) fn room_name(id: u64, room: &str) -> Result<RoomName, wire::Error> {
    if room == INBOX {
        let message = format!("{INBOX} stands for your direct messages; name a room");
        return Err(wire::Error::of(id, Code::Unsupported, message));
    }
    RoomName::parse(room).map_err(|error| wire::Error::of(id, Code::BadName, error.to_string()))
}

/// How many entries are asked for, or the error the client gets.
pub(super) fn limit(id: u64, limit: Option<u64>) -> Result<u64, wire::Error> {
    match limit {
        Some(0) => {
            let message = format!("a limit of 0 asks for nothing; ask for 1 to {MAX_HISTORY} entries");
            Err(wire::Error::of(id, Code::Unsupported, message))
        }
        limit => Ok(limit.unwrap_or(RECENT).min(MAX_HISTORY)),
    }
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
