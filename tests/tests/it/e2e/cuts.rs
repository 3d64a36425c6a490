//! A connection that breaks again and again costs its user nothing but time.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use chat_core::{
    client::Update,
    wire::{EntryFrame, Event},
};
use futures::{channel::oneshot, executor::block_on, future::join4};

use super::harness::{Heard, Person, Server, entry, say};
use crate::runtime::runtime;

/// protocol 3.2, protocol 5.4, protocol 14.4
#[test]
fn a_client_cut_twenty_times_misses_and_repeats_nothing() {
    let server = Server::start(&["--unlimited"]);
    let proxy = Proxy::start(server.port(), 20, 1);
    let (by_ana, by_bob) = block_on(async {
        let ana = Person::joined(proxy.address(), "ana", 1, "lobby").await;
        let bob = Person::joined(server.address(), "bob", 2, "lobby").await;
        talk(ana, bob, &proxy).await
    });
    assert_eq!(proxy.cuts(), 20);
    assert!(by_ana.iter().map(|it| it.seq).eq(1..=by_ana.len() as u64), "each once and in order");
    assert_eq!(by_ana, by_bob);
    let said = by_bob.iter().filter(|it| it.author.name == "ana").map(|it| it.body.text.clone());
    assert!(
        said.eq((0..TEXTS).map(|number| format!("ana {number}"))),
        "what ana said is there once and in order"
    );
    assert!(by_bob.len() > TEXTS + 100, "bob talked all the while");
}

/// Both talk until the proxy has cut as often as it was to; then bob has the last word, which both read up to.
async fn talk(ana: Person, bob: Person, proxy: &Proxy) -> (Vec<EntryFrame>, Vec<EntryFrame>) {
    let (
        Person { remote: mut ana, updates: mut ana_hears },
        Person { remote: mut bob, updates: mut bob_hears },
    ) = (ana, bob);
    let (all_stored, when_all_stored) = oneshot::channel();
    let ana_talks = async {
        for number in 0..TEXTS {
            ana.ask(say("lobby", &format!("ana {number}")), 1).await.expect("the conversation goes on");
        }
    };
    let bob_talks = async {
        let mut number = 0;
        while proxy.cuts() < 20 {
            bob.ask(say("lobby", &format!("bob {number}")), 1).await.expect("the conversation goes on");
            number += 1;
            runtime().sleep_until(runtime().now() + Duration::from_millis(5)).await; // people are slow
        }
        when_all_stored.await.expect("ana reads to the end");
        bob.ask(say("lobby", LAST), 1).await.expect("the conversation goes on");
    };
    let ana_reads = async {
        let (mut stored, mut all_stored) = (0, Some(all_stored));
        let mut read: Vec<EntryFrame> = Vec::new();
        while read.last().is_none_or(|it| it.body.text != LAST) {
            let heard = |update: &Update| match update {
                Update::Entry(entry) => Some(Some(entry.clone())),
                Update::Reply { reply: Event::Ack(_), .. } => Some(None),
                _ => None,
            };
            match ana_hears.expect("entry or ack", heard).await {
                Some(entry) => read.push(entry),
                None => stored += 1,
            }
            if stored == TEXTS
                && let Some(all_stored) = all_stored.take()
            {
                all_stored.send(()).expect("bob waits");
            }
        }
        read
    };
    let bob_reads = async {
        let mut read: Vec<EntryFrame> = Vec::new();
        while read.last().is_none_or(|it| it.body.text != LAST) {
            read.push(bob_hears.expect("entry", entry).await);
        }
        read
    };
    let ((), (), by_ana, by_bob) = join4(ana_talks, bob_talks, ana_reads, bob_reads).await;
    (by_ana, by_bob)
}

/// What people put between themselves and their server: it forwards, and hangs up after a seeded number of bytes.
pub(super) struct Proxy {
    port: u16,
    cuts: Arc<AtomicUsize>,
    closed: Arc<AtomicBool>,
}

impl Proxy {
    /// A proxy to `target` that cuts `most` connections and leaves later ones alone.
    pub(super) fn start(target: u16, most: usize, seed: u64) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let (cuts, closed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let proxy = Proxy { port, cuts: cuts.clone(), closed: closed.clone() };
        thread::spawn(move || {
            let mut dice = fastrand::Rng::with_seed(seed);
            for near in listener.incoming() {
                if closed.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(near), Ok(far)) = (near, TcpStream::connect((Ipv4Addr::LOCALHOST, target))) else {
                    return;
                };
                let budget =
                    if cuts.load(Ordering::Relaxed) < most { dice.usize(200..3000) } else { usize::MAX };
                forward(near, far, budget, &cuts);
            }
        });
        proxy
    }

    pub(super) fn address(&self) -> chat_core::Address {
        format!("tcp://127.0.0.1:{}", self.port).parse().expect("it is an address")
    }

    pub(super) fn cuts(&self) -> usize {
        self.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)); // wakes the thread that accepts
    }
}

/// Forwards both ways until `budget` bytes have passed in all, or one side hangs up.
fn forward(near: TcpStream, far: TcpStream, budget: usize, cuts: &Arc<AtomicUsize>) {
    let left = Arc::new(AtomicUsize::new(budget));
    for (mut from, mut to) in [
        (near.try_clone().expect("a socket can be shared"), far.try_clone().expect("a socket can be shared")),
        (far, near),
    ] {
        let (left, cuts) = (left.clone(), cuts.clone());
        thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok(len @ 1..) = from.read(&mut buffer) {
                let before = left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(len)))
                    .expect("it always gives something");
                let sent = to.write_all(&buffer[..len.min(before)]);
                if before > 0 && before <= len {
                    cuts.fetch_add(1, Ordering::Relaxed);
                }
                if sent.is_err() || before <= len {
                    break;
                }
            }
            for stream in [from, to] {
                let _ = stream.shutdown(Shutdown::Both); // the peer may have hung up first
            }
        });
    }
}

/// How many things ana says.
const TEXTS: usize = 300;

const LAST: &str = "the last word";
