//! What a client asks keeps its order, is not lost, and is not asked again too soon; and it never spins.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use chat_core::{
    ClientId, Runtime,
    client::{Config, Remote, Update, Updates, start},
    log::MemoryLog,
    memory::Memory,
    server::Limits,
    transport::{BoxLink, Transport},
    wire::{Code, Event, Join, Leave, RequestBody, Who, read_request},
};
use chat_testkit::virtual_time::VirtualTime;
use futures::{SinkExt, StreamExt, future::BoxFuture};

use crate::protocol::{SECOND, TestServer, next, next_entry, say};

fn join(room: &str) -> RequestBody<'static> {
    Join { room: room.to_owned().into(), after: Some(0), ..Join::default() }.into()
}

fn leave(room: &str) -> RequestBody<'static> {
    Leave { room: room.to_owned().into() }.into()
}

async fn reply(updates: &mut Updates, wanted: u64) -> Event {
    next(updates, |it| match it {
        Update::Reply { tag, reply } if tag == wanted => Some(reply),
        _ => None,
    })
    .await
}

/// A world in which nobody looks at the clock a thousand times without anything moving on.
struct Restless {
    time: VirtualTime,
    looks: AtomicU64,
    last: Mutex<Instant>,
}

impl Runtime for Restless {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.time.spawn(task);
    }

    fn now(&self) -> Instant {
        let now = self.time.now();
        if std::mem::replace(&mut *self.last.lock().unwrap(), now) != now {
            self.looks.store(0, Ordering::Relaxed);
        }
        assert!(self.looks.fetch_add(1, Ordering::Relaxed) < 20_000, "somebody is spinning");
        now
    }

    fn wall_clock(&self) -> SystemTime {
        self.time.wall_clock()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        self.time.sleep_until(deadline)
    }

    fn random(&self) -> u128 {
        self.time.random()
    }
}

fn restless(server: &TestServer, memory: &Memory, name: &str) -> (Remote, Updates) {
    let (looks, last) = (AtomicU64::new(0), Mutex::new(server.time.now()));
    let runtime = Restless { time: server.time.clone(), looks, last };
    let client = ClientId(server.time.random());
    let config = Config { name: name.to_owned(), client, password: None, seed: 1, raw: false };
    start(config, Arc::new(memory.clone()), server.address.clone(), Arc::new(runtime))
}

#[test]
fn a_client_whose_user_looks_away_does_not_spin() {
    let time = VirtualTime::new(51);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let (mut ana, mut updates) = restless(&server, &server.memory, "ana");
        let mut bob = server.enter("bob", 2).await;
        ana.ask(join("lobby"), 0).await.unwrap();
        bob.join("lobby", Some(0)).await;
        for n in 0..100 {
            bob.say("lobby", &n.to_string()).await;
        }
        for _ in 0..20 {
            time.pass(SECOND * 14).await;
            bob.say("lobby", "still here").await;
        }
        for n in 1..=120 {
            assert_eq!(next_entry(&mut updates).await.seq, n);
        }
    });
}

/// protocol 13.1
#[test]
fn a_request_that_is_refused_for_now_is_not_asked_again_before_its_time() {
    let time = VirtualTime::new(52);
    time.run(async {
        let server = TestServer::open(&time).await;
        let (mut ana, mut updates) = restless(&server, &server.memory, "ana");
        let ask = async {
            for tag in 0..300 {
                ana.ask(Who { room: "nowhere".into() }, tag).await.unwrap();
            }
        };
        let read = async {
            for _ in 0..300 {
                let is_reply = |it| matches!(it, Update::Reply { reply: Event::Error(_), .. }).then_some(());
                next(&mut updates, is_reply).await;
            }
        };
        futures::join!(ask, read);
        assert!((SECOND..SECOND * 4).contains(&time.elapsed()), "200 at once, then 50 a second");
    });
}

#[test]
fn leaving_waits_for_what_was_said_before() {
    let time = VirtualTime::new(53);
    time.run(async {
        let server = TestServer::open(&time).await;
        let (mut ana, mut updates) = server.client("ana");
        ana.ask(join("lobby"), 0).await.unwrap();
        for tag in 1..=30 {
            ana.ask(say("lobby", tag.to_string()), tag).await.unwrap();
        }
        ana.ask(leave("lobby"), 31).await.unwrap();
        ana.ask(join("lobby"), 32).await.unwrap();
        ana.ask(say("lobby", "back"), 33).await.unwrap();
        for tag in 1..=33 {
            if tag == 32 {
                let joined = |it| matches!(it, Update::Joined { tag: Some(32), .. }).then_some(());
                next(&mut updates, joined).await;
                continue;
            }
            let reply = reply(&mut updates, tag).await;
            assert!(matches!(reply, Event::Ack(_) | Event::Left(_)), "{tag}: {reply:?}");
        }
        assert_eq!(time.elapsed().as_secs(), 2);
    });
}

