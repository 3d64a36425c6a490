//! A whole world from one number: people, a server, a bad network between them, and the rules that hold whatever
//! happens.
//!
//! [`run`] lives through one and checks its history. The same seed is the same history, to the
//! byte.

pub mod checker;
mod disk;
mod figures;
mod history;
mod many;
pub mod network;
mod person;
mod plan;
mod sabotage;
mod server_control;

use std::{fmt, sync::Arc, time::Duration};

use chat_core::Runtime;
use chat_core::log::{LogEntry, RoomState};
use futures::future::{join, join_all};

pub use checker::{Rule, Violation};
pub use disk::Stored;
pub use figures::{Figures, Scene, measure};
pub use history::{Happening, What, digest};
pub use many::{Summary, run_many};
pub use plan::{Disk, Outage, Person, Plan};
pub use sabotage::Sabotage;

use chat_testkit::virtual_time::VirtualTime;
use history::History;
use network::{Network, Traffic};
use person::World;

/// What came of one run.
#[derive(Debug)]
pub struct Report {
    /// What it all follows from.
    pub seed: u64,
    /// Everything that happened, in order.
    pub history: Vec<Happening>,
    /// Every log there was, one after the other; all but the last were lost.
    pub logs: Vec<Kept>,
    /// What became of the frames.
    pub traffic: Traffic,
    /// How much time passed.
    pub elapsed: Duration,
    /// What must not have happened.
    pub violations: Vec<Violation>,
}

/// What a log holds in the end.
#[derive(Debug)]
pub struct Kept {
    /// Its rooms and their entries.
    pub rooms: Vec<(RoomState, Vec<LogEntry>)>,
    /// All it ever stored, in order.
    pub stored: Vec<Stored>,
}

/// Lives through the world of `seed` and checks it.
pub fn run(seed: u64, plan: Plan) -> Report {
    let time = VirtualTime::new(seed);
    let network = Network::new(&time);
    let history = History::new(&time);
    let world = World { time: time.clone(), network, history, plan: Arc::new(plan) };
    if let Some(tamper) = world.plan.sabotage.and_then(|it| it.tamper(seed)) {
        world.network.tamper(tamper);
    }
    if world.plan.frames {
        let history = world.history.clone();
        world.network.tamper(Box::new(move |link, bound, frame| {
            history.note(None, 0, What::Sent(link, bound, frame.clone()));
            Some(frame)
        }));
    }
    let logs = time.run(pass(&world, seed));
    // Tasks hold on to the world, and it to them.
    time.end();
    let mut report = Report {
        seed,
        history: world.history.take(),
        logs,
        traffic: world.network.traffic(),
        elapsed: time.elapsed(),
        violations: Vec::new(),
    };
    report.violations = checker::check(&report, &world.plan);
    report
}

/// The time of faults, then the time in which everything has to come right.
async fn pass(world: &World, seed: u64) -> Vec<Kept> {
    let dice = fastrand::Rng::with_seed(seed ^ DICE);
    for who in 0..world.plan.people.len() {
        world.time.spawn(Box::pin(person::live(world.clone(), who)));
    }
    let cuts = (0..world.plan.people.len()).map(|who| cut(world, who));
    let faults = join(join_all(cuts), world.time.pass(world.plan.length));
    let ((running, logs), _) = join(server_control::keep(world, dice), faults).await;
    world.network.calm();
    world.history.note(None, 0, What::Calm);
    let end = (world.plan.length + QUIET).max(world.time.elapsed() + LEAST_QUIET);
    world.time.pass(end - world.time.elapsed()).await;
    running.settle().await;
    let mut kept = Vec::new();
    for log in logs {
        kept.push(Kept { rooms: log.rooms_and_entries().await, stored: log.stored() });
    }
    kept
}

/// Cuts the wire of one person when it is planned.
async fn cut(world: &World, who: usize) {
    let mut cuts = world.plan.people[who].cuts.clone();
    cuts.sort_unstable();
    for at in cuts {
        world.time.pass(at.saturating_sub(world.time.elapsed())).await;
        for host in 0..4 {
            world.network.cut(&format!("{}{host}", plan::name(who)));
        }
        world.history.note(Some(who), 0, What::Cut(plan::name(who).to_owned()));
    }
}

impl Report {
    /// The whole history, a line for each happening.
    pub fn trace(&self) -> impl fmt::Display + '_ {
        Trace(&self.history)
    }
}

struct Trace<'a>(&'a [Happening]);

impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(at, it)| writeln!(f, "{at:>6} {it}"))
    }
}

/// How long there are no faults before everything has to be right: longer than sessions last and clients wait.
const QUIET: Duration = Duration::from_secs(200);
/// How long before the end everybody asks who is where.
const ROLL_CALL: Duration = Duration::from_secs(10);
/// At least that much of it, however long the server took to stop.
const LEAST_QUIET: Duration = Duration::from_secs(170);
/// Sets these dice apart from the others of the same seed.
const DICE: u64 = 0x776F_726C_6421;
