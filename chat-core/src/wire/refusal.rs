//! Errors and farewells: the stable codes by which programs know them, and the words for people.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::is_false;

/// A request, or the link, was refused.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Error {
    /// The request's number, if it is one request's error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// What went wrong, for programs.
    pub code: Code,
    /// What went wrong, for people.
    pub message: String,
    /// After how many milliseconds it can be tried again, where waiting helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Whether a name belongs to another person, so that waiting does not help.
    #[serde(default, skip_serializing_if = "is_false")]
    pub owned: bool,
}

impl Error {
    /// The refusal of a request, or without a number of something else, for good.
    pub fn of(id: impl Into<Option<u64>>, code: Code, message: impl Into<String>) -> Error {
        Error { id: id.into(), code, message: message.into(), retry_after_ms: None, owned: false }
    }

    /// The same until `wait` has passed.
    #[must_use]
    pub fn until(self, wait: Duration) -> Error {
        // Rounded up, or it would be asked again a moment too early.
        let retry_after_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1));
        Error { retry_after_ms, ..self }
    }
}

/// What went wrong. The names are part of the protocol and stay as they are.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Code {
    /// Not a frame of this protocol. Ends the link where frames are reliable.
    BadFrame,
    /// Another protocol version. Ends the link.
    BadProtocol,
    /// A name that is not allowed.
    BadName,
    /// A text that is empty or holds control characters.
    BadText,
    /// Someone else has the name.
    NameTaken,
    /// A wrong or missing password. Ends the link.
    BadPassword,
    /// The client may not do this.
    NotWelcome,
    /// A request of an unknown type, or one that does not fit here.
    Unsupported,
    /// There is no such room.
    NoSuchRoom,
    /// The session is not in that room.
    NotJoined,
    /// The person is not here.
    NotHere,
    /// Nobody has that name, and it belongs to nobody.
    NoSuchPerson,
    /// A wrong code, or a name for which nobody has asked for one.
    BadCode,
    /// The text or the range asked for is too large.
    TooLarge,
    /// Too much in too short a time.
    RateLimited,
    /// The request's id was used for something else.
    Conflict,
    /// The server has too much to do.
    Busy,
    /// The log could not store or read it.
    StorageFailed,
    /// The log has no space left.
    StorageFull,
    /// Too many rooms.
    TooMany,
    /// Too many links. Ends the link.
    Full,
    /// A code this version does not know.
    #[serde(other)]
    Other,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The link ends, and why.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Goodbye {
    /// Why.
    pub reason: Reason,
    /// After how many milliseconds the server is worth dialling again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// Why a link ends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The client said `bye`.
    Bye,
    /// The session goes on over a newer link, or its name was taken over.
    Replaced,
    /// The server stops.
    Shutdown,
    /// Nothing was heard for too long.
    Silent,
    /// The key of this session is no longer one of its person's.
    Revoked,
    /// A reason this version does not know.
    #[serde(other)]
    Other,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
