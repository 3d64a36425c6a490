//! `chat discover`: lists the servers on this network.

use std::time::Duration;

use anyhow::bail;
use chat_core::{Address, KeyId, SharedRuntime};
use chat_discovery::Found;
use chat_front::text::{Line, Sanitized};
use chat_secure::fingerprint;
use serde::Serialize;

use crate::{
    args::Discover,
    known_servers::{KnownServers, Standing},
    lan,
    output::Output,
};

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
    let known = KnownServers::of_account();
    for server in &found {
        let standing = server.hints.key.map(|key| known.standing(&server.name, &server.urls, key));
        let standing = standing.transpose().map_err(anyhow::Error::msg)?;
        match args.json {
            true => out.json(&Listed::new(server, standing))?,
            false => out.line(&as_line(server, standing))?,
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
    /// The key that it claims; a handshake proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<KeyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    standing: Option<Standing>,
    password: bool,
}

impl Listed<'_> {
    fn new(server: &Found, standing: Option<Standing>) -> Listed<'_> {
        let Found { name, software, rooms, protocol, hints, .. } = server;
        Listed {
            name,
            rooms: *rooms,
            urls: server.urls.iter().map(Address::to_string).collect(),
            software,
            protocol: *protocol,
            id: server.id.to_string(),
            key: hints.key,
            fingerprint: hints.key.map(fingerprint),
            standing,
            password: hints.password,
        }
    }
}

fn as_line(server: &Found, standing: Option<Standing>) -> Line {
    let urls: Vec<String> = server.urls.iter().map(Address::to_string).collect();
    let line = Line::default().shown(&Sanitized::line(&server.name)).words("  ").number(server.rooms);
    let line = line.words(if server.rooms == 1 { " room  " } else { " rooms  " });
    let line = line.shown(&Sanitized::line(&urls.join(" "))).faint("  ");
    let line = line.shown(&Sanitized::line(&server.software));
    let line = match (server.hints.key, standing) {
        (Some(key), Some(standing)) => {
            let line = line.words("  ").words(match standing {
                Standing::Known => "known",
                Standing::New => "new",
                Standing::AnotherKey => "ANOTHER KEY",
            });
            line.words(" ").shown(&Sanitized::line(&fingerprint(key)))
        }
        _ => line.words("  not encrypted"),
    };
    if server.hints.password { line.words("  asks for a password") } else { line }
}

/// How long to look. What is there is found sooner, but nobody knows whether that was all.
const LOOK: Duration = Duration::from_millis(1500);
