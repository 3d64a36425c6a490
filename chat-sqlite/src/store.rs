//! The database as the writer thread has it: its connection, and the ids that come next.

use rusqlite::{Connection, params};

use crate::{lineage::Run, rooms::Next};

/// The connection that writes.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) db: Connection,
    pub(crate) next: Next,
    /// Whether the current run is recorded in the file.
    pub(crate) run_is_known: bool,
}

impl Store {
    /// The id of the newest entry or record.
    pub(crate) fn newest(&self) -> i64 {
        self.next.entry - 1
    }
}

/// Records `run`, so that a cursor of a reader from this run is recognised later.
pub(crate) fn record_run(db: &Connection, run: Run) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO runs (id, name, hash) VALUES (?1, ?2, ?3)")?
        .execute(params![run.ordinal.cast_signed(), run.name.to_be_bytes(), run.checksum()])?;
    Ok(())
}
