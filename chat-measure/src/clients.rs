//! The clients of a conversation: real clients that join their rooms, talk by the plan, and record samples.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use chat_core::{
    ClientId,
    client::{self, Config, Password},
};
use futures::{
    FutureExt, StreamExt,
    channel::oneshot,
    future::{BoxFuture, Shared},
    stream::FuturesUnordered,
};

use crate::{
    client::{Signals, TalkingClient},
    counters::Counters,
    plan::Plan,
    samples::Samples,
    target::TargetServer,
};

/// Clients that have all joined their rooms.
pub struct JoinedClients {
    plan: Arc<Plan>,
    target: TargetServer,
    raw: bool,
    counters: Arc<Counters>,
    /// `None` once they talk.
    begin: Option<oneshot::Sender<Instant>>,
    end: oneshot::Sender<()>,
    samples: Vec<oneshot::Receiver<Samples>>,
}

impl JoinedClients {
    /// Lets a client for each person of `plan` dial and join its room, all at once, and waits until all have joined. With
    /// `raw` the clients do not repair losses. `counters` can be read while this and the conversation run.
    ///
    /// # Errors
    /// When a client is refused, or when not all clients have joined within 20 s.
    pub async fn join(
        plan: Arc<Plan>,
        target: TargetServer,
        raw: bool,
        counters: Arc<Counters>,
    ) -> Result<JoinedClients, String> {
        let (begin, begins) = oneshot::channel();
        let (end, ends) = oneshot::channel();
        let begins: Shared<BoxFuture<'static, Option<Instant>>> = begins.map(Result::ok).boxed().shared();
        let ends: Shared<BoxFuture<'static, ()>> = ends.map(drop).boxed().shared();
        let people = plan.conversation().people;
        let (mut joining, mut samples) = (FuturesUnordered::new(), Vec::with_capacity(people));
        for nth in 0..people {
            let config = Config {
                name: target.client_name(nth),
                client: ClientId(target.runtime.random()),
                password: target.password.clone().map(|text| Password::for_server(text, &target.address)),
                seed: nth as u64,
                raw,
            };
            let (joined, joins) = oneshot::channel();
            let (report, reported) = oneshot::channel();
            let dialled = target.runtime.now();
            let (remote, updates) = client::start(
                config,
                target.transport.clone(),
                target.address.clone(),
                target.runtime.clone(),
            );
            let signals = Signals { begins: begins.clone(), ends: ends.clone() };
            let client = TalkingClient::new(nth, plan.clone(), &target, counters.clone(), dialled, raw);
            target.runtime.spawn(client.run(remote, updates, joined, signals, report).boxed());
            joining.push(joins);
            samples.push(reported);
        }
        let mut late = target.runtime.sleep_until(target.runtime.now() + JOIN_TIMEOUT).fuse();
        loop {
            futures::select_biased! {
                joined = joining.next() => match joined {
                    Some(Ok(Ok(()))) => drop(counters.joined.fetch_add(1, Relaxed)),
                    Some(Ok(Err(why))) => return Err(why),
                    Some(Err(oneshot::Canceled)) => {
                        return Err("a client left before all had joined".to_owned());
                    }
                    None => {
                        let begin = Some(begin);
                        return Ok(JoinedClients { plan, target, raw, counters, begin, end, samples });
                    }
                },
                () = late => {
                    let absent = people - counters.joined();
                    let within = JOIN_TIMEOUT.as_secs();
                    let why = counters.last_failure().map(|why| format!(": {why}")).unwrap_or_default();
                    return Err(format!(
                        "{absent} of {people} people were not in their rooms within {within} s{why}"
                    ));
                }
            }
        }
    }

    /// Lets the clients talk by the plan. This ends when every message reached every reader of its room, or when no
    /// delivery came for a time: 0.7 s where clients do not repair losses, else 5 s.
    ///
    /// Times are counted from `begins`, which should lie a little in the future.
    pub async fn talk(&mut self, begins: Instant) {
        let runtime = &self.target.runtime;
        let Some(begin) = self.begin.take() else { return };
        let _ = begin.send(begins); // every client waits for it
        let conversation = self.plan.conversation();
        runtime.sleep_until(begins + conversation.lasts).await;
        let timeout = if self.raw { DELIVERY_TIMEOUT_RAW } else { DELIVERY_TIMEOUT };
        let (mut delivered, mut since) = (self.counters.delivered(), runtime.now());
        loop {
            let now = runtime.now();
            let all_said = self.counters.finished.load(Relaxed) == conversation.speakers;
            if self.counters.delivered() != delivered {
                (delivered, since) = (self.counters.delivered(), now);
            }
            if (all_said && self.counters.is_all_delivered()) || now > since + timeout {
                return;
            }
            runtime.sleep_until(now + POLL_INTERVAL).await;
        }
    }

    /// Lets the clients leave, and returns their samples.
    pub async fn leave(self) -> Vec<Samples> {
        let JoinedClients { target, samples, end, .. } = self;
        let _ = end.send(()); // every client waits for it
        let all = futures::future::join_all(samples);
        let reported = chat_core::within(LEAVE_TIMEOUT, &*target.runtime, all).await;
        reported.unwrap_or_default().into_iter().filter_map(Result::ok).collect()
    }
}

impl std::fmt::Debug for JoinedClients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinedClients").field("counters", &self.counters).finish_non_exhaustive()
    }
}

const JOIN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long clients may take to leave. A client's own goodbye takes two seconds at most.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(4);
/// How long no delivery may come where lost messages stay lost: longer than any round trip.
const DELIVERY_TIMEOUT_RAW: Duration = Duration::from_millis(700);
/// How long no delivery may come elsewhere. TCP doubles its time-out with each loss, so a link that lost much may be
/// silent for long.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the end condition is checked.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
