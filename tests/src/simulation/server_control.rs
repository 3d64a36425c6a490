//! Runs the server: starts it, stops or kills it as planned, and starts it again over the log that is left.

use std::{sync::Arc, time::Duration};

use chat_core::{
    log::RoomLog,
    server::{Config, Server},
    transport::Transports,
};

use super::{
    disk::{Durable, Slow},
    history::What,
    network::{Kind, Route},
    person::{World, address},
    sabotage::{Early, Sabotage},
};
use chat_testkit::virtual_time::Branch;

/// A server that runs, and the log below it.
pub(super) struct RunningServer {
    server: Server,
    branch: Branch,
    early: Option<Arc<Early>>,
}

/// Keeps the server as planned and gives it back running, with all logs there were.
pub(super) async fn keep(world: &World, mut dice: fastrand::Rng) -> (RunningServer, Vec<Arc<Durable>>) {
    let mut logs = vec![durable(world, &mut dice)];
    let mut running = open(world, &logs, dice.u64(..)).await;
    for outage in &world.plan.outages {
        world.time.pass(outage.after).await;
        if world.time.elapsed() >= world.plan.length {
            break;
        }
        running.shut(world, outage.orderly).await;
        world.time.pass(outage.away).await;
        if outage.wipes {
            logs.push(durable(world, &mut dice));
        }
        running = open(world, &logs, dice.u64(..)).await;
    }
    (running, logs)
}

fn durable(world: &World, dice: &mut fastrand::Rng) -> Arc<Durable> {
    Arc::new(Durable::new(&world.time, world.plan.disk.bytes, dice.u128(..)))
}

async fn open(world: &World, logs: &[Arc<Durable>], seed: u64) -> RunningServer {
    let branch = world.time.branch();
    let durable = logs.last().expect("there is a log");
    let mut early = None;
    let log: Arc<dyn RoomLog> = match world.plan.sabotage {
        Some(Sabotage::AcknowledgesEarly) => {
            let log = Arc::new(Early::open(durable).await.expect("a log in memory can be read"));
            early = Some(log.clone());
            log
        }
        Some(sabotage) => sabotage.log(durable),
        None => durable.clone(),
    };
    let log = Arc::new(Slow::new(log, world.plan.disk, &world.time, seed));
    let config = Config {
        limits: world.plan.limits.clone(),
        password: None,
        software: "hall".to_owned(),
        signer: None,
    };
    let server = Server::start(config, log, branch.shared()).await.expect("a log in memory can be read");
    let transports = Kind::ALL.into_iter().fold(Transports::new(), |transports, kind| {
        transports.with(kind.scheme(), Route::clear(&world.network, kind))
    });
    for kind in Kind::ALL {
        server.listen(&transports, &address(kind)).await.expect("nobody else listens");
    }
    world.history.note(None, 0, What::ServerBegins(logs.len() - 1));
    RunningServer { server, branch, early }
}

impl RunningServer {
    async fn shut(self, world: &World, orderly: bool) {
        if orderly {
            self.server.stop().await;
            self.settle().await;
            // The listeners end when they are asked next.
            world.time.pass(Duration::from_millis(1)).await;
        }
        self.branch.kill();
        let what = if orderly { What::ServerStopped } else { What::ServerCrashed };
        world.history.note(None, 0, what);
    }

    /// Writes what a log that is late has not written.
    pub(super) async fn settle(&self) {
        if let Some(early) = &self.early {
            early.write(0).await.expect("a log in memory can be written");
        }
    }
}
