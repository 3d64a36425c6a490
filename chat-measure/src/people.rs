//! The people of a conversation: real clients that enter, talk by the plan, and note what they hear.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use chat_core::{
    ClientId,
    client::{self, Config},
};
use futures::{
    FutureExt, StreamExt,
    channel::oneshot,
    future::{BoxFuture, Shared},
    stream::FuturesUnordered,
};

use crate::{
    counters::Counters,
    notes::Notes,
    person::{Person, Signals},
    plan::Plan,
    venue::Venue,
};

/// People who are all in their rooms, and silent.
pub struct Gathering {
    plan: Arc<Plan>,
    venue: Venue,
    raw: bool,
    counters: Arc<Counters>,
    /// None once they talk.
    begin: Option<oneshot::Sender<Instant>>,
    end: oneshot::Sender<()>,
    notes: Vec<oneshot::Receiver<Notes>>,
}

/// Lets the people of `plan` come in, all at once, and waits until everybody is there. With `raw`, nothing is made
/// up for that the network does. `counters` are for whoever looks on.
///
/// # Errors
/// When somebody is not let in, or not everybody is in within 20 s.
pub async fn gather(
    plan: Arc<Plan>,
    venue: Venue,
    raw: bool,
    counters: Arc<Counters>,
) -> Result<Gathering, String> {
    let (begin, begins) = oneshot::channel();
    let (end, ends) = oneshot::channel();
    let begins: Shared<BoxFuture<'static, Option<Instant>>> = begins.map(Result::ok).boxed().shared();
    let ends: Shared<BoxFuture<'static, ()>> = ends.map(drop).boxed().shared();
    let people = plan.conversation().people;
    let (mut entering, mut notes) = (FuturesUnordered::new(), Vec::with_capacity(people));
    for nth in 0..people {
        let config = Config {
            name: venue.name_of(nth),
            client: ClientId(venue.runtime.random()),
            password: venue.password.clone(),
            seed: nth as u64,
            raw,
        };
        let (entered, enters) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        let dialled = venue.runtime.now();
        let (remote, updates) =
            client::start(config, venue.transport.clone(), venue.address.clone(), venue.runtime.clone());
        let signals = Signals { begins: begins.clone(), ends: ends.clone() };
        let person = Person::new(nth, plan.clone(), &venue, counters.clone(), dialled, raw);
        venue.runtime.spawn(person.live(remote, updates, entered, signals, tell).boxed());
        entering.push(enters);
        notes.push(told);
    }
    let mut late = venue.runtime.sleep_until(venue.runtime.now() + ENTER_WITHIN).fuse();
    loop {
        futures::select_biased! {
            entered = entering.next() => match entered {
                Some(Ok(Ok(()))) => drop(counters.entered.fetch_add(1, Relaxed)),
                Some(Ok(Err(why))) => return Err(why),
                Some(Err(oneshot::Canceled)) => return Err("somebody left before all were there".to_owned()),
                None => return Ok(Gathering { plan, venue, raw, counters, begin: Some(begin), end, notes }),
            },
            () = late => {
                let absent = people - counters.entered();
                let within = ENTER_WITHIN.as_secs();
                let why = counters.trouble().map(|it| format!(": {it}")).unwrap_or_default();
                return Err(format!("{absent} of {people} people were not in their rooms within {within} s{why}"));
            }
        }
    }
}

impl Gathering {
    /// Lets them talk by the plan. It ends when everything that was said was heard by all who are there to hear it, or when
    /// nothing more came for a time: 0.7 s where nothing is sent again, else 5 s.
    ///
    /// Times are counted from `begins`, which is to lie a little ahead.
    pub async fn talk(&mut self, begins: Instant) {
        let runtime = &self.venue.runtime;
        let Some(begin) = self.begin.take() else { return };
        let _ = begin.send(begins); // they wait for it
        let conversation = self.plan.conversation();
        runtime.sleep_until(begins + conversation.lasts).await;
        let patience = if self.raw { PATIENCE_RAW } else { PATIENCE };
        let (mut heard, mut since) = (self.counters.heard(), runtime.now());
        loop {
            let now = runtime.now();
            let all_said = self.counters.silent.load(Relaxed) == conversation.speakers;
            if self.counters.heard() != heard {
                (heard, since) = (self.counters.heard(), now);
            }
            if (all_said && self.counters.is_all_heard()) || now > since + patience {
                return;
            }
            runtime.sleep_until(now + LOOK).await;
        }
    }

    /// Lets them go, and gives back what they noted.
    pub async fn leave(self) -> Vec<Notes> {
        let Gathering { venue, notes, end, .. } = self;
        let _ = end.send(()); // they wait for it
        let all = futures::future::join_all(notes);
        let told = chat_core::within(LEAVE_WITHIN, &*venue.runtime, all).await;
        told.unwrap_or_default().into_iter().filter_map(Result::ok).collect()
    }
}

impl std::fmt::Debug for Gathering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gathering").field("counters", &self.counters).finish_non_exhaustive()
    }
}

const ENTER_WITHIN: Duration = Duration::from_secs(20);
/// Whoever leaves takes two seconds at most.
const LEAVE_WITHIN: Duration = Duration::from_secs(4);
/// Where what is lost stays lost, longer than any way there and back.
const PATIENCE_RAW: Duration = Duration::from_millis(700);
/// TCP doubles its time-out each time, so a link that lost much may be silent for long.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether all is heard.
const LOOK: Duration = Duration::from_millis(10);
