//! What a client says to a server.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize, de::MapAccess};

use super::{Tagged, fields, is_false};

/// A request. All but `hello` and `bye` carry an `id` of the client's choosing and get exactly one reply with it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Request<'a> {
    /// Opens a session; the first frame on every link.
    Hello(Hello<'a>),
    /// Enters a room and reads it from a cursor on.
    Join(Join<'a>),
    /// Leaves a room.
    Leave(Leave<'a>),
    /// Says something in a room.
    Say(Say<'a>),
    /// Says something to one person.
    Tell(Tell<'a>),
    /// Sets a room's topic.
    Topic(Topic<'a>),
    /// Asks who is in a room.
    Who(Who<'a>),
    /// Asks which rooms there are.
    Rooms(RoomList),
    /// Asks for a page of older entries.
    History(History<'a>),
    /// Asks for entries to be sent again.
    Replay(Replay<'a>),
    /// Asks for entries that have some words.
    Search(Search<'a>),
    /// Asks for a `pong`; keeps the link alive.
    Ping(Ping),
    /// Ends the session for good.
    Bye {},
    /// A type this version does not know. Never written.
    #[serde(skip)]
    Unknown(Unknown),
}

impl Request<'_> {
    /// The request's number, if it is one that has a reply.
    pub fn id(&self) -> Option<u64> {
        match self {
            Request::Hello(_) | Request::Bye {} => None,
            Request::Join(it) => Some(it.id),
            Request::Leave(it) => Some(it.id),
            Request::Say(it) => Some(it.id),
            Request::Tell(it) => Some(it.id),
            Request::Topic(it) => Some(it.id),
            Request::Who(it) => Some(it.id),
            Request::Rooms(it) => Some(it.id),
            Request::History(it) => Some(it.id),
            Request::Replay(it) => Some(it.id),
            Request::Search(it) => Some(it.id),
            Request::Ping(it) => Some(it.id),
            Request::Unknown(it) => it.id,
        }
    }

    /// Gives the request another number, if it is one that has a reply.
    pub fn set_id(&mut self, id: u64) {
        match self {
            Request::Join(it) => it.id = id,
            Request::Leave(it) => it.id = id,
            Request::Say(it) => it.id = id,
            Request::Tell(it) => it.id = id,
            Request::Topic(it) => it.id = id,
            Request::Who(it) => it.id = id,
            Request::Rooms(it) => it.id = id,
            Request::History(it) => it.id = id,
            Request::Replay(it) => it.id = id,
            Request::Search(it) => it.id = id,
            Request::Ping(it) => it.id = id,
            Request::Hello(_) | Request::Bye {} | Request::Unknown(_) => {}
        }
    }

    /// The place of a message among those of its session, if it says so.
    pub fn order(&self) -> Option<u64> {
        match self {
            Request::Say(it) => it.order,
            Request::Tell(it) => it.order,
            Request::Topic(it) => it.order,
            _ => None,
        }
    }

    /// Gives a message its place among those of its session.
    pub fn set_order(&mut self, order: Option<u64>) {
        match self {
            Request::Say(it) => it.order = order,
            Request::Tell(it) => it.order = order,
            Request::Topic(it) => it.order = order,
            _ => {}
        }
    }

    /// Whether it is something said, which is stored and acknowledged.
    pub fn is_message(&self) -> bool {
        matches!(self, Request::Say(_) | Request::Tell(_) | Request::Topic(_))
    }

    /// The same request, independent of the frame it was read from.
    pub fn into_owned(self) -> Request<'static> {
        fn keep(text: Cow<'_, str>) -> Cow<'static, str> {
            Cow::Owned(text.into_owned())
        }
        match self {
            Request::Hello(it) => Request::Hello(Hello {
                name: keep(it.name),
                client: it.client.map(keep),
                resume: it.resume.map(keep),
                password: it.password.map(keep),
                ..it
            }),
            Request::Join(it) => Request::Join(Join { room: keep(it.room), epoch: it.epoch.map(keep), ..it }),
            Request::Leave(it) => Request::Leave(Leave { room: keep(it.room), ..it }),
            Request::Say(it) => Request::Say(Say { room: keep(it.room), text: keep(it.text), ..it }),
            Request::Tell(it) => Request::Tell(Tell { to: keep(it.to), text: keep(it.text), ..it }),
            Request::Topic(it) => Request::Topic(Topic { room: keep(it.room), text: keep(it.text), ..it }),
            Request::Who(it) => Request::Who(Who { room: keep(it.room), ..it }),
            Request::Rooms(it) => Request::Rooms(it),
            Request::History(it) => Request::History(History { room: keep(it.room), ..it }),
            Request::Replay(it) => Request::Replay(Replay { room: keep(it.room), ..it }),
            Request::Search(it) => Request::Search(Search {
                words: keep(it.words),
                room: it.room.map(keep),
                from: it.from.map(keep),
                ..it
            }),
            Request::Ping(it) => Request::Ping(it),
            Request::Bye {} => Request::Bye {},
            Request::Unknown(it) => Request::Unknown(it),
        }
    }
}

impl<'de> Tagged<'de> for Request<'de> {
    fn read_fields<A: MapAccess<'de>>(tag: &str, map: A) -> Result<Self, A::Error> {
        Ok(match tag {
            "hello" => Request::Hello(fields(map)?),
            "join" => Request::Join(fields(map)?),
            "leave" => Request::Leave(fields(map)?),
            "say" => Request::Say(fields(map)?),
            "tell" => Request::Tell(fields(map)?),
            "topic" => Request::Topic(fields(map)?),
            "who" => Request::Who(fields(map)?),
            "rooms" => Request::Rooms(fields(map)?),
            "history" => Request::History(fields(map)?),
            "replay" => Request::Replay(fields(map)?),
            "search" => Request::Search(fields(map)?),
            "ping" => Request::Ping(fields(map)?),
            "bye" => fields::<Nothing, A>(map).map(|_| Request::Bye {})?,
            _ => Request::Unknown(Unknown { tag: tag.to_owned(), ..fields(map)? }),
        })
    }
}

/// Opens a session.
#[derive(Clone, Default, Deserialize, PartialEq, Serialize)]
pub struct Hello<'a> {
    /// The protocol version the client speaks.
    pub protocol: u64,
    /// The name it wants to be known by.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// 128 random bits, base64url without padding: names the client's requests for as long as it runs.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Cow<'a, str>>,
    /// The secret of the session to go on with.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Cow<'a, str>>,
    /// The server's password, where it has one.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Cow<'a, str>>,
}

impl fmt::Debug for Hello<'_> {
    // Whoever has the rest of it could speak in the client's place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hello")
            .field("protocol", &self.protocol)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Enters a room, or sets the cursor of one that the session is in.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Join<'a> {
    /// The request's number.
    pub id: u64,
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
}

/// Leaves a room.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Leave<'a> {
    /// The request's number.
    pub id: u64,
    /// The room.
    #[serde(borrow)]
    pub room: Cow<'a, str>,
}

/// Says something in a room the session is in.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Say<'a> {
    /// The request's number.
    pub id: u64,
    /// The room.
    #[serde(borrow)]
    pub room: Cow<'a, str>,
    /// The text, 1 to [`MAX_TEXT`](super::MAX_TEXT) bytes.
    #[serde(borrow)]
    pub text: Cow<'a, str>,
    /// Its place among the messages of its session, from 1; the same when it is sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u64>,
    /// Whether a program says it by itself.
    #[serde(default, skip_serializing_if = "is_false")]
    pub bot: bool,
}

/// Says something to one person.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Tell<'a> {
    /// The request's number.
    pub id: u64,
    /// The name of the person.
    #[serde(borrow)]
    pub to: Cow<'a, str>,
    /// The text, 1 to [`MAX_TEXT`](super::MAX_TEXT) bytes.
    #[serde(borrow)]
    pub text: Cow<'a, str>,
    /// Its place among the messages of its session, from 1; the same when it is sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u64>,
    /// Whether a program says it by itself.
    #[serde(default, skip_serializing_if = "is_false")]
    pub bot: bool,
}

/// Sets the topic of a room the session is in.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Topic<'a> {
    /// The request's number.
    pub id: u64,
    /// The room.
    #[serde(borrow)]
    pub room: Cow<'a, str>,
    /// The topic; may be empty.
    #[serde(borrow)]
    pub text: Cow<'a, str>,
    /// Its place among the messages of its session, from 1; the same when it is sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u64>,
}

/// Asks who is in a room.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Who<'a> {
    /// The request's number.
    pub id: u64,
    /// The room.
    #[serde(borrow)]
    pub room: Cow<'a, str>,
}

/// Asks which rooms there are.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct RoomList {
    /// The request's number.
    pub id: u64,
}

/// Asks for a page of entries older than one the client has.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct History<'a> {
    /// The request's number.
    pub id: u64,
    /// The room.
    #[serde(borrow)]
    pub room: Cow<'a, str>,
    /// Only entries with a smaller number than this; without it, the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// How many at most; 50 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// Asks for entries to be sent once more, as ordinary frames.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Replay<'a> {
    /// The request's number.
    pub id: u64,
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
    /// The request's number.
    pub id: u64,
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
}

/// Asks for a `pong`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Ping {
    /// The request's number.
    pub id: u64,
}

/// A request whose type is not known.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct Unknown {
    /// Its type.
    #[serde(skip)]
    pub tag: String,
    /// Its number, if it has one.
    #[serde(default)]
    pub id: Option<u64>,
}

/// A message without fields of its own.
#[derive(Deserialize)]
pub(super) struct Nothing {}
