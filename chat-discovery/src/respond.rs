//! Answers probes: decides which probes are answered, and which URLs the answer has (`docs/protocol.md`, 18.6 to 18.10).

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chat_core::{Address, Bucket, BucketTable, Rate, SharedRuntime};
use futures::{FutureExt, channel::oneshot, select_biased};

use crate::{
    datagram::{Datagram, Here, MAX_DATAGRAM},
    interfaces::{self, Interface},
    net::{ProbeSocket, source_towards},
    reachable,
    server::{Found, Hints},
};

/// What a server announces about itself. It changes while the server runs.
pub(crate) struct Announcement {
    about: Mutex<Found>,
    rooms: Mutex<Option<Rooms>>,
}

/// Returns the number of rooms.
pub(crate) type Rooms = Arc<dyn Fn() -> u64 + Send + Sync>;

impl Announcement {
    pub(crate) fn new(about: Found) -> Announcement {
        Announcement { about: Mutex::new(about), rooms: Mutex::new(None) }
    }

    /// Notes that the server is open, and listens at `listeners`.
    pub(crate) fn open(&self, listeners: Vec<Address>, hints: Hints, rooms: Rooms) {
        *self.rooms.lock().unwrap_or_else(PoisonError::into_inner) = Some(rooms);
        let mut about = self.about.lock().unwrap_or_else(PoisonError::into_inner);
        (about.urls, about.hints) = (listeners, hints);
    }

    /// The current data of the server. Its URLs are those of its listeners.
    pub(crate) fn now(&self) -> Found {
        let mut about = self.about.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner).clone();
        about.rooms = rooms.map_or(0, |rooms| rooms());
        about
    }
}

impl fmt::Debug for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcement").field("about", &self.about).finish_non_exhaustive()
    }
}

/// Answers on `socket` until `stop` is dropped.
pub(crate) async fn respond(
    socket: ProbeSocket,
    announcement: Arc<Announcement>,
    runtime: SharedRuntime,
    stop: oneshot::Receiver<()>,
) {
    // Fused outside the loop: a receiver whose sender is dropped counts as terminated, and would be skipped.
    let mut stop = stop.fuse();
    let mut buffer = [0; MAX_DATAGRAM + 1];
    let mut limit = Limit::new(runtime.random());
    let mut own = Interfaces::default();
    loop {
        let came = select_biased! {
            _ = stop => return,
            came = socket.recv_from(&mut buffer).fuse() => came,
        };
        let (len, from) = match came {
            Ok(came) => came,
            Err(error) => {
                tracing::debug!(%error, "cannot receive probes");
                runtime.sleep_until(runtime.now() + ERROR_PAUSE).await;
                continue;
            }
        };
        let Some(Datagram::Probe(probe)) = Datagram::read(&buffer[..len]) else { continue };
        let own = own.list(runtime.now());
        let Some(network) = network_of(from, own) else { continue };
        if !probe.is_answerable() || !limit.allows(from, runtime.now()) {
            continue;
        }
        // The asking machine believes the answer about the address from which it comes (18.11).
        let network =
            source_towards(from).and_then(|ip| own.iter().find(|it| it.ip == ip)).unwrap_or(network);
        let mut server = announcement.now();
        let is_open = !server.urls.is_empty();
        server.urls = server.urls.iter().filter_map(|it| as_seen_from(network, it)).collect();
        if is_open && server.urls.is_empty() {
            continue; // the asking machine can reach none of them
        }
        if let Some(answer) = Here::answer(&server, &probe.token, len) {
            let _ = socket.send_to(&answer, from).await; // the next probe is answered again
        }
    }
}

/// How often askers are answered. The port belongs to the asker, because a program that forges the address of another one
/// has to guess the port.
struct Limit {
    askers: BucketTable,
    all: Bucket,
}

impl Limit {
    fn new(secret: u128) -> Limit {
        Limit { askers: BucketTable::new(PER_ASKER, PLACES, secret), all: Bucket::new(Some(IN_ALL)) }
    }

    fn allows(&mut self, from: SocketAddr, now: Instant) -> bool {
        self.askers.of(from).take(now).is_ok() && self.all.take(now).is_ok()
    }
}

/// The interfaces of this machine, asked for anew once they are old: listing them costs more than an answer.
#[derive(Default)]
struct Interfaces {
    list: Vec<Interface>,
    asked: Option<Instant>,
}

impl Interfaces {
    fn list(&mut self, now: Instant) -> &[Interface] {
        if self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= INTERFACES_LAST) {
            self.list = interfaces::list().unwrap_or_default();
            self.asked = Some(now);
        }
        &self.list
    }
}

