//! Hosts share the server: who asks for much, sends much or searches much takes time from the own host alone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chat_core::{
    Rate, RoomName,
    log::{
        Append, Appended, Found, LogError, LogPage, MemoryLog, Outcome, PageLimit, RoomLog, Search, Snapshot,
        Tail, Write,
    },
    server::{Limits, Rates},
    wire::{Code, Error, Event, History, Join, Replay, Request, RequestBody, Who},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime};
use futures::{FutureExt, future::BoxFuture};

use super::{
    super::{SECOND, TestServer},
    person,
};

const ONE: &str = "192.0.2.1";
const OTHER: &str = "192.0.2.2";
const KIB: u32 = 1024;

async fn enter(server: &TestServer, host: &str, n: usize) -> RawClient {
    let mut client = server.at(host);
    client.hello(&hello(&person(n), n as u64)).await;
    client
}

/// A server that limits of a host only what `rates` says.
async fn server(time: &VirtualTime, rates: Rates) -> TestServer {
    let limits = Limits { host: rates, ..Limits::default().unlimited() };
    TestServer::with(time, limits, Arc::new(MemoryLog::new(1 << 24, 7))).await
}

/// Says so much in `room` that its ring does not hold it: 200 entries of 8,000 bytes.
async fn fill(server: &TestServer, room: &str) {
    let mut here = server.enter("writer", 900).await;
    here.join(room, None).await;
    for n in 1..=200 {
        here.say(room, &"x".repeat(8000)).await;
        here.entries(room, n..=n).await;
    }
}

/// What was waited for came this long after `began`.
fn since(time: &VirtualTime, began: Duration) -> Duration {
    time.elapsed() - began
}

const SLOW_READING: Rate = Rate { burst: 100 * KIB, per_minute: 60 * 100 * KIB };

/// protocol 11.20.3
#[test]
fn a_host_that_reads_much_gets_the_rest_later_and_others_do_not_wait() {
    let time = VirtualTime::new(121);
    time.run(async {
        let server = server(&time, Rates { bytes_read: Some(SLOW_READING), ..Rates::default() }).await;
        fill(&server, "hall").await;
        let began = time.elapsed();
        let mut greedy = enter(&server, ONE, 1).await;
        greedy.join("lobby", None).await;
        greedy.join("hall", Some(0)).await;
        // Another host reads its pages at once, and what is said in another room arrives at once.
        let mut quick = enter(&server, OTHER, 2).await;
        quick.join("hall", Some(200)).await;
        let page = |id| Request::new(id, History { room: "hall".into(), ..History::default() });
        assert!(matches!(quick.ask(page).await, Event::Page(_)));
        quick.join("lobby", None).await;
        quick.say("lobby", "hi").await;
        greedy.entries("lobby", 1..=1).await;
        assert_eq!(since(&time, began), Duration::ZERO, "nobody has waited");
        greedy.entries("hall", 1..=200).await;
        let took = since(&time, began);
        // 1.6 MB, less 100 KiB at once, at 100 KiB a second.
        assert!((SECOND * 14..SECOND * 16).contains(&took), "{took:?}");
        // New entries of the room itself come at once as soon as it has read the old ones.
        time.pass(SECOND).await;
        let began = time.elapsed();
        quick.say("hall", &"y".repeat(8000)).await;
        greedy.entries("hall", 201..=201).await;
        assert_eq!(since(&time, began), Duration::ZERO);
    });
}

