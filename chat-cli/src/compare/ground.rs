//! What is between people and server: an emulated link, nothing, or the network there is.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use chat_core::{Address, HostPort, SharedRuntime};
use chat_lab::{Condition, Direction, Lab, Running};
use chat_measure::{Contestant, Figures, Link, Stalls, Way, Wire};

use super::server::Server;
use crate::args::Conditions;

/// What every conversation stands on.
pub(super) enum Ground {
    /// Links are made one at a time, and perhaps captured into a directory.
    Lab(Lab, Option<PathBuf>),
    Loopback,
    /// Servers of others, by their addresses.
    Servers(Vec<Address>),
}

/// What one conversation stands on. It is gone when this is dropped.
pub(super) struct Footing {
    /// None on a link that nobody emulates.
    link: Option<Running>,
    /// None for a server of others.
    server: Option<Server>,
    /// What people dial.
    pub(super) address: Address,
}

impl Ground {
    pub(super) fn kind(&self) -> Link {
        match self {
            Ground::Lab(..) => Link::Emulated,
            Ground::Loopback => Link::Loopback,
            Ground::Servers(_) => Link::Server,
        }
    }

    /// Makes a link, in the conditions without their outages, and a server behind it.
    ///
    /// # Errors
    /// What could not be made.
    pub(super) async fn footing(
        &self,
        contestant: &Contestant,
        conditions: &Conditions,
        seed: u64,
        name: &str,
        runtime: &SharedRuntime,
    ) -> anyhow::Result<Footing> {
        let at = |host: &str| Address::new(&contestant.scheme, host).context("no address of it");
        match self {
            Ground::Lab(lab, capture) => {
                let (up, down) = (without_outages(&conditions.up), without_outages(&conditions.down));
                let file = capture.as_deref().map(|folder| file_in(folder, name)).transpose()?;
                let link = match file {
                    None => lab.link(up, down, seed),
                    Some(file) => lab.captured_link(up, down, seed, file),
                };
                let link = link.context("no emulated link")?;
                let server = Server::start(&at("0.0.0.0:0")?, runtime).await?;
                let port = HostPort::parse(&server.address).ok().filter(|it| it.port != 0);
                let port = port
                    .with_context(|| format!("{} has no port: it cannot cross the link", server.address))?
                    .port;
                let address = at(&format!("{}:{port}", link.server_address()))?;
                Ok(Footing { link: Some(link), server: Some(server), address })
            }
            Ground::Loopback => {
                let server = Server::start(&at("127.0.0.1:0")?, runtime).await?;
                let address = server.address.clone();
                Ok(Footing { link: None, server: Some(server), address })
            }
            Ground::Servers(servers) => {
                let address = servers.iter().find(|it| it.scheme() == contestant.scheme);
                let address = address.context("no server of its scheme was given")?.clone();
                Ok(Footing { link: None, server: None, address })
            }
        }
    }
}

/// A new file for a capture.
fn file_in(folder: &Path, name: &str) -> anyhow::Result<File> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(format!("{name}.pcapng"));
    File::create(&path).with_context(|| format!("cannot write {}", path.display()))
}

/// What was counted until some moment.
pub(super) struct Counted {
    wire: Option<chat_lab::Counts>,
    server: Option<Duration>,
    clients: Option<Duration>,
}

impl Footing {
    /// From now on the link is in these conditions, and outages are counted from `ahead` from now.
    pub(super) fn begin(&self, conditions: &Conditions, ahead: Duration) -> anyhow::Result<()> {
        let Some(link) = &self.link else { return Ok(()) };
        for (direction, condition) in [(Direction::Up, &conditions.up), (Direction::Down, &conditions.down)] {
            let mut settings = condition.settings().clone();
            if settings.outages.is_empty() {
                continue; // it is in it already
            }
            settings.outages.iter_mut().for_each(|it| it.start += ahead);
            link.set_condition(direction, settings.try_into()?).context("no emulated link")?;
        }
        Ok(())
    }

    /// Takes it down.
    ///
    /// # Errors
    /// When the link failed, or its capture is not whole.
    pub(super) fn end(self) -> anyhow::Result<()> {
        self.link.map(Running::stop).transpose().context("the emulated link failed")?;
        Ok(())
    }

    pub(super) fn count(&self) -> Counted {
        let busy = self.link.as_ref().and_then(|it| it.busy().ok()).unwrap_or_default();
        Counted {
            wire: self.link.as_ref().map(Running::counts),
            server: self.server.as_ref().and_then(Server::cpu),
            clients: crate::process::own_cpu().map(|it| it.saturating_sub(busy)),
        }
    }

    /// Adds to `figures` what was counted between two moments.
    pub(super) fn add(figures: &mut Figures, before: &Counted, after: &Counted) {
        let micros = |from: Option<Duration>, to: Option<Duration>| {
            u64::try_from(to?.saturating_sub(from?).as_micros()).ok()
        };
        figures.cpu.server_us = micros(before.server, after.server);
        figures.cpu.clients_us = micros(before.clients, after.clients);
        let (Some(from), Some(to)) = (&before.wire, &after.wire) else { return };
        let (up, down) = (way(&from.up, &to.up), way(&from.down, &to.down));
        figures.wire = Some(Wire { up, down, missed: to.missed - from.missed });
        let again = |of: &chat_lab::Counts| of.up.tcp.retransmitted + of.down.tcp.retransmitted;
        let again = again(to) - again(from);
        figures.retransmissions = Some(figures.retransmissions.unwrap_or(0) + again);
        // What people wait for is on its way down.
        let (from, to) = (from.down.tcp.stalls, to.down.tcp.stalls);
        let repair = figures.stalls.unwrap_or_default();
        let total = micros(Some(from.total), Some(to.total)).unwrap_or(0);
        let longest = u64::try_from(to.longest.as_micros()).unwrap_or(u64::MAX).min(total);
        figures.stalls = Some(Stalls {
            count: repair.count + to.count - from.count,
            total_us: repair.total_us + total,
            longest_us: repair.longest_us.max(longest),
        });
    }
}

fn way(from: &chat_lab::Traffic, to: &chat_lab::Traffic) -> Way {
    let (sent, before) = (to.sent.all(), from.sent.all());
    Way {
        packets: sent.packets - before.packets,
        bytes: sent.bytes - before.bytes,
        lost: to.lost - from.lost,
        outage: to.outage - from.outage,
        queue_full: to.queue_full - from.queue_full,
        duplicated: to.duplicated - from.duplicated,
        reordered: to.reordered - from.reordered,
        corrupted: to.corrupted - from.corrupted,
    }
}

fn without_outages(condition: &Condition) -> Condition {
    let settings = chat_lab::Settings { outages: Vec::new(), ..condition.settings().clone() };
    settings.try_into().expect("what is possible is possible without outages")
}
