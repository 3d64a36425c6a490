//! A network between people and their server that loses, doubles and holds up datagrams, by a seed.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use chat_core::Address;
use nix::sys::socket::{setsockopt, sockopt};

/// What happens to the datagrams of one direction, in percent.
#[derive(Clone, Copy, Debug)]
pub struct Fate {
    /// These never come.
    pub lost: u8,
    /// These come twice.
    pub doubled: u8,
    /// These are held up, by up to [`HELD_UP`], while others pass.
    pub overtaken: u8,
}

/// Forwards datagrams to a server and back, each client from a socket of its own, as routers do. Nothing passes once it
/// is dropped.
pub struct UdpProxy {
    port: u16,
    ended: Arc<AtomicBool>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    passed: AtomicU64,
    lost: AtomicU64,
}

impl UdpProxy {
    /// A way to the server at `target` on which both directions have this fate, drawn from `seed`.
    pub fn start(target: u16, fate: Fate, seed: u64) -> UdpProxy {
        UdpProxy::new(target, fate, usize::MAX, seed)
    }

    /// A way to the server at `target` that carries no datagram of more than `largest` bytes, as where a network drops
    /// fragments of IP.
    pub fn narrow(target: u16, largest: usize) -> UdpProxy {
        UdpProxy::new(target, Fate { lost: 0, doubled: 0, overtaken: 0 }, largest, 0)
    }

    fn new(target: u16, fate: Fate, largest: usize, seed: u64) -> UdpProxy {
        let near = socket();
        let port = near.local_addr().expect("it is bound").port();
        let ended = Arc::new(AtomicBool::new(false));
        let counts = Arc::new(Counts::default());
        let (hold, held) = channel();
        thread::spawn(move || deliver_late(&held));
        let way = Way { fate, largest, seed, hold, ended: ended.clone(), counts: counts.clone() };
        thread::spawn(move || forward_in(&near, (Ipv4Addr::LOCALHOST, target).into(), &way));
        UdpProxy { port, ended, counts }
    }

    /// Where clients find it.
    pub fn url(&self) -> String {
        format!("udp://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL, parsed.
    pub fn address(&self) -> Address {
        self.url().parse().expect("it is an address")
    }

    /// How many datagrams it was given, and how many of them it lost.
    pub fn counts(&self) -> (u64, u64) {
        (self.counts.passed.load(Ordering::Relaxed), self.counts.lost.load(Ordering::Relaxed))
    }
}

impl Drop for UdpProxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed); // its threads look every so often
    }
}

/// A datagram that is held up.
struct Held {
    until: Instant,
    datagram: Vec<u8>,
    over: Arc<UdpSocket>,
    to: SocketAddr,
}

#[derive(Clone)]
struct Way {
    fate: Fate,
    /// Larger datagrams are lost.
    largest: usize,
    seed: u64,
    hold: Sender<Held>,
    ended: Arc<AtomicBool>,
    counts: Arc<Counts>,
}

impl Way {
    /// Each pair of client and direction has dice of its own, so that threads do not shuffle the draws.
    fn dice(&self, client: u64, inwards: bool) -> fastrand::Rng {
        fastrand::Rng::with_seed(
            self.seed ^ (client << 1 | u64::from(inwards)).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        )
    }

    fn forward(&self, dice: &mut fastrand::Rng, datagram: &[u8], over: &Arc<UdpSocket>, to: SocketAddr) {
        let Fate { lost, doubled, overtaken } = self.fate;
        if self.ended.load(Ordering::Relaxed) {
            return;
        }
        self.counts.passed.fetch_add(1, Ordering::Relaxed);
        if dice.u8(..100) < lost || datagram.len() > self.largest {
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let copies = 1 + u8::from(dice.u8(..100) < doubled);
        for _ in 0..copies {
            if dice.u8(..100) < overtaken {
                let until = Instant::now() + HELD_UP.mul_f64(dice.f64());
                let held = Held { until, datagram: datagram.to_vec(), over: over.clone(), to };
                let _ = self.hold.send(held); // the end of a test may end its network first
            } else {
                let _ = over.send_to(datagram, to); // a server that was killed refuses it: lost as well
            }
        }
    }
}

/// From clients to the server.
fn forward_in(near: &Arc<UdpSocket>, target: SocketAddr, way: &Way) {
    let mut clients: BTreeMap<SocketAddr, (Arc<UdpSocket>, fastrand::Rng)> = BTreeMap::new();
    let mut buffer = vec![0; 65_536];
    while !way.ended.load(Ordering::Relaxed) {
        let Ok((len, from)) = near.recv_from(&mut buffer) else { continue };
        let number = clients.len() as u64;
        let (far, dice) = clients.entry(from).or_insert_with(|| {
            let far = socket();
            let (near, back, way) = (near.clone(), far.clone(), way.clone());
            let dice = way.dice(number, true);
            thread::spawn(move || forward_out(&back, &near, from, &mut way.dice(number, false), &way));
            (far, dice)
        });
        way.forward(dice, &buffer[..len], far, target);
    }
}

/// From the server to one client.
fn forward_out(far: &UdpSocket, near: &Arc<UdpSocket>, to: SocketAddr, dice: &mut fastrand::Rng, way: &Way) {
    let mut buffer = vec![0; 65_536];
    while !way.ended.load(Ordering::Relaxed) {
        let Ok((len, _)) = far.recv_from(&mut buffer) else { continue };
        way.forward(dice, &buffer[..len], near, to);
    }
}

/// Delivers what is held up, until nobody can hold up anything more.
fn deliver_late(held: &Receiver<Held>) {
    let mut waiting: BTreeMap<(Instant, u64), Held> = BTreeMap::new();
    for number in 0.. {
        let wait = waiting
            .first_key_value()
            .map_or(LOOK_EVERY, |((until, _), _)| until.saturating_duration_since(Instant::now()));
        match held.recv_timeout(wait) {
            Ok(it) => drop(waiting.insert((it.until, number), it)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        while let Some(entry) = waiting.first_entry().filter(|it| it.key().0 <= now) {
            let it = entry.remove();
            let _ = it.over.send_to(&it.datagram, it.to); // lost as well
        }
    }
}

/// A socket of this machine that looks up every so often while nothing comes.
fn socket() -> Arc<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    socket.set_read_timeout(Some(LOOK_EVERY)).expect("a socket can be set");
    let _: io::Result<()> = setsockopt(&socket, sockopt::RcvBuf, &(4 << 20)).map_err(io::Error::from); // or less
    Arc::new(socket)
}

/// For how long a datagram is held up at most.
const HELD_UP: Duration = Duration::from_millis(30);

/// How often a thread looks whether it is still needed.
const LOOK_EVERY: Duration = Duration::from_millis(200);
