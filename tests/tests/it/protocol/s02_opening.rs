//! Protocol, section 2: opening a session, passwords, names that are taken, and links on which no session is opened.

use std::{sync::Arc, time::Duration};

use chat_core::{
    Runtime, SharedRuntime,
    log::MemoryLog,
    memory::Memory,
    server::{Config, Limits, Server},
    transport::{BoxLink, Transport, Transports},
    wire::{Code, Error, Event, Goodbye, Hello, Post, Reason, Request},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime, weather::Weather};
use futures::{FutureExt, SinkExt, StreamExt, channel::oneshot, executor::block_on};

use super::{SECOND, TestServer, other_hosts::OtherHosts};
use crate::runtime::{in_time, runtime};

fn goodbye(event: &Event) -> Option<Reason> {
    match event {
        Event::Goodbye(Goodbye { reason, .. }) => Some(*reason),
        _ => None,
    }
}

/// A server whose links promise nothing, although they lose nothing.
async fn unsure(time: &VirtualTime) -> TestServer {
    let weather = Weather { reorder: 1, ..Weather::default() };
    TestServer::lossy(time, &Memory::default(), weather, Limits::default()).await
}

/// Says hello as ana on a new link.
async fn come_back(server: &TestServer, number: u64) -> Result<RawClient, Error> {
    let link = server.memory.dial(&server.address).await.unwrap();
    let mut client = RawClient::new(link, server.memory.promises(), server.time.shared());
    let answer = client.say_hello(&hello("ana", number)).await.expect("a hello is answered");
    answer.map(|_| client)
}

/// How many of `frames` the server takes although nobody reads what it says.
async fn taken(time: &VirtualTime, link: &mut BoxLink, frame: &'static str, most: usize) -> usize {
    for count in 0..most {
        if link.send(frame.into()).now_or_never().is_none() {
            time.settle().await;
            if link.send(frame.into()).now_or_never().is_none() {
                return count;
            }
        }
    }
    most
}

/// protocol 2.12, 10.4
#[test]
fn a_name_whose_link_is_lost_waits_for_its_secret_whatever_host_asks() {
    for (seed, hosts) in [(61, OtherHosts::many_hosts()), (62, OtherHosts::one_host())] {
        let time = VirtualTime::new(seed);
        time.run(async {
            let log = Arc::new(MemoryLog::new(1 << 20, 7));
            let server = Server::start(Config::default(), log, time.shared()).await.unwrap();
            let transports = Transports::new().with("memory", hosts.clone());
            let address = server.listen(&transports, &"memory://hall".parse().unwrap()).await.unwrap();
            let dial =
                async || RawClient::new(hosts.dial(&address).await.unwrap(), hosts.promises(), time.shared());
            let mut ana = dial().await;
            ana.hello(&hello("ana", 1)).await;
            ana.join("lobby", None).await;
            drop(ana);
            let mut bob = dial().await;
            bob.hello(&hello("bob", 3)).await;
            time.pass(SECOND * 10).await;
            let mut other = dial().await;
            let Error { code, retry_after_ms, message, .. } = other.refused(&hello("Ana", 2)).await;
            assert_eq!(code, Code::NameTaken);
            assert!(message.contains("21 s") || message.contains("20 s"), "{message:?}");
            let wait = retry_after_ms.expect("it will be free");
            assert!((20_000..=20_010).contains(&wait), "half a minute after the link was lost: {wait}");
            let psst = |id| Request::new(id, Post::tell("ana", "psst"));
            assert!(matches!(bob.ask(psst).await, Event::Ack(_)), "ana is still here");
            time.pass(Duration::from_millis(wait)).await;
            let mut other = dial().await;
            assert_eq!(other.hello(&hello("Ana", 2)).await.name, "Ana");
            assert!(
                !other.has_heard(|event| matches!(event, Event::Entry(_))).await,
                "it was not for this ana"
            );
        });
    }
}

