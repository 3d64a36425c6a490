//! What a server says to a client.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Serialize,
    de::{self, MapAccess},
};

use super::{
    Claimed, EntryFrame, Error, Fields, Goodbye, Guests, Keys, Linked, Person, Prove, Revoked, SignedHead,
    Tagged, entry::Written, fields, is_false,
};

mod replies;

/// A frame from a server: the reply to a request, or news.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The session is open.
    Welcome(Welcome),
    /// Reply to `join`.
    Joined(Joined),
    /// Reply to `leave`.
    Left(Left),
    /// Reply to `say`, `tell` and `topic`: it is stored.
    Ack(Ack),
    /// Who entered and left a room.
    Presence(Presence),
    /// Reply to `who`.
    Members(Members),
    /// Reply to `rooms`.
    Rooms(Rooms),
    /// Reply to `history`.
    Page(Page),
    /// Reply to `replay`, after the entries themselves.
    Replayed(Replayed),
    /// Reply to `search`.
    Found(Found),
    /// Reply to `ping`.
    Pong(Pong),
    /// Where rooms stand.
    Heads(Heads),
    /// Numbers that are no longer held.
    Gap(Gap),
    /// The newest entry of a room, signed, before the server stops.
    Signed(SignedHead),
    /// Reply to `link`.
    Linked(Linked),
    /// Reply to `claim` and `hello`: the server knows the code or the password.
    Prove(Prove),
    /// Reply to `claim`: the code was right.
    Claimed(Claimed),
    /// Reply to `keys`.
    Keys(Keys),
    /// Reply to `revoke`.
    Revoked(Revoked),
    /// Reply to `whois`.
    Person(Person),
    /// A request, or the link, was refused.
    Error(Error),
    /// The link ends.
    Goodbye(Goodbye),
    /// A type this version does not know. Never written.
    #[serde(skip)]
    Unknown,
    /// An entry of a room: a message or a topic, which bring their own `type`.
    #[serde(untagged)]
    Entry(EntryFrame),
}

impl<'de> Tagged<'de> for Event {
    fn read_fields<A: MapAccess<'de>>(tag: &str, map: A) -> Result<Self, A::Error> {
        Ok(match tag {
            "message" | "topic" => Event::Entry(fields::<Written<'_>, A>(map)?.entry(Some(tag))?),
            "welcome" => Event::Welcome(fields(map)?),
            "joined" => Event::Joined(fields(map)?),
            "left" => Event::Left(fields(map)?),
            "ack" => Event::Ack(fields(map)?),
            "presence" => Event::Presence(fields(map)?),
            "members" => Event::Members(fields(map)?),
            "rooms" => Event::Rooms(fields(map)?),
            "page" => Event::Page(fields(map)?),
            "replayed" => Event::Replayed(fields(map)?),
            "found" => Event::Found(fields(map)?),
            "pong" => Event::Pong(fields(map)?),
            "linked" => Event::Linked(fields(map)?),
            "prove" => Event::Prove(fields(map)?),
            "claimed" => Event::Claimed(fields(map)?),
            "keys" => Event::Keys(fields(map)?),
            "revoked" => Event::Revoked(fields(map)?),
            "person" => Event::Person(fields(map)?),
            "heads" => Event::Heads(fields(map)?),
            "gap" => Event::Gap(fields(map)?),
            "signed" => Event::Signed(fields(map)?),
            "error" => Event::Error(fields(map)?),
            "goodbye" => Event::Goodbye(fields(map)?),
            _ => later(tag, fields(map)?).map_err(de::Error::custom)?,
        })
    }
}

/// An event of a type that this version does not know. What has a room and a number there is an entry, whatever its
/// type: a reader has to count it.
fn later(tag: &str, fields: Fields) -> Result<Event, serde_json::Error> {
    if !["room", "seq"].iter().all(|name| fields.contains_key(*name)) {
        return Ok(Event::Unknown);
    }
    Written::deserialize(serde_json::Value::Object(fields))?.entry(Some(tag)).map(Event::Entry)
}

/// The session is open.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
pub struct Welcome {
    /// The version the server speaks.
    pub protocol: u64,
    /// The client's name as others see it.
    pub name: String,
    /// The server's program and version.
    pub server: String,
    /// What opens this session again after its link is lost.
    pub resume: String,
    /// Whether this is the session asked for, rather than a new one.
    pub resumed: bool,
    /// The server's time of day in milliseconds since 1970 (UTC), where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// What the server allows.
    pub limits: LimitsFrame,
}

impl fmt::Debug for Welcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Welcome")
            .field("protocol", &self.protocol)
            .field("name", &self.name)
            .field("server", &self.server)
            .field("resume", &"…")
            .field("resumed", &self.resumed)
            .field("at", &self.at)
            .field("limits", &self.limits)
            .finish()
    }
}

