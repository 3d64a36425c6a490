//! The progress of a comparison on standard error: a status line on a terminal, elsewhere a line for each conversation.

use std::{
    io::{self, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use chat_core::SharedRuntime;
use chat_measure::Counters;

use crate::status_line::StatusLine;

/// The progress of a comparison.
pub(super) struct Progress {
    line: Option<StatusLine>,
    rounds: usize,
    done: usize,
    began: Instant,
}

impl Progress {
    pub(super) fn new(rounds: usize, now: Instant) -> Progress {
        Progress { line: StatusLine::new(), rounds, done: 0, began: now }
    }

    /// Shows the state of a round, again and again. This future never ends.
    pub(super) async fn show(
        &self,
        title: &str,
        people: usize,
        counters: &Arc<Counters>,
        runtime: &SharedRuntime,
    ) {
        let Some(line) = &self.line else { return futures::future::pending().await };
        loop {
            let now = runtime.now();
            let what = match (counters.joined(), counters.said()) {
                (joined, 0) if joined < people => format!("{joined} of {people} people have joined"),
                (_, said) => format!("{said} sent, {} delivered", counters.delivered()),
            };
            let left = match self.done {
                0 => String::new(),
                done => {
                    let each = (now - self.began) / done as u32;
                    format!(", {} s left", (each * (self.rounds - done) as u32).as_secs())
                }
            };
            line.show(&format!("[{}/{}] {title}: {what}{left}", self.done + 1, self.rounds));
            runtime.sleep_until(now + INTERVAL).await;
        }
    }

    /// Notes that a round is over.
    pub(super) fn round(&mut self, title: &str, outcome: &str) {
        self.done += 1;
        if self.line.is_none() {
            let _ = writeln!(io::stderr(), "[{}/{}] {title}: {outcome}", self.done, self.rounds);
        }
    }

    /// Clears the status line.
    pub(super) fn end(&self) {
        self.line.iter().for_each(StatusLine::clear);
    }
}

/// How often the status line is drawn.
const INTERVAL: Duration = Duration::from_millis(100);
