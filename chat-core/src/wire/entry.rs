//! An entry of a room's log, and its three kinds, which are two types and a mark on the wire.

use serde::{Deserialize, Serialize, Serializer};

use super::is_false;

/// An entry of a room's log.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(from = "Written<String>")]
pub struct EntryFrame {
    /// Message or topic.
    pub kind: EntryKind,
    /// The room, or `@` for a direct message.
    pub room: String,
    /// Its number there.
    pub seq: u64,
    /// Who said it.
    pub from: String,
    /// To whom, for a direct message.
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

/// An entry as it stands in a frame, field by field, with strings of its own or somebody else's.
#[derive(Debug, Deserialize, Serialize)]
struct Written<S> {
    #[serde(rename = "type", default)]
    tag: EntryTag,
    #[serde(default, skip_serializing_if = "is_false")]
    bot: bool,
    room: S,
    seq: u64,
    from: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<S>,
    at: u64,
    text: S,
}

/// The `type` of an entry.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum EntryTag {
    #[default]
    Message,
    Topic,
}

impl Serialize for EntryFrame {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let EntryFrame { kind, room, seq, from, to: recipient, at, text } = self;
        let tag = if *kind == EntryKind::Topic { EntryTag::Topic } else { EntryTag::Message };
        let (bot, recipient) = (*kind == EntryKind::Bot, recipient.as_deref());
        Written { tag, bot, room: &**room, seq: *seq, from, to: recipient, at: *at, text }.serialize(to)
    }
}

impl From<Written<String>> for EntryFrame {
    fn from(it: Written<String>) -> EntryFrame {
        let kind = match it.tag {
            EntryTag::Message => EntryKind::said(it.bot),
            EntryTag::Topic => EntryKind::Topic,
        };
        let Written { room, seq, from, to, at, text, .. } = it;
        EntryFrame { kind, room, seq, from, to, at, text }
    }
}
