//! What a client says, to a room or to one person: the requests that become entries.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer, de::MapAccess, ser::SerializeMap};

use super::{EntryKind, Tagged, fields};

/// Something said, to a room the session is in or to one person: `say`, `topic` and `tell` on the wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Post<'a> {
    /// Where it goes.
    pub to: Target<'a>,
    /// What kind of entry it becomes.
    pub kind: EntryKind,
    /// The text: 1 to [`MAX_TEXT`](super::MAX_TEXT) bytes; a topic may be empty.
    pub text: Cow<'a, str>,
    /// Whether a program says it by itself.
    pub bot: bool,
}

/// The destination of a [`Post`].
#[derive(Clone, Debug, PartialEq)]
pub enum Target<'a> {
    /// The name of a room.
    Room(Cow<'a, str>),
    /// The name of a person.
    Person(Cow<'a, str>),
}

impl Default for Target<'_> {
    fn default() -> Self {
        Target::Room(Cow::default())
    }
}

impl<'a> Post<'a> {
    /// A message to a room.
    pub fn say(room: impl Into<Cow<'a, str>>, text: impl Into<Cow<'a, str>>) -> Post<'a> {
        Post { to: Target::Room(room.into()), kind: EntryKind::Message, text: text.into(), bot: false }
    }

    /// A message to one person.
    pub fn tell(person: impl Into<Cow<'a, str>>, text: impl Into<Cow<'a, str>>) -> Post<'a> {
        Post { to: Target::Person(person.into()), ..Post::say("", text) }
    }

    /// A topic for a room; the empty text takes the topic away.
    pub fn topic(room: impl Into<Cow<'a, str>>, text: impl Into<Cow<'a, str>>) -> Post<'a> {
        Post { kind: EntryKind::Topic, ..Post::say(room, text) }
    }

    /// The same, said by a program by itself if `bot`.
    #[must_use]
    pub fn by_bot(self, bot: bool) -> Post<'a> {
        Post { bot, ..self }
    }

    /// The same, independent of the frame it was read from.
    pub fn into_owned(self) -> Post<'static> {
        let to = match self.to {
            Target::Room(room) => Target::Room(keep(room)),
            Target::Person(person) => Target::Person(keep(person)),
        };
        Post { to, text: keep(self.text), ..self }
    }

    /// The room it goes to, unless it goes to a person.
    pub fn room(&self) -> Option<&str> {
        match &self.to {
            Target::Room(room) => Some(room),
            Target::Person(_) => None,
        }
    }

    /// The person it goes to, unless it goes to a room.
    pub fn person(&self) -> Option<&str> {
        match &self.to {
            Target::Person(person) => Some(person),
            Target::Room(_) => None,
        }
    }

    pub(super) fn tag(&self) -> &'static str {
        match (&self.to, &self.kind) {
            (Target::Person(_), _) => "tell",
            (Target::Room(_), EntryKind::Topic) => "topic",
            (Target::Room(_), _) => "say",
        }
    }
}

impl Serialize for Post<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        match &self.to {
            Target::Room(room) => map.serialize_entry("room", room)?,
            Target::Person(person) => map.serialize_entry("to", person)?,
        }
        map.serialize_entry("text", &self.text)?;
        if self.bot {
            map.serialize_entry("bot", &true)?;
        }
        map.end()
    }
}

impl<'de> Tagged<'de> for Post<'de> {
    fn read_fields<A: MapAccess<'de>>(tag: &str, map: A) -> Result<Self, A::Error> {
        Ok(match tag {
            "tell" => {
                let ToPerson { to, text, bot } = fields(map)?;
                Post::tell(to, text).by_bot(bot)
            }
            _ => {
                let ToRoom { room, text, bot } = fields(map)?;
                if tag == "topic" { Post::topic(room, text) } else { Post::say(room, text) }.by_bot(bot)
            }
        })
    }
}

/// The fields of `say` and `topic`.
#[derive(Deserialize)]
struct ToRoom<'a> {
    #[serde(borrow)]
    room: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(default)]
    bot: bool,
}

/// The fields of `tell`.
#[derive(Deserialize)]
struct ToPerson<'a> {
    #[serde(borrow)]
    to: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(default)]
    bot: bool,
}

/// The text, independent of the frame it was read from.
pub(super) fn keep(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}
