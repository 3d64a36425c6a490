//! The clients of a load: they come in, talk and listen, and leave.

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
    Counters, Figures, Lasts, Load, counting::Counting, ear::Heard, micros, repairing::Repairing,
    shared::Shared,
};
use crate::{Durations, Venue};

/// Many clients. It goes through [`enter`](Crowd::enter), [`talk`](Crowd::talk) and [`leave`](Crowd::leave); the first two
/// may be dropped before they are done, and then it is left early.
pub struct Crowd {
    shared: Arc<Shared>,
    venue: Venue,
    members: Vec<Member>,
    join: Durations,
    joined_in: Duration,
    /// Whether everything was said and heard, or waited for long enough.
    is_done: bool,
    /// Something comes when a client has left, and nothing any more when all have.
    gone: (mpsc::Sender<()>, mpsc::Receiver<()>),
}

/// What a client is told, and tells.
struct Member {
    begin: Option<oneshot::Sender<()>>,
    end: oneshot::Sender<()>,
    heard: oneshot::Receiver<Heard>,
}

/// The other side of that.
pub(super) struct Orders {
    /// To begin to say something.
    pub(super) begin: oneshot::Receiver<()>,
    /// To leave.
    pub(super) end: oneshot::Receiver<()>,
}

impl Crowd {
    /// Clients that are nowhere yet.
    pub fn new(load: Load, venue: Venue) -> Crowd {
        let shared = Arc::new(Shared::new(load, venue.runtime.clone()));
        Crowd {
            shared,
            venue,
            members: Vec::new(),
            join: Durations::default(),
            joined_in: Duration::ZERO,
            is_done: false,
            gone: mpsc::channel(0),
        }
    }

    /// What is counted while it goes on. It never says by itself that something is over.
    pub fn watch(&self) -> Watch {
        Watch(self.shared.clone())
    }

    /// Lets all clients come in, at most 64 of them at a time.
    ///
    /// # Errors
    /// When one of them does not get into its room within 30 s: why.
    pub async fn enter(&mut self) -> Result<(), String> {
        let Crowd { shared, venue, members, join, joined_in, gone, .. } = self;
        let (began, clients) = (shared.runtime.now(), shared.load.clients);
        members.reserve(clients);
        let enter = |nth| enter(nth, began, shared.clone(), venue.clone(), gone.0.clone());
        let mut entering = stream::iter((0..clients).map(enter)).buffer_unordered(AT_ONCE);
        while let Some(entered) = entering.next().await {
            let (member, took) = entered?;
            members.push(member);
            join.record(took);
            shared.counters.joined.fetch_add(1, Relaxed);
            *joined_in = shared.runtime.now().saturating_duration_since(began);
        }
        Ok(())
    }

    /// Lets them talk from `begins` on, which is to lie a little ahead. It ends when everything was said and heard, when
    /// nothing more came for 5 s, or when no client has a link any more.
    pub async fn talk(&mut self, begins: Instant) {
        let shared = &self.shared;
        if shared.began.set(begins).is_err() {
            return; // they have talked already
        }
        for begin in self.members.iter_mut().filter_map(|it| it.begin.take()) {
            let _ = begin.send(()); // whose link is lost does not listen
        }
        let (load, counters) = (&shared.load, &shared.counters);
        let (mut heard, mut since, mut looks) = (0, begins, 0);
        loop {
            let now = shared.runtime.now();
            if counters.delivered() != heard {
                (heard, since) = (counters.delivered(), now);
            }
            let done = counters.said() + counters.refused();
            let is_said = load.planned().is_some_and(|it| done >= it) || shared.now() >= load.stops();
            if !is_said && matches!(load.lasts, Lasts::Time(_)) {
                since = now;
            }
            // Twice, because a message counts as said a moment later than its sender looked at the clock.
            looks = if is_said && counters.is_all_heard() { looks + 1 } else { 0 };
            if looks == 2 || now > since + PATIENCE || counters.down() == load.clients {
                self.is_done = true;
                return;
            }
            shared.runtime.sleep_until(now + LOOK).await;
        }
    }

