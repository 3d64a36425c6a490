//! Protocol, section 11: rates and limits, to the number.

mod accounts;
mod fairness;
mod holdings;
mod new_rooms;
mod passwords;
mod resuming;

use std::{sync::Arc, time::Duration};

use chat_core::{
    Runtime,
    log::MemoryLog,
    server::{Config, Limits, Server},
    transport::{Transport, Transports},
    wire::{Code, Error, Event, History, Post, Request, Who, write},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime};
use futures::{FutureExt, SinkExt, future::join_all};

use super::{
    SECOND, TestServer, error,
    other_hosts::OtherHosts,
    say,
    slow_log::{SlowLog, failing_server},
};

fn code(event: &Event) -> Option<Code> {
    if let Event::Error(Error { code, .. }) = event { Some(*code) } else { None }
}

/// A name for each number, of letters none of which looks like another.
fn person(n: usize) -> String {
    [n / 529, n / 23, n].map(|n| char::from(b"abcdefghjkmnpqrstuvwxyz"[n % 23])).iter().collect()
}

/// People in the lobby.
async fn crowd(server: &TestServer, count: usize) -> Vec<RawClient> {
    let mut people = Vec::new();
    for n in 0..count {
        let mut client = server.enter(&person(n), n as u64).await;
        client.join("lobby", Some(0)).await;
        people.push(client);
    }
    people
}

fn refusal(event: Event) -> Error {
    match event {
        Event::Error(error) => error,
        other => panic!("that was allowed: {other:?}"),
    }
}

fn saying(text: &str) -> impl FnOnce(u64) -> Request<'static> {
    let text = text.to_owned();
    move |id| Request::new(id, Post::say("lobby", text))
}

/// protocol 11.3
#[test]
fn who_asks_too_much_is_told_so_and_can_still_talk() {
    let time = VirtualTime::new(55);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", None).await;
        let who = |id| Request::new(id, Who { room: "lobby".into() });
        for _ in 1..200 {
            assert!(matches!(ana.ask(who).await, Event::Members(_)));
        }
        match ana.ask(who).await {
            Event::Error(Error { code: Code::RateLimited, retry_after_ms: Some(wait), .. }) => {
                assert!((1..=21).contains(&wait), "50 a second: {wait}");
                time.pass(Duration::from_millis(wait)).await;
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(ana.ask(who).await, Event::Members(_)));
        ana.say("lobby", "hi").await;
        assert!(!ana.has_heard(|it| code(it).is_some()).await, "a ping has a limit of its own");
    });
}

/// protocol 11.7
#[test]
fn a_server_has_so_many_links_and_its_own_machine_may_have_them_all() {
    let time = VirtualTime::new(56);
    time.run(async {
        let limits = Limits { links: 70, ..Limits::default() };
        let server = TestServer::with(&time, limits, Arc::new(MemoryLog::new(1 << 20, 7))).await;
        let mut inside = join_all((0..70).map(|_| server.dial())).await;
        inside[69].hello(&hello("ana", 1)).await;
        let rest = server.dial().await.rest().await;
        assert_eq!(rest.iter().map(code).collect::<Vec<_>>(), [Some(Code::Full)]);
        inside.pop();
        time.settle().await;
        server.dial().await.hello(&hello("bob", 2)).await;
    });
}

