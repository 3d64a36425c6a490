//! Joining without an address: looks for servers on this network, and joins one, or hosts one and joins that.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::bail;
use chat_core::{Address, SharedRuntime, transport::Transports};
use chat_discovery::{Announcer, Finder, Found, ServerId, find};
use chat_sqlite::OpenError;
use futures::{FutureExt, StreamExt, select_biased};

use crate::{
    output::Line,
    serve::{SOFTWARE, machine_name},
    storage::Storage,
};

mod host;
mod last;
mod list;
mod reach;
mod tell;

use host::Hosted;
use last::Last;
use list::Choice;
use reach::Reached;
pub(crate) use tell::Tell;

/// How a server was come by.
pub(crate) enum Destination {
    /// It was named.
    Named(Address),
    /// It was found.
    Found(Reached),
    /// It is here, and ends with us.
    Hosted(Hosted),
}

impl Destination {
    /// Where it is.
    pub(crate) fn server(&self) -> Address {
        match self {
            Destination::Named(address) => address.clone(),
            Destination::Found(reached) => reached.url.clone(),
            Destination::Hosted(hosted) => hosted.url.clone(),
        }
    }

    /// To be called once we have left. People who lose the server with that are told so, and so are we.
    pub(crate) async fn leave(self, tell: &mut Tell) -> anyhow::Result<()> {
        let Destination::Hosted(hosted) = self else { return Ok(()) };
        let told = match hosted.others_once_we_left().await {
            0 => Ok(()),
            others => tell.ends(others),
        };
        hosted.stop().await;
        told
    }
}

/// On the way out: whoever hosts is asked once more.
pub(crate) struct Leaving<'a> {
    destination: &'a Destination,
    has_warned: bool,
}

impl<'a> Leaving<'a> {
    /// For whoever is at `destination`.
    pub(crate) fn new(destination: &'a Destination) -> Leaving<'a> {
        Leaving { destination, has_warned: false }
    }

    /// What is to be said first, once, if others lose the server when we leave, who `are_in` it or still on the way.
    pub(crate) fn warning(&mut self, are_in: bool) -> Option<Line> {
        let Destination::Hosted(hosted) = self.destination else { return None };
        let others = hosted.sessions().saturating_sub(usize::from(are_in));
        if others == 0 || std::mem::replace(&mut self.has_warned, true) {
            return None;
        }
        let line = tell::losing(Line::note("you host this server, and "), others);
        Some(line.words(" when you leave; leave once more if that is what you want"))
    }
}

/// Finds a server, or hosts one whose password, if it is to have one, is `password`.
///
/// # Errors
/// When there are several and it is not said which, or there is none and none can be hosted.
pub(crate) async fn destination(
    transports: &Transports,
    runtime: &SharedRuntime,
    password: Option<String>,
    tell: &mut Tell,
) -> anyhow::Result<Destination> {
    let candidate = Announcer::start(&machine_name(), SOFTWARE, runtime.clone());
    let mut finder = find(runtime.clone());
    let mut found = look(&mut finder, candidate.id(), runtime).await;
    for is_last in [false, true] {
        let reached = reach::reach(transports, runtime, found, tell).await?;
        if !reached.is_empty() {
            drop((candidate, finder)); // who is asked which one does not look any more
            return choose(reached, tell).map(Destination::Found);
        }
        if let Some(reached) = reach::unannounced(transports, runtime, &HERE[..1]).await {
            return choose(vec![reached], tell).map(Destination::Found);
        }
        let log = match Storage::default().open(runtime) {
            Err(why) if is_in_use(&why) && !is_last => {
                // Somebody on this machine was faster.
                found = look(&mut finder, candidate.id(), runtime).await;
                continue;
            }
            log => log,
        };
        let log = match log {
            Err(why) if is_in_use(&why) => match reach::unannounced(transports, runtime, &HERE).await {
                Some(reached) => return choose(vec![reached], tell).map(Destination::Found),
                None => return Err(why.context("the server that has your rooms cannot be found")),
            },
            log => log?,
        };
        let hosted = Hosted::start(transports, runtime, log, password, candidate).await?;
        tell.hosting(&hosted.url)?;
        return Ok(Destination::Hosted(hosted));
    }
    unreachable!("the second time either joins, hosts or fails")
}

fn is_in_use(why: &anyhow::Error) -> bool {
    matches!(why.downcast_ref(), Some(OpenError::InUse { .. }))
}

/// Which of `reached` to join, of which there is at least one.
fn choose(mut reached: Vec<Reached>, tell: &mut Tell) -> anyhow::Result<Reached> {
    let last = Last::read();
    reached.sort_by_cached_key(|it| {
        (last.as_ref().map_or(0, |last| last.distance(it)), it.found.name.to_lowercase(), it.url.to_string())
    });
    let is_last = |it: &Reached| last.as_ref().is_some_and(|last| last.is(it, &reached));
    let choice = match &reached[..] {
        [_] => Choice::Server(0),
        _ if tell.can_ask() => list::ask(&reached, is_last(&reached[0]), tell)?,
        [first, ..] if is_last(first) => Choice::Server(0),
        _ => bail!("there are {}", list::which(&reached)),
    };
    let Choice::Server(at) = choice else { bail!("no server was chosen") };
    let chosen = reached.swap_remove(at);
    tell.joining(&chosen)?;
    Last::remember(&chosen);
    Ok(chosen)
}

/// The servers that are found within [`LOOK`], or [`SETTLE`] after the first one was. Whoever else looks and comes
/// before us (`docs/protocol.md`, 18.10) is given some more time to become one.
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
                let is_server = |it: &Found| !it.urls.is_empty();
                let somebody_hosts = found.values().any(is_server);
                let is_first = found.range(..own).next().is_none();
                if somebody_hosts || is_first || has_waited {
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
            server = finder.next().fuse() => found.extend(server.map(|it| (it.id, it))),
            () = runtime.sleep_until(end).fuse() => break,
        }
    }
    found.into_values().filter(|it| !it.urls.is_empty()).collect()
}

/// Where `chat serve` listens on its own machine. At the first of them whoever is not there is known at once.
const HERE: [&str; 2] = ["tcp://127.0.0.1:7000", "udp://127.0.0.1:7000"];

/// How long to look for a first server: what mDNS has just answered to somebody else it does not repeat within a second
/// (RFC 6762, section 6), and then takes up to 120 ms.
const LOOK: Duration = Duration::from_millis(1250);

/// How long to look for others once there is one.
const SETTLE: Duration = Duration::from_millis(250);

/// How long somebody who comes before us may take to host.
const HOST_WITHIN: Duration = Duration::from_secs(2);
