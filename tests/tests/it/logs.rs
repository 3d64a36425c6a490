//! The logs of the workspace against the suite.

use chat_core::log::{MemoryLog, RoomLog};
use chat_sqlite::{Durability, Keep, Options, SqliteLog};
use chat_testkit::log_conformance::Medium;
use tempfile::TempDir;

chat_testkit::log_conformance!(memory, InMemory);
chat_testkit::log_conformance!(sqlite, InFile::new(Durability::Power));
chat_testkit::log_conformance!(sqlite_without_power, InFile::new(Durability::Process));

struct InMemory;

impl Medium for InMemory {
    fn open(&self, keep: Option<u64>) -> Box<dyn RoomLog> {
        Box::new(MemoryLog::new(keep.unwrap_or(1 << 30) as usize, fastrand::u128(..)))
    }

    fn is_durable(&self) -> bool {
        false
    }
}

struct InFile {
    directory: TempDir,
    durability: Durability,
}

impl InFile {
    fn new(durability: Durability) -> InFile {
        InFile { directory: tempfile::tempdir().unwrap(), durability }
    }
}

impl Medium for InFile {
    fn open(&self, keep: Option<u64>) -> Box<dyn RoomLog> {
        let keep = Keep { bytes: keep, age: None };
        let options = Options { durability: self.durability, keep };
        Box::new(SqliteLog::open(self.directory.path(), options).unwrap())
    }

    fn is_durable(&self) -> bool {
        true
    }
}
