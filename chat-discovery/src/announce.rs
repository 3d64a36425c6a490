//! Announces a server for as long as it runs.

use std::{fmt, sync::Arc, time::Duration};

use chat_core::{Address, SharedRuntime, wire};
use futures::{FutureExt, channel::oneshot, select_biased};

use crate::{
    mdns::Registration,
    net::{self, PROBE_PORT},
    respond::{Announcement, respond},
    server::{Found, Hints, ServerId, bounded},
};

/// Announces a server, until it is stopped or dropped.
pub struct Announcer {
    announcement: Arc<Announcement>,
    runtime: SharedRuntime,
    /// The tasks end when these are dropped.
    stop: Vec<oneshot::Sender<()>>,
    /// Completes when the goodbye was sent.
    ended: Option<oneshot::Receiver<()>>,
}

impl Announcer {
    /// Begins to answer probes on behalf of a server called `name` (cut off after [`MAX_NAME`](crate::MAX_NAME) bytes) that
    /// is about to be hosted. If the port for probes is taken, probes are not answered, and the log says so.
    pub fn start(name: &str, software: &str, runtime: SharedRuntime) -> Announcer {
        let announcement = Arc::new(Announcement::new(Found {
            id: ServerId(runtime.random()),
            name: bounded(name),
            software: bounded(software),
            protocol: wire::PROTOCOL,
            rooms: 0,
            hints: Hints::default(),
            urls: Vec::new(),
        }));
        let mut announcer = Announcer {
            announcement: announcement.clone(),
            runtime: runtime.clone(),
            stop: Vec::new(),
            ended: None,
        };
        match net::answering() {
            Ok(socket) => {
                let answering = respond(socket, announcement, runtime.clone(), announcer.until_stopped());
                runtime.spawn(answering.boxed());
            }
            Err(error) => {
                tracing::warn!(port = PROBE_PORT, %error, "probes are not answered: cannot use this UDP port");
            }
        }
        announcer
    }

    /// The id under which the server is found.
    pub fn id(&self) -> ServerId {
        self.announcement.now().id
    }

    /// Announces that the server listens at `listeners`, with `hints`; `rooms` returns its number of rooms. If the server cannot be
    /// announced by mDNS, the log says so, and probes are answered all the same.
    pub fn open(
        &mut self,
        listeners: Vec<Address>,
        hints: Hints,
        rooms: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        self.announcement.open(listeners, hints, Arc::new(rooms));
        match Registration::start(&self.announcement.now()) {
            Ok(None) => {}
            Ok(Some(registration)) => {
                let (ended, end) = oneshot::channel();
                self.ended = Some(end);
                let keep = keep_up_to_date(
                    registration,
                    self.announcement.clone(),
                    self.runtime.clone(),
                    self.until_stopped(),
                );
                self.runtime.spawn(keep.map(|()| drop(ended)).boxed());
            }
            Err(error) => tracing::warn!(%error, "not announced by mDNS"),
        }
    }

    /// Sends a goodbye, and waits until it is sent, for a second at most.
    pub async fn stop(mut self) {
        self.stop.clear();
        if let Some(ended) = self.ended.take() {
            let _ = ended.await; // the sender is only ever dropped
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
        f.debug_struct("Announcer").field("announcement", &self.announcement).finish_non_exhaustive()
    }
}

/// Announces changes, and sends a goodbye once `stop` is dropped.
async fn keep_up_to_date(
    registration: Registration,
    announcement: Arc<Announcement>,
    runtime: SharedRuntime,
    stop: oneshot::Receiver<()>,
) {
    // Fused outside the loop: a receiver whose sender is dropped counts as terminated, and would be skipped.
    let mut stop = stop.fuse();
    let mut last = announcement.now();
    loop {
        select_biased! {
            _ = stop => break,
            () = runtime.sleep_until(runtime.now() + UPDATE_EVERY).fuse() => {}
        }
        let now = announcement.now();
        if now != last {
            match registration.update(&now) {
                Ok(()) => last = now,
                Err(error) => tracing::debug!(%error, "mDNS still announces the old number of rooms"),
            }
        }
    }
    registration.stop(&runtime).await;
}

/// How old the data that mDNS announces may be.
const UPDATE_EVERY: Duration = Duration::from_secs(10);