/// protocol 11.20.3
#[test]
fn whatever_is_read_counts_and_nothing_of_it_is_refused() {
    let room = || "hall".into();
    let requests: [(&str, RequestBody<'static>); 6] = [
        ("page", History { room: room(), ..History::default() }.into()),
        ("replayed", Replay { room: room(), from: 1, to: 4 }.into()),
        ("replayed", Replay { room: room(), from: 197, to: 200 }.into()),
        ("members", Who { room: room() }.into()),
        ("rooms", RequestBody::Rooms(Default::default())),
        ("page", History { room: "@".into(), ..History::default() }.into()),
    ];
    for (reply, body) in requests {
        let time = VirtualTime::new(122);
        time.run(async {
            let rate = Rate { burst: 10 * KIB, per_minute: 60 * 10 * KIB };
            let server = server(&time, Rates { bytes_read: Some(rate), ..Rates::default() }).await;
            fill(&server, "hall").await;
            let mut greedy = enter(&server, ONE, 1).await;
            greedy.join("hall", Some(200)).await;
            let mut beside = enter(&server, ONE, 2).await;
            // The host goes into debt with this.
            assert!(matches!(
                greedy
                    .ask(|id| Request::new(id, History { room: "hall".into(), ..History::default() }))
                    .await,
                Event::Page(_)
            ));
            let began = time.elapsed();
            let answer = greedy.ask(|id| Request::new(id, body)).await;
            let kind = serde_json::to_value(&answer).unwrap()["type"].clone();
            assert_eq!(kind, reply, "{answer:?}");
            assert!(since(&time, began) >= SECOND * 4, "64 KiB take 5 s: {:?}", since(&time, began));
            assert!(beside.ask(|id| Request::new(id, RequestBody::Ping)).await.reply_to().is_some());
        });
    }
}

/// protocol 11.20.3
#[test]
fn links_of_one_host_share_what_it_may_read() {
    let time = VirtualTime::new(123);
    time.run(async {
        let server = server(&time, Rates { bytes_read: Some(SLOW_READING), ..Rates::default() }).await;
        fill(&server, "hall").await;
        let began = time.elapsed();
        let mut first = enter(&server, ONE, 1).await;
        let mut second = enter(&server, ONE, 2).await;
        for client in [&mut first, &mut second] {
            client.join("hall", Some(100)).await;
        }
        first.entries("hall", 101..=200).await;
        let one = since(&time, began);
        second.entries("hall", 101..=200).await;
        let both = since(&time, began);
        assert!((SECOND * 14..SECOND * 16).contains(&both), "{both:?}");
        assert!(one > SECOND * 12, "neither is served first: {one:?}, {both:?}");
    });
}

/// protocol 11.20.4
#[test]
fn a_host_that_sends_much_is_read_later_whatever_it_sends() {
    let filler = "1,".repeat(20_000);
    for frame in [
        format!(r#"{{"type":"ping","id":901,"x":[{filler}1]}}"#),
        format!(r#"{{"type":"nonsense","x":[{filler}1]}}"#),
        format!(r#"{{"type":"hello","protocol":1,"name":"x","x":[{filler}1]}}"#),
        format!(r#"{{"type":"say","id":901,"room":"nowhere","text":"x","x":[{filler}1]}}"#),
    ] {
        let time = VirtualTime::new(124);
        time.run(async {
            let rate = Rate { burst: 40 * KIB, per_minute: 60 * 40 * KIB };
            let server = server(&time, Rates { bytes_received: Some(rate), ..Rates::default() }).await;
            let mut noisy = enter(&server, ONE, 1).await;
            let mut other = enter(&server, OTHER, 2).await;
            let began = time.elapsed();
            for _ in 0..11 {
                noisy.send(frame.clone()).await;
            }
            assert!(other.ask(|id| Request::new(id, RequestBody::Ping)).await.reply_to().is_some());
            assert_eq!(since(&time, began), Duration::ZERO, "another host does not wait");
            noisy.ask(|id| Request::new(id, RequestBody::Ping)).await;
            let took = since(&time, began);
            assert!((SECOND * 8..SECOND * 12).contains(&took), "40 KiB a second: {took:?}");
        });
    }
}

/// protocol 11.20.4
#[test]
fn small_frames_count_for_what_they_cost() {
    let time = VirtualTime::new(125);
    time.run(async {
        let rate = Rate { burst: 64 * KIB, per_minute: 60 * 64 * KIB };
        let server = server(&time, Rates { bytes_received: Some(rate), ..Rates::default() }).await;
        let mut noisy = enter(&server, ONE, 1).await;
        let began = time.elapsed();
        for _ in 0..2000 {
            noisy.ask(|id| Request::new(id, RequestBody::Ping)).await;
        }
        // Some 280 bytes each.
        assert!((SECOND * 7..SECOND * 9).contains(&since(&time, began)), "{:?}", since(&time, began));
    });
}

/// protocol 11.20.5
#[test]
fn a_link_with_large_frames_does_not_keep_another_waiting() {
    let frame = format!(r#"{{"type":"ping","id":1,"x":"{}"}}"#, "x".repeat(65_000));
    let mut answered_before = Vec::new();
    for seed in 0..16 {
        let time = VirtualTime::new(seed);
        time.run(async {
            let server = TestServer::unlimited(&time).await;
            let (mut large, mut small) = (enter(&server, ONE, 1).await, enter(&server, OTHER, 2).await);
            for _ in 0..32 {
                large.send(frame.clone()).await;
            }
            small.ask(|id| Request::new(id, RequestBody::Ping)).await;
            let mut answered = 0;
            while let Some(Some(Event::Pong(_))) = large.event().now_or_never() {
                answered += 1;
            }
            answered_before.push(answered);
        });
    }
    assert!(answered_before.iter().all(|answered| *answered < 32), "{answered_before:?}");
}

/// A log in which every search takes a second.
struct SlowSearches {
    log: MemoryLog,
    time: VirtualTime,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

impl RoomLog for SlowSearches {
    fn epoch(&self) -> String {
        self.log.epoch()
    }

    fn holds(&self, room: &RoomName, epoch: &str, seq: u64) -> bool {
        self.log.holds(room, epoch, seq)
    }

    fn subscribe(&self) -> BoxFuture<'_, Result<(Snapshot, Tail), LogError>> {
        self.log.subscribe()
    }

    fn append(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<Appended, LogError>> {
        self.log.append(batch)
    }

    fn lookup(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Vec<Option<Outcome>>, LogError>> {
        self.log.lookup(batch)
    }

    fn read<'a>(
        &'a self,
        room: &'a RoomName,
        after: u64,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<LogPage, LogError>> {
        self.log.read(room, after, limit)
    }

    fn search(&self, search: Search) -> BoxFuture<'_, Result<Found, LogError>> {
        async move {
            let under_way = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(under_way, Ordering::Relaxed);
            self.time.pass(SECOND).await;
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            self.log.search(search).await
        }
        .boxed()
    }
}

/// protocol 11.20.2
#[test]
fn a_host_that_searches_with_many_sessions_holds_up_only_its_own() {
    let time = VirtualTime::new(126);
    time.run(async {
        let log = Arc::new(SlowSearches {
            log: MemoryLog::new(1 << 20, 7),
            time: time.clone(),
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let server = TestServer::with(&time, Limits::default(), log.clone()).await;
        let mut many = Vec::new();
        for n in 0..30 {
            let mut client = enter(&server, ONE, n).await;
            client.send(r#"{"type":"search","id":1,"words":"tea"}"#).await;
            many.push(client);
        }
        time.settle().await;
        let began = time.elapsed();
        let mut other = enter(&server, OTHER, 99).await;
        for _ in 0..3 {
            let found = other.ask_as(7, r#"{"type":"search","id":7,"words":"tea"}"#).await;
            assert!(matches!(found, Event::Found(_)), "{found:?}");
        }
        assert!(since(&time, began) <= SECOND * 4, "thirty others wait: {:?}", since(&time, began));
        for client in &mut many {
            client.expect("found", |event| matches!(event, Event::Found(_)).then_some(())).await;
        }
        assert_eq!(log.most.load(Ordering::Relaxed), 2, "one of each host");
    });
}

/// protocol 11.13.3, 11.20.3: what a class needs when all begin at once is there at once.
#[test]
fn thirty_people_of_one_host_read_the_newest_entries_at_once() {
    let time = VirtualTime::new(127);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut here = server.enter("writer", 900).await;
        here.join("hall", None).await;
        for n in 1..=50 {
            while let Event::Error(Error { code, retry_after_ms, .. }) =
                here.ask(|id| Request::new(id, super::super::say("hall", "x".repeat(8000)))).await
            {
                assert_eq!(code, Code::RateLimited);
                time.pass(Duration::from_millis(retry_after_ms.unwrap())).await;
            }
            here.entries("hall", n..=n).await;
        }
        let began = time.elapsed();
        for n in 0..30 {
            let mut pupil = enter(&server, ONE, n).await;
            let join = |id| Request::new(id, Join { room: "hall".into(), ..Join::default() });
            assert!(matches!(pupil.ask(join).await, Event::Joined(_)));
            pupil.entries("hall", 1..=50).await;
        }
        assert_eq!(since(&time, began), Duration::ZERO);
    });
}
