//! The same over UDP, where a datagram that was touched is dropped, the right one comes again, and a message is stored once.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use super::{Direction, Place, SECRET};

/// What becomes of the datagrams of one client.
type Touch = dyn Fn(Direction, usize, &[u8]) -> Vec<Vec<u8>> + Send + Sync;

/// A proxy for one client after the other, each of which has numbers of its own for its datagrams.
struct Way {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    touch: Box<Touch>,
    near: UdpSocket,
    far: UdpSocket,
    client: Mutex<Option<SocketAddr>>,
    ended: AtomicBool,
    seen: Mutex<Vec<(Direction, Vec<u8>)>>,
}

impl Way {
    fn start(
        target: u16,
        touch: impl Fn(Direction, usize, &[u8]) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Way {
        let [near, far] = [(); 2].map(|()| {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
            socket.set_read_timeout(Some(LOOK_EVERY)).expect("a socket can be set");
            socket
        });
        far.connect((Ipv4Addr::LOCALHOST, target)).expect("the server listens");
        let port = near.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared {
            touch: Box::new(touch),
            near,
            far,
            client: Mutex::default(),
            ended: AtomicBool::new(false),
            seen: Mutex::default(),
        });
        for direction in [Direction::Up, Direction::Down] {
            let shared = shared.clone();
            thread::spawn(move || shared.forward(direction));
        }
        Way { port, shared }
    }

    fn url(&self) -> String {
        format!("udp://127.0.0.1:{}", self.port)
    }

    fn seen(&self, direction: Direction) -> Vec<Vec<u8>> {
        let seen = self.shared.seen.lock().expect("nobody panics with it");
        seen.iter().filter(|(way, _)| *way == direction).map(|(_, datagram)| datagram.clone()).collect()
    }
}

impl Shared {
    fn forward(&self, direction: Direction) {
        let mut buffer = vec![0; 65_536];
        let mut number = 0;
        while !self.ended.load(Ordering::Relaxed) {
            let socket = if direction == Direction::Up { &self.near } else { &self.far };
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
            if direction == Direction::Up {
                *self.client.lock().expect("nobody panics with it") = Some(from);
            }
            let datagram = &buffer[..length];
            self.seen.lock().expect("nobody panics with it").push((direction, datagram.to_vec()));
            for datagram in (self.touch)(direction, number, datagram) {
                let client = *self.client.lock().expect("nobody panics with it");
                let _ = match (direction, client) {
                    (Direction::Up, _) => self.far.send(&datagram),
                    (Direction::Down, Some(client)) => self.near.send_to(&datagram, client),
                    (Direction::Down, None) => continue,
                }; // an end that is gone refuses it: lost as well
            }
            number += 1;
        }
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed); // its threads look every so often
    }
}

/// Says one thing through a proxy that touches a datagram, and asserts that it is said once all the same.
fn said_once(touch: fn(&[u8]) -> Vec<Vec<u8>>) {
    let place = Place::new("udp://127.0.0.1:0");
    let mut texts = Vec::new();
    for direction in [Direction::Up, Direction::Down] {
        for nth in 0..7 {
            let way = Way::start(place.server.udp_port(), move |way, number, datagram| {
                if (way, number) == (direction, nth) { touch(datagram) } else { vec![datagram.to_vec()] }
            });
            let text = format!("{direction:?} {nth}");
            assert_eq!(place.say(&way.url(), &text), (true, String::new()), "{text}");
            let seen = [way.seen(Direction::Up), way.seen(Direction::Down)].concat();
            let secret = SECRET.as_bytes();
            assert!(!seen.iter().any(|datagram| datagram.windows(secret.len()).any(|bytes| bytes == secret)));
            texts.push(text);
        }
    }
    place.holds(&texts.iter().map(String::as_str).collect::<Vec<_>>());
}

/// protocol 19.4, 19.8
#[test]
fn a_datagram_that_was_changed_at_any_step_is_as_good_as_lost() {
    said_once(|datagram| {
        let mut changed = datagram.to_vec();
        *changed.last_mut().expect("a datagram is not empty") ^= 1;
        vec![changed]
    });
}

/// protocol 19.4, 19.8
#[test]
fn a_datagram_that_was_cut_short_at_any_step_is_as_good_as_lost() {
    said_once(|datagram| vec![datagram[..datagram.len() / 2].to_vec()]);
}

/// protocol 19.8, 19.9, 19.11.1, 20.2.1
#[test]
fn a_datagram_that_comes_twice_at_any_step_counts_once() {
    said_once(|datagram| vec![datagram.to_vec(), datagram.to_vec()]);
}

/// protocol 19.9, 19.15, 20.1: what was recorded opens nothing, and says nothing again.
#[test]
fn datagrams_that_are_played_again_say_nothing() {
    let place = Place::new("udp://127.0.0.1:0");
    let way = Way::start(place.server.udp_port(), |_, _, datagram| vec![datagram.to_vec()]);
    assert_eq!(place.say(&way.url(), "once"), (true, String::new()));
    let recorded = way.seen(Direction::Up);
    let elsewhere = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    elsewhere.connect((Ipv4Addr::LOCALHOST, place.server.udp_port())).unwrap();
    for _ in 0..3 {
        for datagram in &recorded {
            way.shared.far.send(datagram).unwrap(); // from the address that they came from
            elsewhere.send(datagram).unwrap();
        }
    }
    place.holds(&["once"]);
}

/// How often a thread looks whether it is still needed.
const LOOK_EVERY: Duration = Duration::from_millis(200);
