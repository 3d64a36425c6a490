//! Probing: checks which of the servers that were found really answer, and at which of their URLs.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use chat_core::{
    Address, SharedRuntime,
    transport::{Transport, Transports},
    wire, within,
};
use chat_discovery::Found;
use futures::{
    FutureExt, SinkExt, StreamExt,
    future::{BoxFuture, Fuse, Shared},
    select_biased,
    stream::FuturesUnordered,
};

use super::{reporter::Reporter, server::ReachableServer};

/// The servers of `found` that answer. The user is told about the others.
///
/// # Errors
/// When nothing can be printed.
pub(super) async fn reachable(
    transports: &Transports,
    runtime: &SharedRuntime,
    found: Vec<Found>,
    reporter: &mut Reporter,
) -> anyhow::Result<Vec<ReachableServer>> {
    let (compatible, incompatible): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|server| server.protocol == wire::PROTOCOL);
    for server in &incompatible {
        reporter.incompatible(server)?;
    }
    // Several servers may claim the same URL, which is dialled once.
    let asked = Asked { transports, runtime, answers: Mutex::default() };
    let asked = &asked;
    let probe = |at: usize| {
        let server = &compatible[at];
        async move { (at, asked.first_that_answers(&server.urls).await) }
    };
    let mut probing: FuturesUnordered<_> = (0..compatible.len()).map(probe).collect();
    let mut urls: Vec<Option<Address>> = vec![None; compatible.len()];
    let mut enough = pin!(Fuse::terminated());
    loop {
        select_biased! {
            probed = probing.next() => match probed {
                Some((at, Some(url))) => {
                    urls[at] = Some(url);
                    // One server answers, so the others get only a short time more.
                    enough.set(runtime.sleep_until(runtime.now() + ANSWER_WITHIN).fuse());
                }
                Some((_, None)) => {}
                None => break,
            },
            () = enough => break,
        }
    }
    drop(probing);
    let mut servers = Vec::new();
    for (found, url) in compatible.into_iter().zip(urls) {
        match url {
            Some(url) => servers.push(ReachableServer { found, url }),
            None => reporter.silent(&found)?,
        }
    }
    Ok(servers)
}

/// A server on this machine that is not announced but answers at one of `urls`.
pub(super) async fn unannounced(
    transports: &Transports,
    runtime: &SharedRuntime,
    urls: &[&str],
) -> Option<ReachableServer> {
    let urls: Vec<Address> = urls.iter().map(|url| url.parse().expect("a valid address")).collect();
    let url = Asked { transports, runtime, answers: Mutex::default() }.first_that_answers(&urls).await?;
    Some(ReachableServer::unannounced(urls, url))
}

/// The URLs that were asked in this search, each once.
struct Asked<'a> {
    transports: &'a Transports,
    runtime: &'a SharedRuntime,
    answers: Mutex<BTreeMap<String, Answer<'a>>>,
}

/// Whether a server answers at a URL.
type Answer<'a> = Shared<BoxFuture<'a, bool>>;

impl<'a> Asked<'a> {
    /// The first of `urls` at which a server answers. URLs of reliable transports are tried first.
    async fn first_that_answers(&self, urls: &[Address]) -> Option<Address> {
        let mut candidates: Vec<_> =
            urls.iter().filter_map(|url| Some((url, self.transports.get(url).ok()?))).collect();
        candidates.sort_by_key(|(_, transport)| !transport.promises().is_lossless());
        for (url, transport) in candidates.into_iter().take(MAX_TRIED) {
            if self.answer(url, transport).await {
                return Some(url.clone());
            }
        }
        None
    }

    fn answer(&self, url: &Address, transport: Arc<dyn Transport>) -> Answer<'a> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (runtime, asked) = (self.runtime, url.clone());
        let answer = move || {
            async move {
                let answers = answers_at(&*transport, &asked, runtime);
                within(ANSWER_WITHIN, &**runtime, answers).await == Some(true)
            }
            .boxed()
            .shared()
        };
        answers.entry(url.to_string()).or_insert_with(answer).clone()
    }
}

/// Whether a server answers at `url`. The probe asks for a protocol version that never existed, so every server answers
/// with an error and no session begins.
async fn answers_at(transport: &dyn Transport, url: &Address, runtime: &SharedRuntime) -> bool {
    let Ok(mut link) = transport.dial(url).await else { return false };
    let timeout = if transport.promises().is_lossless() { ANSWER_WITHIN } else { RETRY_AFTER };
    loop {
        if link.send(Bytes::from_static(PROBE)).await.is_err() {
            return false;
        }
        match within(timeout, &**runtime, link.next()).await {
            Some(Some(Ok(frame))) => return wire::read_event(&frame).is_ok(),
            Some(_) => return false,
            None => {}
        }
    }
}

/// A `hello` that every server answers with `bad_protocol`, over any transport (`docs/protocol.md`, 2.6).
const PROBE: &[u8] = br#"{"type":"hello","protocol":0,"name":"nobody"}"#;

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// How long to wait before the probe is repeated over a transport that may lose it.
const RETRY_AFTER: Duration = Duration::from_millis(120);

/// At how many URLs of a server the probe is tried.
const MAX_TRIED: usize = 4;
