//! Accounts: what a host and a person may do, however many links and sessions they open.

use std::{sync::Arc, time::Duration};

use chat_core::{
    Rate, Runtime,
    log::MemoryLog,
    server::{Limits, Rates},
    transport::{Promises, Transport},
    wire::{Code, Error, Event, History, Join, Leave, Request, RequestBody},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime};

use super::{super::TestServer, person, refusal, saying};

/// A session of a person with this number at `host`.
async fn enter(server: &TestServer, host: &str, n: usize) -> RawClient {
    let mut client = server.at(host);
    client.hello(&hello(&person(n), n as u64)).await;
    client
}

/// The same in the lobby.
async fn join(server: &TestServer, host: &str, n: usize) -> RawClient {
    let mut client = enter(server, host, n).await;
    client.join("lobby", None).await;
    client
}

/// Says bye, and waits for the end.
async fn leave(mut client: RawClient) {
    client.send(r#"{"type":"bye"}"#).await;
    client.rest().await;
}

/// protocol 11.13.1, 11.13.3
#[test]
fn a_host_says_no_more_bytes_in_new_sessions_than_in_one() {
    let time = VirtualTime::new(110);
    time.run(async {
        let server = TestServer::open(&time).await;
        let text = "x".repeat(8100);
        let (mut stored, mut refused) = (0, None);
        for n in 0..20 {
            let mut client = enter(&server, "192.0.2.1", n).await;
            client.join("lobby", Some(u64::MAX >> 11)).await;
            for _ in 0..20 {
                match client.ask(saying(&text)).await {
                    Event::Ack(_) => stored += 1,
                    Event::Error(error) => refused = Some(error),
                    _ => {}
                }
            }
            leave(client).await;
        }
        assert_eq!(stored, (1 << 20) / 8100, "a MiB at once");
        let error = refused.expect("the rest is refused");
        assert_eq!(error.code, Code::RateLimited);
        assert!(error.message.contains("address") && error.message.contains("bytes"), "{error:?}");
        assert!(
            error.retry_after_ms.is_some_and(|wait| (1..=300).contains(&wait)),
            "40 KiB a second: {error:?}"
        );
        let mut other = enter(&server, "192.0.2.2", 100).await;
        other.join("lobby", Some(u64::MAX >> 11)).await;
        other.say("lobby", &text).await;
    });
}

/// protocol 11.13.3
#[test]
fn one_host_fills_a_quarter_of_a_bounded_history_in_a_day() {
    let time = VirtualTime::new(115);
    time.run(async {
        let limits = Limits::default().with_history(1 << 20);
        let server = TestServer::with(&time, limits, Arc::new(MemoryLog::new(1 << 20, 7))).await;
        let mut ana = enter(&server, "192.0.2.2", 100).await;
        ana.join("lobby", None).await;
        ana.say("lobby", "lunch?").await;
        leave(ana).await;
        let text = "x".repeat(8100);
        let mut stored = 0;
        for hour in 0..9 {
            let mut loud = enter(&server, "192.0.2.1", hour).await;
            loud.join("lobby", Some(u64::MAX >> 11)).await;
            for _ in 0..10 {
                stored += usize::from(matches!(loud.ask(saying(&text)).await, Event::Ack(_)));
            }
            leave(loud).await;
            time.pass(Duration::from_secs(3600)).await;
        }
        assert!(
            (40..=43).contains(&stored),
            "of 90: a quarter at once, and a third of it in eight hours: {stored}"
        );
        let mut ana = enter(&server, "192.0.2.2", 100).await;
        ana.join("lobby", None).await;
        let first = History { room: "lobby".into(), before: Some(2), ..History::default() };
        let page = ana.ask(|id| Request::new(id, first)).await;
        let Event::Page(page) = page else { panic!("{page:?}") };
        assert_eq!(page.entries.len(), 1, "the question about lunch is still there: {page:?}");
    });
}

/// protocol 11.13.1
#[test]
fn a_person_who_comes_back_finds_the_account_as_it_was() {
    let time = VirtualTime::new(111);
    time.run(async {
        let server = TestServer::open(&time).await;
        for from in ["192.0.2.1", "192.0.2.2"] {
            let mut ana = enter(&server, from, 0).await;
            ana.join("lobby", None).await;
            let mut said = 0;
            while let Event::Ack(_) = ana.ask(saying("hi")).await {
                said += 1;
            }
            assert_eq!(said, if from == "192.0.2.1" { 20 } else { 0 });
            leave(ana).await;
        }
    });
}

/// protocol 11.13.2
#[test]
fn all_addresses_of_an_ipv6_64_are_one_host() {
    let time = VirtualTime::new(112);
    time.run(async {
        let limits = Limits { links_per_host: 3, ..Limits::default() };
        let server = TestServer::with(&time, limits, Arc::new(MemoryLog::new(1 << 20, 7))).await;
        let mut inside = Vec::new();
        for n in 1..=3 {
            inside.push(join(&server, &format!("2001:db8:0:1::{n}"), n).await);
        }
        let rest = server.at("2001:db8:0:1:ffff::9").rest().await;
        assert!(matches!(&rest[..], [Event::Error(Error { code: Code::Full, .. })]), "{rest:?}");
        enter(&server, "2001:db8:0:2::1", 9).await;
        // IPv4 that is mapped into IPv6 is IPv4.
        for n in 11..=13 {
            inside.push(join(&server, "192.0.2.1", n).await);
        }
        let rest = server.at("::ffff:192.0.2.1").rest().await;
        assert!(matches!(&rest[..], [Event::Error(Error { code: Code::Full, .. })]), "{rest:?}");
    });
}

/// protocol 11.13.3
#[test]
fn a_class_behind_one_address_begins_talks_and_comes_back_at_once() {
    let time = VirtualTime::new(113);
    time.run(async {
        let server = TestServer::open(&time).await;
        for lesson in 0..3 {
            let mut class = Vec::new();
            for n in 0..30 {
                let mut pupil = server.at("192.0.2.1");
                pupil.hello(&hello(&person(n), (lesson * 100 + n) as u64)).await;
                for room in ["lobby", "maths", "games"] {
                    pupil.join(room, None).await;
                }
                class.push(pupil);
            }
            for minute in 0..2 {
                for pupil in &mut class {
                    pupil.say("lobby", &format!("{lesson} {minute} {}", "x".repeat(200))).await;
                    assert!(matches!(
                        pupil.ask(|id| Request::new(id, RequestBody::Rooms(Default::default()))).await,
                        Event::Rooms(_)
                    ));
                }
                time.pass(Duration::from_secs(5)).await;
            }
            for pupil in class {
                leave(pupil).await;
            }
        }
    });
}

/// protocol 11.1
#[test]
fn a_bot_posts_a_hundred_lines_as_fast_as_it_is_told() {
    let time = VirtualTime::new(114);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut bot = enter(&server, "192.0.2.1", 0).await;
        bot.join("lobby", None).await;
        let began = time.now();
        for n in 0..100 {
            while let Event::Error(error) = bot.ask(saying(&format!("line {n}"))).await {
                assert_eq!(error.code, Code::RateLimited);
                time.pass(Duration::from_millis(error.retry_after_ms.expect("waiting helps"))).await;
            }
        }
        let took = time.now() - began;
        assert!(took <= Duration::from_secs(17), "20 at once and 5 a second: {took:?}");
    });
}

