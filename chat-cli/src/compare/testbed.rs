//! The testbed of a comparison: where the servers run, and which link is between them and the clients.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use chat_core::{Address, HostPort, SharedRuntime};
use chat_lab::{Condition, Direction, Lab, Running};
use chat_measure::{Contestant, Figures, Link, Stalls, Wire, WireCounts};

use super::server::Server;
use crate::args::Conditions;

/// Where the conversations of a comparison take place.
pub(super) enum Testbed {
    /// Each conversation has an emulated link and a server behind it. With a directory, packets are captured there.
    Lab(Lab, Option<PathBuf>),
    /// Each conversation has a server on the loopback interface.
    Loopback,
    /// Servers that were running already, by their addresses.
    Servers(Vec<Address>),
}

/// The link and the server of one conversation. Dropping this ends both.
pub(super) struct Setup {
    /// `None` if the link is not emulated.
    link: Option<Running>,
    /// `None` for a server that was running already.
    server: Option<Server>,
    /// The address that clients dial.
    pub(super) address: Address,
}

impl Testbed {
    pub(super) fn kind(&self) -> Link {
        match self {
            Testbed::Lab(..) => Link::Emulated,
            Testbed::Loopback => Link::Loopback,
            Testbed::Servers(_) => Link::Server,
        }
    }

    /// Makes the link, under the conditions without their outages, and starts the server.
    ///
    /// # Errors
    /// When the link cannot be made or the server does not start.
    pub(super) async fn set_up(
        &self,
        contestant: &Contestant,
        conditions: &Conditions,
        seed: u64,
        name: &str,
        runtime: &SharedRuntime,
    ) -> anyhow::Result<Setup> {
        let at =
            |host: &str| Address::new(&contestant.scheme, host).context("the transport has no address here");
        match self {
            Testbed::Lab(lab, capture) => {
                let (up, down) = (without_outages(&conditions.up), without_outages(&conditions.down));
                let file = capture.as_deref().map(|folder| file_in(folder, name)).transpose()?;
                let link = match file {
                    None => lab.link(up, down, seed),
                    Some(file) => lab.captured_link(up, down, seed, file),
                };
                let link = link.context("no emulated link")?;
                let server = Server::start(&at("0.0.0.0:0")?, runtime).await?;
                let port = HostPort::parse(&server.address).ok().filter(|address| address.port != 0);
                let port = port
                    .with_context(|| {
                        format!(
                            "{} has no port, and only TCP and UDP ports can be reached across the link",
                            server.address
                        )
                    })?
                    .port;
                let address = at(&format!("{}:{port}", link.server_address()))?;
                Ok(Setup { link: Some(link), server: Some(server), address })
            }
            Testbed::Loopback => {
                let server = Server::start(&at("127.0.0.1:0")?, runtime).await?;
                let address = server.address.clone();
                Ok(Setup { link: None, server: Some(server), address })
            }
            Testbed::Servers(servers) => {
                let address = servers.iter().find(|server| server.scheme() == contestant.scheme);
                let address = address.context("no server with its scheme was given")?.clone();
                Ok(Setup { link: None, server: None, address })
            }
        }
    }
}

/// Creates the file for a capture.
fn file_in(folder: &Path, name: &str) -> anyhow::Result<File> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(format!("{name}.pcapng"));
    File::create(&path).with_context(|| format!("cannot write {}", path.display()))
}

/// The counters of link, server and clients at one moment.
pub(super) struct Snapshot {
    wire: Option<chat_lab::Counts>,
    server: Option<Duration>,
    clients: Option<Duration>,
}

impl Setup {
    /// Puts the link under these conditions, whose outages count from `ahead` in the future.
    pub(super) fn begin(&self, conditions: &Conditions, ahead: Duration) -> anyhow::Result<()> {
        let Some(link) = &self.link else { return Ok(()) };
        for (direction, condition) in [(Direction::Up, &conditions.up), (Direction::Down, &conditions.down)] {
            let mut settings = condition.settings().clone();
            if settings.outages.is_empty() {
                continue; // the link has been under this condition since it was made
            }
            settings.outages.iter_mut().for_each(|outage| outage.start += ahead);
            link.set_condition(direction, settings.try_into()?).context("no emulated link")?;
        }
        Ok(())
    }

    /// Takes the link down and ends the server.
    ///
    /// # Errors
    /// When the link failed, or its capture is incomplete.
    pub(super) fn end(self) -> anyhow::Result<()> {
        self.link.map(Running::stop).transpose().context("the emulated link failed")?;
        Ok(())
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let busy = self.link.as_ref().and_then(|link| link.busy().ok()).unwrap_or_default();
        Snapshot {
            wire: self.link.as_ref().map(Running::counts),
            server: self.server.as_ref().and_then(Server::cpu),
            clients: crate::process::own_cpu().map(|cpu| cpu.saturating_sub(busy)),
        }
    }

    /// Adds to `figures` what was counted between two snapshots.
    pub(super) fn add(figures: &mut Figures, before: &Snapshot, after: &Snapshot) {
        let micros = |from: Option<Duration>, to: Option<Duration>| {
            u64::try_from(to?.saturating_sub(from?).as_micros()).ok()
        };
        figures.cpu.server_us = micros(before.server, after.server);
        figures.cpu.clients_us = micros(before.clients, after.clients);
        let (Some(from), Some(to)) = (&before.wire, &after.wire) else { return };
        let (up, down) = (wire_counts(&from.up, &to.up), wire_counts(&from.down, &to.down));
        figures.wire = Some(Wire { up, down, missed: to.missed - from.missed });
        let again = |of: &chat_lab::Counts| of.up.tcp.retransmitted + of.down.tcp.retransmitted;
        let again = again(to) - again(from);
        figures.retransmissions = Some(figures.retransmissions.unwrap_or(0) + again);
        // Readers wait for data on its way down.
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

fn wire_counts(from: &chat_lab::Traffic, to: &chat_lab::Traffic) -> WireCounts {
    let (sent, before) = (to.sent.all(), from.sent.all());
    WireCounts {
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
    settings.try_into().expect("a possible condition is possible without its outages")
}
