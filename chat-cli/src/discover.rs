//! `chat discover`: lists the servers on this network.

use std::time::Duration;

use anyhow::bail;
use chat_core::{Address, SharedRuntime};
use chat_discovery::Found;
use chat_front::text::{Line, Sanitized};
use serde::Serialize;

use crate::{args::Discover, lan, output::Output};

/// Runs `chat discover`.
///
/// # Errors
/// When there is no server, or nothing can be printed.
pub(crate) async fn run(runtime: SharedRuntime, args: &Discover) -> anyhow::Result<()> {
    let mut found = lan::list(&runtime, LOOK).await;
    if found.is_empty() {
        bail!("no server was found: none is announced on this network, and none answers probes");
    }
    found.sort_by_cached_key(|it| (it.name.to_lowercase(), it.urls.first().map(Address::to_string)));
    let mut out = Output::plain();
    for server in &found {
        match args.json {
            true => out.json(&Listed::new(server))?,
            false => out.line(&as_line(server))?,
        }
    }
    Ok(())
}

/// A server, for programs.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    rooms: u64,
    urls: Vec<String>,
    software: &'a str,
    protocol: u64,
    id: String,
}

impl Listed<'_> {
    fn new(server: &Found) -> Listed<'_> {
        let Found { name, software, rooms, protocol, .. } = server;
        let urls = server.urls.iter().map(Address::to_string).collect();
        Listed { name, rooms: *rooms, urls, software, protocol: *protocol, id: server.id.to_string() }
    }
}

fn as_line(server: &Found) -> Line {
    let urls: Vec<String> = server.urls.iter().map(Address::to_string).collect();
    let line = Line::default().shown(&Sanitized::line(&server.name)).words("  ").number(server.rooms);
    let line = line.words(if server.rooms == 1 { " room  " } else { " rooms  " });
    let line = line.shown(&Sanitized::line(&urls.join(" "))).faint("  ");
    line.shown(&Sanitized::line(&server.software))
}

/// How long to look. What is there is found sooner, but nobody knows whether that was all.
const LOOK: Duration = Duration::from_millis(1500);
