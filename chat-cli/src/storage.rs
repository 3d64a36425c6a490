//! The storage options of `chat serve`: where a server keeps its rooms, for how long and how durably.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use bytesize::ByteSize;
use chat_core::{
    SharedRuntime,
    log::{MemoryLog, RoomLog},
};
use chat_secure::{KeyFileError, StaticKey, TicketKeys, fingerprint};
use chat_sqlite::{Keep, Options, SqliteLog};
use clap::{Args, ValueEnum};
use etcetera::BaseStrategy;

use crate::{duration, state_file};

/// The storage options of the command line.
#[derive(Args, Debug)]
pub(crate) struct Storage {
    /// Keep rooms in DIR, which is created if it does not exist; one server at a time can use it [default: `chat` in
    /// the data directory of this account, ~/.local/share/chat on Linux]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Keep rooms in memory only: they are lost when the server ends
    #[arg(long, conflicts_with_all = ["data", "durability", "keep"])]
    memory: bool,
    /// With --memory: how much memory messages may take; beyond it the oldest are deleted [default: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = memory, requires = "memory")]
    memory_limit: Option<ByteSize>,
    /// What acknowledged messages survive
    #[arg(long, value_enum, default_value_t)]
    durability: Durability,
    /// Delete messages that are older than an AGE such as 90d, or the oldest messages of a room that takes more than a
    /// SIZE such as 1GiB; may be given once for each [default: keep everything]
    #[arg(long, value_name = "AGE|SIZE", value_parser = limit)]
    keep: Vec<Limit>,
}

impl Default for Storage {
    /// The storage of `chat serve` without any of these options.
    fn default() -> Storage {
        let (data, memory_limit) = (None, None);
        Storage { data, memory: false, memory_limit, durability: Durability::default(), keep: Vec::new() }
    }
}

/// What acknowledged messages survive.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum Durability {
    /// A power cut: a message is on the disk before it is acknowledged
    #[default]
    Power,
    /// A crash of the server, but not of the machine: a power cut may lose the messages of the last seconds, and
    /// clients that had read them are told. Faster on slow disks
    Process,
}

/// One value of `--keep`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Limit {
    Age(Duration),
    Size(ByteSize),
}

impl Storage {
    /// Opens the log of rooms.
    ///
    /// # Errors
    /// When the log cannot be opened, with a message for the operator.
    pub(crate) fn open(&self, runtime: &SharedRuntime) -> anyhow::Result<Arc<dyn RoomLog>> {
        if self.memory {
            let held = usize::try_from(self.memory_limit.unwrap_or(MEMORY).as_u64()).unwrap_or(usize::MAX);
            return Ok(Arc::new(MemoryLog::new(held, runtime.random())));
        }
        let directory = self.directory()?;
        let durability = match self.durability {
            Durability::Power => chat_sqlite::Durability::Power,
            Durability::Process => chat_sqlite::Durability::Process,
        };
        let options = Options { durability, keep: self.keep() };
        let log = SqliteLog::open(&directory, options)
            .with_context(|| format!("cannot keep rooms in {}", directory.display()))?;
        Ok(Arc::new(log))
    }

    /// The server's key: in the directory of its rooms. Servers whose rooms are in memory share a key of this account, so
    /// that people who come back after a restart are not warned; an account without a directory has one for this run.
    ///
    /// # Errors
    /// When the key cannot be read or made, or other people can read it.
    pub(crate) fn key(&self, runtime: &SharedRuntime) -> anyhow::Result<StaticKey> {
        let path = match self.memory {
            true => state_file::path(KEY_FILE),
            false => Some(self.directory()?.join(KEY_FILE)),
        };
        let Some(path) = path else { return Ok(StaticKey::generate(&**runtime)) };
        match StaticKey::in_file(&path, &**runtime) {
            // Rooms in memory need no directory, and so their server starts without one.
            Err(KeyFileError::Io { error, .. }) if self.memory => {
                tracing::warn!(%error, path = %path.display(), "the server's key is for this run alone");
                Ok(StaticKey::generate(&**runtime))
            }
            key => Ok(key?),
        }
    }

    /// The keys of the server's tickets: beside its key, or in memory as its rooms are.
    pub(crate) fn ticket_keys(&self, runtime: &SharedRuntime) -> TicketKeys {
        let in_memory = || TicketKeys::in_memory(runtime.clone());
        let Some(directory) = self.directory().ok().filter(|_| !self.memory) else { return in_memory() };
        let path = directory.join(TICKET_FILE);
        TicketKeys::in_file(&path, runtime.clone()).unwrap_or_else(|error| {
            tracing::warn!(%error, path = %path.display(), "the keys of tickets are for this run alone");
            in_memory()
        })
    }