/// protocol 11.13.5
#[test]
fn an_address_that_many_share_gets_more_if_the_operator_says_so() {
    let time = VirtualTime::new(115);
    time.run(async {
        let shared_networks = vec!["10.1.0.0/16".parse().unwrap()];
        let limits = Limits { shared_networks, ..Limits::default() };
        let server = TestServer::with(&time, limits, Arc::new(MemoryLog::new(1 << 24, 7))).await;
        let said = async |host: &str, first: usize| {
            let (mut said, text) = (0, "x".repeat(8192));
            for n in 0..10 {
                let mut client = enter(&server, host, first + n).await;
                client.join("lobby", Some(u64::MAX >> 11)).await;
                while let Event::Ack(_) = client.ask(saying(&text)).await {
                    said += 1;
                }
                leave(client).await;
            }
            said
        };
        assert_eq!(said("10.2.0.1", 0).await, 128);
        assert_eq!(said("10.1.0.1", 100).await, 200, "the limits of ten people");
    });
}

/// protocol 11.3.4, 11.3.5, 11.3.6
#[test]
fn lists_pings_and_entrances_have_limits_of_their_own() {
    let time = VirtualTime::new(116);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = enter(&server, "192.0.2.1", 0).await;
        let mut bob = enter(&server, "192.0.2.2", 1).await;
        bob.join("lobby", None).await;
        let times = async |ana: &mut RawClient, make: fn(u64) -> Request<'static>| {
            for n in 0.. {
                if let Event::Error(error) = ana.ask(make).await {
                    assert_eq!(error.code, Code::RateLimited);
                    return (n, error.retry_after_ms.expect("waiting helps"));
                }
            }
            unreachable!("there is an end to numbers");
        };
        assert_eq!(
            times(&mut ana, |id| Request::new(id, RequestBody::Rooms(Default::default()))).await,
            (20, 1001)
        );
        assert_eq!(times(&mut ana, |id| Request::new(id, RequestBody::Ping)).await, (1000, 51));
        let mut entered = 0;
        let join = |id| Request::new(id, Join { room: "lobby".into(), ..Join::default() });
        while let Event::Joined(_) = ana.ask(join).await {
            entered += 1;
            ana.ask(|id| Request::new(id, Leave { room: "lobby".into() })).await;
            time.pass(Duration::from_millis(40)).await; // other requests have a limit as well
        }
        assert!((128..=136).contains(&entered), "128 and one a second: {entered}");
    });
}

