//! Whose a name is, and for how long.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use chat_core::{
    RoomName, Runtime, SharedRuntime,
    log::{
        Append, Appended, Feed, LogError, LogPage, MemoryLog, Outcome, PageLimit, RoomLog, Snapshot, Tail,
        Write,
    },
    memory::Memory,
    server::{Config, Limits, Rates, Server},
    wire::{Code, Error, Event, Guests, Hello, Leave, Request, Who},
};
use chat_sqlite::{Options, SqliteLog};
use chat_testkit::{hello, virtual_time::VirtualTime};
use futures::{
    FutureExt, StreamExt,
    executor::block_on,
    future::{self, BoxFuture},
};

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

/// protocol 21.2, 21.3
#[test]
fn a_name_belongs_to_whom_it_was_first() {
    let time = VirtualTime::new(210);
    time.run(async {
        let server = TestServer::open(&time).await;
        let ana = enter(&server, "Ana", 1).await;
        bye(ana).await;
        for taken in ["Ana", "ana", "ANA"] {
            for other in [Some(2), None] {
                let error = try_to_enter(&server, taken, other).await.expect_err("it is ana's");
                assert_eq!((error.code, error.owned, error.retry_after_ms), (Code::NameTaken, true, None));
            }
        }
        assert_eq!(try_to_enter(&server, "ana", Some(1)).await.expect("it is ana's").name, "ana");
        try_to_enter(&server, "anna", Some(2)).await.expect("another name is free");
    });
}

/// protocol 21.2.1
#[test]
fn a_guest_has_a_name_while_the_session_lasts() {
    let time = VirtualTime::new(211);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut guest = server.at("192.0.2.9");
        guest.hello(&hello("bob", 1)).await;
        let error = try_to_enter(&server, "bob", Some(1)).await.expect_err("a guest has it");
        assert_eq!((error.code, error.owned), (Code::NameTaken, false));
        bye(guest).await;
        try_to_enter(&server, "bob", Some(1)).await.expect("it is free");
        assert!(try_to_enter(&server, "bob", None).await.expect_err("it has an owner").owned);
    });
}

/// protocol 21.4
#[test]
fn an_owner_takes_over_a_session_that_waits_and_no_other() {
    let time = VirtualTime::new(212);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = dial(&server, 1);
        let secret = ana.hello(&hello("ana", 1)).await.resume;
        ana.join("lobby", None).await;
        let error = try_to_enter(&server, "ana", Some(1)).await.expect_err("ana is here");
        assert_eq!((error.code, error.owned, error.retry_after_ms), (Code::NameTaken, false, None));
        assert!(error.message.contains("another machine or in another window"), "{}", error.message);
        drop(ana);
        time.settle().await;
        let again = Hello { resume: Some("0".repeat(22).into()), ..hello("ana", 7) };
        let welcome = dial(&server, 1).hello(&again).await;
        assert!(!welcome.resumed && welcome.resume != secret, "the secret was lost");
    });
}

/// protocol 3.10
#[test]
fn a_session_is_resumed_with_its_key_alone() {
    let time = VirtualTime::new(213);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = dial(&server, 1);
        let resume = Some(ana.hello(&hello("ana", 1)).await.resume.into());
        ana.join("lobby", None).await;
        drop(ana);
        let again = Hello { resume, ..hello("ana", 1) };
        let refused = dial(&server, 2).refused(&again).await.code;
        assert_eq!(refused, Code::NotWelcome, "the secret is of no use to another key");
        assert!(dial(&server, 1).hello(&again).await.resumed);
    });
}

/// A runtime whose days pass when it is told, and whose time of day can be wrong.
#[derive(Clone)]
struct Days {
    time: SharedRuntime,
    passed: Arc<AtomicU32>,
    wrong: Arc<AtomicU32>,
}

impl Days {
    fn new(time: &VirtualTime) -> Days {
        Days { time: time.shared(), passed: Arc::default(), wrong: Arc::default() }
    }

    fn pass(&self, days: u32) {
        self.passed.fetch_add(days, Ordering::AcqRel);
    }

    fn passed(&self) -> Duration {
        self.passed.load(Ordering::Acquire) * DAY
    }

    /// A server in this time.
    async fn server(&self, time: &VirtualTime) -> TestServer {
        let config = Config { software: "hall".to_owned(), ..Config::default() };
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let server = Server::start(config, log, Arc::new(self.clone())).await.unwrap();
        let address = "memory://hall".parse().unwrap();
        TestServer { time: time.clone(), memory: Memory::default(), server, address }
    }
}

impl Runtime for Days {
    fn now(&self) -> Instant {
        self.time.now() + self.passed()
    }

