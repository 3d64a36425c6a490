//! Joining without an address: finds a server on this network and joins it, or hosts one and joins that.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::bail;
use chat_core::{Address, SharedRuntime, transport::Transports};
use chat_discovery::{Announcer, Finder, Found, ServerId, find};
use chat_front::text::Line;
use chat_sqlite::OpenError;
use futures::{FutureExt, StreamExt, select_biased};

use crate::{
    args::Person,
    encryption::Expected,
    password,
    serve::{SOFTWARE, machine_name},
    storage::Storage,
};

mod choice;
mod host;
mod last_server;
mod probe;
mod reporter;
mod server;

use choice::Choice;
use host::HostedServer;
use last_server::LastServer;
pub(crate) use reporter::Reporter;
use server::ReachableServer;

/// The server to join.
pub(crate) enum Destination {
    /// The user named the server.
    Named(Address),
    /// The server was found on this network.
    Found(ReachableServer),
    /// This process hosts the server, which ends with it.
    Hosted(HostedServer),
}

impl Destination {
    /// The address of the server.
    pub(crate) fn server(&self) -> Address {
        match self {
            Destination::Named(address) => address.clone(),
            Destination::Found(server) => server.url.clone(),
            Destination::Hosted(hosted) => hosted.url.clone(),
        }
    }

    /// The server that has to answer there.
    pub(crate) fn expected(&self) -> Expected {
        match self {
            Destination::Named(address) => Expected::at(address.clone(), None),
            Destination::Found(server) => Expected::at(server.url.clone(), server.announced_name()),
            Destination::Hosted(hosted) => Expected::hosted(hosted.url.clone(), hosted.key),
        }
    }

    /// The password of `person` for the server, which was given for that server or is sent with the user's consent.
    ///
    /// # Errors
    /// When the password cannot be read, or the user cannot be asked.
    pub(crate) fn password(
        &self,
        person: &Person,
        reporter: &mut Reporter,
    ) -> anyhow::Result<Option<String>> {
        let (url, found_as) = match self {
            Destination::Named(url) => (url, None),
            Destination::Found(server) => (&server.url, Some(server.found.name.as_str())),
            Destination::Hosted(_) => return password::for_hosting(person),
        };
        let out = reporter.can_ask().then(|| reporter.output());
        password::for_server(person, password::Server { url, found_as }, out)
    }

    /// Stops a hosted server after the user has left it, and reports how many people lose it.
    pub(crate) async fn leave(self, reporter: &mut Reporter) -> anyhow::Result<()> {
        let Destination::Hosted(hosted) = self else { return Ok(()) };
        let reported = match hosted.other_sessions_after_leaving().await {
            0 => Ok(()),
            others => reporter.ends(others),
        };
        hosted.stop().await;
        reported
    }
}

/// Warns a user who hosts the server once before they leave.
pub(crate) struct LeaveWarning<'a> {
    destination: &'a Destination,
    has_warned: bool,
}

