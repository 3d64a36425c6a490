//! An entry of a room's log, and its three kinds, which are two types and a mark on the wire.

use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};

/// An entry of a room's log.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(from = "WrittenEntry")]
pub struct EntryFrame {
    /// Message or topic.
    #[serde(flatten)]
    pub kind: EntryKind,
    /// The room, or `@` for a direct message.
    pub room: String,
    /// Its number there.
    pub seq: u64,
    /// Who said it.
    pub from: String,
    /// To whom, for a direct message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// When, in milliseconds since 1970 (UTC).
    pub at: u64,
    /// What was said, or the topic.
    pub text: String,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum EntryKind {
    /// Something that was said.
    #[default]
    Message,
    /// The room's topic was set.
    Topic,
    /// Something that was said by a program. It is never answered by one.
    Bot,
}

impl EntryKind {
    /// Something that was said, by a program or not.
    pub fn said(by_bot: bool) -> EntryKind {
        if by_bot { EntryKind::Bot } else { EntryKind::Message }
    }
}

// Its part of an entry: `type`, and `bot` where that is true.
impl Serialize for EntryKind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let tag = if *self == EntryKind::Topic { "topic" } else { "message" };
        let is_bot = *self == EntryKind::Bot;
        let mut fields = to.serialize_struct("EntryKind", 1 + usize::from(is_bot))?;
        fields.serialize_field("type", tag)?;
        if is_bot {
            fields.serialize_field("bot", &true)?;
        }
        fields.end()
    }
}

/// An entry, field by field.
#[derive(Deserialize)]
struct WrittenEntry {
    #[serde(rename = "type", default)]
    tag: EntryTag,
    #[serde(default)]
    bot: bool,
    room: String,
    seq: u64,
    from: String,
    #[serde(default)]
    to: Option<String>,
    at: u64,
    text: String,
}

/// The `type` of an entry.
#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EntryTag {
    #[default]
    Message,
    Topic,
}

impl From<WrittenEntry> for EntryFrame {
    fn from(it: WrittenEntry) -> EntryFrame {
        let kind = match it.tag {
            EntryTag::Message => EntryKind::said(it.bot),
            EntryTag::Topic => EntryKind::Topic,
        };
        let WrittenEntry { room, seq, from, to, at, text, .. } = it;
        EntryFrame { kind, room, seq, from, to, at, text }
    }
}