/// The interface whose network `from` is in, if `from` may be answered.
fn network_of(from: SocketAddr, own: &[Interface]) -> Option<&Interface> {
    let ip = from.ip();
    let is_unicast = from.port() != 0 && !ip.is_multicast() && !ip.is_unspecified();
    let is_broadcast =
        ip == Ipv4Addr::BROADCAST || own.iter().any(|it| it.broadcast().is_some_and(|it| ip == it));
    own.iter().filter(|_| is_unicast && !is_broadcast).find(|it| it.contains(ip))
}

/// The URL under which a machine in `network` reaches `listener`; `None` if it cannot.
fn as_seen_from(network: &Interface, listener: &Address) -> Option<Address> {
    let is_loopback = network.ip.is_loopback();
    match reachable::ip(listener) {
        Some((ip, port)) if ip.is_unspecified() => {
            let at = SocketAddr::new(network.ip, port);
            Some(Address::new(listener.scheme(), at).expect("only the host has changed"))
        }
        Some((ip, _)) => (is_loopback || !ip.is_loopback()).then(|| listener.clone()),
        None => is_loopback.then(|| listener.clone()),
    }
}

/// How many probes of one asker are answered. A search asks some five times a second.
const PER_ASKER: Rate = Rate { burst: 20, per_minute: 20 * 60 };

/// How many probes are answered in all: a tenth of a processor.
const IN_ALL: Rate = Rate { burst: 5000, per_minute: 5000 * 60 };

/// Buckets for askers: some times as many as networks have machines.
const PLACES: usize = 4096;

/// How long a list of interfaces is used.
const INTERFACES_LAST: Duration = Duration::from_millis(500);

/// How long to wait before using a socket again that returned an error.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Vec<Interface> {
        let all = [("lo", "127.0.0.1", 8), ("eth0", "192.168.1.7", 24)];
        all.map(|(name, ip, prefix)| Interface { name: name.to_owned(), ip: ip.parse().unwrap(), prefix })
            .to_vec()
    }

    /// protocol 18.8
    #[test]
    fn only_machines_of_the_same_network_are_answered() {
        let own = own();
        let network = |from: &str| network_of(from.parse().unwrap(), &own).map(|it| it.name.clone());
        assert_eq!(network("192.168.1.9:5000").as_deref(), Some("eth0"));
        assert_eq!(network("127.0.0.1:5000").as_deref(), Some("lo"));
        for from in [
            "192.168.1.9:0",
            "192.168.1.255:5000",
            "255.255.255.255:1",
            "224.0.0.1:1",
            "0.0.0.0:1",
            "10.0.0.1:1",
        ] {
            assert_eq!(network(from), None, "{from}");
        }
    }

    /// protocol 18.8
    #[test]
    fn a_program_that_asks_without_end_keeps_nobody_from_being_answered() {
        let began = Instant::now();
        let mut limit = Limit::new(7);
        let (mut flood, mut forged) = (0, 0);
        for milli in 0..5000_u32 {
            let now = began + Duration::from_millis(milli.into());
            for nth in 0..2 {
                flood += usize::from(limit.allows("192.168.1.2:4000".parse().unwrap(), now));
                let port = u16::try_from((milli * 2 + nth) * 7 % 60_000).unwrap() + 1;
                forged += usize::from(limit.allows(SocketAddr::from(([192, 168, 1, 9], port)), now));
            }
            if milli % 250 == 0 {
                assert!(
                    limit.allows("192.168.1.9:61000".parse().unwrap(), now),
                    "the machine whose address is forged"
                );
            }
        }
        assert!(flood < 130 && forged > 9_000, "{flood} and {forged}");
    }

    /// protocol 18.6
    #[test]
    fn an_answer_has_the_urls_that_the_asking_machine_can_reach() {
        let own = own();
        let seen = |network: usize, listener: &str| {
            as_seen_from(&own[network], &listener.parse().unwrap()).map(|it| it.to_string())
        };
        assert_eq!(seen(1, "tcp://0.0.0.0:7000").as_deref(), Some("tcp://192.168.1.7:7000"));
        assert_eq!(seen(1, "udp://[::]:7000").as_deref(), Some("udp://192.168.1.7:7000"));
        assert_eq!(seen(0, "tcp://0.0.0.0:7000").as_deref(), Some("tcp://127.0.0.1:7000"));
        assert_eq!(seen(1, "tcp://127.0.0.1:7000"), None);
        assert_eq!(seen(0, "tcp://127.0.0.1:7000").as_deref(), Some("tcp://127.0.0.1:7000"));
        assert_eq!(seen(1, "tcp://192.168.1.7:1").as_deref(), Some("tcp://192.168.1.7:1"));
        assert_eq!((seen(1, "unix:///run/chat"), seen(0, "unix:///run/chat").is_some()), (None, true));
    }
}
