//! Servers that share a log, rooms that end, and a tail that breaks: what a server delivers is what the tail says.

use std::sync::Arc;

use chat_core::{
    RoomName,
    client::Update,
    log::{Appended, LogError, MemoryLog, Record, RoomLog, Snapshot, Tail, Write},
    memory::Memory,
    server::Limits,
    wire::{Code, Error, Event, Join, Request},
};
use chat_testkit::virtual_time::VirtualTime;
use futures::{FutureExt, StreamExt, future::BoxFuture};

use super::{SECOND, TestServer};

async fn servers(time: &VirtualTime, log: &Arc<MemoryLog>) -> [TestServer; 2] {
    let open = || TestServer::over(time, Memory::default(), Limits::default().unlimited(), log.clone());
    [open().await, open().await]
}

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

/// protocol 6.1, 7.2
#[test]
fn two_servers_on_one_log_deliver_to_each_others_people() {
    let time = VirtualTime::new(301);
    time.run(async {
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let [one, other] = servers(&time, &log).await;
        let mut ana = one.enter("ana", 1).await;
        let mut bob = other.enter("bob", 2).await;
        ana.join("lobby", Some(0)).await;
        bob.join("lobby", Some(0)).await;
        for n in 0..20 {
            let (client, text) = if n % 3 == 0 { (&mut bob, "from bob") } else { (&mut ana, "from ana") };
            assert_eq!(client.say("lobby", text).await.seq, n + 1);
        }
        let (of_ana, of_bob) = (ana.entries("lobby", 1..=20).await, bob.entries("lobby", 1..=20).await);
        assert_eq!(of_ana, of_bob);
        // A room that is new on one server is there on the other, with its topic.
        bob.join("kitchen", None).await;
        let id = bob.next_id();
        bob.ask_as(id, format!(r#"{{"type":"topic","id":{id},"room":"kitchen","text":"dishes"}}"#)).await;
        let joined = ana.join("Kitchen", Some(0)).await;
        assert_eq!((joined.room.as_str(), joined.head, joined.topic.as_str()), ("kitchen", 1, "dishes"));
        // The epoch that one server gave is good on the other.
        let epoch = joined.epoch;
        let join = |id| {
            let (room, epoch) = ("kitchen".into(), Some(epoch.into()));
            Request::new(id, Join { room, after: Some(1), epoch, ..Join::default() })
        };
        let Event::Joined(again) = bob.ask(join).await else { panic!("a member may join again") };
        assert!(!again.reset);
    });
}

/// protocol 7.2: with acks and entries of two servers in between each other.
#[test]
fn an_ack_comes_before_its_entry_also_while_another_server_writes() {
    let time = VirtualTime::new(302);
    time.run(async {
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let [one, other] = servers(&time, &log).await;
        let mut ana = one.enter("ana", 1).await;
        let mut bob = other.enter("bob", 2).await;
        ana.join("lobby", Some(0)).await;
        bob.join("lobby", Some(0)).await;
        for id in 100..200 {
            for client in [&mut ana, &mut bob] {
                client.send(format!(r#"{{"type":"say","id":{id},"room":"lobby","text":"x"}}"#)).await;
            }
        }
        for client in [&mut ana, &mut bob] {
            let (mut acked, mut read) = (Vec::new(), 0);
            while read < 200 {
                match client.event().await.unwrap() {
                    Event::Ack(ack) => {
                        assert!(ack.seq > read, "entry {} came before its ack", ack.seq);
                        acked.push(ack.seq);
                    }
                    Event::Entry(entry) => {
                        assert_eq!(entry.seq, read + 1);
                        read = entry.seq;
                    }
                    _ => {}
                }
            }
            assert_eq!(acked.len(), 100);
        }
    });
}

/// protocol 6.7
#[test]
fn an_empty_room_whose_entries_are_gone_is_forgotten_by_log_and_server() {
    let time = VirtualTime::new(303);
    time.run(async {
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let server = TestServer::with(&time, Limits::default().unlimited(), log.clone()).await;
        let mut ana = server.enter("ana", 1).await;
        let first = ana.join("hall", Some(0)).await.epoch;
        ana.say("hall", "x").await;
        assert_eq!(server.server.rooms(), 1);
        // The log lets go of everything while ana is still there, then she leaves.
        let trim = || Write::Record(Record::RoomTrimmed { room: room("hall"), oldest: 2 });
        log.append(vec![trim()]).await.unwrap();
        time.settle().await;
        assert_eq!(server.server.rooms(), 1);
        ana.send(r#"{"type":"leave","id":501,"room":"hall"}"#).await;
        ana.expect("left", |event| (event.reply_to() == Some(501)).then_some(())).await;
        time.settle().await;
        assert_eq!((server.server.rooms(), log.rooms().await.unwrap().len()), (0, 0));
        // Made again it is another room: a cursor of the old one is void (protocol 6.4).
        ana.join("hall", Some(0)).await;
        assert_eq!(ana.say("hall", "y").await.seq, 1);
        let join = |id| {
            let (room, epoch) = ("hall".into(), Some(first.into()));
            Request::new(id, Join { room, after: Some(1), epoch, ..Join::default() })
        };
        let Event::Joined(again) = ana.ask(join).await else { panic!("a member may join again") };
        assert!(again.reset);
        // The other way round: first she leaves, then the log lets go of it.
        ana.send(r#"{"type":"leave","id":502,"room":"hall"}"#).await;
        ana.expect("left", |event| (event.reply_to() == Some(502)).then_some(())).await;
        assert_eq!(server.server.rooms(), 1);
        log.append(vec![trim()]).await.unwrap();
        time.settle().await;
        assert_eq!((server.server.rooms(), log.rooms().await.unwrap().len()), (0, 0));
    });
}

/// protocol 6.7: rooms that were empty when the server was started are forgotten too.
#[test]
fn rooms_without_entries_are_forgotten_at_the_start() {
    let time = VirtualTime::new(304);
    time.run(async {
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        for n in 1..=50 {
            let room = room(&format!("room{n}"));
            log.append(vec![Write::Record(Record::RoomMade { room, incarnation: n })]).await.unwrap();
        }
        let server = TestServer::with(&time, Limits::default(), log.clone()).await;
        time.settle().await;
        assert_eq!((server.server.rooms(), log.rooms().await.unwrap().len()), (0, 0));
    });
}

/// A room that another server has forgotten ends for those who are in it: they are told, and join it anew.
#[test]
fn who_is_in_a_room_that_another_server_forgets_joins_it_anew() {
    let time = VirtualTime::new(305);
    time.run(async {
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let server = TestServer::with(&time, Limits::default(), log.clone()).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("hall", Some(0)).await;
        ana.say("hall", "x").await;
        ana.entries("hall", 1..=1).await;
        let room = room("hall");
        let records = [Record::RoomTrimmed { room: room.clone(), oldest: 2 }, Record::RoomForgotten { room }];
        log.append(records.map(Write::Record).into()).await.unwrap();
        ana.expect("error", |event| match event {
            Event::Error(Error { id: None, code: Code::NoSuchRoom, .. }) => Some(()),
            _ => None,
        })
        .await;
        while ana.event().await.is_some() {}
        let (mut remote, mut updates) = server.client("bob");
        remote.ask(Join { room: "hall".into(), ..Join::default() }, 1).await.unwrap();
        let head = super::next(&mut updates, |update| match update {
            Update::Joined { joined, .. } => Some(joined.head),
            _ => None,
        });
        assert_eq!(head.await, 0);
    });
}

/// A log whose tail is what the test says.
struct BrokenTail {
    log: MemoryLog,
    change: Change,
}

/// What is wrong with a tail.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// A commit is missing.
    Loses,
    /// A commit comes twice.
    Doubles,
    /// The tail ends.
    Ends,
    /// The reader is too slow.
    Lags,
}

impl RoomLog for BrokenTail {
    chat_testkit::reads_from!(@others log);

    fn subscribe(&self) -> BoxFuture<'_, Result<(Snapshot, Tail), LogError>> {
        let change = self.change;
        async move {
            let (snapshot, tail) = self.log.subscribe().await?;
            let broken = tail.enumerate().flat_map(move |(n, commit)| {
                let commits = match change {
                    Change::Loses if n == 3 => vec![],
                    Change::Doubles if n == 3 => vec![commit.clone(), commit],
                    Change::Lags if n == 3 => vec![Err(LogError::TooSlow)],
                    _ => vec![commit],
                };
                futures::stream::iter(commits)
            });
            let most = if matches!(change, Change::Ends) { 3 } else { usize::MAX };
            Ok((snapshot, broken.take(most).boxed()))
        }
        .boxed()
    }

    fn append(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<Appended, LogError>> {
        self.log.append(batch)
    }
}

/// A server never numbers entries wrongly: it says that it has failed.
#[test]
fn a_server_whose_tail_is_broken_fails_and_delivers_nothing_wrong() {
    for change in [Change::Loses, Change::Doubles, Change::Ends, Change::Lags] {
        let time = VirtualTime::new(306);
        time.run(async {
            let log = BrokenTail { log: MemoryLog::new(1 << 20, 7), change };
            let server = TestServer::with(&time, Limits::default().unlimited(), Arc::new(log)).await;
            let mut ana = server.enter("ana", 1).await;
            ana.join("lobby", Some(0)).await;
            for id in 100..106 {
                ana.send(format!(r#"{{"type":"say","id":{id},"room":"lobby","text":"x"}}"#)).await;
                time.pass(SECOND).await;
            }
            time.pass(SECOND * 20).await;
            assert!(
                server.server.failed().now_or_never().is_some(),
                "{change:?}: it says that it has failed"
            );
            let mut read = 0;
            ana.has_heard(|event| {
                if let Event::Entry(entry) = event {
                    assert_eq!(entry.seq, read + 1, "{change:?}");
                    read = entry.seq;
                }
                false
            })
            .await;
            assert!((3..=4).contains(&read), "{change:?}: {read}");
        });
    }
}
