//! The client and its driver: through cuts, restarts and refusals.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use chat_core::{
    ClientId, Runtime,
    client::{self, Config as ClientConfig, Password, Update},
    log::MemoryLog,
    memory::Memory,
    server::{Config, Limits, Server},
    transport::{Transport, Transports},
    wire::{Code, Error, Event, Join, Post, Reason, RequestBody},
};
use chat_testkit::{
    virtual_time::VirtualTime,
    weather::{Weather, WeatherTransport},
};
use futures::{SinkExt, StreamExt};

use crate::protocol::{SECOND, TestServer, next, next_entry, say};

fn join(room: &str) -> RequestBody<'static> {
    Join { room: room.to_owned().into(), after: Some(0), ..Join::default() }.into()
}

/// Cut every few frames, a client reads every message once and in order, and what it says is stored so.
fn survives_cuts(seed: u64) {
    let time = VirtualTime::new(seed);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let weather = Weather { cut_after: 40, delay: Duration::from_millis(3), ..Weather::default() };
        let transport = WeatherTransport::new(Arc::new(server.memory.clone()), weather, seed, time.shared());
        let transport = Arc::new(transport);
        let (mut ana, mut seen_by_ana) = server.client_over(transport.clone(), "ana");
        let (mut bob, mut seen_by_bob) = server.client("bob");
        for remote in [&mut ana, &mut bob] {
            remote.ask(join("lobby"), 0).await.unwrap();
        }
        let talk = async {
            for n in 0..EACH {
                ana.ask(say("lobby", format!("a{n}")), n).await.unwrap();
                bob.ask(say("lobby", format!("b{n}")), n).await.unwrap();
                time.pass(Duration::from_millis(20)).await;
            }
        };
        let read = async |updates: &mut client::Updates| {
            let mut texts = Vec::new();
            while texts.len() < 2 * EACH as usize {
                let entry = next_entry(updates).await;
                assert_eq!(entry.seq as usize, texts.len() + 1, "seed {seed}");
                texts.push(entry.body.text);
            }
            texts
        };
        let ((), by_ana, by_bob) = futures::join!(talk, read(&mut seen_by_ana), read(&mut seen_by_bob));
        assert_eq!(by_ana, by_bob, "seed {seed}");
        for who in ["a", "b"] {
            let said = by_ana.iter().filter(|it| it.starts_with(who));
            assert!(said.cloned().eq((0..EACH).map(|n| format!("{who}{n}"))), "seed {seed}: {by_ana:?}");
        }
        assert!(transport.dialled() >= 4, "seed {seed}: the link was cut");
    });
}

const EACH: u64 = 60;

#[test]
fn a_client_that_is_cut_again_and_again_misses_and_repeats_nothing() {
    (0..60).for_each(survives_cuts);
}

#[test]
fn a_client_that_is_cut_keeps_its_direct_messages() {
    let time = VirtualTime::new(31);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let weather = Weather { cut_after: 15, ..Weather::default() };
        let transport = WeatherTransport::new(Arc::new(server.memory.clone()), weather, 31, time.shared());
        let (mut ana, mut seen_by_ana) = server.client_over(Arc::new(transport), "ana");
        next(&mut seen_by_ana, |it| matches!(it, Update::Connected(_)).then_some(())).await;
        ana.ask(RequestBody::Rooms(Default::default()), 0).await.unwrap(); // now the session outlives its link (protocol 3.9)
        let (mut bob, mut seen_by_bob) = server.client("bob");
        let tell = async {
            for n in 0..100_u64 {
                let text = n.to_string();
                bob.ask(Post::tell("ana", text), n).await.unwrap();
                time.pass(Duration::from_millis(50)).await;
            }
        };
        let read = async |updates: &mut client::Updates| {
            for n in 0..100 {
                let entry = next_entry(updates).await;
                assert_eq!((entry.room.as_str(), entry.body.text), ("@", n.to_string()));
            }
        };
        futures::join!(tell, read(&mut seen_by_ana), read(&mut seen_by_bob));
    });
}

