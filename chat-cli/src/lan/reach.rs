//! Which of the servers that were found are really there, and at which of their URLs.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use chat_core::{
    Address, SharedRuntime,
    transport::{Transport, Transports},
    wire, within,
};
use chat_discovery::{Found, ServerId};
use futures::{FutureExt, SinkExt, StreamExt, future::Fuse, select_biased, stream::FuturesUnordered};

use super::Tell;

/// A server that answers.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    pub(crate) found: Found,
    /// Where it does.
    pub(crate) url: Address,
}

/// Those of `found` that answer. Of the others it is said that they do not.
///
/// # Errors
/// When nothing can be said.
pub(super) async fn reach(
    transports: &Transports,
    runtime: &SharedRuntime,
    found: Vec<Found>,
    tell: &mut Tell,
) -> anyhow::Result<Vec<Reached>> {
    let (spoken, strange): (Vec<_>, Vec<_>) = found.into_iter().partition(|it| it.protocol == wire::PROTOCOL);
    for server in &strange {
        tell.stranger(server)?;
    }
    let try_it = |at: usize| {
        let server = &spoken[at];
        async move { (at, first_that_answers(transports, runtime, &server.urls).await) }
    };
    let mut trying: FuturesUnordered<_> = (0..spoken.len()).map(try_it).collect();
    let mut urls: Vec<Option<Address>> = vec![None; spoken.len()];
    let mut enough = pin!(Fuse::terminated());
    loop {
        select_biased! {
            tried = trying.next() => match tried {
                Some((at, Some(url))) => {
                    urls[at] = Some(url);
                    // Whoever is alone has been found and waits for nobody.
                    enough.set(runtime.sleep_until(runtime.now() + KNOCK_WITHIN).fuse());
                }
                Some((_, None)) => {}
                None => break,
            },
            () = enough => break,
        }
    }
    drop(trying);
    let mut reached = Vec::new();
    for (found, url) in spoken.into_iter().zip(urls) {
        match url {
            Some(url) => reached.push(Reached { found, url }),
            None => tell.silent(&found)?,
        }
    }
    Ok(reached)
}

/// A server at one of `urls`, which are on this machine, that announces itself to nobody, where there is one.
pub(super) async fn unannounced(
    transports: &Transports,
    runtime: &SharedRuntime,
    urls: &[&str],
) -> Option<Reached> {
    let urls: Vec<Address> = urls.iter().map(|it| it.parse().expect("it is an address")).collect();
    let url = first_that_answers(transports, runtime, &urls).await?;
    let (name, software) = (crate::serve::machine_name(), String::new());
    let found = Found { id: ServerId(0), name, software, protocol: wire::PROTOCOL, rooms: 0, urls };
    Some(Reached { found, url })
}

/// The first of `urls` at which a server answers, those before the others whose transport loses nothing.
async fn first_that_answers(
    transports: &Transports,
    runtime: &SharedRuntime,
    urls: &[Address],
) -> Option<Address> {
    let mut ways: Vec<_> = urls.iter().filter_map(|url| Some((url, transports.get(url).ok()?))).collect();
    ways.sort_by_key(|(_, transport)| !transport.promises().reliable);
    for (url, transport) in ways.into_iter().take(MAX_TRIED) {
        if within(KNOCK_WITHIN, &**runtime, answers(&*transport, url, runtime)).await == Some(true) {
            return Some(url.clone());
        }
    }
    None
}

/// Whether a server answers at `url`: with the version it speaks, as we ask for one that there never was.
async fn answers(transport: &dyn Transport, url: &Address, runtime: &SharedRuntime) -> bool {
    let Ok(mut link) = transport.dial(url).await else { return false };
    let patience = if transport.promises().reliable { KNOCK_WITHIN } else { KNOCK_AGAIN };
    loop {
        if link.send(Bytes::from_static(KNOCK)).await.is_err() {
            return false;
        }
        match within(patience, &**runtime, link.next()).await {
            Some(Some(Ok(frame))) => return wire::read_event(&frame).is_ok(),
            Some(_) => return false,
            None => {}
        }
    }
}

/// Answered by `bad_protocol`, over any transport, and nothing begins (`docs/protocol.md`, 2.6).
const KNOCK: &[u8] = br#"{"type":"hello","protocol":0,"name":"nobody"}"#;

/// How long an answer may take.
const KNOCK_WITHIN: Duration = Duration::from_millis(500);

/// How long to wait before knocking again where that may have got lost.
const KNOCK_AGAIN: Duration = Duration::from_millis(120);

/// At how many URLs of a server to knock.
const MAX_TRIED: usize = 4;
