//! The clients of a load: they join, send and receive, and leave.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use chat_core::within;
use futures::{
    FutureExt, StreamExt,
    channel::{mpsc, oneshot},
    stream,
};

use super::{
    delivery::DeliveryCounts,
    figures::Figures,
    full_client::FullClient,
    light_client::LightClient,
    orders::Orders,
    shared::{LoadCounters, Shared},
    spec::{Lasts, Load},
};
use crate::{
    durations::{Durations, micros},
    target::TargetServer,
};

/// The clients of a load. [`join`](Clients::join), [`talk`](Clients::talk) and [`leave`](Clients::leave) are called in
/// this order. The futures of the first two may be dropped before they are ready; `leave` then reports a load that ended
/// early.
pub struct Clients {
    shared: Arc<Shared>,
    target: TargetServer,
    members: Vec<Member>,
    join: Durations,
    joined_in: Duration,
    /// Whether the load ran to its end: all was delivered, or the time to wait for the rest is over.
    is_done: bool,
    /// Each client holds a sender of this channel until it has left, so the channel closes when all have.
    gone: (mpsc::Sender<()>, mpsc::Receiver<()>),
}

/// The load's side of one client's channels.
struct Member {
    begin: Option<oneshot::Sender<()>>,
    end: oneshot::Sender<()>,
    counts: oneshot::Receiver<DeliveryCounts>,
}

impl Clients {
    /// Clients that have not dialled yet.
    pub fn new(load: Load, target: TargetServer) -> Clients {
        let shared = Arc::new(Shared::new(load, target.runtime.clone()));
        Clients {
            shared,
            target,
            members: Vec::new(),
            join: Durations::default(),
            joined_in: Duration::ZERO,
            is_done: false,
            gone: mpsc::channel(0),
        }
    }

    /// The counters of this load, which stay readable while the load runs.
    pub fn watch(&self) -> Watch {
        Watch(self.shared.clone())
    }

    /// Lets all clients dial and join their rooms, at most 64 at a time.
    ///
    /// # Errors
    /// When a client has not joined within 30 s: why.
    pub async fn join(&mut self) -> Result<(), String> {
        let Clients { shared, target, members, join, joined_in, gone, .. } = self;
        let (began, clients) = (shared.runtime.now(), shared.load.clients);
        members.reserve(clients);
        let start = |nth| start(nth, began, shared.clone(), target.clone(), gone.0.clone());
        let mut joining = stream::iter((0..clients).map(start)).buffer_unordered(AT_ONCE);
        while let Some(joined) = joining.next().await {
            let (member, took) = joined?;
            members.push(member);
            join.record(took);
            shared.counters.joined.fetch_add(1, Relaxed);
            *joined_in = shared.runtime.now().saturating_duration_since(began);
        }
        Ok(())
    }

    /// Lets the senders send from `begins` on, which should lie a little in the future. This ends when everything was sent
    /// and delivered, when no delivery came for 5 s, or when no client has a link any more.
    pub async fn talk(&mut self, begins: Instant) {
        let shared = &self.shared;
        if shared.began.set(begins).is_err() {
            return; // this load has run already
        }
        for begin in self.members.iter_mut().filter_map(|member| member.begin.take()) {
            let _ = begin.send(()); // a client that lost its link does not listen
        }
        let (load, counters) = (&shared.load, &shared.counters);
        let (mut delivered, mut since, mut seen_complete) = (0, begins, 0);
        loop {
            let now = shared.runtime.now();
            if counters.delivered() != delivered {
                (delivered, since) = (counters.delivered(), now);
            }
            let answered = counters.said() + counters.refused();
            let is_all_said =
                load.planned().is_some_and(|count| answered >= count) || shared.now() >= load.stops();
            if !is_all_said && matches!(load.lasts, Lasts::Time(_)) {
                since = now;
            }
            // Two polls have to agree, because a sender reads the clock a moment before it counts its message.
            seen_complete = if is_all_said && counters.is_all_delivered() { seen_complete + 1 } else { 0 };
            if seen_complete == 2 || now > since + DELIVERY_TIMEOUT || counters.down() == load.clients {
                self.is_done = true;
                return;
            }
            shared.runtime.sleep_until(now + POLL_INTERVAL).await;
        }
    }

