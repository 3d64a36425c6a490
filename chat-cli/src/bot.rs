//! `chat bot`: a program chosen by the operator answers messages.

use std::pin::pin;

use anyhow::{Context, bail};
use chat_core::{
    PersonName, SharedRuntime,
    client::{Remote, Update, Updates},
    transport::Transports,
    wire::{Event, Join, RequestBody},
};
use chat_front::{
    Conversation,
    connection::{self, Session, ends},
    text::Transcript,
};
use futures::{FutureExt, StreamExt, select};
use jiff::Zoned;

use crate::{args::Bot, connector::connector, output::Output, settings::Settings, signals::Signals};

mod answer;
mod job;
mod job_queue;
mod mention_filter;
mod note;
mod process_group;
mod program;
mod program_output;
mod reply;
mod session;
mod workers;

use mention_filter::MentionFilter;
use program::Program;
use reply::Unacknowledged;
use workers::{Mode, Work, Workers};

/// Runs `chat bot`, until it is interrupted.
///
/// # Errors
/// When the program does not exist, or the server or a room cannot be joined or rejoined.
pub(crate) async fn run(
    transports: &Transports,
    runtime: SharedRuntime,
    args: Bot,
    settings: &Settings,
) -> anyhow::Result<()> {
    let program = Program::parse(&args.exec, args.shell)?;
    let person = settings.person(args.person());
    let server = settings.server(args.server.clone());
    let connector = connector(transports, runtime.clone(), server, &person)?.keep_trying();
    let mut signals = Signals::catch().context("cannot catch signals")?;
    let mut log = OperatorLog {
        conversation: Conversation::new(connector.server().clone()).encrypted(connector.is_encrypted()),
        transcript: Transcript::new(&Zoned::now()),
        out: Output::plain(),
    };
    let entering = connector.enter(|update| log.show(update));
    let session = select! {
        () = signals.shutdown_requested() => return Ok(()),
        session = Box::pin(entering.fuse()) => session?,
    };
    let Session { mut remote, mut updates, welcome, .. } = session;
    let me = PersonName::parse(&welcome.name).context("the server gave the bot an invalid name")?;
    log.show(&Update::Connected(welcome))?;
    let (replies, sender) = reply::channel();
    let mode = match args.session {
        true => Mode::Sessions(session::Limits { idle: args.idle, output: args.max_output }),
        false => Mode::PerMessage(answer::Limits { timeout: args.timeout, output: args.max_output }),
    };
    let max_running = args.at_once.into();
    let filter = MentionFilter::new(me.clone(), args.all);
    let workers = Workers::new(Work { program, me, mode, max_running, replies, runtime: runtime.clone() });
    let ended = async {
        enter(&mut remote, &args).await?;
        let unacknowledged = Unacknowledged::default();
        let mut receiving = pin!(receive(&mut updates, filter, workers, &unacknowledged, &mut log).fuse());
        let mut sending = pin!(sender.run(remote, &unacknowledged).fuse());
        select! {
            ended = receiving => ended,
            sent = sending => Ok(sent?),
        }
    };
    let ended = select! {
        () = signals.shutdown_requested() => Ok(()),
        ended = Box::pin(ended.fuse()) => ended,
    };
    // Dropping the futures above has killed the programs and dropped the remote, so the client sends `bye`.
    connection::goodbye(updates, &runtime, drop).await;
    ended
}

/// Joins the rooms without reading their history.
async fn enter(remote: &mut Remote, args: &Bot) -> anyhow::Result<()> {
    for room in &args.room {
        let room = room.to_string().into();
        remote.ask(RequestBody::Join(Join { room, recent: Some(0), ..Join::default() }), JOINS).await?;
    }
    Ok(())
}

/// Receives updates, hands jobs to the workers, and shows the operator the state of the connection.
///
/// # Errors
/// When the session has ended, or a room cannot be joined.
async fn receive(
    updates: &mut Updates,
    mut filter: MentionFilter,
    mut workers: Workers,
    unacknowledged: &Unacknowledged,
    log: &mut OperatorLog,
) -> anyhow::Result<()> {
    loop {
        let update = select! {
            update = updates.next().fuse() => update.context("the session ended")?,
            () = pin!(workers.run().fuse()) => continue,
        };
        unacknowledged.on_update(&update);
        if let Some(job) = filter.job(&update) {
            workers.accept(job);
        }
        for requester in mention_filter::departed(&update) {
            workers.end_session(&requester);
        }
        log.show(&update)?;
        ends(&update)?;
    }
}

/// Shows the operator the state of the connection.
struct OperatorLog {
    conversation: Conversation,
    transcript: Transcript,
    out: Output,
}

impl OperatorLog {
    fn show(&mut self, update: &Update) -> anyhow::Result<()> {
        match update {
            Update::Reply { tag: JOINS, reply: Event::Error(error) } => {
                bail!("cannot enter a room: {}", error.message)
            }
            Update::Connected(_)
            | Update::Disconnected { .. }
            | Update::Joined { .. }
            | Update::LostRoom { .. }
            | Update::Error(_) => {
                for notice in self.conversation.on_update(update.clone()) {
                    self.transcript.lines(&notice).iter().try_for_each(|line| self.out.line(line))?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The tag of the requests that join rooms.
const JOINS: u64 = 0;
