//! Line mode: lines typed become requests, and what happens becomes lines, for people or for programs.

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use chat_core::client::Update;
use chat_front::{
    Connection, Connector, Conversation, Notice, command::Measure, connection::ConnectionEvent,
};
use futures::{
    FutureExt, Stream, StreamExt,
    future::{self, BoxFuture, Either, Fuse, FusedFuture, pending, ready},
    select,
    stream::{Fuse as FuseStream, FusedStream},
};

use super::input::Typed;
use crate::{output::Output, signals::Signals};

/// How a conversation looks to its user.
pub(crate) trait Frontend {
    /// Asks to enter a room, and to read it from the entry after `after` on.
    fn enter(&mut self, conversation: &mut Conversation, room: &str, after: Option<u64>);

    /// Takes what was typed.
    ///
    /// # Errors
    /// When nothing more can be printed.
    fn typed(
        &mut self,
        typed: Typed,
        conversation: &mut Conversation,
        now: Instant,
        out: &mut Output,
    ) -> anyhow::Result<Flow>;

    /// Takes what the client reports, and shows it.
    ///
    /// # Errors
    /// When nothing more can be printed, or the user has no more use for the conversation.
    fn update(
        &mut self,
        update: Update,
        conversation: &mut Conversation,
        out: &mut Output,
    ) -> anyhow::Result<()>;

    /// Tells the user something.
    ///
    /// # Errors
    /// When nothing more can be printed.
    fn tell(&mut self, notice: &Notice, out: &mut Output) -> anyhow::Result<()>;

    /// How many lines could not be understood, or were refused.
    fn refused(&self) -> usize;
}

/// Whether a conversation goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flow {
    On,
    Quit,
}

/// A session and its user.
struct LineSession<F> {
    connection: Connection,
    conversation: Conversation,
    frontend: F,
    out: Output,
    /// Whether somebody types, who sees what is refused. Otherwise the status of the program says so.
    is_typed: bool,
    /// Whether lines came after the one that quits.
    is_cut: bool,
}

/// Opens a session by `connector`, enters `rooms`, which are read from the numbers beside them on, says and asks what is
/// typed, and shows what happens, until the user quits, a signal comes, or what is typed ends and all that was asked is
/// answered. `typed` is called once the server has let the user in.
///
/// # Errors
/// When the server cannot be joined or ends the session for good, nothing more can be printed, requests stay without an
/// answer, or lines that nobody typed by hand were refused.
pub(crate) async fn run<S: Stream<Item = Typed> + Unpin>(
    connector: Connector,
    frontend: impl Frontend,
    out: Output,
    rooms: &[(&str, Option<u64>)],
    typed: impl FnOnce(&mut Output) -> io::Result<S>,
) -> anyhow::Result<()> {
    let mut signals = Signals::catch().context("cannot catch signals")?;
    let conversation = Conversation::new(connector.server().clone()).encrypted(connector.is_encrypted());
    let connection = Connection::open(connector);
    let is_typed = io::stdin().is_terminal();
    let mut session = LineSession { connection, conversation, frontend, out, is_typed, is_cut: false };
    while !session.connection.is_open() {
        let happened = select! {
            () = signals.shutdown_requested() => return Ok(()),
            happened = Box::pin(session.connection.next(&mut session.conversation).fuse()) => happened?,
        };
        session.happened(happened)?;
    }
    let typed = typed(&mut session.out).context("cannot read standard input")?;
    for (room, after) in rooms {
        session.frontend.enter(&mut session.conversation, room, *after);
    }
    let ended = session.converse(typed.fuse(), &mut signals).await;
    session.leave(ended).await
}

