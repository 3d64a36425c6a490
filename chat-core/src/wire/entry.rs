//! An entry of a room's log: who said it and what it is, as it stands in a frame of its own, in a page, and in what
//! a search found.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};

use super::is_false;
use crate::KeyId;

/// An entry of a room's log, as clients are sent it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntryFrame {
    /// The room, or `@` for a direct message.
    pub room: String,
    /// The entry's number there.
    pub seq: u64,
    /// Who said it.
    pub author: Author,
    /// The recipient's name, for a direct message.
    pub to: Option<String>,
    /// When the entry was stored, in milliseconds since 1970 (UTC).
    pub at: u64,
    /// What was said.
    pub body: Body,
}

/// The author of an entry.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Author {
    /// The name the author had at that time.
    pub name: String,
    /// The author's key, if the author proved one.
    pub identity: Option<KeyId>,
    /// Whether a program said it by itself. Programs never answer such an entry.
    pub bot: bool,
}

impl Author {
    /// A person without a key.
    pub fn person(name: impl Into<String>) -> Author {
        Author { name: name.into(), identity: None, bot: false }
    }

    /// A program without a key.
    pub fn bot(name: impl Into<String>) -> Author {
        Author { bot: true, ..Author::person(name) }
    }
}

/// The content of an entry: its kind, a plain text that everybody can read, and the fields that only those who know the
/// kind can read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Body {
    /// What the entry is.
    pub kind: EntryKind,
    /// The text; a topic and an entry of a later kind may have none.
    pub text: String,
    /// Further fields, in the order of their names. They never have one of the [`RESERVED`] names.
    pub fields: Option<Box<Fields>>,
}

/// The further fields of an entry.
pub type Fields = serde_json::Map<String, serde_json::Value>;

/// The fields of a frame that are not a part of the body.
pub const RESERVED: [&str; 12] =
    ["type", "id", "bot", "room", "seq", "from", "key", "to", "at", "text", "hash", "digest"];

impl Body {
    /// A message.
    pub fn message(text: impl Into<String>) -> Body {
        Body { kind: EntryKind::Message, text: text.into(), fields: None }
    }

    /// A topic.
    pub fn topic(text: impl Into<String>) -> Body {
        Body { kind: EntryKind::Topic, text: text.into(), fields: None }
    }

    /// Whether there is anything to show to a person who does not know the kind.
    pub fn is_shown(&self) -> bool {
        !matches!(self.kind, EntryKind::Other(_)) || !self.text.is_empty()
    }
}

/// What an entry is.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum EntryKind {
    /// Something that was said.
    #[default]
    Message,
    /// The room's topic was set.
    Topic,
    /// A kind this version does not know, by the `type` of its frame. The entry counts like any other.
    Other(Box<str>),
}

impl EntryKind {
    /// The `type` of the frame.
    pub fn tag(&self) -> &str {
        match self {
            EntryKind::Message => "message",
            EntryKind::Topic => "topic",
            EntryKind::Other(tag) => tag,
        }
    }

    /// The kind whose frames have the `type` `tag`.
    pub fn of(tag: &str) -> EntryKind {
        match tag {
            "message" => EntryKind::Message,
            "topic" => EntryKind::Topic,
            _ => EntryKind::Other(tag.into()),
        }
    }

    /// Whether the newest entry of this kind is a part of the room's state.
    pub fn is_state(&self) -> bool {
        matches!(self, EntryKind::Topic)
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

/// The fields of an entry as a frame has them. `T` is the type of the tag: a frame whose `type` was read before has none.
#[derive(Debug, Deserialize)]
pub(super) struct Written<'a> {
    #[serde(borrow, rename = "type", default)]
    tag: Option<Cow<'a, str>>,
    #[serde(default)]
    bot: bool,
    room: String,
    seq: u64,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    key: Option<KeyId>,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    at: Option<u64>,
    #[serde(default)]
    text: Option<String>,
    #[serde(flatten)]
    fields: Fields,
}

impl Written<'_> {
    /// The entry; `tag` is its type where that was read before the other fields.
    pub(super) fn entry<E: de::Error>(self, tag: Option<&str>) -> Result<EntryFrame, E> {
        let Written { tag: own_tag, bot, room, seq, from, key, to, at, text, mut fields } = self;
        let kind = match (tag, &own_tag) {
            (Some(tag), _) => EntryKind::of(tag),
            (None, Some(tag)) => EntryKind::of(tag),
            (None, None) => return Err(E::missing_field("type")),
        };
        // A kind of entry that comes later may lack what those of this version have.
        let is_known = !matches!(kind, EntryKind::Other(_));
        let required = |name, is_there: bool| match is_there || !is_known {
            true => Ok(()),
            false => Err(E::missing_field(name)),
        };
        required("from", from.is_some())?;
        required("at", at.is_some())?;
        required("text", text.is_some())?;
        for name in RESERVED {
            fields.remove(name);
        }
        Ok(EntryFrame {
            room,
            seq,
            author: Author { name: from.unwrap_or_default(), identity: key, bot },
            to,
            at: at.unwrap_or_default(),
            body: Body {
                kind,
                text: text.unwrap_or_default(),
                fields: (!fields.is_empty()).then(|| Box::new(fields)),
            },
        })
    }
}

impl<'de> Deserialize<'de> for EntryFrame {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<EntryFrame, D::Error> {
        Written::deserialize(from)?.entry(None)
    }
}

impl Serialize for EntryFrame {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let EntryFrame { room, seq, author, to: recipient, at, body } = self;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("type", body.kind.tag())?;
        if !is_false(&author.bot) {
            map.serialize_entry("bot", &true)?;
        }
        map.serialize_entry("room", room)?;
        map.serialize_entry("seq", seq)?;
        map.serialize_entry("from", &author.name)?;
        if let Some(identity) = &author.identity {
            map.serialize_entry("key", identity)?;
        }
        if let Some(recipient) = recipient {
            map.serialize_entry("to", recipient)?;
        }
        map.serialize_entry("at", at)?;
        if body.is_shown() {
            map.serialize_entry("text", &body.text)?;
        }
        for (name, value) in body.fields.iter().flat_map(|fields| fields.iter()) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