    fn wall_clock(&self) -> SystemTime {
        self.time.wall_clock() + self.passed() + self.wrong.load(Ordering::Acquire) * DAY
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        self.time.sleep_until(at.checked_sub(self.passed()).unwrap_or(at))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.time.spawn(task);
    }

    fn random(&self) -> u128 {
        self.time.random()
    }
}

/// protocol 21.2: 90 days after the last session, not after the first.
#[test]
fn a_name_is_free_when_its_owner_was_away_for_90_days() {
    let time = VirtualTime::new(214);
    time.run(async {
        let days = Days::new(&time);
        let server = days.server(&time).await;
        bye(enter(&server, "ana", 1).await).await;
        for _ in 0..3 {
            days.pass(80);
            assert!(try_to_enter(&server, "ana", Some(2)).await.is_err());
            try_to_enter(&server, "ana", Some(1)).await.expect("it is ana's");
        }
        days.pass(89);
        assert!(try_to_enter(&server, "ana", None).await.expect_err("it is ana's").owned);
        days.pass(2);
        try_to_enter(&server, "ana", None).await.expect("a guest may have it");
        try_to_enter(&server, "ana", Some(2)).await.expect("and so may another person");
        assert!(try_to_enter(&server, "ana", Some(1)).await.expect_err("who owns it now").owned);
    });
}

/// protocol 21.2: a long session counts to its end.
#[test]
fn a_name_is_seen_when_its_session_ends() {
    let time = VirtualTime::new(221);
    time.run(async {
        let days = Days::new(&time);
        let server = days.server(&time).await;
        let ana = enter(&server, "ana", 1).await;
        days.pass(100);
        bye(ana).await;
        days.pass(1);
        assert!(try_to_enter(&server, "ana", Some(2)).await.expect_err("it is ana's").owned);
    });
}

/// protocol 21.2.4
#[test]
fn a_clock_that_jumps_ahead_frees_no_name() {
    let time = VirtualTime::new(215);
    time.run(async {
        let days = Days::new(&time);
        let server = days.server(&time).await;
        bye(enter(&server, "ana", 1).await).await;
        days.wrong.store(365, Ordering::Release);
        for _ in 0..4 {
            assert!(try_to_enter(&server, "ana", Some(2)).await.expect_err("it is ana's").owned);
            days.pass(1); // long after the server believes the time of day (protocol 7.3)
        }
        days.pass(1);
        try_to_enter(&server, "ana", Some(2)).await.expect("a day more an hour is believed");
    });
}

/// A log whose futures and tail are ready at once, so that one in a file can be used in virtual time.
struct AtOnce {
    log: SqliteLog,
    tail: Mutex<Tail>,
    feed: Mutex<Feed>,
}

impl AtOnce {
    fn open(directory: &Path) -> AtOnce {
        let log = SqliteLog::open(directory, Options::default()).unwrap();
        let (_, tail) = block_on(log.subscribe()).unwrap();
        AtOnce { log, tail: Mutex::new(tail), feed: Mutex::default() }
    }
}

impl RoomLog for AtOnce {
    fn epoch(&self) -> String {
        self.log.epoch()
    }

    fn holds(&self, room: &RoomName, epoch: &str, seq: u64) -> bool {
        self.log.holds(room, epoch, seq)
    }

    fn subscribe(&self) -> BoxFuture<'_, Result<(Snapshot, Tail), LogError>> {
        let (snapshot, _) = block_on(self.log.subscribe()).unwrap();
        let tail = self.feed.lock().unwrap().subscribe();
        future::ready(Ok((snapshot, tail))).boxed()
    }

    fn append(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<Appended, LogError>> {
        let appended = block_on(self.log.append(batch)).unwrap();
        while let Some(position) = appended.position {
            let commit = block_on(self.tail.lock().unwrap().next()).unwrap().unwrap();
            let is_it = commit.position == position;
            self.feed.lock().unwrap().publish(commit);
            if is_it {
                break;
            }
        }
        future::ready(Ok(appended)).boxed()
    }

    fn lookup(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Vec<Option<Outcome>>, LogError>> {
        future::ready(block_on(self.log.lookup(batch))).boxed()
    }

    fn read<'a>(
        &'a self,
        room: &'a RoomName,
        after: u64,
        limit: PageLimit,
    ) -> BoxFuture<'a, Result<LogPage, LogError>> {
        future::ready(block_on(self.log.read(room, after, limit))).boxed()
    }
}

