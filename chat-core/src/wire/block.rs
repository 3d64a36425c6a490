//! The two frames of which a server makes most, entries and acks, written together and by hand: that takes half the
//! instructions that serde needs.

use bytes::{BufMut, Bytes, BytesMut};

use super::EntryKind;
use crate::log::{EntryHash, LogEntry, Position};

/// Writes frames one behind the other into blocks of memory they share: those that are made together are handed out
/// together, to everybody, and so lie together, with one count of who holds them.
///
/// A block is at most 16 KiB, or one frame: who holds on to one frame holds no more than that.
#[derive(Debug, Default)]
pub(crate) struct Block {
    bytes: BytesMut,
}

impl Block {
    /// The frame of an entry of `room`. `rest` is about how many bytes this frame and those to come need.
    pub(crate) fn entry(&mut self, room: &str, entry: &LogEntry, rest: usize) -> Bytes {
        let LogEntry { seq, at, author, body, .. } = entry;
        self.begin(rest);
        match &body.kind {
            EntryKind::Message => self.bytes.put_slice(br#"{"type":"message""#),
            EntryKind::Topic => self.bytes.put_slice(br#"{"type":"topic""#),
            EntryKind::Other(tag) => {
                self.bytes.put_slice(br#"{"type":"#);
                self.string(tag);
            }
        }
        if author.bot {
            self.bytes.put_slice(br#","bot":true"#);
        }
        self.bytes.put_slice(br#","room":"#);
        self.string(room);
        self.number(br#","seq":"#, *seq);
        self.bytes.put_slice(br#","from":"#);
        self.string(&author.name);
        if let Some(identity) = &author.identity {
            self.bytes.put_slice(br#","key":"#);
            self.json(identity);
        }
        self.number(br#","at":"#, *at);
        if body.is_shown() {
            self.bytes.put_slice(br#","text":"#);
            self.string(&body.text);
        }
        for (name, value) in body.fields.iter().flat_map(|fields| fields.iter()) {
            self.bytes.put_u8(b',');
            self.string(name);
            self.bytes.put_u8(b':');
            self.json(value);
        }
        self.end()
    }

    /// The frame that says that the request `id` is stored in `room`.
    pub(crate) fn ack(&mut self, id: u64, room: &str, position: Position, rest: usize) -> Bytes {
        self.begin(rest);
        self.number(br#"{"type":"ack","id":"#, id);
        self.bytes.put_slice(br#","room":"#);
        self.string(room);
        self.number(br#","seq":"#, position.seq);
        self.number(br#","at":"#, position.at);
        self.end()
    }

    fn begin(&mut self, rest: usize) {
        if self.bytes.capacity() < rest.min(BLOCK_LEAST) {
            self.bytes = BytesMut::with_capacity(rest.min(BLOCK_MOST));
        }
    }

    fn end(&mut self) -> Bytes {
        self.bytes.put_u8(b'}');
        self.bytes.split().freeze()
    }

    fn string(&mut self, text: &str) {
        // Looks at every byte, also after one that is not plain: so it is done for many bytes at a time.
        let is_plain = text.bytes().fold(true, |all, it| all & (it >= b' ') & (it != b'"') & (it != b'\\'));
        if is_plain {
            self.bytes.put_u8(b'"');
            self.bytes.put_slice(text.as_bytes());
            self.bytes.put_u8(b'"');
        } else {
            self.json(text);
        }
    }

    fn number(&mut self, before: &[u8], number: u64) {
        self.bytes.put_slice(before);
        self.json(&number);
    }

    fn json(&mut self, value: &(impl serde::Serialize + ?Sized)) {
        serde_json::to_writer((&mut self.bytes).writer(), value).expect("memory takes every byte");
    }
}

/// A block with less room left than this is full, unless less is needed.
const BLOCK_LEAST: usize = 1024;
const BLOCK_MOST: usize = 16 * 1024;

/// The frame of an entry, with its hash.
pub(crate) fn with_hash(entry: &Bytes, hash: EntryHash) -> Bytes {
    let mut frame = BytesMut::with_capacity(entry.len() + HASH_BYTES);
    frame.extend_from_slice(&entry[..entry.len() - 1]);
    frame.extend_from_slice(format!(r#","hash":"{hash}"}}"#).as_bytes());
    frame.freeze()
}

/// The bytes of the field `hash`.
const HASH_BYTES: usize = 53;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        KeyId,
        wire::{self, Ack, Author, Body, EntryFrame, Event, Fields},
    };

    fn bodies() -> impl Strategy<Value = Body> {
        let kind = prop_oneof![
            Just(EntryKind::Message),
            Just(EntryKind::Topic),
            "\\PC{1,9}".prop_map(|tag| EntryKind::of(&tag))
        ];
        let fields = prop::collection::btree_map("x\\PC{0,3}", any::<String>(), 0..3);
        (kind, any::<String>(), fields).prop_map(|(kind, text, fields)| {
            let fields: Fields = fields.into_iter().map(|(name, value)| (name, value.into())).collect();
            Body { kind, text, fields: (!fields.is_empty()).then(|| Box::new(fields)) }
        })
    }

    fn authors() -> impl Strategy<Value = Author> {
        ("\\PC{0,20}", any::<Option<[u8; 32]>>(), any::<bool>()).prop_map(|(name, key, bot)| Author {
            name,
            identity: key.map(KeyId),
            bot,
        })
    }

    proptest! {
        #[test]
        fn what_is_written_by_hand_is_what_serde_writes(
            room in ".{0,20}", author in authors(), body in bodies(), seq: u64, at: u64,
        ) {
            let (shared_author, shared_body) = (Arc::new(author.clone()), Arc::new(body.clone()));
            let entry = LogEntry { seq, at, author: shared_author, body: shared_body, hash: EntryHash::NONE };
            let mut block = Block::default();
            let written = [
                block.entry(&room, &entry, 0),
                block.ack(seq, &room, Position { seq: at, at: seq }, 2000),
                block.entry(&room, &entry, 100_000),
            ];
            let ack = Event::Ack(Ack { id: seq, room: room.clone(), seq: at, at: seq });
            let entry = Event::Entry(EntryFrame { room, seq, author, to: None, at, body });
            prop_assert_eq!(written, [&entry, &ack, &entry].map(wire::write));
        }
    }
}
