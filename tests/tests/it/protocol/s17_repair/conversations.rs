//! Whole conversations over links that lose frames and end, and links of one kind after another.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chat_core::{
    Address, ClientId, Runtime,
    client::{Config, Remote, Update, Updates, start},
    server::Limits,
    transport::{BoxLink, Listening, Promises, Transport},
    wire::{Join, RequestBody},
};
use chat_testkit::{
    virtual_time::VirtualTime,
    weather::{Weather, WeatherTransport},
};
use futures::{FutureExt, future::BoxFuture};

use crate::protocol::{
    SECOND, TestServer, next, next_entry,
    s17_repair::server::{self, Weak},
    say,
    slow_log::SlowLog,
};

fn unlimited() -> Limits {
    Limits::default().unlimited()
}

fn join(room: &str, after: u64) -> RequestBody<'static> {
    Join { room: room.to_owned().into(), after: Some(after), ..Join::default() }.into()
}

fn client(server: &TestServer, weather: Weather, seed: u64, name: &str) -> (Remote, Updates) {
    let over = Arc::new(Weak(server.memory.clone()));
    server.client_over(Arc::new(WeatherTransport::new(over, weather, seed, server.time.shared())), name)
}

async fn read(updates: &mut Updates, numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    let mut texts = Vec::new();
    for number in numbers {
        let entry = next_entry(updates).await;
        assert_eq!(entry.seq, number, "{entry:?}");
        texts.push(entry.body.text);
    }
    texts
}

/// Everything that was said by `name`, in the order in which it was read.
fn own<'a>(texts: &'a [String], name: &str) -> Vec<&'a str> {
    texts.iter().map(String::as_str).filter(|it| it.starts_with(name)).collect()
}

const TWENTY_OF_A_HUNDRED: Weather =
    Weather { loss: 20, duplicate: 0, reorder: 0, hold: 0, delay: Duration::from_micros(2500), cut_after: 0 };

/// protocol 3.6, protocol 5.9, protocol 17.4
#[test]
fn what_is_said_over_links_that_end_is_read_once_and_in_order() {
    for seed in 0..20 {
        let time = VirtualTime::new(seed);
        time.run(async {
            let server = server::open(&time, unlimited()).await;
            let weather = Weather { duplicate: 10, reorder: 10, cut_after: 60, ..TWENTY_OF_A_HUNDRED };
            let people = ["ana ", "bob "].map(|name| {
                let (mut remote, mut updates) = client(&server, weather, seed * 2, name.trim());
                let time = time.clone();
                async move {
                    remote.ask(join("lobby", 0), 0).await.unwrap();
                    let talk = async {
                        for n in 0..100 {
                            remote.ask(say("lobby", format!("{name}{n:03}")), n).await.unwrap();
                            time.pass(Duration::from_millis(30)).await;
                        }
                    };
                    let ((), texts) = futures::join!(talk, read(&mut updates, 1..=200));
                    texts
                }
            });
            let [ana, bob] = people;
            let (ana, bob) = futures::join!(ana, bob);
            assert_eq!(ana, bob);
            for name in ["ana ", "bob "] {
                assert!(own(&ana, name).is_sorted() && own(&ana, name).len() == 100, "seed {seed}: {ana:?}");
            }
        });
    }
}

/// Dials weak links and firm ones, as it is told.
struct Switch {
    weak: WeatherTransport,
    firm: WeatherTransport,
    is_firm: AtomicBool,
}

impl Transport for Switch {
    fn promises(&self) -> Promises {
        if self.is_firm.load(Ordering::Relaxed) { self.firm.promises() } else { self.weak.promises() }
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        self.weak.listen(address)
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        if !self.is_firm.load(Ordering::Relaxed) {
            return self.weak.dial(address);
        }
        async { self.firm.dial(&"memory://firm".parse().unwrap()).await }.boxed()
    }
}