/// protocol 11.13.3
#[test]
fn a_host_opens_so_many_sessions_at_once_and_then_one_a_second() {
    let time = VirtualTime::new(117);
    time.run(async {
        let server = TestServer::open(&time).await;
        for n in 0..128 {
            leave(enter(&server, "192.0.2.1", n).await).await;
        }
        let error = server.at("192.0.2.1").refused(&hello("visitor", 1000)).await;
        assert_eq!((error.code, error.retry_after_ms), (Code::RateLimited, Some(1001)));
        enter(&server, "192.0.2.2", 200).await;
        time.pass(Duration::from_millis(1001)).await;
        enter(&server, "192.0.2.1", 201).await;
    });
}

/// protocol 11.15
#[test]
fn a_host_that_is_refused_all_the_time_is_not_answered_each_time() {
    let time = VirtualTime::new(118);
    time.run(async {
        let limits = Limits { links_per_host: 1, ..Limits::default() };
        let server = TestServer::with(&time, limits, Arc::new(MemoryLog::new(1 << 20, 7))).await;
        let _inside = join(&server, "192.0.2.1", 0).await;
        let mut told = 0;
        let lossless = server.memory.promises();
        let lossy = Promises { reliable: false, ..lossless };
        for _ in 0..50 {
            told += server.accepted(lossy).rest().await.len();
        }
        assert_eq!(told, 10);
        assert_eq!(server.accepted(lossless).rest().await.len(), 1, "such a link is always answered");
        time.pass(Duration::from_secs(2)).await;
        assert_eq!(server.accepted(lossy).rest().await.len(), 1);
    });
}

/// protocol 11.13.6
#[test]
fn limits_change_while_the_server_runs() {
    let time = VirtualTime::new(119);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = enter(&server, "192.0.2.1", 0).await;
        ana.join("lobby", None).await;
        let person = Rates { messages: Some(Rate { burst: 3, per_minute: 60 }), ..Limits::default().person };
        server.server.set_limits(Limits { person, sessions: 1, ..Limits::default() });
        for _ in 0..3 {
            ana.say("lobby", "hi").await;
        }
        assert_eq!(refusal(ana.ask(saying("hi")).await).code, Code::RateLimited);
        assert_eq!(server.at("192.0.2.2").refused(&hello("bob", 9)).await.code, Code::Full);
        server.server.set_limits(Limits::default().unlimited());
        time.pass(Duration::from_millis(1001)).await; // what was refused still holds
        for _ in 0..100 {
            ana.say("lobby", "hi").await;
        }
        enter(&server, "192.0.2.2", 9).await;
    });
}

/// protocol 11.13.4
#[test]
fn the_servers_own_machine_has_no_limit_as_a_host() {
    let time = VirtualTime::new(120);
    time.run(async {
        let server = TestServer::open(&time).await;
        for n in 0..140 {
            let mut client = server.enter(&person(n), n as u64).await;
            client.join("lobby", Some(u64::MAX >> 11)).await;
            client.say("lobby", &"x".repeat(8192)).await;
        }
    });
}

/// protocol 11.13.1
#[test]
fn accounts_that_are_as_at_first_are_forgotten_and_others_are_not() {
    let time = VirtualTime::new(121);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut flood = enter(&server, "192.0.2.1", 0).await;
        flood.join("lobby", Some(0)).await;
        while let Event::Ack(_) = flood.ask(saying("hi")).await {}
        leave(flood).await;
        for n in 1..400 {
            let host = format!("198.51.{}.{}", n / 250, n % 250);
            let mut client = server.at(&host);
            client.hello(&hello(&person(n), n as u64)).await;
            leave(client).await;
            time.pass(Duration::from_millis(5)).await;
        }
        let mut again = server.at("192.0.2.1");
        again.hello(&hello(&person(0), 1000)).await;
        again.join("lobby", Some(20)).await;
        let mut said = 0;
        while let Event::Ack(_) = again.ask(saying("hi")).await {
            said += 1;
        }
        assert!((8..=12).contains(&said), "two seconds later there are ten more: {said}");
        time.pass(Duration::from_secs(60)).await;
        for n in 400..800 {
            leave(enter(&server, &format!("203.0.{}.{}", n / 250, n % 250), n).await).await;
            time.pass(Duration::from_secs(1)).await;
        }
        let kept = server.server.accounts();
        assert!(kept < 150, "what is full and not in use is forgotten: {kept}");
    });
}
