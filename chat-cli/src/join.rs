//! `chat join`: enters rooms; lines are typed and read until the user leaves.

use std::io::{self, IsTerminal};

use anyhow::Context;
use chat_core::{SharedRuntime, transport::Registry};
use futures::{FutureExt, Stream, StreamExt, select_biased};
use jiff::Zoned;

use crate::{
    args::Join,
    line::{
        Face, Talk,
        human::Human,
        input::{self, Typed},
        json::Json,
        prompt,
    },
    output::{Output, is_dumb},
    screen,
    session::Door,
    settings::{Settings, ask},
    signals::Signals,
};

/// Runs `chat join`.
///
/// # Errors
/// When the server cannot be joined, or joined again, or something asked of it stays without an answer.
pub(crate) async fn run(
    registry: &Registry,
    runtime: SharedRuntime,
    args: Join,
    settings: &Settings,
) -> anyhow::Result<()> {
    let (is_on_screen, has_terminal) = (is_on_screen(&args), has_terminal(&args));
    let mut person = settings.person(args.person);
    if !args.json {
        ask::for_name(settings, &mut person)?;
    }
    let door = Door::new(registry, runtime, settings.server(args.server), &person)?.keep_trying();
    let door = if args.raw { door.without_repair() } else { door };
    let rooms = settings.rooms(args.room);
    if is_on_screen {
        let rooms: Vec<_> = rooms.iter().map(|room| room.as_str()).collect();
        return screen::run(door, &rooms, settings).await;
    }
    let rooms: Vec<_> = rooms.iter().map(|room| (room.as_str(), None)).collect();
    if args.json {
        talk(&door, Json::default(), Output::plain(), &rooms, |_| input::lines()).await
    } else {
        let out = if args.plain { Output::plain() } else { Output::coloured(settings.colours.value) };
        let typed = |out: &mut Output| match has_terminal {
            true => Ok(prompt::lines(out)?.left_stream()),
            false => Ok(input::lines()?.right_stream()),
        };
        talk(&door, Human::new(&Zoned::now()), out, &rooms, typed).await
    }
}

/// Whether it is the screen that is wanted, rather than lines.
fn is_on_screen(args: &Join) -> bool {
    has_terminal(args) && !args.plain && !args.raw
}

/// Whether there is a terminal that can be drawn on, for somebody who types. A dumb one is left alone, and its own way
/// to edit a line with it: that is also what suits a screen reader.
pub(crate) fn has_terminal(args: &Join) -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && !is_dumb() && !args.json
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
        () = signals.asked_to_end() => return Ok(()),
        session = Box::pin(entering.fuse()) => session?,
    };
    let typed = typed(&mut out).context("cannot read standard input")?;
    Talk::new(session, face, out, signals, door.clone())?.run(rooms, typed).await
}
