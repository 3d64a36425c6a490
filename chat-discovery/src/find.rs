//! Looking for servers: by mDNS and by probes at once, until nobody wants to know any more.

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
    PROBE_PORT,
    datagram::{Datagram, MAX_DATAGRAM, probe},
    interfaces,
    mdns::{self, Browsing},
    merge::Merge,
    net::{self, ProbeSocket},
    server::{Found, ServerId},
};

/// The servers of this network, as they are found. What has changed of one comes again, whole. It does not end; looking
/// ends when this is dropped.
pub struct Finder {
    found: BoxStream<'static, Found>,
    _browsing: Option<Browsing>,
}

/// Begins to look for servers. A way that does not work on this machine is left out, and said in the log.
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
    let heard = stream::select(announced.map(|it| (it, false)), answers).chain(stream::pending());
    let mut merge = Merge::default();
    let found = heard.filter_map(move |(news, over_loopback)| {
        let own = interfaces::list().unwrap_or_default();
        let told = merge.hear(news, over_loopback, &own);
        async move { told }
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

/// What is said to probes, with whether it came over loopback.
fn answers(socket: ProbeSocket, runtime: SharedRuntime) -> impl Stream<Item = (Found, bool)> + Send {
    let token = ServerId(runtime.random()).to_string();
    let asking = Asking { socket, datagram: probe(&token), token, asked: 0, next: runtime.now(), runtime };
    stream::unfold(asking, |mut asking| async move { asking.next().await.map(|it| (it, asking)) })
}

struct Asking {
    socket: ProbeSocket,
    datagram: Vec<u8>,
    token: String,
    /// How often everybody was asked.
    asked: usize,
    /// When to ask again.
    next: Instant,
    runtime: SharedRuntime,
}

impl Asking {
    async fn next(&mut self) -> Option<(Found, bool)> {
        let mut buffer = [0; MAX_DATAGRAM + 1];
        loop {
            if self.next <= self.runtime.now() {
                self.ask().await;
            }
            let came = select_biased! {
                () = self.runtime.sleep_until(self.next).fuse() => continue,
                came = self.socket.recv_from(&mut buffer).fuse() => came,
            };
            let (len, from) = match came {
                Ok(came) => came,
                Err(error) => {
                    tracing::debug!(%error, "cannot hear answers to probes");
                    self.runtime.sleep_until(self.next).await;
                    continue;
                }
            };
            if from.port() == PROBE_PORT
                && let Some(Datagram::Here(here)) = Datagram::read(&buffer[..len])
                && here.token == self.token
                && let Some(server) = here.server()
            {
                return Some((server, from.ip().is_loopback()));
            }
        }
    }

    /// Asks everybody. Probes get lost, and so do answers: this is done some times.
    async fn ask(&mut self) {
        for interface in interfaces::list().unwrap_or_default() {
            let Some(everybody) = interface.broadcast() else { continue };
            let sent =
                self.socket.send_to(&self.datagram, SocketAddr::new(everybody.into(), PROBE_PORT)).await;
            if let Err(error) = sent {
                tracing::debug!(interface = interface.name, %error, "cannot probe");
            }
        }
        let pause = PAUSES.get(self.asked).or(PAUSES.last()).expect("there are some");
        self.asked += 1;
        self.next = self.runtime.now() + *pause;
    }
}

/// How long to wait after each time that everybody was asked; the last of them from then on.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(150),
    Duration::from_millis(200),
    Duration::from_millis(250),
];
