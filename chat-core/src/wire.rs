//! Protocol version 1: the messages of a conversation, each one a frame of JSON. `docs/protocol.md` is the
//! contract; this module is its types.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, DeserializeSeed, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer},
};

mod bad_frame;
mod block;
mod entry;
mod event;
mod people;
mod post;
mod refusal;
mod request;
mod scan;
mod shape;
mod signed;

pub use bad_frame::BadFrame;
pub(crate) use block::{Block, with_hash};
pub use entry::{Author, Body, EntryFrame, EntryKind, Fields, RESERVED};
pub use event::{
    Ack, Event, Found, Gap, Head, Heads, Joined, Left, LimitsFrame, Members, Page, Pong, Presence, Replayed,
    RoomSummary, Rooms, Welcome,
};
pub use people::{Claim, Claimed, Guests, KeyOfPerson, Keys, Linked, Person, Prove, Revoke, Revoked, Whois};
pub use post::{Post, Target};
pub use refusal::{Code, Error, Goodbye, Reason};
pub use request::{
    Hello, History, Join, Leave, ListRooms, Replay, Request, RequestBody, Search, Unknown, Who,
};
pub use scan::{ScannedMessage, scan_message};
pub use signed::SignedHead;

/// The version this crate speaks.
pub const PROTOCOL: u64 = 1;
/// The largest frame in bytes: 64 less than the largest UDP payload over IPv4 (65,535 less 28 bytes of headers), so that
/// a transport, or a layer that encrypts, has room to add something and the frame still fits a datagram.
pub const MAX_FRAME: usize = 65_443;
/// The largest frame a server accepts before it has said `welcome`, in bytes.
pub const MAX_HELLO: usize = 4096;
/// The longest text in bytes of UTF-8. Escaped at its worst it still fits a frame twice over.
pub const MAX_TEXT: usize = 8192;
/// The largest integer: what a JSON number carries exactly everywhere (RFC 8259, section 6).
pub const MAX_INTEGER: u64 = (1 << 53) - 1;
/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 8;
/// How many names `joined` and `members` carry at most.
pub const MAX_MEMBERS: usize = 500;
/// How many entries one `replay` may ask for.
pub const MAX_REPLAY: u64 = 32;
/// How many entries one `history` or `search` brings at most.
pub const MAX_HISTORY: u64 = 100;
/// How many entries a `join` without a cursor is sent first.
pub const RECENT: u64 = 50;
/// The room name under which a session's direct messages are numbered and sent.
pub const INBOX: &str = "@";

/// Reads one frame from a client.
///
/// # Errors
/// When it breaks the rules every frame has to keep, or a field of a known request is missing or mistyped. A
/// request of an unknown type is not an error here but a [`RequestBody::Unknown`].
pub fn read_request(frame: &[u8]) -> Result<Request<'_>, BadFrame> {
    read(frame)
}

/// Reads one frame from a server. An event of an unknown type is an [`Event::Unknown`].
///
/// # Errors
/// As for [`read_request`].
pub fn read_event(frame: &[u8]) -> Result<Event, BadFrame> {
    read(frame)
}

/// Writes `message`, which is a [`Request`] or an [`Event`] or one of their parts, as a frame.
pub fn write(message: &impl Serialize) -> Bytes {
    let mut frame = Vec::with_capacity(192);
    serde_json::to_writer(&mut frame, message)
        .expect("wire types have string keys and a Vec takes every byte");
    Bytes::from(frame)
}

/// The beginning of what a peer wrote, short enough to be quoted in an error.
pub(crate) fn excerpt(text: &str) -> &str {
    text.char_indices().nth(EXCERPT).map_or(text, |(at, _)| &text[..at])
}

/// A message whose fields depend on its `type`.
trait Tagged<'de>: Sized {
    /// Reads the fields that belong to `tag` from `map`.
    fn read_fields<A: MapAccess<'de>>(tag: &str, map: A) -> Result<Self, A::Error>;
}

// Serde's own internally tagged enums first copy the whole object into a tree, sixteen times its size at worst.
// Everybody writes "type" first, so the fields can be read as they come; only another order takes a second look.
fn read<'de, T: Tagged<'de>>(frame: &'de [u8]) -> Result<T, BadFrame> {
    let text = shape::check(frame)?;
    // Serde takes an array for a struct as well.
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        return Err(BadFrame::new("not a JSON object"));
    }
    let first = text.starts_with(r#"{"type":"#);
    let bad = |error: serde_json::Error| BadFrame::of(&error, text);
    let tag = if first { None } else { Some(serde_json::from_str::<TypeOnly<'_>>(text).map_err(bad)?.tag) };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = ReadMessage { tag, message: std::marker::PhantomData };
    let message = deserializer.deserialize_map(read).map_err(bad)?;
    deserializer.end().map_err(bad)?;
    Ok(message)
}

#[derive(Deserialize)]
struct TypeOnly<'a> {
    #[serde(borrow, rename = "type")]
    tag: Cow<'a, str>,
}

struct ReadMessage<'a, T> {
    /// The type, if it is known already and does not come first.
    tag: Option<Cow<'a, str>>,
    message: std::marker::PhantomData<T>,
}

impl<'de, T: Tagged<'de>> Visitor<'de> for ReadMessage<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a \"type\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        if let Some(tag) = self.tag {
            return T::read_fields(&tag, map);
        }
        let tag: Text<'de> = match map.next_key::<Text<'de>>()? {
            Some(key) if key.0 == "type" => map.next_value()?,
            _ => return Err(de::Error::missing_field("type")),
        };
        T::read_fields(&tag.0, OneType(map))
    }
}

/// The fields after a leading `type`, among which there is no second one.
struct OneType<A>(A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OneType<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.0.next_key::<Text<'de>>()? {
            Some(key) if key.0 == "type" => Err(de::Error::duplicate_field("type")),
            Some(Text(Cow::Borrowed(key))) => {
                seed.deserialize(de::value::BorrowedStrDeserializer::new(key)).map(Some)
            }
            Some(Text(Cow::Owned(key))) => seed.deserialize(key.into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}

/// A string, borrowed from the frame unless it holds escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads the remaining fields of an object as a `T`.
fn fields<'de, T: Deserialize<'de>, A: MapAccess<'de>>(map: A) -> Result<T, A::Error> {
    T::deserialize(MapAccessDeserializer::new(map))
}

/// Whether a flag is left out when it is written.
fn is_false(flag: &bool) -> bool {
    !flag
}

/// In characters, each of which may become several when it is escaped.
const EXCERPT: usize = 200;

#[cfg(test)]
mod tests;
