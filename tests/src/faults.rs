//! Faults of the process and of the disk, done to real servers while people talk: what was said yes to has to be there.
//!
//! There is one module for each kind of fault. Each starts servers with `chat serve --data`, lets a `crowd` of the
//! project's own clients talk, does its harm, and holds what everybody noted (`notes`) against what is `stored`.

mod crowd;
mod errors;
mod flips;
mod full;
mod kill;
mod notes;
mod place;
mod power;
mod server;
mod slow;
mod stored;

use std::{
    fmt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use chat_core::{SharedRuntime, log::RoomLog, transport::Transports};

pub use errors::errors;
pub use flips::{Flips, flips};
pub use full::full;
pub use kill::kill;
pub use power::power;
pub use slow::slow;

/// What the faults are done with. Who does them brings the program, and the world that its clients live in.
#[derive(Clone)]
pub struct Bench {
    /// The program `chat`.
    pub program: PathBuf,
    /// An empty directory on a disk.
    pub scratch: PathBuf,
    /// What the clients run on.
    pub runtime: SharedRuntime,
    /// The transports they know; `tcp` and `udp` are needed.
    pub transports: Transports,
    /// Opens the log that a server has left in a directory.
    pub open: fn(&Path) -> Result<Box<dyn RoomLog>, String>,
    /// Is told how it goes, line by line.
    pub say: fn(&str),
}

impl fmt::Debug for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bench").field("program", &self.program).finish_non_exhaustive()
    }
}

/// What came of it.
#[derive(Debug)]
pub enum Found {
    /// The figures, and every rule that was broken, in words.
    Done {
        /// What was done and seen.
        figures: String,
        /// What must not have been; empty if all is well.
        broken: Vec<String>,
    },
    /// It cannot be done on this machine, which lacks this.
    Skipped(String),
}

impl Found {
    /// Where one thing in the course of it cannot go on, that is what is wrong.
    fn of(done: Result<(String, Vec<String>), String>) -> Found {
        match done {
            Ok((figures, broken)) => Found::Done { figures, broken },
            Err(why) => Found::Done { figures: "it could not be finished".to_owned(), broken: vec![why] },
        }
    }
}

/// Looks again and again until `look` gives something. For what nobody is told about.
fn eventually<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> Result<T, String> {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return Ok(seen);
        }
        if begun.elapsed() > limit {
            return Err(format!("not within {limit:?}: {what}"));
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// The smallest, the middle and the largest, in milliseconds.
fn spread(mut spans: Vec<Duration>) -> String {
    spans.sort();
    let ms = |it: Option<&Duration>| it.map_or(0.0, |it| it.as_secs_f64() * 1000.0);
    format!(
        "{:.0} / {:.0} / {:.0} ms (least, median, most)",
        ms(spans.first()),
        ms(spans.get(spans.len() / 2)),
        ms(spans.last())
    )
}

/// How long anything may take that takes no time, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(30);
