//! `chat bot`: a program of the operator's choice answers what is said to it.

use std::pin::pin;

use anyhow::{Context, bail};
use chat_core::{
    PersonName, SharedRuntime,
    client::{Remote, Update, Updates},
    transport::Transports,
    wire::{Event, Join, Request},
};
use futures::{FutureExt, StreamExt, future::select, select};
use jiff::Zoned;

use crate::{
    args::Bot,
    line::plain::{Asked, Plain},
    output::Output,
    session::{Door, Session, ends},
    settings::Settings,
    signals::Signals,
};

mod addressing;
mod answer;
mod crew;
mod desk;
mod ears;
mod group;
mod note;
mod print;
mod program;
mod session;
mod voice;

use crew::{Crew, Kind, Work};
use ears::Ears;
use program::Program;
use voice::Unstored;

/// Runs `chat bot`, until it is interrupted.
///
/// # Errors
/// When there is no such program, or the server or a room cannot be joined, or joined again.
pub(crate) async fn run(
    transports: &Transports,
    runtime: SharedRuntime,
    args: Bot,
    settings: &Settings,
) -> anyhow::Result<()> {
    let program = Program::parse(&args.exec, args.shell)?;
    let person = settings.person(args.person());
    let server = settings.server(args.server.clone());
    let door = Door::new(transports, runtime.clone(), server, &person)?.keep_trying();
    let mut signals = Signals::catch().context("cannot catch signals")?;
    let mut board = Board { plain: Plain::new(&Zoned::now()), out: Output::plain() };
    let entering = door.enter(|update| board.show(update));
    let session = select! {
        () = signals.shutdown_requested() => return Ok(()),
        session = Box::pin(entering.fuse()) => session?,
    };
    let Session { mut remote, mut updates, welcome, .. } = session;
    let me = PersonName::parse(&welcome.name).context("the server gave it a name that is none")?;
    board.show(&Update::Connected(welcome))?;
    let (voice, mouth) = voice::voice();
    let kind = match args.session {
        true => Kind::Sessions(session::Limits { idle: args.idle, output: args.max_output }),
        false => Kind::Runs(answer::Limits { timeout: args.timeout, output: args.max_output }),
    };
    let at_once = args.at_once.into();
    let ears = Ears::new(me.clone(), args.all);
    let crew = Crew::new(Work { program, me, kind, at_once, voice, runtime: runtime.clone() });
    let ended = async {
        enter(&mut remote, &args).await?;
        let unstored = Unstored::default();
        let mut listening = pin!(listen(&mut updates, ears, crew, &unstored, &mut board).fuse());
        let mut speaking = pin!(mouth.speak(remote, &unstored).fuse());
        select! {
            ended = listening => ended,
            spoken = speaking => Ok(spoken?),
        }
    };
    let ended = select! {
        () = signals.shutdown_requested() => Ok(()),
        ended = Box::pin(ended.fuse()) => ended,
    };
    // The programs have ended with all that was awaited here, and the client says bye.
    let goodbye = updates.for_each(|_| async {});
    select(pin!(goodbye), runtime.sleep_until(runtime.now() + GOODBYE_WITHIN)).await;
    ended
}

/// Enters the rooms. What they hold is none of its business.
async fn enter(remote: &mut Remote, args: &Bot) -> anyhow::Result<()> {
    for room in &args.room {
        let room = room.to_string().into();
        remote.ask(Request::Join(Join { room, recent: Some(0), ..Join::default() }), JOINS).await?;
    }
    Ok(())
}

/// Hears what is said, has it answered, and shows the operator what happens to the connection.
///
/// # Errors
/// When the conversation is over, or a room cannot be entered.
async fn listen(
    updates: &mut Updates,
    mut ears: Ears,
    mut crew: Crew,
    unstored: &Unstored,
    board: &mut Board,
) -> anyhow::Result<()> {
    loop {
        let update = select! {
            update = updates.next().fuse() => update.context("the conversation ended")?,
            () = pin!(crew.work().fuse()) => continue,
        };
        unstored.hear(&update);
        if let Some(call) = ears.hear(&update) {
            crew.take(call);
        }
        for caller in ears::left(&update) {
            crew.hang_up(&caller);
        }
        board.show(&update)?;
        ends(&update)?;
    }
}

/// What the operator sees.
struct Board {
    plain: Plain,
    out: Output,
}

impl Board {
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
                for line in self.plain.lines(update, &Asked::Nothing) {
                    self.out.line(&line)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The tag of the requests that enter rooms.
const JOINS: u64 = 0;

/// How long the goodbye may take.
const GOODBYE_WITHIN: std::time::Duration = std::time::Duration::from_secs(3);
