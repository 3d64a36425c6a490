//! What is going on, on standard error: one line that changes on a terminal, a line for each conversation elsewhere.

use std::{
    io::{self, IsTerminal, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use chat_core::SharedRuntime;
use chat_measure::Counters;
use terminal_size::{Width, terminal_size_of};

/// How far a comparison is.
pub(super) struct Progress {
    changes: bool,
    rounds: usize,
    done: usize,
    began: Instant,
}

impl Progress {
    pub(super) fn new(rounds: usize, now: Instant) -> Progress {
        let is_dumb = std::env::var_os("TERM").is_none_or(|it| it == "dumb");
        Progress { changes: io::stderr().is_terminal() && !is_dumb, rounds, done: 0, began: now }
    }

    /// Shows what happens in a round, again and again; it never ends.
    pub(super) async fn show(
        &self,
        title: &str,
        people: usize,
        counters: &Arc<Counters>,
        runtime: &SharedRuntime,
    ) {
        if !self.changes {
            return futures::future::pending().await;
        }
        loop {
            let now = runtime.now();
            let what = match (counters.entered(), counters.said()) {
                (entered, 0) if entered < people => format!("{entered} of {people} people are in"),
                (_, said) => format!("{said} said, {} heard", counters.heard()),
            };
            let left = match self.done {
                0 => String::new(),
                done => {
                    let each = (now - self.began) / done as u32;
                    format!(", {} s left", (each * (self.rounds - done) as u32).as_secs())
                }
            };
            self.line(&format!("[{}/{}] {title}: {what}{left}", self.done + 1, self.rounds));
            runtime.sleep_until(now + AGAIN).await;
        }
    }

    /// A round is over.
    pub(super) fn round(&mut self, title: &str, outcome: &str) {
        self.done += 1;
        if !self.changes {
            let _ = writeln!(io::stderr(), "[{}/{}] {title}: {outcome}", self.done, self.rounds);
        }
    }

    /// Nothing more is shown.
    pub(super) fn end(&self) {
        if self.changes {
            self.line("");
        }
    }

    fn line(&self, text: &str) {
        let columns = terminal_size_of(io::stderr()).map_or(80, |(Width(columns), _)| usize::from(columns));
        let text: String = text.chars().take(columns.saturating_sub(1)).collect();
        let _ = write!(io::stderr(), "\r{text}{CLEAR}");
        let _ = io::stderr().flush();
    }
}

/// How often it is looked.
const AGAIN: Duration = Duration::from_millis(100);
/// Clears the rest of the line.
const CLEAR: &str = "\x1b[K";
