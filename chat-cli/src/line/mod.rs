//! Line mode: lines typed become requests, and what happens becomes lines, for people or for programs.

use std::{collections::VecDeque, pin::pin, time::Duration};

use chat_core::{
    Address,
    client::{Remote, Stats, Update},
    wire::{Join, RequestBody},
};
use futures::{
    FutureExt, Stream, StreamExt,
    future::{BoxFuture, Either, Fuse, FusedFuture, pending, select as select_either},
    select, select_biased,
    stream::{Fuse as FuseStream, FusedStream},
};

use crate::{
    command::Measure,
    output::{Line, Output},
    sanitize::Sanitized,
    session::{Door, Entering, Session},
    signals::Signals,
};

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

    /// Asks to read on, in another session, in a room that was entered.
    fn read_on(&mut self, join: Join<'static>) -> Step {
        Step::Ask(RequestBody::Join(join), 0)
    }

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
    Ask(RequestBody<'static>, u64),
    /// Show what the network does.
    Measure(Measure),
    /// Go on over another transport, or at another address.
    Move(String),
    /// Come back under another name.
    Rename(String),
    /// Nothing.
    Nothing,
    /// Leave.
    Quit,
}

/// A session and its user.
pub(crate) struct Talk<F> {
    remote: Remote,
    hearing: Hearing<F>,
    /// The name to come back under, once everything is answered, and the way to that.
    rename: Option<String>,
    entering: Entering,
    /// What is asked meanwhile.
    held: VecDeque<Step>,
    measure_every: Duration,
    measure_next: Fuse<BoxFuture<'static, ()>>,
    signals: Signals,
}

impl<F: Face> Talk<F> {
    pub(crate) fn new(
        session: Session,
        face: F,
        out: Output,
        signals: Signals,
        door: Door,
    ) -> anyhow::Result<Talk<F>> {
        let Session { remote, updates, welcome } = session;
        let mut hearing = Hearing::new(updates, face, out, door);
        hearing.welcomed(welcome)?;
        Ok(Talk {
            remote,
            hearing,
            rename: None,
            entering: Fuse::terminated(),
            held: VecDeque::new(),
            measure_every: Duration::ZERO,
            measure_next: Fuse::terminated(),
            signals,
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
        let Talk { mut remote, mut hearing, held, .. } = self;
        hearing.unanswered += held.len();
        let runtime = hearing.door.runtime.clone();
        let last_words = async {
            if hearing.door.is_raw() && ended.is_ok() {
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
            if self.hearing.unanswered == 0
                && let Some(name) = self.rename.take()
            {
                self.entering = self.hearing.door.named(&name).begin().0;
            }
            let step = match self.is_renaming() {
                false => self.held.pop_front(),
                true => None,
            };
            let step = match step {
                Some(held) => held,
                None if typed.is_terminated() && !self.is_renaming() => return self.finish().await,
                None => self.next_step(&mut typed).await?,
            };
            if self.take(step).await?.is_end() {
                return Ok(());
            }
        }
    }

    /// Waits until something happens, and shows it.
    async fn next_step(
        &mut self,
        typed: &mut FuseStream<impl Stream<Item = Typed> + Unpin>,
    ) -> anyhow::Result<Step> {
        let mut line = match self.held.len() {
            ..MOST_HELD => typed.next().left_future(),
            _ => pending().right_future(),
        };
        select! {
            () = self.signals.shutdown_requested() => return Ok(Step::Quit),
            () = &mut self.measure_next => return Ok(Step::Measure(Measure::Every(self.measure_every))),
            session = &mut self.entering => self.entered(session).await?,
            update = self.hearing.updates.next() => self.hearing.heard(update)?,
            line = line => if let Some(line) = line {
                return self.hearing.face.typed(line, &mut self.hearing.out);
            },
        }
        Ok(Step::Nothing)
    }

    fn is_renaming(&self) -> bool {
        self.rename.is_some() || !self.entering.is_terminated()
    }

    /// Goes on in another session, under another name.
    async fn entered(&mut self, session: anyhow::Result<Session>) -> anyhow::Result<()> {
        let Session { remote, updates, welcome } = match session {
            Ok(session) => session,
            Err(why_not) => return self.note(&why_not),
        };
        self.remote = remote; // the one before says bye
        for join in self.hearing.go_on(updates, welcome)? {
            let step = self.hearing.face.read_on(join);
            self.take(step).await?;
        }
        Ok(())
    }

    fn note(&mut self, why_not: &anyhow::Error) -> anyhow::Result<()> {
        Ok(self.hearing.out.line(&Line::note("").shown(&Sanitized::line(&format!("{why_not:#}"))))?)
    }

    /// Asks what `step` says. While too much is unanswered that waits, and shows what happens meanwhile.
    async fn take(&mut self, step: Step) -> anyhow::Result<Flow> {
        let asking = match step {
            Step::Ask(..) | Step::Move(_) | Step::Rename(_) if self.is_renaming() => {
                self.held.push_back(step);
                return Ok(Flow::On);
            }
            Step::Rename(name) => {
                self.rename = Some(name);
                return Ok(Flow::On);
            }
            Step::Move(to) => match self.hearing.door.way(&to) {
                Ok((transport, address)) => {
                    self.remote.move_to(transport, address).await?;
                    return Ok(Flow::On);
                }
                Err(why_not) => return self.note(&why_not).map(|()| Flow::On),
            },
            Step::Ask(request, tag) => self.remote.ask(request, tag).boxed(),
            Step::Measure(Measure::NoMore) => {
                self.measure_next = Fuse::terminated();
                return Ok(Flow::On);
            }
            Step::Measure(measure) => {
                if let Measure::Every(period) = measure {
                    self.measure_every = period;
                    let runtime = &self.hearing.door.runtime;
                    self.measure_next = runtime.sleep_until(runtime.now() + period).fuse();
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
                () = self.signals.shutdown_requested() => return Ok(Flow::End),
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
                    let runtime = &self.hearing.door.runtime;
                    patience = runtime.sleep_until(runtime.now() + ECHO_WITHIN).fuse();
                }
            }
            select_biased! {
                () = self.signals.shutdown_requested() => return Ok(()),
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

/// How much is held while the name changes, before nothing more is read.
const MOST_HELD: usize = 64;

/// How long, once everything is stored, what the rooms hold may take to come before we leave without it.
const ECHO_WITHIN: Duration = Duration::from_secs(2);

/// How long the goodbye may take. The client itself waits two seconds for answers.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);
