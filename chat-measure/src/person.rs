//! One person: two tasks in one, of which one speaks by the plan and the other listens.

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
    notes::{Heard, Notes},
    plan::{Plan, number},
    scenario::{MOST_IN_A_ROW, Pace},
    venue::Venue,
};

pub(crate) struct Person {
    nth: usize,
    name: String,
    room: String,
    /// Who reads what is said.
    readers: u64,
    plan: Arc<Plan>,
    counters: Arc<Counters>,
    runtime: SharedRuntime,
    dialled: Instant,
    raw: bool,
}

/// What all wait for.
pub(crate) struct Signals {
    pub(crate) begins: Shared<BoxFuture<'static, Option<Instant>>>,
    pub(crate) ends: Shared<BoxFuture<'static, ()>>,
}

impl Person {
    pub(crate) fn new(
        nth: usize,
        plan: Arc<Plan>,
        venue: &Venue,
        counters: Arc<Counters>,
        dialled: Instant,
        raw: bool,
    ) -> Person {
        let conversation = plan.conversation();
        let room = conversation.room(nth);
        let readers = conversation.readers(room);
        let (name, room) = (venue.name_of(nth), venue.room_name(room));
        let runtime = venue.runtime.clone();
        Person { nth, name, room, readers, plan, counters, runtime, dialled, raw }
    }

    /// Enters, which `entered` is told of, talks and listens from the beginning to the end, and tells what it noted.
    pub(crate) async fn live(
        self,
        remote: Remote,
        updates: Updates,
        entered: oneshot::Sender<Result<(), String>>,
        signals: Signals,
        tell: oneshot::Sender<Notes>,
    ) {
        // Who speaks by the plan does not read them, and what does not fit is dropped.
        let (answers, answered) = mpsc::channel(MOST_IN_A_ROW);
        let begins = signals.begins.clone();
        let speaking = self.speak(remote, signals, answered);
        let (said, mut notes) = join(speaking, self.listen(updates, entered, begins, answers)).await;
        notes.said = said;
        let _ = tell.send(notes); // nobody waits any more where it was given up
    }

    async fn speak(
        &self,
        mut remote: Remote,
        signals: Signals,
        mut answered: mpsc::Receiver<()>,
    ) -> Vec<(u32, Duration)> {
        let mut said = Vec::new();
        let join = Join { room: self.room.clone().into(), recent: Some(0), ..Join::default() };
        let _ = remote.ask(join, 0).await;
        let Some(begins) = signals.begins.await else { return said };
        let _ = remote.measure().await;
        self.runtime.sleep_until(begins).await;
        if self.nth < self.plan.conversation().speakers {
            match self.plan.conversation().pace {
                Pace::Rate { .. } => self.speak_by_plan(&mut remote, begins, &mut said).await,
                Pace::Window { messages } => {
                    self.speak_as_it_goes(&mut remote, begins, messages, &mut answered, &mut said).await;
                }
            }
            self.counters.note_silent();
        }
        signals.ends.await;
        let _ = remote.measure().await;
        said
    }

    async fn speak_by_plan(&self, remote: &mut Remote, begins: Instant, said: &mut Vec<(u32, Duration)>) {
        for (number, line) in (0..).zip(self.plan.lines()).filter(|(_, line)| line.speaker == self.nth) {
            self.runtime.sleep_until(begins + line.due).await;
            if !self.say(remote, number).await {
                return;
            }
            said.push((number, line.due));
        }
    }

    async fn speak_as_it_goes(
        &self,
        remote: &mut Remote,
        begins: Instant,
        window: usize,
        answered: &mut mpsc::Receiver<()>,
        said: &mut Vec<(u32, Duration)>,
    ) {
        let lasts = self.plan.conversation().lasts;
        let mut unanswered = 0;
        while self.runtime.now() < begins + lasts {
            while let Ok(()) = answered.try_recv() {
                unanswered = usize::saturating_sub(unanswered, 1);
            }
            if unanswered == window {
                let until = if self.raw { self.runtime.now() + GIVEN_UP } else { begins + lasts };
                match select(answered.next(), self.runtime.sleep_until(until)).await {
                    Either::Left(_) => unanswered = usize::saturating_sub(unanswered, 1),
                    // What is lost is never answered, and was said all the same.
                    Either::Right(_) => unanswered = 0,
                }
                continue;
            }
            let due = self.runtime.now().saturating_duration_since(begins);
            let number = self.counters.next.fetch_add(1, Relaxed);
            if number == MOST || !self.say(remote, number).await {
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

    async fn listen(
        &self,
        mut updates: Updates,
        entered: oneshot::Sender<Result<(), String>>,
        begins: Shared<BoxFuture<'static, Option<Instant>>>,
        mut answers: mpsc::Sender<()>,
    ) -> Notes {
        let mut notes = Notes { room: self.plan.conversation().room(self.nth), ..Notes::default() };
        let mut entered = Some(entered);
        let mut told = |what| drop(entered.take().map(|it| it.send(what)));
        let mut new: HashSet<u32> = HashSet::new();
        let mut measured: Option<Stats> = None;
        while let Some(update) = updates.next().await {
            let now = self.runtime.now();
            match update {
                Update::Joined { .. } => {
                    if notes.entered_after.is_zero() {
                        notes.entered_after = now - self.dialled;
                    }
                    told(Ok(()));
                }
                Update::Entry(entry) => {
                    let Some(number) = number(&entry.body.text).filter(|_| entry.author.name != self.name)
                    else {
                        continue;
                    };
                    // Nothing is said before the beginning is known.
                    let Some(Some(begins)) = begins.peek() else { continue };
                    if new.insert(number) {
                        self.counters.note_heard();
                    }
                    let at = now.saturating_duration_since(*begins);
                    notes.heard.push(Heard { number, seq: entry.seq, bytes: entry.body.text.len(), at });
                }
                Update::Reply { tag: 0, reply: Event::Error(error) } => told(Err(error.message)),
                Update::Reply { tag, .. } | Update::Unanswered { tag } if tag > 0 => {
                    let _ = answers.try_send(());
                }
                Update::Stats(stats) => match measured.replace(stats) {
                    None => notes.before = stats,
                    Some(_) => notes.after = stats,
                },
                Update::Disconnected { why, .. } => {
                    notes.lost_links += 1;
                    self.counters.note_trouble(why);
                }
                Update::Refused(error) => told(Err(error.message)),
                _ => {}
            }
        }
        notes
    }
}

/// When a message that may be lost is no longer waited for.
const GIVEN_UP: Duration = Duration::from_millis(250);
/// Messages that are said at most as fast as it goes.
const MOST: u32 = 2_000_000;