    /// Lets them go, which takes 4 s at most, and says what came of it.
    pub async fn leave(self) -> Figures {
        let Crowd { shared, members, join, joined_in, is_done, gone, venue } = self;
        let mut heard = Vec::with_capacity(members.len());
        let (ends, tells): (Vec<_>, Vec<_>) = members.into_iter().map(|it| (it.end, it.heard)).unzip();
        for end in ends {
            let _ = end.send(()); // whose link is lost does not listen, and has told
        }
        for tells in tells {
            // One that was killed tells nothing.
            heard.extend(tells.await);
        }
        let (sender, receiver) = gone;
        drop(sender);
        let all = receiver.for_each(|()| async {});
        let _ = within(LEAVE_WITHIN, &*venue.runtime, all).await; // whoever is not gone is cut off
        let figures = Figures::new(&shared, &heard, !is_done);
        Figures { join, joined_in_us: micros(joined_in), ..figures }
    }
}

/// Looks at a load while it goes on.
#[derive(Clone)]
pub struct Watch(Arc<Shared>);

impl std::ops::Deref for Watch {
    type Target = Counters;

    fn deref(&self) -> &Counters {
        &self.0.counters
    }
}

/// Lets one client come in, and gives back how long that took.
async fn enter(
    nth: usize,
    began: Instant,
    shared: Arc<Shared>,
    venue: Venue,
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
    let (tell, heard) = oneshot::channel();
    let (entered, enters) = oneshot::channel();
    let orders = Orders { begin: begins, end: ends };
    let live = live(nth, shared, venue, orders, entered, tell);
    runtime.spawn(live.map(move |()| drop(gone)).boxed());
    let entered = enters.await.unwrap_or_else(|_| Err("it was given up".to_owned()));
    entered.map_err(|why| format!("client {} could not come in: {why}", nth + 1))?;
    let took = runtime.now().saturating_duration_since(turn);
    Ok((Member { begin: Some(begin), end, heard }, took))
}

/// A client, from dialling until it has left.
async fn live(
    nth: usize,
    shared: Arc<Shared>,
    venue: Venue,
    orders: Orders,
    entered: oneshot::Sender<Result<(), String>>,
    tell: oneshot::Sender<Heard>,
) {
    let promises = venue.transport.promises();
    if promises.reliable && promises.ordered {
        let client = Counting::enter(nth, shared, &venue).await;
        stay(client, entered, |it| it.live(orders, tell)).await;
    } else {
        let client = Repairing::enter(nth, shared, &venue).await;
        stay(client, entered, |it| it.live(orders, tell)).await;
    }
}

/// Says whether it came in, and if it did, lives.
async fn stay<T, F: Future<Output = ()>>(
    client: Result<T, String>,
    entered: oneshot::Sender<Result<(), String>>,
    live: impl FnOnce(T) -> F,
) {
    // In both cases nobody may wait for it any more.
    match client {
        Ok(client) => {
            let _ = entered.send(Ok(()));
            live(client).await;
        }
        Err(why) => drop(entered.send(Err(why))),
    }
}

impl fmt::Debug for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crowd").field("counters", &self.shared.counters).finish_non_exhaustive()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.0.counters).finish()
    }
}

/// How many clients come in at the same time: less than what waits to be accepted at any listener.
const AT_ONCE: usize = 64;
/// How long a client may take to come in.
pub(super) const ENTER_WITHIN: Duration = Duration::from_secs(30);
/// Whoever leaves takes two seconds at most.
const LEAVE_WITHIN: Duration = Duration::from_secs(4);
/// For how long nothing may come before what is missing counts as lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether all is heard.
const LOOK: Duration = Duration::from_millis(10);
