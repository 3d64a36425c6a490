//! A row of `entries`, how it is written and read, and the checksum that says whether it is what was written.

use std::sync::Arc;

use chat_core::{
    ClientId, KeyId,
    log::{
        EntryHash, LogEntry,
        chain::{self, BodyDigest, Link},
    },
    wire::{Author, Body, EntryKind, Fields},
};
use rusqlite::{Row, Statement, params};

use crate::{checksum::Checksum, rooms::Room};

/// A row of `entries`, but for its id.
#[derive(Clone, Debug)]
pub(crate) struct EntryRow {
    pub(crate) room: i64,
    pub(crate) seq: u64,
    pub(crate) at: u64,
    pub(crate) author: Arc<Author>,
    pub(crate) body: Arc<Body>,
    pub(crate) client: ClientId,
    pub(crate) request: u64,
    pub(crate) hash: EntryHash,
    /// The digest of the body, where the body itself was erased.
    pub(crate) digest: Option<BodyDigest>,
    pub(crate) checksum: i64,
}

impl EntryRow {
    /// The columns that [`EntryRow::read`] expects, in its order.
    pub(crate) const COLUMNS: &str =
        "SELECT seq, at, author, identity, bot, kind, text, fields, client, request, hash,
        digest, checksum, room";
    /// Writes what [`EntryRow::insert`] binds.
    pub(crate) const INSERT: &str = "
        INSERT INTO entries (
            id, room, seq, at, author, identity, bot, kind, text, fields, client, request, hash, digest, checksum
        ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
        ON CONFLICT (client, request) DO NOTHING";

    /// # Errors
    /// A value that is not of the type it was written with.
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<EntryRow> {
        let identity: Option<[u8; 32]> = row.get(3)?;
        let author = Author { name: row.get(2)?, identity: identity.map(KeyId), bot: row.get(4)? };
        let kind = EntryKind::of(row.get_ref(5)?.as_str()?);
        let body = Body { kind, text: row.get(6)?, fields: read_fields(row, 7)? };
        Ok(EntryRow {
            seq: row.get::<_, i64>(0)?.cast_unsigned(),
            at: row.get::<_, i64>(1)?.cast_unsigned(),
            author: Arc::new(author),
            body: Arc::new(body),
            client: ClientId(u128::from_be_bytes(row.get(8)?)),
            request: row.get::<_, i64>(9)?.cast_unsigned(),
            hash: EntryHash(row.get(10)?),
            digest: row.get(11)?,
            checksum: row.get(12)?,
            room: row.get(13)?,
        })
    }

    /// Fills in the hash, which covers the hash `previous` of the entry before, and the checksum.
    pub(crate) fn seal(&mut self, room: &Room, previous: EntryHash) {
        let link = Link {
            previous,
            room: room.name.as_str(),
            seq: self.seq,
            at: self.at,
            author: &self.author,
            kind: &self.body.kind,
            digest: self.digest(),
        };
        self.hash = link.hash();
        self.checksum = self.checksum_in(room);
    }

    /// Writes the row under this id; false if the name of its request is stored already.
    pub(crate) fn insert(&self, insert: &mut Statement<'_>, id: i64) -> rusqlite::Result<bool> {
        let inserted = insert.execute(params![
            id,
            self.room,
            self.seq.cast_signed(),
            self.at.cast_signed(),
            self.author.name,
            self.author.identity.map(|identity| identity.0),
            self.author.bot,
            self.body.kind.tag(),
            self.body.text,
            fields_text(&self.body),
            self.client.0.to_be_bytes(),
            self.request.cast_signed(),
            self.hash.0,
            self.digest,
            self.checksum,
        ])?;
        Ok(inserted > 0)
    }

    /// The digest of the body, also if the body was erased.
    pub(crate) fn digest(&self) -> BodyDigest {
        self.digest.unwrap_or_else(|| chain::digest(&self.body))
    }

    /// Whether the row is unchanged since it was written, and belongs to this room.
    pub(crate) fn is_whole(&self, room: &Room) -> bool {
        self.room == room.id && self.checksum_in(room) == self.checksum
    }

    pub(crate) fn entry(&self) -> LogEntry {
        let EntryRow { seq, at, author, body, hash, .. } = self;
        LogEntry { seq: *seq, at: *at, author: author.clone(), body: body.clone(), hash: *hash }
    }

    /// What it counts as in the size of its room.
    pub(crate) fn bytes(&self) -> u64 {
        (self.author.name.len() + self.body.text.len()) as u64 + ENTRY_OVERHEAD
    }

    pub(crate) fn checksum_in(&self, room: &Room) -> i64 {
        let identity = self.author.identity.map(|identity| identity.0);
        Checksum::of("entries")
            .text(room.name.as_str())
            .number(self.seq)
            .number(self.at)
            .text(&self.author.name)
            .bytes(identity.as_ref().map_or(&[], |identity| &identity[..]))
            .number(u64::from(self.author.bot))
            .text(self.body.kind.tag())
            .text(&self.body.text)
            .text(fields_text(&self.body).as_deref().unwrap_or_default())
            .bytes(&self.client.0.to_be_bytes())
            .number(self.request)
            .bytes(&self.hash.0)
            .bytes(self.digest.as_ref().map_or(&[], |digest| &digest[..]))
            .finish()
    }
}

/// The further fields of a body as a text of JSON.
pub(crate) fn fields_text(body: &Body) -> Option<String> {
    // Names and values of JSON can always be written.
    serde_json::to_string(&**body.fields.as_ref()?).ok()
}

/// Reads what [`fields_text`] has written.
pub(crate) fn read_fields(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Box<Fields>>> {
    let Some(text) = row.get_ref(column)?.as_str_or_null()? else { return Ok(None) };
    let fields = serde_json::from_str(text);
    fields.map(Some).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
    })
}

/// What a row takes on the disk besides its texts, with its places in the indexes.
pub(crate) const ENTRY_OVERHEAD: u64 = 176;