/// protocol 3.6
#[test]
fn a_leave_that_was_under_way_when_the_link_was_lost_is_done_on_the_next() {
    let time = VirtualTime::new(54);
    time.run(async {
        let server = TestServer::open(&time).await;
        let (mut ana, mut updates) = server.client("ana");
        ana.ask(join("lobby"), 0).await.unwrap();
        ana.ask(say("lobby", "hi"), 1).await.unwrap();
        reply(&mut updates, 1).await;
        let memory = server.memory.clone();
        server.stop().await;
        next(&mut updates, |it| matches!(it, Update::Disconnected { .. }).then_some(())).await;
        ana.ask(say("lobby", "bye"), 2).await.unwrap();
        ana.ask(leave("lobby"), 3).await.unwrap();
        ana.ask(join("lobby"), 4).await.unwrap();
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let _again = TestServer::over(&time, memory, Limits::default(), log).await;
        assert!(matches!(reply(&mut updates, 2).await, Event::Ack(_)));
        assert!(matches!(reply(&mut updates, 3).await, Event::Left(_)));
        next(&mut updates, |it| matches!(it, Update::Joined { tag: Some(4), .. }).then_some(())).await;
        assert_eq!(next_entry(&mut updates).await.body.text, "bye");
    });
}

#[test]
fn what_no_frame_can_carry_is_refused_and_the_rest_goes_on() {
    let time = VirtualTime::new(55);
    time.run(async {
        let server = TestServer::open(&time).await;
        let (mut ana, mut updates) = server.client("ana");
        ana.ask(join("lobby"), 0).await.unwrap();
        ana.ask(say("lobby", "x".repeat(70_000)), 1).await.unwrap();
        ana.ask(RequestBody::Unknown(Default::default()), 2).await.unwrap();
        ana.ask(say("lobby", "hi"), 3).await.unwrap();
        for (tag, wanted) in [(1, Code::TooLarge), (2, Code::Unsupported)] {
            let told = |it| match it {
                Update::Reply { tag: it, reply: Event::Error(error) } if it == tag => Some(error.code),
                Update::Disconnected { why, .. } => panic!("{why}"),
                _ => None,
            };
            assert_eq!(next(&mut updates, told).await, wanted);
        }
        assert!(matches!(reply(&mut updates, 3).await, Event::Ack(_)));
    });
}

/// The far end of a client's link, to be played by the test.
async fn far_end(time: &VirtualTime) -> (Remote, Updates, BoxLink) {
    let (memory, address) = (Memory::default(), "memory://odd".parse().unwrap());
    let mut listening = memory.listen(&address).await.unwrap();
    let client = ClientId(time.random());
    let config = Config { name: "ana".to_owned(), client, password: None, seed: 1, raw: false };
    let (remote, updates) = start(config, Arc::new(memory), address, time.shared());
    let mut link = listening.incoming.next().await.unwrap().link;
    link.next().await.unwrap().unwrap();
    let welcome = r#"{"type":"welcome","protocol":1,"name":"ana","server":"odd","resume":"x","resumed":false,
        "limits":{"frame":65443,"text":8192,"rooms":64,"pending":0,"burst":0,"per_minute":0}}"#;
    link.send(welcome.into()).await.unwrap();
    (remote, updates, link)
}

/// protocol 14.1
#[test]
fn events_that_mean_nothing_to_a_client_do_not_stop_it_from_reading() {
    let time = VirtualTime::new(56);
    time.run(async {
        let (_ana, mut updates, mut link) = far_end(&time).await;
        next(&mut updates, |it| matches!(it, Update::Connected(_)).then_some(())).await;
        time.settle().await;
        for _ in 0..64 {
            link.send(r#"{"type":"weather"}"#.into()).await.unwrap();
        }
        let entry = r#"{"type":"message","room":"@","seq":1,"from":"bob","to":"ana","at":1,"text":"hi"}"#;
        link.send(entry.into()).await.unwrap();
        let began = time.now();
        assert_eq!(next_entry(&mut updates).await.body.text, "hi");
        assert!(time.now() - began < Duration::from_millis(1), "{:?}", time.now() - began);
    });
}

/// protocol 14.1
#[test]
fn an_unknown_code_counts_as_one_that_waiting_helps_with_if_it_says_how_long() {
    let time = VirtualTime::new(57);
    time.run(async {
        let (mut ana, mut updates, mut link) = far_end(&time).await;
        ana.ask(RequestBody::Rooms(Default::default()), 7).await.unwrap();
        let first = link.next().await.unwrap().unwrap();
        let id = read_request(&first).unwrap().id.unwrap();
        let refusal =
            format!(r#"{{"type":"error","id":{id},"code":"tired","message":"","retry_after_ms":700}}"#);
        link.send(refusal.into()).await.unwrap();
        let began = time.now();
        assert_eq!(link.next().await.unwrap().unwrap(), first);
        assert_eq!((time.now() - began).as_millis(), 700);
        link.send(format!(r#"{{"type":"rooms","id":{id},"rooms":[],"total":0}}"#).into()).await.unwrap();
        assert!(matches!(reply(&mut updates, 7).await, Event::Rooms(_)));
    });
}