    /// Lets all clients leave, which takes 4 s at most, and returns the figures of the load.
    pub async fn leave(self) -> Figures {
        let Clients { shared, members, join, joined_in, is_done, gone, target } = self;
        let mut all_counts = Vec::with_capacity(members.len());
        let (ends, counts): (Vec<_>, Vec<_>) =
            members.into_iter().map(|member| (member.end, member.counts)).unzip();
        for end in ends {
            let _ = end.send(()); // a client that lost its link does not listen, and has reported its counts
        }
        for counts in counts {
            // A client whose task was killed reports nothing.
            all_counts.extend(counts.await);
        }
        let (sender, receiver) = gone;
        drop(sender);
        let all = receiver.for_each(|()| async {});
        let _ = within(LEAVE_TIMEOUT, &*target.runtime, all).await; // the links of late clients are cut
        let figures = Figures::new(&shared, &all_counts, !is_done);
        Figures { join, joined_in_us: micros(joined_in), ..figures }
    }
}

/// Reads the counters of a load while it runs.
#[derive(Clone)]
pub struct Watch(Arc<Shared>);

impl std::ops::Deref for Watch {
    type Target = LoadCounters;

    fn deref(&self) -> &LoadCounters {
        &self.0.counters
    }
}

/// Starts one client, waits until it has joined, and returns how long that took.
async fn start(
    nth: usize,
    began: Instant,
    shared: Arc<Shared>,
    target: TargetServer,
    gone: mpsc::Sender<()>,
) -> Result<(Member, Duration), String> {
    let runtime = shared.runtime.clone();
    let turn = match shared.load.ramp {
        Some(ramp) => began + Duration::from_secs_f64(nth as f64 / ramp),
        None => runtime.now(),
    };
    if turn > runtime.now() {
        runtime.sleep_until(turn).await;
    }
    let (begin, begins) = oneshot::channel();
    let (end, ends) = oneshot::channel();
    let (report, counts) = oneshot::channel();
    let (joined, joins) = oneshot::channel();
    let orders = Orders { begin: begins, end: ends };
    let client = run_client(nth, shared, target, orders, joined, report);
    runtime.spawn(client.map(move |()| drop(gone)).boxed());
    let joined = joins.await.unwrap_or_else(|_| Err("its task was dropped".to_owned()));
    joined.map_err(|why| format!("client {} could not join: {why}", nth + 1))?;
    let took = runtime.now().saturating_duration_since(turn);
    Ok((Member { begin: Some(begin), end, counts }, took))
}

/// Runs one client from dialling until it has left: a light client where links lose nothing, else a full one.
async fn run_client(
    nth: usize,
    shared: Arc<Shared>,
    target: TargetServer,
    orders: Orders,
    joined: oneshot::Sender<Result<(), String>>,
    report: oneshot::Sender<DeliveryCounts>,
) {
    if target.transport.promises().is_lossless() {
        let client = LightClient::join(nth, shared, &target).await;
        run_joined(client, joined, |client| client.run(orders, report)).await;
    } else {
        let client = FullClient::join(nth, shared, &target).await;
        run_joined(client, joined, |client| client.run(orders, report)).await;
    }
}

/// Reports whether the client joined, and runs it if it did.
async fn run_joined<T, F: Future<Output = ()>>(
    client: Result<T, String>,
    joined: oneshot::Sender<Result<(), String>>,
    run: impl FnOnce(T) -> F,
) {
    // In both cases the load may have been dropped, so that the report has no receiver.
    match client {
        Ok(client) => {
            let _ = joined.send(Ok(()));
            run(client).await;
        }
        Err(why) => drop(joined.send(Err(why))),
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("counters", &self.shared.counters).finish_non_exhaustive()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.0.counters).finish()
    }
}

/// How many clients join at the same time: fewer than the accept backlog of any listener.
const AT_ONCE: usize = 64;
/// How long clients may take to leave. A client's own goodbye takes two seconds at most.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(4);
/// How long no delivery may come before the missing ones count as lost.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the end condition is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