impl<'a> LeaveWarning<'a> {
    /// For a user who has joined `destination`.
    pub(crate) fn new(destination: &'a Destination) -> LeaveWarning<'a> {
        LeaveWarning { destination, has_warned: false }
    }

    /// The warning, given once, that other people lose the server when the user leaves. `is_joined` says whether the user
    /// has a session of their own, which does not count.
    pub(crate) fn warning(&mut self, is_joined: bool) -> Option<Line> {
        let Destination::Hosted(hosted) = self.destination else { return None };
        let others = hosted.sessions().saturating_sub(usize::from(is_joined));
        if others == 0 || std::mem::replace(&mut self.has_warned, true) {
            return None;
        }
        let line = reporter::losing(Line::note("you host this server, and "), others);
        Some(line.words(" when you leave; leave again to confirm"))
    }
}

/// Finds a server, or hosts one with `password`.
///
/// # Errors
/// When there are several servers and the user cannot be asked, or there is none and none can be hosted.
pub(crate) async fn destination(
    transports: &Transports,
    runtime: &SharedRuntime,
    password: Option<String>,
    reporter: &mut Reporter,
) -> anyhow::Result<Destination> {
    let candidate = Announcer::start(&machine_name(), SOFTWARE, runtime.clone());
    let mut finder = find(runtime.clone());
    let mut found = look(&mut finder, candidate.id(), runtime).await;
    for is_last_try in [false, true] {
        let servers = probe::reachable(transports, runtime, found, reporter).await?;
        if !servers.is_empty() {
            drop((candidate, finder)); // the search is over before the user is asked
            return choose(servers, reporter).map(Destination::Found);
        }
        if let Some(server) = probe::unannounced(transports, runtime, &LOCAL[..1]).await {
            return choose(vec![server], reporter).map(Destination::Found);
        }
        let log = match Storage::default().open(runtime) {
            Err(why) if is_in_use(&why) && !is_last_try => {
                // Another process on this machine has just started a server.
                found = look(&mut finder, candidate.id(), runtime).await;
                continue;
            }
            log => log,
        };
        let log = match log {
            Err(why) if is_in_use(&why) => match probe::unannounced(transports, runtime, &LOCAL).await {
                Some(server) => return choose(vec![server], reporter).map(Destination::Found),
                None => return Err(why.context("another server uses your rooms, but it does not answer")),
            },
            log => log?,
        };
        let key = Storage::default().key(runtime)?;
        let hosted = HostedServer::start(transports, runtime, (log, key), password, candidate).await?;
        reporter.hosting(&hosted.url)?;
        return Ok(Destination::Hosted(hosted));
    }
    unreachable!("the second try joins, hosts or fails")
}

fn is_in_use(why: &anyhow::Error) -> bool {
    matches!(why.downcast_ref(), Some(OpenError::InUse { .. }))
}

/// The server to join out of `servers`, of which there is at least one.
fn choose(mut servers: Vec<ReachableServer>, reporter: &mut Reporter) -> anyhow::Result<ReachableServer> {
    let last = LastServer::read();
    servers.sort_by_cached_key(|server| {
        let distance = last.as_ref().map_or(0, |last| last.distance(server));
        (distance, server.found.name.to_lowercase(), server.url.to_string())
    });
    let is_last = |server: &ReachableServer| last.as_ref().is_some_and(|last| last.matches(server, &servers));
    let choice = match &servers[..] {
        [_] => Choice::Server(0),
        _ if reporter.can_ask() => choice::ask(&servers, is_last(&servers[0]), reporter)?,
        [first, ..] if is_last(first) => Choice::Server(0),
        _ => bail!("there are {}", choice::which(&servers)),
    };
    let Choice::Server(at) = choice else { bail!("no server was chosen") };
    let chosen = servers.swap_remove(at);
    reporter.joining(&chosen)?;
    LastServer::remember(&chosen);
    Ok(chosen)
}

/// The servers that are found within [`LOOK`], or within [`SETTLE`] after the first one. If another program that looks for
/// a server comes before this one in the order of `docs/protocol.md` 18.10, it gets [`HOST_WITHIN`] to host one.
async fn look(finder: &mut Finder, own: ServerId, runtime: &SharedRuntime) -> Vec<Found> {
    let mut found: BTreeMap<ServerId, Found> = BTreeMap::new();
    let mut end = runtime.now() + LOOK;
    let mut has_waited = false;
    loop {
        let next = select_biased! {
            next = finder.next().fuse() => next,
            () = runtime.sleep_until(end).fuse() => None,
        };
        match next {
            Some(server) if server.id == own => {}
            Some(server) => {
                if !server.urls.is_empty() {
                    end = end.min(runtime.now() + SETTLE);
                }
                found.insert(server.id, server);
            }
            None => {
                let is_server = |found: &Found| !found.urls.is_empty();
                let is_hosted = found.values().any(is_server);
                let is_first = found.range(..own).next().is_none();
                if is_hosted || is_first || has_waited {
                    return found.into_values().filter(is_server).collect();
                }
                has_waited = true;
                end = runtime.now() + HOST_WITHIN;
            }
        }
    }
}

/// All servers that are found within `time`.
pub(crate) async fn list(runtime: &SharedRuntime, time: Duration) -> Vec<Found> {
    let mut finder = find(runtime.clone());
    let mut found: BTreeMap<ServerId, Found> = BTreeMap::new();
    let end: Instant = runtime.now() + time;
    loop {
        select_biased! {
            server = finder.next().fuse() => found.extend(server.map(|server| (server.id, server))),
            () = runtime.sleep_until(end).fuse() => break,
        }
    }
    found.into_values().filter(|server| !server.urls.is_empty()).collect()
}

/// The local addresses of `chat serve`. TCP comes first, because it reports at once that no server listens.
const LOCAL: [&str; 2] = ["tcp://127.0.0.1:7000", "udp://127.0.0.1:7000"];

/// How long to look for a first server: an mDNS responder does not repeat an answer within a second (RFC 6762, section 6),
/// and may then delay it by 120 ms.
const LOOK: Duration = Duration::from_millis(1250);

/// How long to look for further servers after the first one.
const SETTLE: Duration = Duration::from_millis(250);

/// How long another program that comes first may take to host a server.
const HOST_WITHIN: Duration = Duration::from_secs(2);
