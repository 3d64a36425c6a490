//! `chat join`: enters rooms; lines are typed and read until the user leaves.

use std::io::{self, IsTerminal};

use anyhow::Context;
use chat_core::{SharedRuntime, transport::Transports};
use chat_front::text::Line;
use chat_tui::{prompt, screen};
use futures::StreamExt;
use jiff::Zoned;

use crate::{
    args::{Join, Person, Talking},
    connector::connector_with,
    lan::{self, Destination, LeaveWarning, Reporter},
    line::{
        human::Human,
        input::{self, Typed},
        json::Json,
        session,
    },
    output::{Output, are_colours_wanted, is_dumb},
    password,
    settings::{Notifications, Settings, ask},
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
            let password = password::for_hosting(&person)?;
            lan::destination(transports, &runtime, password, &mut reporter).await?
        }
    };
    let password = destination.password(&person, &mut reporter)?;
    let joined = join(
        transports,
        runtime,
        &talking,
        (&person, password),
        settings,
        (reporter.take_last(), &destination),
    )
    .await;
    let left = destination.leave(&mut reporter).await;
    joined.and(left)
}

async fn join(
    transports: &Transports,
    runtime: SharedRuntime,
    talking: &Talking,
    (person, password): (&Person, Option<String>),
    settings: &Settings,
    (told, destination): (Option<Line>, &Destination),
) -> anyhow::Result<()> {
    let has_terminal = has_terminal(talking);
    let connector = connector_with(
        transports,
        runtime,
        (destination.server(), destination.expected()),
        person,
        password,
    )?
    .keep_trying();
    let connector = if talking.raw { connector.without_repair() } else { connector };
    let rooms = settings.rooms(talking.room.clone());
    if has_terminal && !talking.plain && !talking.raw {
        let rooms: Vec<_> = rooms.iter().map(|room| room.as_str()).collect();
        let mut leaving = LeaveWarning::new(destination);
        let options = screen::Options {
            colours: are_colours_wanted(settings.colours.value, true),
            rings: settings.notifications.value == Notifications::On,
            told,
            shutdown: Signals::catch().context("cannot catch signals")?.into_stream(),
            warning: Box::new(move |is_in| leaving.warning(is_in)),
        };
        return screen::run(connector, &rooms, options).await;
    }
    let rooms: Vec<_> = rooms.iter().map(|room| (room.as_str(), None)).collect();
    if talking.json {
        session::run(connector, Json::default(), Output::plain(), &rooms, |_| input::lines()).await
    } else {
        let out = if talking.plain { Output::plain() } else { Output::coloured(settings.colours.value) };
        let typed = |out: &mut Output| {
            if !has_terminal {
                return Ok(input::lines()?.right_stream());
            }
            let (lines, printer) = prompt::lines()?;
            out.print_by(printer);
            Ok(lines.map(Typed::Line).left_stream())
        };
        session::run(connector, Human::new(&Zoned::now()), out, &rooms, typed).await
    }
}

/// Whether a user types at a terminal that can be drawn on. A dumb terminal keeps its own line editing, which also suits
/// screen readers.
pub(crate) fn has_terminal(talking: &Talking) -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && !is_dumb() && !talking.json
}
