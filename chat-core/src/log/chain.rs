//! The hash chain of a room: the hash of an entry covers the hash of the entry before it (`docs/protocol.md`, 8.13).

use std::{borrow::Cow, fmt};

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::wire::{Author, Body, EntryKind};

/// The hash of an entry, shown as 43 characters of base64url without padding (RFC 4648, section 5).
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct EntryHash(pub [u8; 32]);

impl EntryHash {
    /// What stands in the place of the hash before where a chain begins.
    pub const NONE: EntryHash = EntryHash([0; 32]);

    /// Reads what [`EntryHash`] is shown as.
    pub fn parse(raw: &str) -> Option<EntryHash> {
        let bytes = BASE64URL_NOPAD.decode(raw.as_bytes()).ok()?;
        Some(EntryHash(bytes.try_into().ok()?))
    }
}

impl fmt::Display for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl Serialize for EntryHash {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EntryHash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<EntryHash, D::Error> {
        let raw = Cow::<'de, str>::deserialize(from)?;
        EntryHash::parse(&raw).ok_or_else(|| de::Error::custom("a hash is 43 characters of base64url"))
    }
}

impl fmt::Debug for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryHash({self})")
    }
}

/// What an entry's hash covers of its content. It is kept when the text is erased, so that the chain can still be
/// checked.
pub type BodyDigest = [u8; 32];

/// The digest of a body's text and fields.
pub fn digest(body: &Body) -> BodyDigest {
    let fields = body.fields.as_ref().map(|fields| serde_json::to_vec(&**fields));
    // Names and values of JSON are always written.
    let fields = fields.transpose().ok().flatten().unwrap_or_default();
    let mut bytes = Vec::with_capacity(4 + body.text.len() + fields.len());
    bytes.extend_from_slice(&length(body.text.len()).to_be_bytes());
    bytes.extend_from_slice(body.text.as_bytes());
    bytes.extend_from_slice(&fields);
    *blake3::hash(&bytes).as_bytes()
}

/// The parts of an entry that its hash covers.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// The hash of the entry before it in the room, or [`EntryHash::NONE`].
    pub previous: EntryHash,
    /// The room's name, as frames show it.
    pub room: &'a str,
    /// The entry's number.
    pub seq: u64,
    /// The entry's time.
    pub at: u64,
    /// The entry's author.
    pub author: &'a Author,
    /// The entry's kind.
    pub kind: &'a EntryKind,
    /// The digest of the entry's body.
    pub digest: BodyDigest,
}

impl Link<'_> {
    /// The entry's hash.
    pub fn hash(&self) -> EntryHash {
        let Author { name, identity, bot } = self.author;
        let tag = self.kind.tag();
        let mut bytes = Vec::with_capacity(FIXED_BYTES + self.room.len() + name.len() + tag.len());
        bytes.extend_from_slice(&self.previous.0);
        bytes.extend_from_slice(&self.digest);
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.at.to_be_bytes());
        bytes.push(u8::from(*bot) | u8::from(identity.is_some()) << 1);
        if let Some(identity) = identity {
            bytes.extend_from_slice(&identity.0);
        }
        for text in [self.room, name, tag] {
            bytes.extend_from_slice(&length(text.len()).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        EntryHash(*blake3::hash(&bytes).as_bytes())
    }
}

/// A text's length as it is hashed. No text of a frame has 4 GiB.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Everything but the three texts: two hashes, two numbers, the flags, an identity and three lengths.
const FIXED_BYTES: usize = 32 + 32 + 8 + 8 + 1 + 32 + 12;

#[cfg(test)]
mod tests;
