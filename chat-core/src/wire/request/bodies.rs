//! What requests about rooms and entries ask for.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::wire::is_false;

/// Enters a room, or sets the cursor of one that the session is in.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Join<'a> {
    /// The room.
    #[serde(borrow)]
    pub room: Cow<'a, str>,
    /// The cursor: the last number the client has read. What follows it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Without a cursor, how many of the newest entries are sent first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recent: Option<u64>,
    /// The epoch the cursor belongs to.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Cow<'a, str>>,
    /// Whether the entries are to be sent with their hashes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hashes: bool,
}

/// Leaves a room.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Leave<'a> {
    /// The room.
    #[serde(borrow)]
    pub room: Cow<'a, str>,
}

/// Asks who is in a room.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Who<'a> {
    /// The room.
    #[serde(borrow)]
    pub room: Cow<'a, str>,
}

/// Asks which rooms there are.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ListRooms<'a> {
    /// Where an earlier page of the list ended: its `more`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Cow<'a, str>>,
}

/// Asks for a page of entries older than one the client has.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct History<'a> {
    /// The room.
    #[serde(borrow)]
    pub room: Cow<'a, str>,
    /// Only entries with a smaller number than this; without it, the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// How many at most; 50 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Whether the entries are to be sent with their hashes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hashes: bool,
}

/// Asks for entries to be sent once more, as ordinary frames.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Replay<'a> {
    /// The room.
    #[serde(borrow)]
    pub room: Cow<'a, str>,
    /// The first number wanted.
    pub from: u64,
    /// The last number wanted; at most 32 in all.
    pub to: u64,
}

/// Asks for the newest entries that have all of some words, in any room.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Search<'a> {
    /// The words, as somebody typed them: a [`Query`](crate::words::Query).
    #[serde(borrow)]
    pub words: Cow<'a, str>,
    /// The only room to look in.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Cow<'a, str>>,
    /// The name of the only person to listen to.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Cow<'a, str>>,
    /// The earliest time, in milliseconds since 1970 (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Where an earlier search stopped: its `more`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// How many at most; 50 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Whether the entries are to be sent with their hashes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hashes: bool,
}