    /// How many bytes of messages are kept at most: in each room on a disk, in all rooms together in memory.
    pub(crate) fn bytes(&self) -> Option<u64> {
        match self.memory {
            true => Some(self.memory_limit.unwrap_or(MEMORY).as_u64()),
            false => self.keep().bytes,
        }
    }

    /// Logs the server's key, where rooms are kept and what they survive.
    pub(crate) fn announce(&self, key: &StaticKey) {
        let fingerprint = fingerprint(key.id());
        tracing::info!(fingerprint, "the server's key");
        match (self.directory(), self.durability) {
            _ if self.memory => tracing::info!("rooms are kept in memory and are lost when the server ends"),
            (Ok(directory), Durability::Power) => {
                tracing::info!(directory = %directory.display(), "rooms are kept")
            }
            (Ok(directory), Durability::Process) => tracing::warn!(
                directory = %directory.display(),
                "rooms are kept, but a power cut may lose messages acknowledged in the last seconds"
            ),
            (Err(_), _) => {}
        }
    }

    fn directory(&self) -> anyhow::Result<PathBuf> {
        match &self.data {
            Some(directory) => Ok(directory.clone()),
            None => etcetera::choose_base_strategy()
                .map(|base| base.data_dir().join("chat"))
                .context("this account has no data directory: give one with --data DIR, or use --memory"),
        }
    }

    /// The stricter of two limits of the same kind.
    fn keep(&self) -> Keep {
        let mut keep = Keep::default();
        for limit in &self.keep {
            match limit {
                Limit::Age(age) => keep.age = Some(keep.age.map_or(*age, |other| other.min(*age))),
                Limit::Size(size) => {
                    let size = size.as_u64();
                    keep.bytes = Some(keep.bytes.map_or(size, |other| other.min(size)));
                }
            }
        }
        keep
    }
}

/// Parses a size with its unit. Below a mebibyte a server would hold next to nothing.
fn memory(raw: &str) -> Result<ByteSize, String> {
    match raw.parse::<ByteSize>() {
        Ok(size) if size >= LEAST => Ok(size),
        Ok(_) => Err(format!("at least {LEAST} are needed; write it like 256MiB")),
        Err(_) => Err("not a size; write it like 256MiB".to_owned()),
    }
}

fn limit(raw: &str) -> Result<Limit, String> {
    if let Ok(age) = duration::parse(raw) {
        return match age {
            Duration::ZERO => Err("an age of zero keeps nothing; write it like 90d".to_owned()),
            age => Ok(Limit::Age(age)),
        };
    }
    match raw.parse::<ByteSize>() {
        Ok(size) if size >= LEAST && raw.ends_with(['B', 'b']) => Ok(Limit::Size(size)),
        Ok(_) if raw.ends_with(['B', 'b']) => Err(format!("at least {LEAST} are needed; write it like 1GiB")),
        _ => Err("neither an age nor a size; write it like 90d or 1GiB".to_owned()),
    }
}

/// The name of the file with the server's key.
const KEY_FILE: &str = "server.key";
/// The name of the file with the keys of its tickets.
const TICKET_FILE: &str = "tickets.key";
/// How much a server holds in memory by default.
const MEMORY: ByteSize = ByteSize::mib(256);
/// The smallest limit: a few of the longest messages, or thousands of average ones.
const LEAST: ByteSize = ByteSize::mib(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_unit() {
        assert_eq!(memory("64MiB"), Ok(ByteSize::mib(64)));
        assert_eq!(memory("1MiB"), Ok(LEAST));
        for (raw, words) in
            [("plenty", "not a size"), ("", "not a size"), ("-1", "not a size"), ("64", "1.0 MiB")]
        {
            let why = memory(raw).unwrap_err();
            assert!(why.contains(words), "{raw}: {why}");
        }
    }

    #[test]
    fn a_limit_is_an_age_or_a_size() {
        assert_eq!(limit("90d"), Ok(Limit::Age(Duration::from_secs(90 * 86_400))));
        assert_eq!(limit("36h"), Ok(Limit::Age(Duration::from_secs(36 * 3600))));
        assert_eq!(limit("1GiB"), Ok(Limit::Size(ByteSize::gib(1))));
        assert_eq!(limit("5MB"), Ok(Limit::Size(ByteSize::mb(5))));
        for (raw, words) in [
            ("0d", "nothing"),
            ("1kB", "1.0 MiB"),
            ("90", "neither"),
            ("", "neither"),
            ("for ever", "neither"),
        ] {
            let why = limit(raw).unwrap_err();
            assert!(why.contains(words), "{raw}: {why}");
        }
    }
}
