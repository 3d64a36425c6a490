//! Line mode: lines typed become requests, and what happens becomes lines, for people or for programs.

use std::{pin::pin, time::Duration};

use chat_core::{
    Address, SharedRuntime,
    client::{Remote, Stats, Update},
    wire::Request,
};
use futures::{
    FutureExt, Stream, StreamExt,
    future::{BoxFuture, Either, Fuse, FusedFuture, select as select_either},
    select, select_biased,
    stream::Fuse as FuseStream,
};

use crate::{command::Measure, output::Output, session::Session, signals::Signals};

pub(crate) mod found;
mod hearing;
pub(crate) mod human;
pub(crate) mod input;
pub(crate) mod json;
pub(crate) mod plain;
pub(crate) mod prompt;
pub(crate) mod rooms;

use hearing::{Awaited, Hearing};
use input::Typed;

/// How a conversation looks to its user.
pub(crate) trait Face {
    /// Asks to enter a room, and to read it from `after` on.
    fn enter(&mut self, room: &str, after: Option<u64>) -> Step;

    /// Takes what was typed.
    fn typed(&mut self, typed: Typed, out: &mut Output) -> anyhow::Result<Step>;

    /// Shows what happened.
    fn show(&mut self, update: &Update, out: &mut Output) -> anyhow::Result<()>;

    /// Shows what was measured on the way to `server`.
    fn measured(&mut self, stats: &Stats, server: &Address, out: &mut Output) -> anyhow::Result<()>;
}

/// What is to be done next.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Ask this, under this tag.
    Ask(Request<'static>, u64),
    /// Show what the network does.
    Measure(Measure),
    /// Nothing.
    Nothing,
    /// Leave.
    Quit,
}

/// A session and its user.
pub(crate) struct Talk<F> {
    remote: Remote,
    hearing: Hearing<F>,
    /// Whether to show at the end what was lost.
    raw: bool,
    measure_every: Duration,
    measure_next: Fuse<BoxFuture<'static, ()>>,
    signals: Signals,
    runtime: SharedRuntime,
}

impl<F: Face> Talk<F> {
    pub(crate) fn new(
        session: Session,
        face: F,
        out: Output,
        signals: Signals,
        runtime: SharedRuntime,
    ) -> anyhow::Result<Talk<F>> {
        let Session { remote, updates, welcome, server, raw } = session;
        let mut hearing = Hearing::new(updates, face, out, server);
        hearing.welcomed(welcome)?;
        Ok(Talk {
            remote,
            hearing,
            raw,
            measure_every: Duration::ZERO,
            measure_next: Fuse::terminated(),
            signals,
            runtime,
        })
    }

    /// Enters `rooms`, says and asks what is typed, and shows what happens, until the user quits, a signal comes, or
    /// `typed` ends and all that was asked is answered.
    ///
    /// # Errors
    /// When nothing more can be printed, the server lets us in no more, or requests stay without an answer.
    pub(crate) async fn run(
        mut self,
        rooms: &[(&str, Option<u64>)],
        typed: impl Stream<Item = Typed> + Unpin,
    ) -> anyhow::Result<()> {
        let ended = self.converse(rooms, typed.fuse()).await;
        let Talk { mut remote, mut hearing, raw, runtime, .. } = self;
        let last_words = async {
            if raw && ended.is_ok() {
                hearing.measure(&mut remote).await?;
            }
            drop(remote); // says bye
            hearing.last_words(ended.is_ok()).await;
            Ok(())
        };
        let in_time = runtime.sleep_until(runtime.now() + LEAVE_WITHIN);
        if let Either::Left((Err(error), _)) = select_either(pin!(last_words), in_time).await {
            return Err(error);
        }
        ended?;
        hearing.all_answered()
    }

    async fn converse(
        &mut self,
        rooms: &[(&str, Option<u64>)],
        mut typed: FuseStream<impl Stream<Item = Typed> + Unpin>,
    ) -> anyhow::Result<()> {
        for (room, after) in rooms {
            let step = self.hearing.face.enter(room, *after);
            if self.take(step).await?.is_end() {
                return Ok(());
            }
        }
        loop {
            let step = select! {
                () = self.signals.asked_to_end() => return Ok(()),
                () = &mut self.measure_next => Step::Measure(Measure::Every(self.measure_every)),
                update = self.hearing.updates.next() => {
                    self.hearing.heard(update)?;
                    Step::Nothing
                }
                line = typed.next() => match line {
                    Some(line) => self.hearing.face.typed(line, &mut self.hearing.out)?,
                    None => return self.finish().await,
                },
            };
            if self.take(step).await?.is_end() {
                return Ok(());
            }
        }
    }

    /// Asks what `step` says. While too much is unanswered that waits, and shows what happens meanwhile.
    async fn take(&mut self, step: Step) -> anyhow::Result<Flow> {
        let asking = match step {
            Step::Ask(request, tag) => self.remote.ask(request, tag).boxed(),
            Step::Measure(Measure::NoMore) => {
                self.measure_next = Fuse::terminated();
                return Ok(Flow::On);
            }
            Step::Measure(measure) => {
                if let Measure::Every(period) = measure {
                    self.measure_every = period;
                    self.measure_next = self.runtime.sleep_until(self.runtime.now() + period).fuse();
                }
                self.remote.measure().boxed()
            }
            Step::Nothing => return Ok(Flow::On),
            Step::Quit => return Ok(Flow::End),
        };
        self.hearing.unanswered += 1;
        let mut asking = asking.fuse();
        loop {
            select_biased! {
                () = self.signals.asked_to_end() => return Ok(Flow::End),
                asked = asking => {
                    asked?;
                    return Ok(Flow::On);
                }
                update = self.hearing.updates.next() => self.hearing.heard(update)?,
            }
        }
    }

    /// Waits until everything asked is answered and, for a moment, until what the rooms held and what was said has come.
    async fn finish(&mut self) -> anyhow::Result<()> {
        let mut patience: Fuse<BoxFuture<'static, ()>> = Fuse::terminated();
        loop {
            if self.hearing.unanswered == 0 {
                if self.hearing.awaited.values().all(Awaited::has_come) {
                    return Ok(());
                }
                if patience.is_terminated() {
                    patience = self.runtime.sleep_until(self.runtime.now() + ECHO_WITHIN).fuse();
                }
            }
            select_biased! {
                () = self.signals.asked_to_end() => return Ok(()),
                update = self.hearing.updates.next() => self.hearing.heard(update)?,
                () = patience => return Ok(()),
            }
        }
    }
}

enum Flow {
    On,
    End,
}

impl Flow {
    fn is_end(&self) -> bool {
        matches!(self, Flow::End)
    }
}

/// How long, once everything is stored, what the rooms hold may take to come before we leave without it.
const ECHO_WITHIN: Duration = Duration::from_secs(2);

/// How long the goodbye may take. The client itself waits two seconds for answers.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);