/// protocol 11.5
#[test]
fn who_asks_for_much_and_reads_nothing_is_not_listened_to() {
    let time = VirtualTime::new(59);
    time.run(async {
        let server = TestServer::unlimited_with(&time, 1 << 24).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        for n in 1..=8 {
            ana.say("lobby", &"x".repeat(8000)).await;
            ana.entries("lobby", n..=n).await;
        }
        let mut link = server.memory.dial(&server.address).await.unwrap();
        link.send(chat_core::wire::write(&Request::unnumbered(hello("bob", 2)))).await.unwrap();
        link.send(r#"{"type":"join","id":1,"room":"lobby","after":8}"#.into()).await.unwrap();
        let mut asked = 0;
        loop {
            let history = History { room: "lobby".into(), ..History::default() };
            let history = chat_core::wire::write(&Request::new(2 + asked, history));
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

/// What comes during a commit is the next batch.
#[test]
fn a_slow_log_is_asked_for_batches_and_refuses_when_too_much_waits() {
    let time = VirtualTime::new(23);
    time.run(async {
        let log = Arc::new(SlowLog::new(&time));
        let server = TestServer::with(&time, Limits::default().unlimited(), log.clone()).await;
        let mut people = crowd(&server, 160).await;
        for client in &mut people {
            for id in 1..=60 {
                client
                    .send(format!(r#"{{"type":"say","id":{},"room":"lobby","text":"hi"}}"#, 100 + id))
                    .await;
            }
        }
        time.pass(SECOND * 4).await;
        assert!(log.commits() <= 4, "thousands of messages in a few batches");
        // 9,600 messages in the first second, and 4,096 may wait while as many are stored (protocol 11.6).
        let mut busy = 0;
        for client in &mut people {
            client
                .has_heard(|it| {
                    busy += usize::from(matches!(it, Event::Error(Error { code: Code::Busy, .. })));
                    false
                })
                .await;
        }
        assert!((9_600 - 2 * 4_096..9_600 - 4_096).contains(&busy), "{busy}");
    });
}

/// protocol 11.5
#[test]
fn a_link_is_read_on_as_soon_as_enough_was_answered() {
    let time = VirtualTime::new(41);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let mut ana = server.enter("ana", 1).await;
        for _ in 0..6 {
            let text = "x".repeat(8000);
            ana.ask(|id| Request::new(id, Post::tell("ana", text))).await;
        }
        // Each page is most of a frame.
        for id in 100..110 {
            ana.send(format!(r#"{{"type":"history","id":{id},"room":"@"}}"#)).await;
        }
        let began = time.now();
        ana.ask_as(200, r#"{"type":"ping","id":200}"#).await;
        assert!(time.now() - began < SECOND, "it has been read at last: {:?}", time.now() - began);
    });
}

/// protocol 11.6
#[test]
fn four_megabytes_may_wait_to_be_stored() {
    let time = VirtualTime::new(73);
    time.run(async {
        let server = failing_server(&time).await;
        let mut people = Vec::new();
        for (number, name) in
            (1..).zip(["ana", "bob", "cleo", "dan", "eve", "fay", "gus", "hal", "ida", "joe"])
        {
            let mut client = server.enter(name, number).await;
            client.join("lobby", None).await;
            people.push(client);
        }
        people[0].send(r#"{"type":"say","id":100,"room":"lobby","text":"first"}"#).await;
        time.settle().await;
        let text = "x".repeat(8192);
        for client in &mut people {
            for id in 101..=160 {
                client.send(format!(r#"{{"type":"say","id":{id},"room":"lobby","text":"{text}"}}"#)).await;
            }
        }
        time.settle().await;
        let mut busy = 0;
        for client in &mut people {
            client
                .has_heard(|it| {
                    busy += usize::from(error(it).is_some_and(|(_, code)| code == Code::Busy));
                    false
                })
                .await;
        }
        assert_eq!(busy, 600 - (4 << 20) / 8192);
    });
}

/// protocol 11.5
#[test]
fn sixty_four_requests_may_wait_for_their_replies() {
    let time = VirtualTime::new(74);
    time.run(async {
        let server = failing_server(&time).await;
        let mut link = server.memory.dial(&server.address).await.unwrap();
        link.send(write(&Request::unnumbered(hello("ana", 1)))).await.unwrap();
        link.send(r#"{"type":"join","id":1,"room":"lobby"}"#.into()).await.unwrap();
        time.settle().await;
        let say = say("lobby", "hi");
        let mut taken = 0;
        loop {
            time.settle().await;
            if link.send(write(&Request::new(2 + taken, say.clone()))).now_or_never().is_none() {
                break;
            }
            taken += 1;
            assert!(taken < 1000, "the server reads on whatever it owes");
        }
        // Such a link holds 64 frames on their way, and one more for each sender.
        assert!((64 + 64..=64 + 66).contains(&taken), "{taken}");
    });
}

/// protocol 11.1, 11.2
#[test]
fn who_says_too_much_is_told_when_to_go_on_and_keeps_the_order() {
    let time = VirtualTime::new(11);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = server.enter("ana", 1).await;
        let mut bob = server.enter("bob", 2).await;
        ana.join("lobby", Some(0)).await;
        bob.join("lobby", Some(0)).await;
        for n in 0..20 {
            ana.say("lobby", &n.to_string()).await;
        }
        let error = refusal(ana.ask(saying("21")).await);
        assert_eq!(error.code, Code::RateLimited);
        let wait = error.retry_after_ms.expect("waiting helps");
        assert!((190..=202).contains(&wait), "five a second: {wait}");
        time.pass(std::time::Duration::from_millis(wait / 2)).await;
        assert_eq!(refusal(ana.ask(saying("22")).await).code, Code::RateLimited, "it would overtake");
        bob.say("lobby", "others go on").await;
        time.pass(std::time::Duration::from_millis(wait)).await;
        ana.say("lobby", "21").await;
        time.pass(SECOND * 4).await;
        for n in 0..20 {
            ana.say("lobby", &n.to_string()).await;
        }
    });
}

/// protocol 11.4
#[test]
fn rooms_have_a_limit_for_everybody_and_for_all() {
    let time = VirtualTime::new(12);
    time.run(async {
        let limits = Limits { rooms: 70, ..Limits::default().unlimited() };
        let server = TestServer::with(&time, limits, Arc::new(MemoryLog::new(1 << 20, 7))).await;
        let mut ana = server.enter("ana", 1).await;
        for n in 0..64 {
            ana.join(&format!("room{n}"), None).await;
        }
        let join = |room: &str| {
            let room = room.to_owned().into();
            move |id| Request::new(id, chat_core::wire::Join { room, ..Default::default() })
        };
        assert_eq!(refusal(ana.ask(join("one-more")).await).code, Code::TooMany);
        ana.join("room7", None).await; // where one is already costs nothing
        let mut bob = server.enter("bob", 2).await;
        for n in 64..70 {
            bob.join(&format!("room{n}"), None).await;
        }
        assert_eq!(refusal(bob.ask(join("one-more")).await).code, Code::TooMany);
        // A room nobody is in and in which nothing was said is forgotten (protocol 6.7).
        bob.ask(|id| Request::new(id, chat_core::wire::Leave { room: "room64".into() })).await;
        bob.join("one-more", None).await;
    });
}

/// protocol 11.7
#[test]
fn a_host_has_64_links_and_gets_a_place_back_with_each_that_goes() {
    let time = VirtualTime::new(15);
    time.run(async {
        let elsewhere = OtherHosts::one_host();
        let transports = Transports::new().with("memory", elsewhere.clone());
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let server = Server::start(Config::default(), log, time.shared()).await.unwrap();
        let address = server.listen(&transports, &"memory://hall".parse().unwrap()).await.unwrap();
        let dial = async || {
            let link = elsewhere.dial(&address).await.unwrap();
            RawClient::new(link, elsewhere.promises(), time.shared())
        };
        let mut inside = Vec::new();
        for n in 0..64_u8 {
            let mut client = dial().await;
            // Names that do not look alike: 0 and o, 1 and l would.
            let name = format!("{}{}", char::from(b'a' + n / 8), char::from(b'p' + n % 8));
            client.hello(&hello(&name, u64::from(n))).await;
            client.join("lobby", None).await;
            inside.push(client);
        }
        let rest = dial().await.rest().await;
        let full =
            |it: &Event| matches!(it, Event::Error(Error { code: Code::Full, retry_after_ms: Some(_), .. }));
        assert!(matches!(&rest[..], [it] if full(it)), "{rest:?}");
        inside.pop();
        time.settle().await;
        dial().await.hello(&hello("zoe", 99)).await;
    });
}

/// protocol 11.10
#[test]
fn sessions_have_a_limit_also_while_their_links_are_lost() {
    let time = VirtualTime::new(16);
    time.run(async {
        let limits = Limits { sessions: 2, ..Limits::default() };
        let server = TestServer::with(&time, limits, Arc::new(MemoryLog::new(1 << 20, 7))).await;
        drop(server.enter_to_stay("ana", 1).await);
        let _bob = server.enter("bob", 2).await;
        let error = server.dial().await.refused(&hello("cleo", 3)).await;
        assert_eq!(error.code, Code::Full);
        assert!(error.retry_after_ms.is_some());
        time.pass(SECOND * 31).await; // nobody comes back for ana's
        server.enter("cleo", 3).await;
    });
}

/// protocol 11.1
#[test]
fn what_claims_to_be_a_repetition_and_is_none_is_limited_like_the_rest() {
    let time = VirtualTime::new(18);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        let say =
            |order: u64| move |id| Request::new(id, Post::say("lobby", id.to_string())).in_order(Some(order));
        for order in 1..=3 {
            assert!(matches!(ana.ask(say(order)).await, Event::Ack(_)));
        }
        let mut allowed = 0;
        for n in 0..40 {
            allowed += usize::from(matches!(ana.ask(say(n % 3)).await, Event::Ack(_)));
        }
        assert_eq!(allowed, 17, "twenty at once, of which three were said before");
    });
}
