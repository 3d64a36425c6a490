//! What server and clients used, from one moment to another.

use std::time::{Duration, Instant};

use chat_core::SharedRuntime;
use chat_measure::load::{Cost, Memory, Report, Watch};

use crate::process;

/// What was measured so far.
pub(super) struct Costs {
    /// Of the server, where it is to be measured.
    pid: Option<u32>,
    runtime: SharedRuntime,
    before: Option<u64>,
    joined: Option<u64>,
    after: Option<u64>,
    from: Option<Moment>,
    to: Option<Moment>,
}

/// What was used until some moment.
struct Moment {
    at: Instant,
    server: Option<Duration>,
    own: Option<Duration>,
    delivered: u64,
}

impl Costs {
    /// Those of a server nobody has come to yet.
    pub(super) fn new(pid: Option<u32>, runtime: SharedRuntime) -> Costs {
        let before = pid.and_then(process::memory);
        Costs { pid, runtime, before, joined: None, after: None, from: None, to: None }
    }

    /// All clients are there.
    pub(super) fn note_joined(&mut self) {
        self.joined = self.pid.and_then(process::memory);
    }

    /// The warm-up is over.
    pub(super) fn begin(&mut self, watch: &Watch) {
        self.from = Some(self.moment(watch));
    }

    /// It is over, and all clients are still there.
    pub(super) fn end(&mut self, watch: &Watch) {
        self.to = Some(self.moment(watch));
        self.after = self.pid.and_then(process::memory);
    }

    fn moment(&self, watch: &Watch) -> Moment {
        Moment {
            at: self.runtime.now(),
            server: self.pid.and_then(process::cpu),
            own: process::own_cpu(),
            delivered: watch.delivered(),
        }
    }

    /// Puts what is known into `report`.
    pub(super) fn tell(&self, report: &mut Report) {
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
