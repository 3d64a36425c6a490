//! Where a bound is reached, to the number, and what is told there.

use std::{sync::Arc, time::Duration};

use chat_core::{
    log::MemoryLog,
    memory::Memory,
    server::{Config, Limits, Server},
    transport::{Transport, Transports},
    wire::{Code, Error, Event, Gap, Hello, History, Leave, Presence, Replay, Request, RoomList, Tell},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime};
use futures::{FutureExt, SinkExt, future::join_all};

use super::{Hall, presence_of};

async fn unlimited(time: &VirtualTime, log_bytes: usize) -> Hall {
    Hall::with(time, Limits::default().unlimited(), Arc::new(MemoryLog::new(log_bytes, 7))).await
}

fn gap(event: &Event) -> Option<Gap> {
    if let Event::Gap(gap) = event { Some(gap.clone()) } else { None }
}

fn presence(event: &Event) -> Option<Presence> {
    if let Event::Presence(presence) = event { Some(presence.clone()) } else { None }
}

fn code(event: &Event) -> Option<Code> {
    if let Event::Error(Error { code, .. }) = event { Some(*code) } else { None }
}

/// protocol 6.5, 10.5
#[test]
fn what_an_inbox_let_go_of_is_told() {
    let time = VirtualTime::new(51);
    time.run(async {
        let hall = unlimited(&time, 1 << 20).await;
        let mut ana = hall.enter("ana", 1).await;
        for n in 1..=300 {
            ana.ask(|id| {
                Request::Tell(Tell { id, to: "ana".into(), text: "note".into(), order: None, bot: false })
            })
            .await;
            ana.entries("@", n..=n).await;
        }
        let joined = ana.join("@", Some(0)).await;
        assert_eq!((joined.oldest, joined.head, joined.after), (45, 300, 0));
        let gap = ana.expect("gap", gap).await;
        assert_eq!((gap.room.as_str(), gap.from, gap.to), ("@", 1, 44));
        ana.entries("@", 45..=300).await;
    });
}

/// protocol 8.3
#[test]
fn a_replay_names_what_is_no_longer_held() {
    let time = VirtualTime::new(52);
    time.run(async {
        let hall = unlimited(&time, 10_000).await;
        let mut ana = hall.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        for n in 1..=100 {
            ana.say("lobby", &n.to_string()).await;
            ana.entries("lobby", n..=n).await;
        }
        let oldest = ana.join("lobby", Some(100)).await.oldest;
        for (from, to, gone) in [(oldest - 5, oldest + 5, oldest - 1), (1, 10, 10)] {
            let replayed = ana.ask(|id| Request::Replay(Replay { id, room: "lobby".into(), from, to })).await;
            assert!(matches!(replayed, Event::Replayed(it) if (it.from, it.to) == (from, to)));
            let came = ana.forget();
            let gap = came.first().and_then(gap).expect("the gap comes first");
            assert_eq!((gap.from, gap.to), (from, gone));
            let entries = came[1..].iter().map(|it| if let Event::Entry(it) = it { it.seq } else { 0 });
            assert!(entries.eq(gone + 1..=to), "{came:?}");
        }
    });
}

/// A room of 257, of whom the last one is handed out. The others do not read.
async fn crowd(hall: &Hall) -> (Vec<RawClient>, RawClient) {
    let mut crowd = Vec::new();
    for n in 0..=256 {
        let mut client = hall.enter(&format!("p{n:03}"), n).await;
        client.join("hall", None).await;
        crowd.push(client);
    }
    let last = crowd.pop().expect("there are some");
    (crowd, last)
}

/// protocol 9.3
#[test]
fn in_a_large_room_changes_wait_for_the_next_frame() {
    let time = VirtualTime::new(53);
    time.run(async {
        let hall = unlimited(&time, 1 << 20).await;
        let (_crowd, mut last) = crowd(&hall).await;
        last.has_heard(|_| false).await;
        let mut zoe = hall.enter("zoe", 999).await;
        zoe.join("hall", None).await;
        assert!(last.is_silent().await, "nobody is woken for it");
        last.send(PING).await;
        assert!(last.expect("news of zoe, with the pong", presence_of("zoe")).await);
    });
}

/// protocol 9.1, 9.2
#[test]
fn who_is_further_behind_than_the_server_remembers_can_tell() {
    let time = VirtualTime::new(54);
    time.run(async {
        let hall = unlimited(&time, 1 << 20).await;
        let (_crowd, mut last) = crowd(&hall).await;
        let mut zoe = hall.enter("zoe", 999).await;
        zoe.join("hall", None).await;
        last.send(PING).await;
        let known = last.expect("news of zoe, with the pong", presence).await.version;
        for _ in 0..150 {
            zoe.ask(|id| Request::Leave(Leave { id, room: "hall".into() })).await;
            zoe.join("hall", None).await;
        }
        last.send(PING).await;
        let change = last.expect("news of zoe, with the pong", presence).await;
        assert_eq!(change.version, known + 300);
        assert!(change.since > known, "more has changed than it says: {change:?}");
    });
}

