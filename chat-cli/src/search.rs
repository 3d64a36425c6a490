//! `chat search`: searches the server's log, prints the entries newest first, and leaves.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::{Context, bail};
use chat_core::{
    SharedRuntime,
    transport::Transports,
    wire::{self, Event, Found, MAX_HISTORY, RequestBody},
    words::Query,
};
use chat_front::text::entry;
use jiff::tz::TimeZone;

use crate::{
    args::Search, connector::connector, output::Output, settings::Settings, short_session::ShortSession,
};

/// Runs `chat search`; its status is that of `grep`: 0 if something was found.
///
/// # Errors
/// When there is nothing to look for, the server cannot be reached for ten seconds, or it refuses.
pub(crate) async fn run(
    transports: &Transports,
    runtime: SharedRuntime,
    args: Search,
    settings: &Settings,
) -> anyhow::Result<ExitCode> {
    let (server, words) = args.server_and_words().map_err(anyhow::Error::msg)?;
    let query = Query::parse(&words).context("cannot search for this")?;
    let person = settings.person(args.person);
    let connector = connector(transports, runtime, settings.server(server), &person)?;
    let mut talk = ShortSession::enter(&connector, "not searched").await?;
    let zone = TimeZone::system();
    let mut out = if args.json { Output::plain() } else { Output::coloured(settings.colours.value) };
    let (mut left, mut before, mut any) = (args.limit, None, false);
    loop {
        let search = wire::Search {
            words: words.clone().into(),
            room: args.room.as_ref().map(|name| name.as_str().to_owned().into()),
            from: args.from.as_ref().map(|name| name.as_str().to_owned().into()),
            since: args.since,
            before,
            limit: Some(left.min(MAX_HISTORY)),
            hashes: false,
        };
        let Event::Found(Found { entries, more, pending, .. }) =
            talk.ask(RequestBody::Search(search)).await?
        else {
            bail!("not searched: the server answers something else");
        };
        if let (None, Some(pending)) = (before, pending) {
            let _ = writeln!(
                io::stderr(),
                "the server has not searched its newest {pending} messages yet; search again in a while"
            );
        }
        for entry in entries {
            left = left.saturating_sub(1);
            if !args.json && !entry.body.is_shown() {
                continue; // of a kind that comes later, without a text: there is nothing to print
            }
            any = true;
            match args.json {
                true => out.json(&Event::Entry(entry))?,
                false => out.line(&entry::found(&entry, &query, &zone))?,
            }
        }
        if left == 0 || more.is_none() {
            break;
        }
        before = more;
    }
    talk.leave().await;
    Ok(if any { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