/// protocol 3.2, protocol 5.9, protocol 3.6
#[test]
fn a_session_moves_to_a_firm_link_and_back_in_the_middle_of_talk() {
    for seed in 100..110 {
        let time = VirtualTime::new(seed);
        time.run(async {
            let server = server::open(&time, unlimited()).await;
            let weather = Weather { reorder: 10, cut_after: 80, ..TWENTY_OF_A_HUNDRED };
            let cuts = Weather { cut_after: 40, ..Weather::default() };
            let over =
                |it: Arc<dyn Transport>, weather| WeatherTransport::new(it, weather, seed, time.shared());
            let switch = Arc::new(Switch {
                weak: over(Arc::new(Weak(server.memory.clone())), weather),
                firm: over(Arc::new(server.memory.clone()), cuts),
                is_firm: AtomicBool::new(false),
            });
            let (mut ana, mut updates) = server.client_over(switch.clone(), "ana");
            let (_bob, mut others) = {
                let (mut bob, others) = client(&server, TWENTY_OF_A_HUNDRED, seed, "bob");
                bob.ask(join("lobby", 0), 0).await.unwrap();
                (bob, others)
            };
            ana.ask(join("lobby", 0), 0).await.unwrap();
            let talk = async {
                for n in 0..300 {
                    ana.ask(say("lobby", format!("{n:03}")), n).await.unwrap();
                    time.pass(Duration::from_millis(20)).await;
                }
            };
            let watch = async {
                let (mut texts, mut links, mut resumed) = (Vec::new(), 0, 0);
                while texts.len() < 300 {
                    match futures::StreamExt::next(&mut updates).await.unwrap() {
                        Update::Entry(entry) => {
                            assert_eq!(entry.seq, texts.len() as u64 + 1);
                            texts.push(entry.body.text);
                        }
                        Update::Connected(welcome) => {
                            links += 1;
                            resumed += u64::from(welcome.resumed);
                            switch.is_firm.store(links % 2 == 1, Ordering::Relaxed);
                        }
                        _ => {}
                    }
                }
                (texts, links, resumed)
            };
            let ((), (texts, links, resumed), heard) =
                futures::join!(talk, watch, read(&mut others, 1..=300));
            let said: Vec<String> = (0..300).map(|n| format!("{n:03}")).collect();
            assert_eq!((texts, heard), (said.clone(), said), "seed {seed}");
            assert!(links >= 2 && resumed == links - 1, "seed {seed}: {links} links, {resumed} resumed");
        });
    }
}

/// protocol 17.4, protocol 11.8
#[test]
fn who_does_not_read_for_a_minute_reads_everything_afterwards() {
    let time = VirtualTime::new(120);
    time.run(async {
        let server = server::open(&time, unlimited()).await;
        let (mut ana, mut updates) = client(&server, TWENTY_OF_A_HUNDRED, 3, "ana");
        ana.ask(join("lobby", 0), 0).await.unwrap();
        next(&mut updates, |it| matches!(it, Update::Joined { .. }).then_some(())).await;
        let mut bob = server.dial_firm().await;
        for n in 1..=1200 {
            bob.say("lobby", &n.to_string()).await;
            time.pass(Duration::from_millis(50)).await;
        }
        assert!(time.elapsed() >= SECOND * 60);
        let began = time.now();
        let texts = read(&mut updates, 1..=1200).await;
        assert!(texts.iter().zip(1..).all(|(text, n)| *text == n.to_string()));
        assert!(time.now() - began < SECOND * 20, "{:?}", time.now() - began);
    });
}

/// protocol 17.5
#[test]
fn ten_thousand_entries_are_fetched_over_a_link_that_loses_every_fifth_frame() {
    let time = VirtualTime::new(121);
    time.run(async {
        let server = server::open(&time, unlimited()).await;
        let mut bob = server.dial_firm().await;
        for n in 1..=10_000 {
            bob.say("lobby", &n.to_string()).await;
            bob.forget();
        }
        let began = time.now();
        let (mut ana, mut updates) = client(&server, TWENTY_OF_A_HUNDRED, 4, "ana");
        ana.ask(join("lobby", 0), 0).await.unwrap();
        read(&mut updates, 1..=10_000).await;
        let took = time.now() - began;
        ana.measure().await.unwrap();
        let stats = next(&mut updates, |it| if let Update::Stats(it) = it { Some(it) } else { None }).await;
        assert!(took < SECOND * 15, "{took:?}");
        assert!(stats.duplicates < 12_000, "{stats:?}");
    });
}