impl<F: Frontend> LineSession<F> {
    async fn converse(
        &mut self,
        mut typed: FuseStream<impl Stream<Item = Typed> + Unpin>,
        signals: &mut Signals,
    ) -> anyhow::Result<()> {
        // How long what the rooms hold may take to come, once everything is answered.
        let mut patience: Fuse<BoxFuture<'static, ()>> = Fuse::terminated();
        loop {
            let runtime = self.connection.connector().runtime().clone();
            if typed.is_terminated() && self.conversation.is_settled() {
                if self.conversation.rooms().are_read() {
                    return Ok(());
                }
                if patience.is_terminated() {
                    patience = runtime.sleep_until(runtime.now() + ECHO_WITHIN).fuse();
                }
            }
            let mut line = match self.conversation.takes_more() {
                true => typed.next().left_future(),
                false => pending().right_future(),
            };
            let mut timeout = match self.conversation.poll_timeout() {
                Some(at) => runtime.sleep_until(at).fuse(),
                None => Fuse::terminated(),
            };
            let happened = select! {
                () = signals.shutdown_requested() => return Ok(()),
                () = patience => return Ok(()),
                () = timeout => {
                    self.conversation.on_timeout(runtime.now());
                    continue;
                }
                line = line => {
                    let Some(line) = line else { continue };
                    let LineSession { conversation, frontend, out, .. } = self;
                    match frontend.typed(line, conversation, runtime.now(), out)? {
                        Flow::On => continue,
                        Flow::Quit => {
                            let late = runtime.sleep_until(runtime.now() + FOLLOWS_WITHIN);
                            self.is_cut = !self.is_typed && has_more(&mut typed, late).await;
                            return Ok(());
                        }
                    }
                }
                happened = Box::pin(self.connection.next(&mut self.conversation).fuse()) => happened?,
            };
            self.happened(happened)?;
        }
    }

    fn happened(&mut self, happened: ConnectionEvent) -> anyhow::Result<()> {
        let LineSession { conversation, frontend, out, .. } = self;
        match happened {
            ConnectionEvent::Update(update) => frontend.update(update, conversation, out),
            ConnectionEvent::Opened(welcome) => {
                frontend.update(Update::Connected(welcome), conversation, out)
            }
            ConnectionEvent::Renamed(welcome) => {
                let mut notices = conversation.renamed(&welcome).into_iter();
                notices.try_for_each(|notice| frontend.tell(&notice, out))
            }
            ConnectionEvent::NotRenamed(why) => frontend.tell(&conversation.not_renamed(why), out),
            ConnectionEvent::NotMoved(why) => frontend.tell(&Notice::CannotGoOn { why }, out),
        }
    }

    /// Says goodbye, and shows what still comes.
    async fn leave(self, ended: anyhow::Result<()>) -> anyhow::Result<()> {
        let LineSession { connection, mut conversation, mut frontend, mut out, is_typed, is_cut } = self;
        let runtime = connection.connector().runtime().clone();
        if connection.connector().is_raw() && ended.is_ok() {
            conversation.measure(Measure::Once, runtime.now());
        }
        let unsent = conversation.take_unsent();
        let mut is_shown = ended.is_ok();
        let hear = |update| {
            let is_end = matches!(update, Update::Disconnected { .. } | Update::Goodbye(_));
            if is_shown && !is_end {
                is_shown = frontend.update(update, &mut conversation, &mut out).is_ok();
            } else {
                conversation.on_update(update);
            }
        };
        connection.leave(unsent, hear).await;
        ended?;
        let refused = if is_typed { 0 } else { frontend.refused() };
        let failures: Vec<String> = [
            unanswered(conversation.given_up(), conversation.unanswered()),
            match refused {
                0 => None,
                1 => Some("1 line was refused".to_owned()),
                many => Some(format!("{many} lines were refused")),
            },
            is_cut.then(|| "what follows /quit was not said".to_owned()),
        ]
        .into_iter()
        .flatten()
        .collect();
        if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("; ")) }
    }
}

/// Whether another line than an empty one comes, unless `late` completes first. More lines of a file or a program that
/// has written them are there at once.
async fn has_more(
    typed: &mut (impl Stream<Item = Typed> + Unpin),
    late: impl Future<Output = ()> + Unpin,
) -> bool {
    let is_empty = |line: &Typed| matches!(line, Typed::Line(line) if line.trim().is_empty());
    let mut more = typed.skip_while(|line| ready(is_empty(line)));
    match future::select(more.next(), late).await {
        Either::Left((line, _)) => line.is_some(),
        Either::Right(_) => false,
    }
}

/// The failure of requests that were given up, or are unanswered.
fn unanswered(given_up: usize, unanswered: usize) -> Option<String> {
    Some(match (given_up, unanswered) {
        (0, 0) => return None,
        (0, 1) => "left before 1 request was answered".to_owned(),
        (0, many) => format!("left before {many} requests were answered"),
        (1, 0) => "1 request was not answered".to_owned(),
        (some, more) => format!("{} requests were not answered", some + more),
    })
}

/// How long, once everything is stored, what the rooms hold may take to come before the user leaves without it.
const ECHO_WITHIN: Duration = Duration::from_secs(2);

/// How long a line after the one that quits may take to come, for the status to tell of it.
const FOLLOWS_WITHIN: Duration = Duration::from_millis(100);
