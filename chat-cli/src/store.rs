//! Where a server keeps its rooms: in a directory of this machine, unless it is told to forget them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use bytesize::ByteSize;
use chat_core::{
    SharedRuntime,
    log::{MemoryLog, RoomLog},
};
use chat_sqlite::{Keep, Options, SqliteLog};
use clap::{Args, ValueEnum};
use etcetera::BaseStrategy;

use crate::span;

/// The part of the command line that says so.
#[derive(Args, Debug)]
pub(crate) struct Store {
    /// Keep rooms in DIR, which is made if need be; one server at a time can [default: `chat` among the data of this
    /// account, ~/.local/share/chat on Linux]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Keep rooms in memory only: they end with the server
    #[arg(long, conflicts_with_all = ["data", "durability", "keep"])]
    memory: bool,
    /// With --memory: how much of the rooms to hold; beyond it the oldest messages are let go [default: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = memory, requires = "memory")]
    memory_limit: Option<ByteSize>,
    /// What a message that was acknowledged survives
    #[arg(long, value_enum, default_value_t)]
    durability: Durability,
    /// Let go of messages that are older than an AGE such as 90d, or of the oldest of a room that holds more than a
    /// SIZE such as 1GiB; may be given once for each [default: keep everything]
    #[arg(long, value_name = "AGE|SIZE", value_parser = limit)]
    keep: Vec<Limit>,
}

impl Default for Store {
    /// What `chat serve` has unless told otherwise.
    fn default() -> Store {
        let (data, memory_limit) = (None, None);
        Store { data, memory: false, memory_limit, durability: Durability::default(), keep: Vec::new() }
    }
}

/// What a message that was acknowledged survives.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum Durability {
    /// A power cut: it is on the disk before it is acknowledged
    #[default]
    Power,
    /// The end of the server, however sudden, but not of the machine: a power cut may take the last seconds, and those
    /// who had read them are told. Faster on slow disks
    Process,
}

/// One thing that `--keep` says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Limit {
    Age(Duration),
    Size(ByteSize),
}

impl Store {
    /// Opens it.
    ///
    /// # Errors
    /// When it cannot be had, in words for people.
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

    /// Says in the log what people can rely on.
    pub(crate) fn announce(&self) {
        match (self.directory(), self.durability) {
            _ if self.memory => tracing::info!("rooms are kept in memory and end with the server"),
            (Ok(directory), Durability::Power) => {
                tracing::info!(directory = %directory.display(), "rooms are kept")
            }
            (Ok(directory), Durability::Process) => tracing::warn!(
                directory = %directory.display(),
                "rooms are kept, but a power cut may take what was acknowledged in the last seconds"
            ),
            (Err(_), _) => {}
        }
    }

    fn directory(&self) -> anyhow::Result<PathBuf> {
        match &self.data {
            Some(directory) => Ok(directory.clone()),
            None => etcetera::choose_base_strategy()
                .map(|it| it.data_dir().join("chat"))
                .context("this account has no place for data: say one with --data DIR, or --memory"),
        }
    }

    /// The stricter of those given twice.
    fn keep(&self) -> Keep {
        let mut keep = Keep::default();
        for limit in &self.keep {
            match limit {
                Limit::Age(age) => keep.age = Some(keep.age.map_or(*age, |it| it.min(*age))),
                Limit::Size(size) => {
                    let size = size.as_u64();
                    keep.bytes = Some(keep.bytes.map_or(size, |it| it.min(size)));
                }
            }
        }
        keep
    }
}

/// Reads a size, with its unit; below a mebibyte a server would hold next to nothing.
fn memory(raw: &str) -> Result<ByteSize, String> {
    match raw.parse::<ByteSize>() {
        Ok(size) if size >= LEAST => Ok(size),
        Ok(_) => Err(format!("at least {LEAST} are needed; write it like 256MiB")),
        Err(_) => Err("it is not a size; write it like 256MiB".to_owned()),
    }
}

fn limit(raw: &str) -> Result<Limit, String> {
    if let Ok(age) = span::parse(raw) {
        return match age {
            Duration::ZERO => Err("that would keep nothing; write it like 90d".to_owned()),
            age => Ok(Limit::Age(age)),
        };
    }
    match raw.parse::<ByteSize>() {
        Ok(size) if size >= LEAST && raw.ends_with(['B', 'b']) => Ok(Limit::Size(size)),
        Ok(_) if raw.ends_with(['B', 'b']) => Err(format!("at least {LEAST} are needed; write it like 1GiB")),
        _ => Err("it is neither an age nor a size; write it like 90d or 1GiB".to_owned()),
    }
}

/// How much a server holds in memory unless told.
const MEMORY: ByteSize = ByteSize::mib(256);
/// A few of the longest messages, or thousands of usual ones.
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
    fn what_is_kept_has_an_age_or_a_size() {
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
