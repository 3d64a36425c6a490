//! Being found: what a server does as long as it runs.

use std::{fmt, sync::Arc, time::Duration};

use chat_core::{Address, SharedRuntime, wire};
use futures::{FutureExt, channel::oneshot, select_biased};

use crate::{
    PROBE_PORT,
    mdns::Announced,
    net,
    respond::{Said, respond},
    server::{Found, ServerId, bounded},
};

/// Says that a server is here, until it is stopped or dropped.
pub struct Announcer {
    said: Arc<Said>,
    runtime: SharedRuntime,
    /// Dropped when it has to end.
    stop: Vec<oneshot::Sender<()>>,
    /// Completes when the goodbye was said.
    ended: Option<oneshot::Receiver<()>>,
}

impl Announcer {
    /// Begins to answer probes, as somebody who is about to host a server called `name` (cut off after
    /// [`MAX_NAME`](crate::MAX_NAME) bytes). Without the port for that it does nothing, and says so in the log.
    pub fn start(name: &str, software: &str, runtime: SharedRuntime) -> Announcer {
        let said = Arc::new(Said::new(Found {
            id: ServerId(runtime.random()),
            name: bounded(name),
            software: bounded(software),
            protocol: wire::PROTOCOL,
            rooms: 0,
            urls: Vec::new(),
        }));
        let mut announcer =
            Announcer { said: said.clone(), runtime: runtime.clone(), stop: Vec::new(), ended: None };
        match net::answering() {
            Ok(socket) => {
                let answering = respond(socket, said, runtime.clone(), announcer.until_stopped());
                runtime.spawn(answering.boxed());
            }
            Err(error) => {
                tracing::warn!(port = PROBE_PORT, %error, "probes are not answered: cannot use this UDP port");
            }
        }
        announcer
    }

    /// By which it is found.
    pub fn id(&self) -> ServerId {
        self.said.now().id
    }

    /// From now on there is a server that listens at `listeners`; `rooms` tells how many rooms it has. Where it cannot
    /// be announced by mDNS the log says so, and probes are answered all the same.
    pub fn open(&mut self, listeners: Vec<Address>, rooms: impl Fn() -> u64 + Send + Sync + 'static) {
        self.said.open(listeners, Arc::new(rooms));
        match Announced::start(&self.said.now()) {
            Ok(None) => {}
            Ok(Some(announced)) => {
                let (ended, end) = oneshot::channel();
                self.ended = Some(end);
                let keep =
                    keep_up_to_date(announced, self.said.clone(), self.runtime.clone(), self.until_stopped());
                self.runtime.spawn(keep.map(|()| drop(ended)).boxed());
            }
            Err(error) => tracing::warn!(%error, "not announced by mDNS"),
        }
    }

    /// Says goodbye, and waits until that is said, at most a second.
    pub async fn stop(mut self) {
        self.stop.clear();
        if let Some(ended) = self.ended.take() {
            let _ = ended.await; // it is dropped in the end, and nothing else
        }
    }

    fn until_stopped(&mut self) -> oneshot::Receiver<()> {
        let (stop, stopped) = oneshot::channel();
        self.stop.push(stop);
        stopped
    }
}

impl fmt::Debug for Announcer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcer").field("said", &self.said).finish_non_exhaustive()
    }
}

/// Announces again what has changed, and says goodbye once `stop` is dropped.
async fn keep_up_to_date(
    announced: Announced,
    said: Arc<Said>,
    runtime: SharedRuntime,
    stop: oneshot::Receiver<()>,
) {
    // Fused outside the loop: a receiver whose sender is dropped counts as terminated, and would be skipped.
    let mut stop = stop.fuse();
    let mut last = said.now();
    loop {
        select_biased! {
            _ = stop => break,
            () = runtime.sleep_until(runtime.now() + UPDATE_EVERY).fuse() => {}
        }
        let now = said.now();
        if now != last {
            match announced.update(&now) {
                Ok(()) => last = now,
                Err(error) => tracing::debug!(%error, "mDNS still has the number of rooms there was"),
            }
        }
    }
    announced.stop(&runtime).await;
}

/// How old what mDNS says may be.
const UPDATE_EVERY: Duration = Duration::from_secs(10);