#[test]
fn a_client_keeps_to_the_rate_it_is_told() {
    let time = VirtualTime::new(32);
    time.run(async {
        let server = TestServer::open(&time).await;
        let (mut ana, mut updates) = server.client("ana");
        ana.ask(join("lobby"), 0).await.unwrap();
        for n in 1..=100 {
            ana.ask(say("lobby", n.to_string()), n).await.unwrap();
        }
        for n in 1..=100 {
            let entry = next_entry(&mut updates).await;
            assert_eq!((entry.seq, entry.body.text), (n, n.to_string()));
        }
        let took = time.elapsed();
        assert!(took >= SECOND * 15 && took < SECOND * 18, "20 at once, then 5 a second: {took:?}");
    });
}

#[test]
fn a_client_dials_again_with_pauses_that_grow_and_differ() {
    let time = VirtualTime::new(33);
    time.run(async {
        let server = TestServer::open(&time).await;
        let nobody = Arc::new(Memory::default());
        let (_remote, mut updates) = server.client_over(nobody.clone(), "ana");
        let mut pauses = Vec::new();
        while pauses.len() < 12 {
            pauses.push(
                next(&mut updates, |it| match it {
                    Update::Disconnected { why, retry_in } => {
                        assert!(why.contains("nobody at memory://hall"), "{why}");
                        Some(retry_in)
                    }
                    _ => None,
                })
                .await,
            );
        }
        assert!(pauses[0] <= Duration::from_millis(250));
        assert!(pauses.iter().all(|it| *it <= SECOND * 10) && pauses[11] >= SECOND * 5, "{pauses:?}");
        // Somebody opens there at last.
        let _hall =
            TestServer::over(&time, (*nobody).clone(), Limits::default(), Arc::new(MemoryLog::new(1, 1)))
                .await;
        next(&mut updates, |it| matches!(it, Update::Connected(_)).then_some(())).await;
    });
}

/// protocol 6.4, 12.3
#[test]
fn a_restarted_server_is_read_anew_and_what_was_written_meanwhile_is_not_lost() {
    let time = VirtualTime::new(34);
    time.run(async {
        let server = TestServer::open(&time).await;
        let (mut ana, mut updates) = server.client("ana");
        ana.ask(join("lobby"), 0).await.unwrap();
        ana.ask(say("lobby", "before"), 1).await.unwrap();
        assert_eq!(next_entry(&mut updates).await.body.text, "before");
        let memory = server.memory.clone();
        server.stop().await;
        let stopped = time.now();
        next(&mut updates, |it| (it == Update::Goodbye(Reason::Shutdown)).then_some(())).await;
        next(&mut updates, |it| match it {
            Update::Disconnected { retry_in, .. } => {
                assert!(retry_in >= SECOND, "the server said when: {retry_in:?}");
                Some(())
            }
            _ => None,
        })
        .await;
        ana.ask(say("lobby", "meanwhile"), 2).await.unwrap();
        let log = Arc::new(MemoryLog::new(1 << 20, 8));
        let _again = TestServer::over(&time, memory, Limits::default(), log).await;
        let connected = |it| if let Update::Connected(it) = it { Some(it.resumed) } else { None };
        assert!(!next(&mut updates, connected).await, "another server knows no session");
        assert!(time.now() - stopped >= SECOND);
        let reset = |it| if let Update::Reset { room } = it { Some(room) } else { None };
        assert_eq!(next(&mut updates, reset).await, "lobby");
        let entry = next_entry(&mut updates).await;
        assert_eq!((entry.seq, entry.body.text.as_str()), (1, "meanwhile"));
    });
}

#[test]
fn a_client_that_is_not_let_in_says_why_and_ends() {
    let time = VirtualTime::new(35);
    time.run(async {
        let memory = Memory::default();
        let config = Config { password: Some("sesame".to_owned()), ..Config::default() };
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let server = Server::start(config, log, time.shared()).await.unwrap();
        let transports = Transports::new().with("memory", memory.clone());
        let address = server.listen(&transports, &"memory://hall".parse().unwrap()).await.unwrap();
        for (password, let_in) in [(None, false), (Some("Sesame"), false), (Some("sesame"), true)] {
            let config = ClientConfig {
                name: "ana".to_owned(),
                client: ClientId(time.random()),
                password: password.map(|text| Password::new(text).or_in_clear()),
                seed: 1,
                raw: false,
            };
            let transport: Arc<dyn Transport> = Arc::new(memory.clone());
            let (remote, mut updates) = client::start(config, transport, address.clone(), time.shared());
            match updates.next().await {
                Some(Update::Connected(_)) => assert!(let_in),
                Some(Update::Refused(Error { code, .. })) => {
                    assert_eq!((code, let_in), (Code::BadPassword, false));
                    assert_eq!(updates.next().await, None, "nothing follows");
                }
                other => panic!("{other:?}"),
            }
            drop(remote);
        }
    });
}

