//! A row of `entries`, how it is read, and the hash that says whether it is what was written.

use std::sync::Arc;

use chat_core::{
    ClientId,
    log::LogEntry,
    wire::{Author, Body, EntryKind},
};
use rusqlite::Row;

use crate::{hash::Digest, rooms::Room};

/// A row of `entries`.
#[derive(Debug)]
pub(crate) struct EntryRow {
    pub(crate) seq: u64,
    pub(crate) at: u64,
    pub(crate) author: Arc<Author>,
    pub(crate) body: Arc<Body>,
    pub(crate) client: ClientId,
    pub(crate) request: u64,
    pub(crate) hash: i64,
    pub(crate) room: i64,
}

impl EntryRow {
    /// The columns that [`EntryRow::read`] expects, in its order.
    pub(crate) const COLUMNS: &str = "SELECT seq, at, kind, sender, text, client, request, hash, room";

    /// # Errors
    /// A value that is not of the type it was written with.
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<EntryRow> {
        let (kind, bot) = match row.get::<_, i64>(2)? {
            0 => (EntryKind::Message, false),
            1 => (EntryKind::Topic, false),
            2 => (EntryKind::Message, true),
            3 => (EntryKind::Topic, true),
            other => return Err(rusqlite::Error::IntegralValueOutOfRange(2, other)),
        };
        Ok(EntryRow {
            seq: row.get::<_, i64>(0)?.cast_unsigned(),
            at: row.get::<_, i64>(1)?.cast_unsigned(),
            author: Arc::new(Author { bot, ..Author::person(row.get::<_, String>(3)?) }),
            body: Arc::new(Body { kind, text: row.get(4)?, fields: None }),
            client: ClientId(u128::from_be_bytes(row.get(5)?)),
            request: row.get::<_, i64>(6)?.cast_unsigned(),
            hash: row.get(7)?,
            room: row.get(8)?,
        })
    }

    /// Whether the row is unchanged since it was written, and belongs to this room.
    pub(crate) fn is_whole(&self, room: &Room) -> bool {
        self.room == room.id && self.digest(room).is_ok_and(|it| it == self.hash)
    }

    pub(crate) fn into_entry(self) -> LogEntry {
        LogEntry { seq: self.seq, at: self.at, author: self.author, body: self.body }
    }

    /// What it counts as in the size of its room.
    pub(crate) fn bytes(&self) -> u64 {
        (self.author.name.len() + self.body.text.len()) as u64 + ENTRY_OVERHEAD
    }

    pub(crate) fn digest(&self, room: &Room) -> rusqlite::Result<i64> {
        let digest = Digest::of("entries")
            .text(room.name.as_str())
            .number(self.seq)
            .number(self.at)
            .number(kind_number(&self.author, &self.body)?.cast_unsigned())
            .text(&self.author.name)
            .text(&self.body.text)
            .bytes(&self.client.0.to_be_bytes())
            .number(self.request);
        Ok(digest.finish())
    }
}

/// # Errors
/// A kind that this version does not know.
pub(crate) fn kind_number(author: &Author, body: &Body) -> rusqlite::Result<i64> {
    match (&body.kind, author.bot) {
        (EntryKind::Message, false) => Ok(0),
        (EntryKind::Topic, false) => Ok(1),
        (EntryKind::Message, true) => Ok(2),
        (EntryKind::Topic, true) => Ok(3),
        (other, _) => {
            Err(rusqlite::Error::ToSqlConversionFailure(format!("the table has no kind {other}").into()))
        }
    }
}

/// What a row takes on the disk besides its texts, with its places in the indexes.
pub(crate) const ENTRY_OVERHEAD: u64 = 128;