/// What the server allows, so that a client can keep to it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct LimitsFrame {
    /// The largest frame, in bytes.
    pub frame: u64,
    /// The longest text, in bytes.
    pub text: u64,
    /// How many rooms a session may be in.
    pub rooms: u64,
    /// How many requests may wait for their reply before the link is no longer read.
    pub pending: u64,
    /// How many messages may wait for those before them (protocol 5.9); 16 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<u64>,
    /// How many requests a client may have under way on a link that is not lossless (protocol 17.1); 32 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u64>,
    /// How many messages may be said at once; absent where nothing limits them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u64>,
    /// How many messages a minute may follow; absent where nothing limits them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u64>,
}

/// The session is in a room.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Joined {
    /// The request's number.
    pub id: u64,
    /// The room as it is written.
    pub room: String,
    /// Names this run of numbers; another epoch means another log.
    pub epoch: String,
    /// The smallest number still held, or `head` + 1 if none is.
    pub oldest: u64,
    /// The largest number given, 0 if none was.
    pub head: u64,
    /// The cursor reading goes on from: entries from `after` + 1 on follow.
    pub after: u64,
    /// The client's cursor was of another epoch or ahead of the head; reading begins anew.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reset: bool,
    /// The room's topic, empty if it has none.
    pub topic: String,
    /// The version of `members`.
    pub version: u64,
    /// Who is in, at most [`MAX_MEMBERS`](super::MAX_MEMBERS) of them.
    pub members: Vec<String>,
    /// Which of the members are guests.
    #[serde(default, skip_serializing_if = "Guests::are_none")]
    pub guests: Guests,
    /// How many are in.
    pub present: u64,
}

/// The session is no longer in a room.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Left {
    /// The request's number.
    pub id: u64,
    /// The room.
    pub room: String,
}

/// A message is stored.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Ack {
    /// The request's number.
    pub id: u64,
    /// The room, or `@` for a direct message.
    pub room: String,
    /// The number it got there.
    pub seq: u64,
    /// When, in milliseconds since 1970 (UTC).
    pub at: u64,
}

/// Who entered and left a room.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Presence {
    /// The room.
    pub room: String,
    /// The version these changes begin at. A client at another version asks `who`.
    pub since: u64,
    /// The version they lead to.
    pub version: u64,
    /// Who is in now and was not before.
    pub entered: Vec<String>,
    /// Who was in before and is not now.
    pub left: Vec<String>,
    /// Which of those who entered are guests.
    #[serde(default, skip_serializing_if = "Guests::are_none")]
    pub guests: Guests,
}

/// Who is in a room.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Members {
    /// The request's number.
    pub id: u64,
    /// The room.
    pub room: String,
    /// The version of this list.
    pub version: u64,
    /// Names, at most [`MAX_MEMBERS`](super::MAX_MEMBERS) of them.
    pub members: Vec<String>,
    /// Which of the members are guests.
    #[serde(default, skip_serializing_if = "Guests::are_none")]
    pub guests: Guests,
    /// How many are in.
    pub present: u64,
}

/// Which rooms there are.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Rooms {
    /// The request's number.
    pub id: u64,
    /// The rooms with the most people first, as many as fit a frame.
    pub rooms: Vec<RoomSummary>,
    /// How many there are.
    pub total: u64,
    /// Where the list goes on, unless these are the last rooms: `after` of the request for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<String>,
}

/// One line of the list of rooms.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RoomSummary {
    /// The room.
    pub room: String,
    /// How many are in.
    pub present: u64,
    /// Its largest number.
    pub head: u64,
    /// Its topic.
    pub topic: String,
}

/// Older entries.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Page {
    /// The request's number.
    pub id: u64,
    /// The room.
    pub room: String,
    /// Ascending; of those asked for the newest, as many as fit a frame.
    pub entries: Vec<EntryFrame>,
    /// The newest of these entries, signed by the server, if hashes were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<SignedHead>,
}

/// The entries asked for were sent again.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Replayed {
    /// The request's number.
    pub id: u64,
    /// The room.
    pub room: String,
    /// The first number asked for.
    pub from: u64,
    /// The last number that was sent; less than asked for if the head is.
    pub to: u64,
}

/// What a search brought.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Found {
    /// The request's number.
    pub id: u64,
    /// Newest first, of any room, as many as fit a frame.
    pub entries: Vec<EntryFrame>,
    /// Where the search goes on, unless everything was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<u64>,
    /// About how many of the newest entries the server could not look at yet, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<u64>,
}

/// The server lives.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Pong {
    /// The request's number.
    pub id: u64,
}

/// Where the session's rooms stand.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Heads {
    /// By room.
    pub rooms: BTreeMap<String, Head>,
}

/// Where one room stands.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Head {
    /// Its epoch.
    pub epoch: String,
    /// The smallest number still held.
    pub oldest: u64,
    /// The largest number given.
    pub head: u64,
    /// The version of its members.
    pub presence: u64,
}

/// Numbers that are no longer held.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Gap {
    /// The room.
    pub room: String,
    /// The first number that is gone.
    pub from: u64,
    /// The last number that is gone.
    pub to: u64,
}