/// protocol 5.9, protocol 17.1
#[test]
fn two_thousand_messages_at_once_are_all_stored_in_order() {
    for seed in 130..135 {
        let time = VirtualTime::new(seed);
        time.run(async {
            let server = server::open(&time, unlimited()).await;
            let (mut ana, mut updates) = client(&server, TWENTY_OF_A_HUNDRED, seed, "ana");
            ana.ask(join("lobby", 0), 0).await.unwrap();
            let talk = async {
                for n in 0..2000 {
                    ana.ask(say("lobby", n.to_string()), n).await.unwrap();
                }
            };
            let ((), texts) = futures::join!(talk, read(&mut updates, 1..=2000));
            assert!(texts.iter().zip(0..).all(|(text, n)| *text == n.to_string()), "seed {seed}");
            assert!(time.elapsed() < SECOND * 25, "seed {seed}: {:?}", time.elapsed());
        });
    }
}

/// protocol 17.8
#[test]
fn a_server_whose_disk_takes_half_a_minute_is_not_given_up() {
    let time = VirtualTime::new(140);
    time.run(async {
        let log = SlowLog { takes: SECOND * 30, ..SlowLog::new(&time) };
        let server = server::with_log(&time, unlimited(), Arc::new(log)).await;
        let (mut ana, mut updates) = client(&server, TWENTY_OF_A_HUNDRED, 5, "ana");
        ana.ask(join("lobby", 0), 0).await.unwrap();
        for n in 0..100 {
            ana.ask(say("lobby", n.to_string()), n).await.unwrap();
        }
        for number in 1..=100 {
            let entry = |it| match it {
                Update::Entry(it) => Some(it.seq),
                Update::Disconnected { why, .. } => panic!("{why} after {:?}", time.elapsed()),
                _ => None,
            };
            assert_eq!(next(&mut updates, entry).await, number);
        }
    });
}

/// protocol 5.9, protocol 17.1
#[test]
fn without_repair_a_message_that_is_lost_keeps_no_other_back() {
    let time = VirtualTime::new(141);
    time.run(async {
        let server = server::open(&time, unlimited()).await;
        let over = Arc::new(Weak(server.memory.clone()));
        let over = WeatherTransport::new(over, TWENTY_OF_A_HUNDRED, 6, time.shared());
        let config =
            Config { name: "ana".to_owned(), client: ClientId(9), password: None, seed: 1, raw: true };
        let (mut ana, mut updates) = start(config, Arc::new(over), server.address.clone(), time.shared());
        ana.ask(join("lobby", 0), 0).await.unwrap();
        let talk = async {
            for n in 0..500 {
                ana.ask(say("lobby", n.to_string()), n + 1).await.unwrap();
            }
        };
        let count = async {
            let (mut granted, mut unanswered) = (0, 0);
            while granted + unanswered < 500 {
                next(&mut updates, |it| {
                    match it {
                        Update::Reply { .. } => granted += 1,
                        Update::Unanswered { .. } => unanswered += 1,
                        _ => return None,
                    }
                    Some(())
                })
                .await;
            }
            granted
        };
        let ((), granted) = futures::join!(talk, count);
        // Of a hundred, eighty arrive, and eighty of a hundred acks of those.
        assert!((290..350).contains(&granted), "{granted}");
    });
}

impl TestServer {
    /// Somebody who is in the lobby over a firm link, and says things there.
    async fn dial_firm(&self) -> chat_testkit::RawClient {
        let link = self.memory.dial(&"memory://firm".parse().unwrap()).await.unwrap();
        let mut bob = chat_testkit::RawClient::new(link, self.memory.promises(), self.time.shared());
        bob.hello(&chat_testkit::hello("bob", 2)).await;
        bob.join("lobby", Some(0)).await;
        bob
    }
}
