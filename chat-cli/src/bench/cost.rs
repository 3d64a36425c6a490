//! The processor time and memory of server and clients during a load.

use std::time::{Duration, Instant};

use chat_core::SharedRuntime;
use chat_measure::load::{Cost, Memory, Report, Watch};

use crate::process;

/// The measurements so far.
pub(super) struct Costs {
    /// The server's process, if it is to be measured.
    pid: Option<u32>,
    runtime: SharedRuntime,
    before: Option<u64>,
    joined: Option<u64>,
    after: Option<u64>,
    from: Option<Snapshot>,
    to: Option<Snapshot>,
}

/// The counters at one moment.
struct Snapshot {
    at: Instant,
    server: Option<Duration>,
    own: Option<Duration>,
    delivered: u64,
}

impl Costs {
    /// Begins with a server that no client has joined.
    pub(super) fn new(pid: Option<u32>, runtime: SharedRuntime) -> Costs {
        let before = pid.and_then(process::memory);
        Costs { pid, runtime, before, joined: None, after: None, from: None, to: None }
    }

    /// Notes that all clients have joined.
    pub(super) fn note_joined(&mut self) {
        self.joined = self.pid.and_then(process::memory);
    }

    /// Notes that the warm-up is over.
    pub(super) fn begin(&mut self, watch: &Watch) {
        self.from = Some(self.snapshot(watch));
    }

    /// Notes that the load is over, before clients leave.
    pub(super) fn end(&mut self, watch: &Watch) {
        self.to = Some(self.snapshot(watch));
        self.after = self.pid.and_then(process::memory);
    }

    fn snapshot(&self, watch: &Watch) -> Snapshot {
        Snapshot {
            at: self.runtime.now(),
            server: self.pid.and_then(process::cpu),
            own: process::own_cpu(),
            delivered: watch.delivered(),
        }
    }

    /// Adds the measurements to `report`.
    pub(super) fn add_to(&self, report: &mut Report) {
        if let (Some(before), Some(joined), Some(after)) = (self.before, self.joined, self.after) {
            report.server_memory = Some(Memory::new(before, joined, after, report.figures.joined));
        }
        let (Some(from), Some(to)) = (&self.from, &self.to) else { return };
        let micros = |it: Duration| u64::try_from(it.as_micros()).unwrap_or(u64::MAX);
        let wall = micros(to.at.saturating_duration_since(from.at));
        let cost = |from_cpu: Option<Duration>, to_cpu: Option<Duration>| {
            let cpu = to_cpu?.saturating_sub(from_cpu?);
            Some(Cost::new(micros(cpu), wall, to.delivered - from.delivered))
        };
        report.server_cost = cost(from.server, to.server);
        report.generator_cost = cost(from.own, to.own);
    }
}
