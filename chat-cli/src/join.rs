//! `chat join`: enters rooms; lines are typed and read until the user leaves.

use std::io::{self, IsTerminal};

use anyhow::Context;
use chat_core::{SharedRuntime, transport::Transports};
use futures::{FutureExt, Stream, StreamExt, select_biased};
use jiff::Zoned;

use crate::{
    args::{Join, Person, Talking},
    lan::{self, Destination, LeaveWarning, Reporter},
    line::{
        Face, Talk,
        human::Human,
        input::{self, Typed},
        json::Json,
        prompt,
    },
    output::{Line, Output, is_dumb},
    password, screen,
    session::Door,
    settings::{Settings, ask},
    signals::Signals,
};

/// Runs `chat join`.
///
/// # Errors
/// When the server cannot be joined, or joined again, or something asked of it stays without an answer.
pub(crate) async fn run(
    transports: &Transports,
    runtime: SharedRuntime,
    args: Join,
    settings: &Settings,
) -> anyhow::Result<()> {
    let Join { server, talking } = args;
    let mut person = settings.person(talking.person.clone());
    if !talking.json {
        ask::for_name(settings, &mut person)?;
    }
    let mut reporter = Reporter::new(talking.json, io::stdin().is_terminal() && io::stdout().is_terminal());
    let destination = match settings.known_server(server) {
        Some(server) => Destination::Named(server),
        None => {
            let password = person.password_file.as_deref().map(password::read).transpose()?;
            lan::destination(transports, &runtime, password, &mut reporter).await?
        }
    };
    let joined =
        join(transports, runtime, &talking, &person, settings, (reporter.take_last(), &destination)).await;
    let left = destination.leave(&mut reporter).await;
    joined.and(left)
}

async fn join(
    transports: &Transports,
    runtime: SharedRuntime,
    talking: &Talking,
    person: &Person,
    settings: &Settings,
    (told, destination): (Option<Line>, &Destination),
) -> anyhow::Result<()> {
    let has_terminal = has_terminal(talking);
    let door = Door::new(transports, runtime, destination.server(), person)?.keep_trying();
    let door = if talking.raw { door.without_repair() } else { door };
    let rooms = settings.rooms(talking.room.clone());
    if has_terminal && !talking.plain && !talking.raw {
        let rooms: Vec<_> = rooms.iter().map(|room| room.as_str()).collect();
        return screen::run(door, &rooms, settings, (told, LeaveWarning::new(destination))).await;
    }
    let rooms: Vec<_> = rooms.iter().map(|room| (room.as_str(), None)).collect();
    if talking.json {
        talk(&door, Json::default(), Output::plain(), &rooms, |_| input::lines()).await
    } else {
        let out = if talking.plain { Output::plain() } else { Output::coloured(settings.colours.value) };
        let typed = |out: &mut Output| match has_terminal {
            true => Ok(prompt::lines(out)?.left_stream()),
            false => Ok(input::lines()?.right_stream()),
        };
        talk(&door, Human::new(&Zoned::now()), out, &rooms, typed).await
    }
}

/// Whether there is a terminal that can be drawn on, for somebody who types. A dumb one is left alone, and its own way
/// to edit a line with it: that is also what suits a screen reader.
pub(crate) fn has_terminal(talking: &Talking) -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && !is_dumb() && !talking.json
}

/// Goes in at `door` and talks in `rooms`, which are read from the numbers beside them on. `typed` is opened once
/// we are in.
///
/// # Errors
/// As for [`run`].
pub(crate) async fn talk<S: Stream<Item = Typed> + Unpin>(
    door: &Door,
    mut face: impl Face,
    mut out: Output,
    rooms: &[(&str, Option<u64>)],
    typed: impl FnOnce(&mut Output) -> io::Result<S>,
) -> anyhow::Result<()> {
    let mut signals = Signals::catch().context("cannot catch signals")?;
    let entering = door.enter(|update| face.show(update, &mut out));
    let session = select_biased! {
        () = signals.shutdown_requested() => return Ok(()),
        session = Box::pin(entering.fuse()) => session?,
    };
    let typed = typed(&mut out).context("cannot read standard input")?;
    Talk::new(session, face, out, signals, door.clone())?.run(rooms, typed).await
}
