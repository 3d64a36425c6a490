//! Line mode: lines typed become requests, and what happens becomes lines, for people or for programs.

use std::{collections::BTreeMap, pin::pin, time::Duration};

use anyhow::bail;
use chat_core::{
    SharedRuntime,
    client::{Remote, Update, Updates},
    wire::{EntryFrame, Event, Gap, INBOX, Reason, Request, Welcome},
};
use futures::{
    FutureExt, Stream, StreamExt,
    future::{BoxFuture, Fuse, FusedFuture},
    select, select_biased,
    stream::Fuse as FuseStream,
};

use crate::{output::Output, session::Session, signals::Signals};

pub(crate) mod command;
pub(crate) mod human;
pub(crate) mod input;
pub(crate) mod json;
pub(crate) mod plain;
mod rooms;

use input::Typed;

/// How a conversation looks to its user.
pub(crate) trait Face {
    /// Asks to enter a room, and to read it from `after` on.
    fn enter(&mut self, room: &str, after: Option<u64>) -> Step;

    /// Takes what was typed.
    fn typed(&mut self, typed: Typed, out: &mut Output) -> anyhow::Result<Step>;

    /// Shows what happened.
    fn show(&mut self, update: &Update, out: &mut Output) -> anyhow::Result<()>;
}

/// What is to be done next.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Ask this, under this tag.
    Ask(Request<'static>, u64),
    /// Nothing.
    Nothing,
    /// Leave.
    Quit,
}

/// A session and its user.
pub(crate) struct Talk<F> {
    remote: Remote,
    hearing: Hearing<F>,
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
        let Session { remote, updates, welcome } = session;
        let awaited = BTreeMap::from([(INBOX.to_owned(), None)]);
        let mut hearing = Hearing { updates: updates.fuse(), face, out, unanswered: 0, awaited };
        hearing.welcomed(welcome)?;
        Ok(Talk { remote, hearing, signals, runtime })
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
        let Talk { remote, mut hearing, runtime, .. } = self;
        drop(remote); // says bye
        let last_words = hearing.last_words(ended.is_ok());
        let in_time = runtime.sleep_until(runtime.now() + LEAVE_WITHIN);
        futures::future::select(pin!(last_words), in_time).await;
        ended?;
        match hearing.unanswered {
            0 => Ok(()),
            1 => bail!("left before 1 request was answered"),
            many => bail!("left before {many} requests were answered"),
        }
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
        let (request, tag) = match step {
            Step::Ask(request, tag) => (request, tag),
            Step::Nothing => return Ok(Flow::On),
            Step::Quit => return Ok(Flow::End),
        };
        self.hearing.unanswered += 1;
        let mut asking = pin!(self.remote.ask(request, tag).fuse());
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
                if self.hearing.awaited.values().all(Option::is_none) {
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

/// What comes from the server: shown, and counted.
struct Hearing<F> {
    updates: FuseStream<Updates>,
    face: F,
    out: Output,
    /// Requests without their one reply.
    unanswered: usize,
    /// By room we are in, the number of the last thing we said there, or of the newest thing there when we came in,
    /// until it has come.
    awaited: BTreeMap<String, Option<u64>>,
}

impl<F: Face> Hearing<F> {
    fn welcomed(&mut self, welcome: Welcome) -> anyhow::Result<()> {
        self.face.show(&Update::Connected(welcome), &mut self.out)
    }

    fn heard(&mut self, update: Option<Update>) -> anyhow::Result<()> {
        let Some(update) = update else { bail!("the conversation ended") };
        self.count(&update);
        self.face.show(&update, &mut self.out)?;
        match update {
            Update::Refused(error) => bail!("the server lets us in no more: {}", error.message),
            Update::Goodbye(Reason::Replaced) => bail!("this session goes on elsewhere"),
            _ => Ok(()),
        }
    }

    fn count(&mut self, update: &Update) {
        match update {
            Update::Joined { tag, joined } => {
                let awaited = self.awaited.entry(joined.room.clone()).or_default();
                if tag.is_some() {
                    *awaited = (joined.after < joined.head).then_some(joined.head).max(*awaited);
                    self.answered();
                }
            }
            Update::Entry(EntryFrame { room, seq, .. }) | Update::Gap(Gap { room, to: seq, .. }) => {
                self.awaited
                    .entry(room.clone())
                    .and_modify(|awaited| *awaited = awaited.filter(|it| it > seq));
            }
            Update::Reset { room } => {
                self.awaited.entry(room.clone()).and_modify(|awaited| *awaited = None);
            }
            Update::LostRoom { room, .. } => drop(self.awaited.remove(room)),
            Update::Reply { reply, .. } => {
                self.answered();
                match reply {
                    Event::Ack(ack) => {
                        self.awaited.entry(ack.room.clone()).and_modify(|awaited| *awaited = Some(ack.seq));
                    }
                    Event::Left(left) => drop(self.awaited.remove(&left.room)),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn answered(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
    }

    /// Shows what still comes after the goodbye.
    async fn last_words(&mut self, mut shown: bool) {
        while let Some(update) = self.updates.next().await {
            self.count(&update);
            let is_end = matches!(update, Update::Disconnected { .. } | Update::Goodbye(_));
            shown = shown && (is_end || self.face.show(&update, &mut self.out).is_ok());
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