/// protocol 21.2: the log knows the owner when a server begins that was killed.
#[test]
fn an_owner_is_known_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    for run in 0..3 {
        let time = VirtualTime::new(216);
        time.run(async {
            let log = Arc::new(AtOnce::open(directory.path()));
            let server = TestServer::with(&time, Limits::default(), log).await;
            if run > 0 {
                assert!(try_to_enter(&server, "ana", Some(2)).await.expect_err("it is ana's").owned);
                assert!(try_to_enter(&server, "ana", None).await.expect_err("it is ana's").owned);
            }
            let mut ana = enter(&server, "ana", 1).await;
            ana.join("lobby", None).await;
            ana.say("lobby", "x").await; // stored after the name
        });
        time.end();
    }
}

/// protocol 21.2.2, 11.13: one host that makes up keys without end fills nothing, and keeps nobody out.
#[test]
fn a_flood_of_claims_ends_at_the_budget_of_its_host() {
    let time = VirtualTime::new(217);
    time.run(async {
        let limits = Limits { host: Rates { sessions: None, ..Limits::default().host }, ..Limits::default() };
        let server = TestServer::with(&time, limits, Arc::new(MemoryLog::new(1 << 20, 7))).await;
        let flood = |n: u8| server.known("192.0.2.250", key(n), binding(n));
        for n in 0..60 {
            let mut client = flood(n);
            client.hello(&hello(&format!("p{n}"), 1000 + u64::from(n))).await;
            bye(client).await;
        }
        let mut owned = 0;
        for n in 0..60 {
            let taken = try_to_enter(&server, &format!("p{n}"), None).await;
            owned += usize::from(taken.is_err_and(|error| error.owned));
        }
        assert_eq!(owned, 30, "sessions beyond the budget open, and their names belong to nobody");
        bye(enter(&server, "ana", 201).await).await;
        assert!(try_to_enter(&server, "ana", None).await.is_err(), "another host claims as before");
        // The budget comes back: one name in ten minutes.
        time.pass(Duration::from_secs(601)).await;
        for n in [100, 101] {
            let mut client = flood(n);
            client.hello(&hello(&format!("q{n}"), 5000 + u64::from(n))).await;
            bye(client).await;
        }
        assert!(try_to_enter(&server, "q100", None).await.is_err());
        assert!(try_to_enter(&server, "q101", None).await.is_ok());
    });
}

/// protocol 21.2.3
#[test]
fn one_person_owns_eight_names() {
    let time = VirtualTime::new(218);
    time.run(async {
        let server = TestServer::open(&time).await;
        for n in 0..9 {
            bye(enter(&server, &format!("ana-{n}"), 1).await).await;
        }
        assert!(try_to_enter(&server, "ana-7", None).await.is_err());
        assert!(try_to_enter(&server, "ana-8", None).await.is_ok());
    });
}

/// protocol 21.5, 7.8
#[test]
fn guests_are_marked_and_entries_of_people_have_their_key() {
    let time = VirtualTime::new(219);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut guest = server.at("192.0.2.9");
        guest.hello(&hello("gil", 1)).await;
        assert_eq!(guest.join("hall", None).await.guests, Guests::All);
        let mut ana = enter(&server, "ana", 1).await;
        let joined = ana.join("hall", None).await;
        assert_eq!((joined.members.len(), &joined.guests), (2, &Guests::Named(vec!["gil".to_owned()])));
        let entered = |name: &'static str| {
            move |event: &Event| match event {
                Event::Presence(it) if it.entered == [name] => Some(it.guests.clone()),
                _ => None,
            }
        };
        assert_eq!(guest.expect("news of ana", entered("ana")).await, Guests::default());
        ana.say("hall", "hi").await;
        guest.say("hall", "hello").await;
        let entries = ana.entries("hall", 1..=2).await;
        assert_eq!(entries[0].author.identity, Some(key(1)));
        assert_eq!(entries[1].author.identity, None);
        guest.ask(|id| Request::new(id, Leave { room: "hall".into() })).await;
        let Event::Members(members) = ana.ask(|id| Request::new(id, Who { room: "hall".into() })).await
        else {
            panic!("who is answered")
        };
        assert_eq!((members.present, members.guests), (1, Guests::default()));
        time.pass(Duration::from_secs(1)).await; // or the two changes are none (protocol 9.3.1)
        ana.forget();
        guest.join("hall", None).await;
        assert_eq!(ana.expect("news of gil", entered("gil")).await, Guests::All);
    });
}

/// protocol 21.3: a refusal for good, which says so to programs.
#[test]
fn a_refusal_for_an_owned_name_leaves_the_link_open() {
    let time = VirtualTime::new(220);
    time.run(async {
        let server = TestServer::open(&time).await;
        bye(enter(&server, "ana", 1).await).await;
        let mut guest = server.at("192.0.2.9");
        let Error { owned, .. } = guest.refused(&hello("ana", 5)).await;
        assert!(owned);
        assert_eq!(guest.hello(&hello("ana-2", 5)).await.name, "ana-2");
    });
}