/// protocol 11.3
#[test]
fn who_asks_too_much_is_told_so_and_can_still_talk() {
    let time = VirtualTime::new(55);
    time.run(async {
        let hall = Hall::open(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        ana.join("lobby", None).await;
        let rooms = |id| Request::Rooms(RoomList { id });
        for _ in 1..200 {
            assert!(matches!(ana.ask(rooms).await, Event::Rooms(_)));
        }
        match ana.ask(rooms).await {
            Event::Error(Error { code: Code::RateLimited, retry_after_ms: Some(wait), .. }) => {
                assert!((1..=21).contains(&wait), "50 a second: {wait}");
                time.pass(Duration::from_millis(wait)).await;
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(ana.ask(rooms).await, Event::Rooms(_)));
        ana.say("lobby", "hi").await;
        assert!(!ana.has_heard(|it| code(it).is_some()).await, "a ping is always answered");
    });
}

/// protocol 11.7
#[test]
fn a_server_has_so_many_links_and_its_own_machine_may_have_them_all() {
    let time = VirtualTime::new(56);
    time.run(async {
        let limits = Limits { links: 70, ..Limits::default() };
        let hall = Hall::with(&time, limits, Arc::new(MemoryLog::new(1 << 20, 7))).await;
        let mut inside = join_all((0..70).map(|_| hall.dial())).await;
        inside[69].hello(&hello("ana", 1)).await;
        let rest = hall.dial().await.rest().await;
        assert_eq!(rest.iter().map(code).collect::<Vec<_>>(), [Some(Code::Full)]);
        inside.pop();
        time.settle().await;
        hall.dial().await.hello(&hello("bob", 2)).await;
    });
}

/// protocol 2.7
#[test]
fn what_is_almost_the_password_is_not_the_password() {
    let time = VirtualTime::new(57);
    time.run(async {
        let memory = Memory::default();
        let config = Config { password: Some("sesame".to_owned()), ..Config::default() };
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let server = Server::start(config, log, time.shared()).await.unwrap();
        let transports = Transports::new().with("memory", memory.clone());
        let address = server.listen(&transports, &"memory://hall".parse().unwrap()).await.unwrap();
        let dial =
            async || RawClient::new(memory.dial(&address).await.unwrap(), memory.promises(), time.shared());
        for wrong in ["", "s", "sesam", "sesame ", "sesamesesame", "Sesame", "sesamf", "opened"] {
            let hello = Hello { password: Some(wrong.into()), ..hello("ana", 1) };
            assert_eq!(dial().await.refused(&hello).await.code, Code::BadPassword, "{wrong:?}");
        }
        assert_eq!(dial().await.refused(&hello("ana", 1)).await.code, Code::BadPassword, "none at all");
        dial().await.hello(&Hello { password: Some("sesame".into()), ..hello("ana", 1) }).await;
    });
}

/// protocol 3.4, 3.5
#[test]
fn a_link_that_takes_over_from_one_that_lives_is_sent_nothing_it_did_not_ask_for() {
    let time = VirtualTime::new(58);
    time.run(async {
        let hall = Hall::open(&time).await;
        let mut bob = hall.enter("bob", 2).await;
        bob.join("lobby", Some(0)).await;
        let mut ana = hall.dial().await;
        let secret = ana.hello(&hello("ana", 1)).await.resume;
        ana.join("lobby", Some(0)).await;
        bob.say("lobby", "one").await;
        let mut newer = hall.dial().await;
        let again = Hello { resume: Some(secret.into()), ..hello("ana", 1) };
        assert!(newer.hello(&again).await.resumed);
        newer.go_on_after(&ana);
        bob.say("lobby", "two").await;
        let sent = |it: &Event| matches!(it, Event::Entry(_) | Event::Presence(_));
        assert!(!newer.has_heard(sent).await, "nobody knows where it stands");
        newer.join("lobby", Some(0)).await;
        newer.entries("lobby", 1..=2).await;
    });
}

/// protocol 11.5
#[test]
fn who_asks_for_much_and_reads_nothing_is_not_listened_to() {
    let time = VirtualTime::new(59);
    time.run(async {
        let hall = unlimited(&time, 1 << 24).await;
        let mut ana = hall.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        for n in 1..=8 {
            ana.say("lobby", &"x".repeat(8000)).await;
            ana.entries("lobby", n..=n).await;
        }
        let mut link = hall.memory.dial(&hall.address).await.unwrap();
        link.send(chat_core::wire::write(&Request::Hello(hello("bob", 2)))).await.unwrap();
        link.send(r#"{"type":"join","id":1,"room":"lobby","after":8}"#.into()).await.unwrap();
        let mut asked = 0;
        loop {
            let history = History { id: 2 + asked, room: "lobby".into(), before: None, limit: None };
            let history = chat_core::wire::write(&Request::History(history));
            time.settle().await;
            if link.send(history).now_or_never().is_none() {
                break;
            }
            asked += 1;
            assert!(asked < 1000, "64 kB are owed for each");
        }
        // 64 requests and 64 replies are on their way over such a link. The rest is what the server took on.
        assert!((128..128 + 16).contains(&asked), "{asked}");
    });
}

const PING: &str = r#"{"type":"ping","id":1000}"#;
