//! The progress of a load on standard error: a status line on a terminal, elsewhere a line every few seconds.

use std::{
    io::{self, Write},
    time::Duration,
};

use chat_core::SharedRuntime;
use chat_measure::load::{Load, Pace, Watch};

use crate::status_line::StatusLine;

/// The progress of a load.
pub(super) struct Progress {
    line: Option<StatusLine>,
    clients: usize,
    sends: bool,
}

impl Progress {
    pub(super) fn new(load: &Load) -> Progress {
        Progress { line: StatusLine::new(), clients: load.clients, sends: load.pace != Pace::Idle }
    }

    /// Shows the counters of `watch`, again and again. This future never ends.
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
                joined if joined < self.clients => {
                    format!("{joined} of {} clients have joined", self.clients)
                }
                joined if !self.sends => format!("{joined} clients have joined, and are silent"),
                _ => format!("{} sent, {delivered} delivered, {speed:.0} a second", watch.said()),
            };
            match &self.line {
                Some(line) => line.show(&text),
                None => _ = writeln!(io::stderr(), "{text}"),
            }
        }
    }

    /// Clears the status line.
    pub(super) fn end(&self) {
        self.line.iter().for_each(StatusLine::clear);
    }
}

const OFTEN: Duration = Duration::from_millis(200);
const SELDOM: Duration = Duration::from_secs(3);
