//! What a client says to a server.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Serialize, Serializer,
    de::{self, DeserializeSeed, IntoDeserializer, MapAccess},
};

use super::{Claim, Post, Revoke, Tagged, Text, Whois, fields, post::keep};

mod bodies;

pub use bodies::{History, Join, Leave, ListRooms, Replay, Search, Who};

/// A request: an envelope, the same for all, and what is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Request<'a> {
    /// The number the client chose for it, by which the reply is known. `hello` and `bye` have none.
    pub id: Option<u64>,
    /// The place of a message among those of its session, from 1; the same when it is sent again.
    pub order: Option<u64>,
    /// What is asked for.
    pub body: RequestBody<'a>,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RequestBody<'a> {
    /// Opens a session; the first frame on every link.
    Hello(Hello<'a>),
    /// Enters a room and reads it from a cursor on.
    Join(Join<'a>),
    /// Leaves a room.
    Leave(Leave<'a>),
    /// Says something, which is stored and acknowledged.
    Post(Post<'a>),
    /// Asks who is in a room.
    Who(Who<'a>),
    /// Asks which rooms there are.
    Rooms(ListRooms<'a>),
    /// Asks for a page of older entries.
    History(History<'a>),
    /// Asks for entries to be sent again.
    Replay(Replay<'a>),
    /// Asks for entries that have some words.
    Search(Search<'a>),
    /// Asks for a code with which another machine becomes a part of the same person.
    Link,
    /// Proves to know such a code.
    Claim(Claim<'a>),
    /// Asks for the keys of the client's own person.
    Keys,
    /// Removes one of them.
    Revoke(Revoke),
    /// Asks who has a name.
    Whois(Whois<'a>),
    /// Asks for a `pong`; keeps the link alive.
    Ping,
    /// Ends the session for good.
    Bye,
    /// A type this version does not know. Never written.
    Unknown(Unknown),
}

impl<'a> Request<'a> {
    /// The request numbered `id`.
    pub fn new(id: u64, body: impl Into<RequestBody<'a>>) -> Request<'a> {
        Request { id: Some(id), order: None, body: body.into() }
    }

    /// A request that has no number: `hello` or `bye`.
    pub fn unnumbered(body: impl Into<RequestBody<'a>>) -> Request<'a> {
        Request { id: None, order: None, body: body.into() }
    }

    /// The same with a place among the messages of its session.
    #[must_use]
    pub fn in_order(self, order: impl Into<Option<u64>>) -> Request<'a> {
        Request { order: order.into(), ..self }
    }

    /// Whether it is something said, which is stored and acknowledged.
    pub fn is_message(&self) -> bool {
        matches!(self.body, RequestBody::Post(_))
    }

    /// The same request, independent of the frame it was read from.
    pub fn into_owned(self) -> Request<'static> {
        Request { id: self.id, order: self.order, body: self.body.into_owned() }
    }
}

impl RequestBody<'_> {
    /// The `type` of the frame.
    fn tag(&self) -> &str {
        match self {
            RequestBody::Hello(_) => "hello",
            RequestBody::Join(_) => "join",
            RequestBody::Leave(_) => "leave",
            RequestBody::Post(post) => post.tag(),
            RequestBody::Who(_) => "who",
            RequestBody::Rooms(_) => "rooms",
            RequestBody::History(_) => "history",
            RequestBody::Replay(_) => "replay",
            RequestBody::Search(_) => "search",
            RequestBody::Link => "link",
            RequestBody::Claim(_) => "claim",
            RequestBody::Keys => "keys",
            RequestBody::Revoke(_) => "revoke",
            RequestBody::Whois(_) => "whois",
            RequestBody::Ping => "ping",
            RequestBody::Bye => "bye",
            RequestBody::Unknown(unknown) => &unknown.tag,
        }
    }

    /// The same, independent of the frame it was read from.
    pub fn into_owned(self) -> RequestBody<'static> {
        match self {
            RequestBody::Hello(hello) => RequestBody::Hello(Hello {
                name: keep(hello.name),
                client: hello.client.map(keep),
                resume: hello.resume.map(keep),
                password: hello.password.map(keep),
                pake: hello.pake.map(keep),
                tag: hello.tag.map(keep),
                ..hello
            }),
            RequestBody::Join(join) => {
                RequestBody::Join(Join { room: keep(join.room), epoch: join.epoch.map(keep), ..join })
            }
            RequestBody::Leave(leave) => RequestBody::Leave(Leave { room: keep(leave.room) }),
            RequestBody::Post(post) => RequestBody::Post(post.into_owned()),
            RequestBody::Who(who) => RequestBody::Who(Who { room: keep(who.room) }),
            RequestBody::Rooms(list) => RequestBody::Rooms(ListRooms { after: list.after.map(keep) }),
            RequestBody::History(history) => {
                RequestBody::History(History { room: keep(history.room), ..history })
            }
            RequestBody::Replay(replay) => RequestBody::Replay(Replay { room: keep(replay.room), ..replay }),
            RequestBody::Search(search) => RequestBody::Search(Search {
                words: keep(search.words),
                room: search.room.map(keep),
                from: search.from.map(keep),
                ..search
            }),
            RequestBody::Claim(claim) => RequestBody::Claim(Claim {
                name: keep(claim.name),
                pake: keep(claim.pake),
                tag: claim.tag.map(keep),
            }),
            RequestBody::Revoke(revoke) => RequestBody::Revoke(revoke),
            RequestBody::Whois(whois) => RequestBody::Whois(Whois { name: keep(whois.name) }),
            RequestBody::Link => RequestBody::Link,
            RequestBody::Keys => RequestBody::Keys,
            RequestBody::Ping => RequestBody::Ping,
            RequestBody::Bye => RequestBody::Bye,
            RequestBody::Unknown(unknown) => RequestBody::Unknown(unknown),
        }
    }
}

macro_rules! bodies {
    ($($kind:ident),*) => {$(
        impl<'a> From<$kind<'a>> for RequestBody<'a> {
            fn from(body: $kind<'a>) -> RequestBody<'a> {
                RequestBody::$kind(body)
            }
        }
    )*};
}

bodies!(Hello, Join, Leave, Post, Who, History, Replay, Search, Claim, Whois);

impl<'a> From<Revoke> for RequestBody<'a> {
    fn from(body: Revoke) -> RequestBody<'a> {
        RequestBody::Revoke(body)
    }
}

impl<'a> From<ListRooms<'a>> for RequestBody<'a> {
    fn from(body: ListRooms<'a>) -> RequestBody<'a> {
        RequestBody::Rooms(body)
    }
}

impl Serialize for Request<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match &self.body {
            RequestBody::Hello(hello) => self.written(hello, to),
            RequestBody::Join(join) => self.written(join, to),
            RequestBody::Leave(leave) => self.written(leave, to),
            RequestBody::Post(post) => self.written(post, to),
            RequestBody::Who(who) => self.written(who, to),
            RequestBody::History(history) => self.written(history, to),
            RequestBody::Replay(replay) => self.written(replay, to),
            RequestBody::Search(search) => self.written(search, to),
            RequestBody::Rooms(list) => self.written(list, to),
            RequestBody::Claim(claim) => self.written(claim, to),
            RequestBody::Revoke(revoke) => self.written(revoke, to),
            RequestBody::Whois(whois) => self.written(whois, to),
            RequestBody::Link
            | RequestBody::Keys
            | RequestBody::Ping
            | RequestBody::Bye
            | RequestBody::Unknown(_) => self.written(&Nothing {}, to),
        }
    }
}

impl Request<'_> {
    fn written<B: Serialize, S: Serializer>(&self, body: &B, to: S) -> Result<S::Ok, S::Error> {
        Written { tag: self.body.tag(), id: self.id, body, order: self.order }.serialize(to)
    }
}

/// A request as a frame has it.
#[derive(Serialize)]
struct Written<'a, B> {
    #[serde(rename = "type")]
    tag: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(flatten)]
    body: &'a B,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<u64>,
}

impl<'de> Tagged<'de> for Request<'de> {
    fn read_fields<A: MapAccess<'de>>(tag: &str, map: A) -> Result<Self, A::Error> {
        match tag {
            "hello" => return Ok(Request::unnumbered(fields::<Hello<'de>, A>(map)?)),
            "bye" => return fields::<Nothing, A>(map).map(|_| Request::unnumbered(RequestBody::Bye)),
            _ => {}
        }
        let is_message = matches!(tag, "say" | "tell" | "topic");
        let mut envelope = Envelope { map, is_message, id: None, order: None };
        let body = match tag {
            "join" => RequestBody::Join(fields(&mut envelope)?),
            "leave" => RequestBody::Leave(fields(&mut envelope)?),
            "say" | "tell" | "topic" => RequestBody::Post(Post::read_fields(tag, &mut envelope)?),
            "who" => RequestBody::Who(fields(&mut envelope)?),
            "rooms" => RequestBody::Rooms(fields(&mut envelope)?),
            "history" => RequestBody::History(fields(&mut envelope)?),
            "replay" => RequestBody::Replay(fields(&mut envelope)?),
            "search" => RequestBody::Search(fields(&mut envelope)?),
            "claim" => RequestBody::Claim(fields(&mut envelope)?),
            "revoke" => RequestBody::Revoke(fields(&mut envelope)?),
            "whois" => RequestBody::Whois(fields(&mut envelope)?),
            "link" => fields::<Nothing, _>(&mut envelope).map(|_| RequestBody::Link)?,
            "keys" => fields::<Nothing, _>(&mut envelope).map(|_| RequestBody::Keys)?,
            "ping" => fields::<Nothing, _>(&mut envelope).map(|_| RequestBody::Ping)?,
            _ => {
                fields::<Nothing, _>(&mut envelope)?;
                RequestBody::Unknown(Unknown { tag: tag.to_owned() })
            }
        };
        let (id, order) = (envelope.id.flatten(), envelope.order.flatten());
        if id.is_none() && !matches!(body, RequestBody::Unknown(_)) {
            return Err(de::Error::missing_field("id"));
        }
        Ok(Request { id, order, body })
    }
}

/// The fields of a request, out of which those of the envelope are taken as they come.
struct Envelope<A> {
    map: A,
    is_message: bool,
    id: Option<Option<u64>>,
    order: Option<Option<u64>>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Envelope<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        loop {
            let (field, name) = match self.map.next_key::<Text<'de>>()? {
                Some(key) if key.0 == "id" => (&mut self.id, "id"),
                Some(key) if key.0 == "order" && self.is_message => (&mut self.order, "order"),
                Some(Text(Cow::Borrowed(key))) => {
                    return seed.deserialize(de::value::BorrowedStrDeserializer::new(key)).map(Some);
                }
                Some(Text(Cow::Owned(key))) => return seed.deserialize(key.into_deserializer()).map(Some),
                None => return Ok(None),
            };
            let value = self.map.next_value::<Option<u64>>()?;
            if field.replace(value).is_some() {
                return Err(de::Error::duplicate_field(name));
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
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
    /// The client's share of the proof that it knows the password, base64url without padding.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub pake: Option<Cow<'a, str>>,
    /// The client's tag, which proves that it knows the password; absent until the server has proved the same.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Cow<'a, str>>,
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

/// A request whose type is not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unknown {
    /// Its type.
    pub tag: String,
}

/// A request or event without fields of its own.
#[derive(Deserialize, Serialize)]
struct Nothing {}
