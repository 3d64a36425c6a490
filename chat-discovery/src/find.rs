//! Looks for servers by mDNS and by probes at the same time, until the stream is dropped.

use std::{
    fmt,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use chat_core::SharedRuntime;
use futures::{
    FutureExt, Stream, StreamExt, select_biased,
    stream::{self, BoxStream},
};

use crate::{
    datagram::{Datagram, MAX_DATAGRAM, probe},
    interfaces,
    mdns::{self, Browsing},
    merge::Merge,
    net::{self, PROBE_PORT, ProbeSocket},
    reachable::Origin,
    server::{Found, ServerId},
};

/// A stream of the servers of this network. A server that has changed comes again, with all its data. The stream never
/// ends; dropping it ends the search.
pub struct Finder {
    found: BoxStream<'static, Found>,
    _browsing: Option<Browsing>,
}

/// Begins to look for servers. If mDNS or probes do not work on this machine, the log says so and the other is used alone.
pub fn find(runtime: SharedRuntime) -> Finder {
    let (announced, browsing) = match mdns::browse() {
        Ok((announced, browsing)) => (announced, Some(browsing)),
        Err(error) => {
            tracing::debug!(%error, "cannot look for servers by mDNS");
            (stream::empty().boxed(), None)
        }
    };
    let answers = match net::asking() {
        Ok(socket) => answers(socket, runtime).boxed(),
        Err(error) => {
            tracing::debug!(%error, "cannot look for servers by probes");
            stream::empty().boxed()
        }
    };
    let heard = stream::select(announced.map(|it| (it, Origin::Multicast)), answers).chain(stream::pending());
    let mut merge = Merge::default();
    let found = heard.filter_map(move |(news, origin)| {
        let own = interfaces::list().unwrap_or_default();
        let reported = merge.add(news, origin, &own);
        async move { reported }
    });
    Finder { found: found.boxed(), _browsing: browsing }
}

impl Stream for Finder {
    type Item = Found;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Found>> {
        self.found.poll_next_unpin(cx)
    }
}

impl fmt::Debug for Finder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finder").finish_non_exhaustive()
    }
}

/// The answers to probes, each with its origin.
fn answers(socket: ProbeSocket, runtime: SharedRuntime) -> impl Stream<Item = (Found, Origin)> + Send {
    let token = ServerId(runtime.random()).to_string();
    let prober = Prober { socket, datagram: probe(&token), token, sent: 0, next: runtime.now(), runtime };
    stream::unfold(prober, |mut prober| async move { prober.next().await.map(|answer| (answer, prober)) })
}

/// Sends probes and receives the answers.
struct Prober {
    socket: ProbeSocket,
    datagram: Vec<u8>,
    token: String,
    /// How many probes were broadcast.
    sent: usize,
    /// When to send the next probe.
    next: Instant,
    runtime: SharedRuntime,
}

impl Prober {
    async fn next(&mut self) -> Option<(Found, Origin)> {
        let mut buffer = [0; MAX_DATAGRAM + 1];
        loop {
            if self.next <= self.runtime.now() {
                self.probe().await;
            }
            let came = select_biased! {
                () = self.runtime.sleep_until(self.next).fuse() => continue,
                came = self.socket.recv_from(&mut buffer).fuse() => came,
            };
            let (len, from) = match came {
                Ok(came) => came,
                Err(error) => {
                    tracing::debug!(%error, "cannot receive answers to probes");
                    self.runtime.sleep_until(self.next).await;
                    continue;
                }
            };
            if from.port() == PROBE_PORT
                && let Some(Datagram::Here(here)) = Datagram::read(&buffer[..len])
                && here.token == self.token
                && let Some(server) = here.server()
            {
                return Some((server, Origin::Answer(from.ip())));
            }
        }
    }

    /// Broadcasts a probe on every network. Probes and answers get lost, so this is repeated.
    async fn probe(&mut self) {
        for interface in interfaces::list().unwrap_or_default() {
            let Some(broadcast) = interface.broadcast() else { continue };
            let sent =
                self.socket.send_to(&self.datagram, SocketAddr::new(broadcast.into(), PROBE_PORT)).await;
            if let Err(error) = sent {
                tracing::debug!(interface = interface.name, %error, "cannot probe");
            }
        }
        let pause = PAUSES.get(self.sent).or(PAUSES.last()).expect("the list is not empty");
        self.sent += 1;
        self.next = self.runtime.now() + *pause;
    }
}

/// How long to wait after each probe; the last pause is used from then on.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(150),
    Duration::from_millis(200),
    Duration::from_millis(250),
];
