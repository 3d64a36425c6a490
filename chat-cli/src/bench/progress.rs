//! How far a load is, on standard error: one line that changes on a terminal, a line every few seconds elsewhere.

use std::{
    io::{self, Write},
    time::Duration,
};

use chat_core::SharedRuntime;
use chat_measure::load::{Load, Pace, Watch};

use crate::status_line::StatusLine;

/// Shows how far it is.
pub(super) struct Progress {
    line: Option<StatusLine>,
    clients: usize,
    talks: bool,
}

impl Progress {
    pub(super) fn new(load: &Load) -> Progress {
        Progress { line: StatusLine::new(), clients: load.clients, talks: load.pace != Pace::Idle }
    }

    /// Shows what `watch` sees, again and again; it never ends.
    pub(super) async fn show(&self, watch: &Watch, runtime: &SharedRuntime) {
        let every = if self.line.is_some() { OFTEN } else { SELDOM };
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
            match &self.line {
                Some(line) => line.show(&text),
                None => _ = writeln!(io::stderr(), "{text}"),
            }
        }
    }

    /// Nothing more is shown.
    pub(super) fn end(&self) {
        self.line.iter().for_each(StatusLine::clear);
    }
}

const OFTEN: Duration = Duration::from_millis(200);
const SELDOM: Duration = Duration::from_secs(3);