/// protocol 2.12: on a link that is not lossless, silence alone says that the client may be gone.
#[test]
fn a_name_whose_link_says_nothing_may_be_free_when_its_session_ends() {
    let time = VirtualTime::new(71);
    time.run(async {
        let server = unsure(&time).await;
        let mut silent = come_back(&server, 1).await.expect("the name is free");
        silent.has_heard(|_| false).await;
        time.pass(SECOND * 19).await;
        let error = come_back(&server, 2).await.expect_err("ana may be there");
        assert_eq!((error.code, error.retry_after_ms), (Code::NameTaken, None));
        time.pass(SECOND * 2).await;
        let error = come_back(&server, 3).await.expect_err("ana may be there");
        assert_eq!(error.code, Code::NameTaken);
        let wait = error.retry_after_ms.expect("45 s and 30 s after the last request");
        assert!((54_500..55_010).contains(&wait), "{wait}");
        time.pass(Duration::from_millis(wait)).await;
        come_back(&server, 4).await.expect("ana was not there");
    });
}

/// protocol 2.3
#[test]
fn who_does_not_say_hello_is_let_go_after_5_seconds() {
    let time = VirtualTime::new(4);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut mute = server.dial().await;
        let began = time.now();
        let last = mute.rest().await;
        assert_eq!((time.now() - began).as_secs(), 5);
        let [Event::Error(error)] = &last[..] else { panic!("one error and nothing else: {last:?}") };
        assert!(error.message.contains("hello") && error.retry_after_ms.is_some(), "{error:?}");
    });
}

/// protocol 2.10
#[test]
fn a_client_whose_welcome_was_lost_is_let_in_again() {
    let time = VirtualTime::new(6);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut lost = server.enter("ana", 1).await;
        let mut again = server.dial().await;
        assert!(!again.hello(&hello("ana", 1)).await.resumed);
        assert_eq!(lost.rest().await.iter().find_map(goodbye), Some(Reason::Replaced));
        again.join("lobby", None).await;
        let refused = server.dial().await.refused(&hello("ana", 1)).await;
        assert_eq!(refused.code, Code::NotWelcome, "it has asked for something, so it has read its welcome");
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
            time.pass(SECOND * 10).await; // a host tries as often as that (protocol 11.14)
        }
        assert_eq!(dial().await.refused(&hello("ana", 1)).await.code, Code::BadPassword, "none at all");
        dial().await.hello(&Hello { password: Some("sesame".into()), ..hello("ana", 1) }).await;
    });
}

/// protocol 2.10: on several threads, also hellos that come at the very same time are answered, and open one session.
#[test]
fn hellos_of_one_client_that_meet_are_all_answered_and_open_one_session() {
    block_on(in_time(async {
        let (world, memory): (SharedRuntime, _) = (runtime(), Memory::default());
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let server = Server::start(Config::default(), log, world.clone()).await.unwrap();
        let transports = Transports::new().with("memory", memory.clone());
        let address = server.listen(&transports, &"memory://hall".parse().unwrap()).await.unwrap();
        for round in 0..200_u64 {
            let answers = (0..8).map(|n| {
                let (memory, address) = (memory.clone(), address.clone());
                let (answered, answer) = oneshot::channel();
                let hello = chat_core::wire::write(&Request::unnumbered(hello(["ana", "bob"][n % 2], round)));
                world.spawn(
                    async move {
                        let mut link = memory.dial(&address).await.unwrap();
                        link.send(hello).await.unwrap();
                        let answer = link.next().await.is_some();
                        let _ = answered.send((answer, link));
                    }
                    .boxed(),
                );
                answer
            });
            let answers: Vec<_> = answers.collect();
            let answers = futures::future::join_all(answers).await;
            assert!(answers.iter().all(|answer| matches!(answer, Ok((true, _)))), "round {round}");
            assert!(server.sessions() <= 1, "round {round}: one client has {} sessions", server.sessions());
            drop(answers);
            while server.sessions() > 0 {
                world.sleep_until(world.now() + Duration::from_millis(1)).await;
            }
        }
    }));
}

/// protocol 2.8
#[test]
fn a_stranger_who_reads_nothing_is_not_read_for_long() {
    let time = VirtualTime::new(42);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut link = server.memory.dial(&server.address).await.unwrap();
        let taken = taken(&time, &mut link, r#"{"type":"hello","protocol":1,"name":""}"#, 5000).await;
        assert!(taken < 500, "{taken} answers wait for somebody who does not fetch them");
    });
}
