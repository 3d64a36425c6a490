//! What is going on, on standard error: one line that changes on a terminal, a line for each conversation elsewhere.

use std::{
    io::{self, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use chat_core::SharedRuntime;
use chat_measure::Counters;

use crate::status_line::StatusLine;

/// How far a comparison is.
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

    /// Shows what happens in a round, again and again; it never ends.
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
            line.show(&format!("[{}/{}] {title}: {what}{left}", self.done + 1, self.rounds));
            runtime.sleep_until(now + AGAIN).await;
        }
    }

    /// A round is over.
    pub(super) fn round(&mut self, title: &str, outcome: &str) {
        self.done += 1;
        if self.line.is_none() {
            let _ = writeln!(io::stderr(), "[{}/{}] {title}: {outcome}", self.done, self.rounds);
        }
    }

    /// Nothing more is shown.
    pub(super) fn end(&self) {
        self.line.iter().for_each(StatusLine::clear);
    }
}

/// How often it is looked.
const AGAIN: Duration = Duration::from_millis(100);
