//! Protocol, section 2: opening a session, passwords, names that are taken, and links on which no session is opened.

use std::{sync::Arc, time::Duration};

use chat_core::{
    Runtime, SharedRuntime,
    client::Update,
    log::MemoryLog,
    memory::Memory,
    server::{Config, Limits, Server},
    transport::{BoxLink, Transport, Transports},
    wire::{Code, Error, Event, Goodbye, Hello, Post, Reason, Request},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime, weather::Weather};
use futures::{FutureExt, SinkExt, StreamExt, channel::oneshot, executor::block_on};

use super::{SECOND, TestServer, next, other_hosts::OtherHosts};
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

/// protocol 2.12
#[test]
fn a_name_whose_link_is_lost_is_kept_from_other_hosts_until_its_session_ends() {
    let time = VirtualTime::new(61);
    time.run(async {
        let hosts = OtherHosts::many_hosts();
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let server = Server::start(Config::default(), log, time.shared()).await.unwrap();
        let transports = Transports::new().with("memory", hosts.clone());
        let address = server.listen(&transports, &"memory://hall".parse().unwrap()).await.unwrap();
        let dial =
            async || RawClient::new(hosts.dial(&address).await.unwrap(), hosts.promises(), time.shared());
        let mut ana = dial().await;
        ana.hello(&hello("ana", 1)).await;
        drop(ana);
        time.pass(SECOND * 10).await;
        let mut other = dial().await;
        let Error { code, retry_after_ms, .. } = other.refused(&hello("Ana", 2)).await;
        assert_eq!(code, Code::NameTaken);
        let wait = retry_after_ms.expect("it will be free");
        assert!((20_000..=20_010).contains(&wait), "half a minute after the link was lost: {wait}");
        time.pass(std::time::Duration::from_millis(wait)).await;
        assert_eq!(dial().await.hello(&hello("Ana", 2)).await.name, "Ana");
    });
}

/// protocol 2.12, 10.4
#[test]
fn a_name_whose_link_is_lost_goes_to_the_same_host_at_once_but_not_its_inbox() {
    let time = VirtualTime::new(2);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = server.enter("ana", 1).await;
        drop(server.enter("bob", 2).await);
        time.settle().await;
        let tell = |id| Request::new(id, Post::tell("bob", "psst"));
        assert!(matches!(ana.ask(tell).await, Event::Ack(_)), "who has lost the link is still here");
        let mut other = server.enter("Bob", 3).await;
        assert!(!other.has_heard(|it| matches!(it, Event::Entry(_))).await, "it was not for this bob");
        assert_eq!(server.sessions(), 2);
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

/// protocol 2.14
#[test]
fn a_name_whose_owner_gives_no_sign_of_life_is_free_after_three_tries() {
    let time = VirtualTime::new(71);
    time.run(async {
        let server = unsure(&time).await;
        let _silent = come_back(&server, 1).await.expect("the name is free");
        time.pass(SECOND).await;
        for _ in 0..3 {
            // Asking again at once does not make it faster.
            for number in 2..4 {
                let error = come_back(&server, number).await.expect_err("ana may be there");
                assert_eq!((error.code, error.retry_after_ms), (Code::NameTaken, Some(500)));
            }
            time.pass(Duration::from_millis(500)).await;
        }
        come_back(&server, 4).await.expect("ana was not there");
        assert_eq!(server.sessions(), 1);
    });
}

/// protocol 2.14, protocol 17.10
#[test]
fn a_name_whose_owner_is_there_is_not_had() {
    let time = VirtualTime::new(72);
    time.run(async {
        let server = unsure(&time).await;
        let weather = Weather { reorder: 1, ..Weather::default() };
        let over = chat_testkit::weather::WeatherTransport::new(
            std::sync::Arc::new(server.memory.clone()),
            weather,
            1,
            time.shared(),
        );
        let (_ana, mut seen_by_ana) = server.client_over(std::sync::Arc::new(over), "ana");
        next(&mut seen_by_ana, |it| matches!(it, Update::Connected(_)).then_some(())).await;
        for _ in 0..3 {
            time.pass(SECOND).await;
            let error = come_back(&server, 2).await.expect_err("ana is there");
            assert_eq!((error.code, error.retry_after_ms), (Code::NameTaken, Some(500)));
            time.pass(Duration::from_millis(500)).await;
            let error = come_back(&server, 2).await.expect_err("ana is there");
            assert_eq!((error.code, error.retry_after_ms), (Code::NameTaken, None));
        }
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

/// protocol 2.10: on several threads, also hellos that come at the very same time are answered.
#[test]
fn hellos_of_one_client_that_meet_are_all_answered() {
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
                        let _ = answered.send(link.next().await.is_some());
                    }
                    .boxed(),
                );
                answer
            });
            let answers: Vec<_> = answers.collect();
            for answer in answers {
                assert_eq!(answer.await, Ok(true), "round {round}");
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
