//! One client of a conversation: a sending and a receiving half, which run as one task.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use chat_core::{
    SharedRuntime,
    client::{Remote, Stats, Update, Updates},
    wire::{Event, Join, Post},
};
use futures::{
    StreamExt,
    channel::{mpsc, oneshot},
    future::{BoxFuture, Either, Shared, join, select},
};

use crate::{
    counters::Counters,
    plan::{Plan, number},
    samples::{Delivery, Samples},
    scenario::{MOST_IN_A_ROW, Pace},
    target::TargetServer,
};

/// One client of a conversation.
pub(crate) struct TalkingClient {
    nth: usize,
    name: String,
    room: String,
    /// How many other clients receive what this one sends.
    readers: u64,
    plan: Arc<Plan>,
    counters: Arc<Counters>,
    runtime: SharedRuntime,
    dialled: Instant,
    raw: bool,
}

/// The signals that all clients of a conversation wait for.
pub(crate) struct Signals {
    /// When the conversation begins; `None` if it was given up.
    pub(crate) begins: Shared<BoxFuture<'static, Option<Instant>>>,
    pub(crate) ends: Shared<BoxFuture<'static, ()>>,
}

impl TalkingClient {
    pub(crate) fn new(
        nth: usize,
        plan: Arc<Plan>,
        target: &TargetServer,
        counters: Arc<Counters>,
        dialled: Instant,
        raw: bool,
    ) -> TalkingClient {
        let conversation = plan.conversation();
        let room = conversation.room_of(nth);
        let readers = conversation.readers(room);
        let (name, room) = (target.client_name(nth), target.room_name(room));
        let runtime = target.runtime.clone();
        TalkingClient { nth, name, room, readers, plan, counters, runtime, dialled, raw }
    }

    /// Joins the room, signals that on `joined`, sends and receives until the conversation ends, and reports the samples.
    pub(crate) async fn run(
        self,
        remote: Remote,
        updates: Updates,
        joined: oneshot::Sender<Result<(), String>>,
        signals: Signals,
        report: oneshot::Sender<Samples>,
    ) {
        // A client that sends by the plan does not read replies; then those beyond the channel's capacity are dropped.
        let (replied, replies) = mpsc::channel(MOST_IN_A_ROW);
        let begins = signals.begins.clone();
        let sending = self.send(remote, signals, replies);
        let (said, mut samples) = join(sending, self.receive(updates, joined, begins, replied)).await;
        samples.said = said;
        let _ = report.send(samples); // the conversation may have been given up
    }

    async fn send(
        &self,
        mut remote: Remote,
        signals: Signals,
        mut replies: mpsc::Receiver<()>,
    ) -> Vec<(u32, Duration)> {
        let mut said = Vec::new();
        let join = Join { room: self.room.clone().into(), recent: Some(0), ..Join::default() };
        let _ = remote.ask(join, 0).await;
        let Some(begins) = signals.begins.await else { return said };
        let _ = remote.measure().await;
        self.runtime.sleep_until(begins).await;
        if self.nth < self.plan.conversation().speakers {
            match self.plan.conversation().pace {
                Pace::Rate { .. } => self.send_by_plan(&mut remote, begins, &mut said).await,
                Pace::Window { messages } => {
                    self.send_by_window(&mut remote, begins, messages, &mut replies, &mut said).await;
                }
            }
            self.counters.note_finished();
        }
        signals.ends.await;
        let _ = remote.measure().await;
        said
    }

    async fn send_by_plan(&self, remote: &mut Remote, begins: Instant, said: &mut Vec<(u32, Duration)>) {
        let own = (0..).zip(self.plan.messages()).filter(|(_, message)| message.speaker == self.nth);
        for (number, message) in own {
            self.runtime.sleep_until(begins + message.due).await;
            if !self.say(remote, number).await {
                return;
            }
            said.push((number, message.due));
        }
    }

    async fn send_by_window(
        &self,
        remote: &mut Remote,
        begins: Instant,
        window: usize,
        replies: &mut mpsc::Receiver<()>,
        said: &mut Vec<(u32, Duration)>,
    ) {
        let lasts = self.plan.conversation().lasts;
        let mut unanswered = 0;
        while self.runtime.now() < begins + lasts {
            while let Ok(()) = replies.try_recv() {
                unanswered = usize::saturating_sub(unanswered, 1);
            }
            if unanswered == window {
                let until = if self.raw { self.runtime.now() + REPLY_TIMEOUT_RAW } else { begins + lasts };
                match select(replies.next(), self.runtime.sleep_until(until)).await {
                    Either::Left(_) => unanswered = usize::saturating_sub(unanswered, 1),
                    // A lost message is never answered, and counts as sent all the same.
                    Either::Right(_) => unanswered = 0,
                }
                continue;
            }
            let due = self.runtime.now().saturating_duration_since(begins);
            let number = self.counters.next.fetch_add(1, Relaxed);
            if number == MOST_MESSAGES || !self.say(remote, number).await {
                return;
            }
            said.push((number, due));
            unanswered += 1;
        }
    }

    async fn say(&self, remote: &mut Remote, number: u32) -> bool {
        let say = Post::say(self.room.clone(), self.plan.text(number));
        self.counters.note_said(self.readers);
        remote.ask(say, u64::from(number) + 1).await.is_ok()
    }

    async fn receive(
        &self,
        mut updates: Updates,
        joined: oneshot::Sender<Result<(), String>>,
        begins: Shared<BoxFuture<'static, Option<Instant>>>,
        mut replied: mpsc::Sender<()>,
    ) -> Samples {
        let mut samples = Samples { room: self.plan.conversation().room_of(self.nth), ..Samples::default() };
        let mut joined = Some(joined);
        let mut signal_joined = |outcome| drop(joined.take().map(|joined| joined.send(outcome)));
        let mut seen: HashSet<u32> = HashSet::new();
        let mut measured: Option<Stats> = None;
        while let Some(update) = updates.next().await {
            let now = self.runtime.now();
            match update {
                Update::Joined { .. } => {
                    if samples.joined_after.is_zero() {
                        samples.joined_after = now - self.dialled;
                    }
                    signal_joined(Ok(()));
                }
                Update::Entry(entry) => {
                    let text = &entry.body.text;
                    let Some(number) = number(text).filter(|_| entry.author.name != self.name) else {
                        continue;
                    };
                    // No client sends before the beginning is known.
                    let Some(Some(begins)) = begins.peek() else { continue };
                    if seen.insert(number) {
                        self.counters.note_delivered();
                    }
                    let at = now.saturating_duration_since(*begins);
                    samples.deliveries.push(Delivery { number, seq: entry.seq, bytes: text.len(), at });
                }
                Update::Reply { tag: 0, reply: Event::Error(error) } => signal_joined(Err(error.message)),
                Update::Reply { tag, .. } | Update::Unanswered { tag } if tag > 0 => {
                    let _ = replied.try_send(());
                }
                Update::Stats(stats) => match measured.replace(stats) {
                    None => samples.before = stats,
                    Some(_) => samples.after = stats,
                },
                Update::Disconnected { why, .. } => {
                    samples.lost_links += 1;
                    self.counters.note_failure(why);
                }
                Update::Refused(error) => signal_joined(Err(error.message)),
                _ => {}
            }
        }
        samples
    }
}

/// How long a client waits for replies where messages that are lost stay lost.
const REPLY_TIMEOUT_RAW: Duration = Duration::from_millis(250);
/// The most messages that are sent with a window, which bounds the memory for their samples.
const MOST_MESSAGES: u32 = 2_000_000;
