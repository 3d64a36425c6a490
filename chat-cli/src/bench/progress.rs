//! How far a load is, on standard error: one line that changes on a terminal, a line every few seconds elsewhere.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use chat_core::SharedRuntime;
use chat_measure::load::{Load, Pace, Watch};
use terminal_size::{Width, terminal_size_of};

use crate::output::is_dumb;

/// Shows how far it is.
pub(super) struct Progress {
    changes: bool,
    clients: usize,
    talks: bool,
}

impl Progress {
    pub(super) fn new(load: &Load) -> Progress {
        let changes = io::stderr().is_terminal() && !is_dumb();
        Progress { changes, clients: load.clients, talks: load.pace != Pace::Idle }
    }

    /// Shows what `watch` sees, again and again; it never ends.
    pub(super) async fn show(&self, watch: &Watch, runtime: &SharedRuntime) {
        let every = if self.changes { OFTEN } else { SELDOM };
        let (mut at, mut before) = (runtime.now(), 0);
        loop {
            runtime.sleep_until(at + every).await;
            let now = runtime.now();
            let delivered = watch.delivered();
            let speed = (delivered - before) as f64 / (now - at).as_secs_f64();
            (at, before) = (now, delivered);
            let text = match watch.joined() {
                joined if joined < self.clients => format!("{joined} of {} clients are in", self.clients),
                joined if !self.talks => format!("{joined} clients are in, and silent"),
                _ => format!("{} said, {delivered} delivered, {speed:.0} a second", watch.said()),
            };
            match self.changes {
                true => self.line(&text),
                false => _ = writeln!(io::stderr(), "{text}"),
            }
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

const OFTEN: Duration = Duration::from_millis(200);
const SELDOM: Duration = Duration::from_secs(3);
/// Clears the rest of the line.
const CLEAR: &str = "\x1b[K";