/// protocol 2.12, protocol 14.5
#[test]
fn a_client_without_the_secret_of_its_session_waits_until_the_name_is_free() {
    let time = VirtualTime::new(39);
    time.run(async {
        let server = TestServer::open(&time).await;
        drop(server.enter_to_stay("ana", 1).await); // a program that was killed, and its secret with it
        time.settle().await;
        let killed = time.now();
        let (mut ana, mut updates) = server.client("ana");
        ana.ask(join("lobby"), 1).await.unwrap();
        let Some(Update::Error(error)) = updates.next().await else { panic!("the client says why") };
        assert_eq!(error.code, Code::NameTaken);
        let Some(Update::Disconnected { retry_in, .. }) = updates.next().await else {
            panic!("and for how long it waits")
        };
        assert!((SECOND * 30..SECOND * 31).contains(&retry_in), "{retry_in:?}");
        let Some(Update::Connected(welcome)) = updates.next().await else { panic!("one wait is enough") };
        assert_eq!((welcome.name.as_str(), welcome.resumed), ("ana", false));
        assert!((SECOND * 30..SECOND * 31).contains(&(time.now() - killed)));
        let joined = |update| matches!(update, Update::Joined { tag: Some(1), .. }).then_some(());
        next(&mut updates, joined).await; // what was asked meanwhile is not lost
    });
}

/// protocol 12.1
#[test]
fn leaving_waits_for_what_was_asked_and_gives_up_the_name() {
    let time = VirtualTime::new(36);
    time.run(async {
        let server = TestServer::open(&time).await;
        let (mut ana, mut updates) = server.client("ana");
        ana.ask(join("lobby"), 0).await.unwrap();
        for n in 1..=10 {
            ana.ask(say("lobby", n.to_string()), n).await.unwrap();
        }
        drop(ana);
        let mut acks = 0;
        while let Some(update) = updates.next().await {
            acks += usize::from(matches!(update, Update::Reply { reply: Event::Ack(_), .. }));
        }
        assert_eq!(acks, 10);
        time.settle().await;
        assert_eq!(server.sessions(), 0, "nobody waits for who said bye");
    });
}

#[test]
fn an_idle_client_stays_connected_all_day() {
    let time = VirtualTime::new(37);
    time.run(async {
        let server = TestServer::open(&time).await;
        let (_ana, mut updates) = server.client("ana");
        next(&mut updates, |it| matches!(it, Update::Connected(_)).then_some(())).await;
        time.pass(SECOND * 60 * 60 * 20).await;
        let quiet = futures::poll!(updates.next());
        assert!(quiet.is_pending(), "{quiet:?}");
    });
}

/// protocol 2.2: something that is not a server of this protocol is found out at once.
#[test]
fn a_client_knows_who_it_talks_to_by_the_welcome() {
    let time = VirtualTime::new(38);
    time.run(async {
        for (greeting, is_final) in [
            (r#"{"type":"welcome","protocol":2,"name":"a","server":"s","resume":"r","resumed":false,"limits":{"frame":1,"text":1,"rooms":1,"pending":1}}"#, true),
            (r#"{"type":"hi"}"#, false),
            ("220 mail.example ESMTP", false),
        ] {
            let memory = Memory::default();
            let mut listening = memory.listen(&"memory://hall".parse().unwrap()).await.unwrap();
            let config =
                ClientConfig { name: "ana".into(), client: ClientId(1), password: None, seed: 1, raw: false };
            let transport: Arc<dyn Transport> = Arc::new(memory.clone());
            let address = listening.address.clone();
            let (_remote, mut updates) = client::start(config, transport, address, time.shared());
            let mut link = listening.incoming.next().await.unwrap().link;
            link.next().await.unwrap().unwrap();
            link.send(Bytes::from_static(greeting.as_bytes())).await.unwrap();
            match updates.next().await.unwrap() {
                Update::Refused(error) => assert!(is_final && error.message.contains("protocol 2"), "{error:?}"),
                Update::Disconnected { why, .. } => assert!(!is_final && why.contains("something else"), "{why}"),
                other => panic!("{other:?}"),
            }
        }
    });
}
