//! The brake on guessing the password.

use std::{sync::Arc, time::Duration};

use chat_core::{
    log::MemoryLog,
    memory::Memory,
    server::{Config, Limits, Server},
    transport::{Promises, Transport, Transports},
    wire::{Code, Event, Hello, Request, write},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime};

use super::super::TestServer;

async fn with_password(time: &VirtualTime) -> TestServer {
    let memory = Memory::default();
    let config = Config {
        limits: Limits::default(),
        password: Some("sesame".to_owned()),
        software: "hall".to_owned(),
        signer: None,
    };
    let log = Arc::new(MemoryLog::new(1 << 20, 7));
    let server = Server::start(config, log, time.shared()).await.unwrap();
    let transports = Transports::new().with("memory", memory.clone());
    let address = server.listen(&transports, &"memory://hall".parse().unwrap()).await.unwrap();
    TestServer { time: time.clone(), memory, server, address }
}

fn with(password: &str) -> Hello<'static> {
    Hello { password: Some(password.to_owned().into()), ..hello("ana", 1) }
}

/// protocol 11.14.1
#[test]
fn a_host_has_five_tries_and_then_one_every_ten_seconds() {
    let time = VirtualTime::new(130);
    time.run(async {
        let server = with_password(&time).await;
        let here = async || server.dial().await;
        let there = async || server.at("192.0.2.1");
        guess(&time, here).await;
        guess(&time, there).await;
        server.at("192.0.2.2").hello(&with("sesame")).await;
    });
}

async fn guess(time: &VirtualTime, dial: impl AsyncFn() -> RawClient) {
    for _ in 0..7 {
        let asked = dial().await.refused(&hello("ana", 1)).await;
        assert_eq!(asked.code, Code::BadPassword, "who gives none does not guess");
    }
    time.pass(Duration::from_secs(10)).await; // these were refusals, of which there are so many at once
    for _ in 0..5 {
        assert_eq!(dial().await.refused(&with("wrong")).await.code, Code::BadPassword);
    }
    for password in ["wrong", "sesame"] {
        let error = dial().await.refused(&with(password)).await;
        assert_eq!((error.code, error.retry_after_ms), (Code::RateLimited, Some(10_001)), "{password}");
        assert!(error.message.contains("wrong passwords"), "{error:?}");
    }
    time.pass(Duration::from_millis(10_001)).await;
    assert_eq!(dial().await.refused(&with("wrong")).await.code, Code::BadPassword);
    assert_eq!(dial().await.refused(&with("sesame")).await.code, Code::RateLimited);
    time.pass(Duration::from_millis(10_001)).await;
    let mut ana = dial().await;
    ana.hello(&with("sesame")).await;
    ana.send(r#"{"type":"bye"}"#).await;
    ana.rest().await;
}

/// protocol 11.14.2
#[test]
fn however_many_hosts_guess_the_right_password_opens_from_another() {
    let time = VirtualTime::new(131);
    time.run(async {
        let server = with_password(&time).await;
        let mut looked_at = 0;
        for host in 0..200 {
            for _ in 0..5 {
                let error = server.at(&format!("192.0.2.{host}")).refused(&with("wrong")).await;
                looked_at += usize::from(error.code == Code::BadPassword);
            }
        }
        assert_eq!(looked_at, 100 + 180, "twenty hosts all five of theirs, and the others one");
        server.at("198.51.100.1").hello(&with("sesame")).await;
    });
}

/// protocol 11.15
#[test]
fn a_flood_of_guesses_is_not_answered() {
    let time = VirtualTime::new(132);
    time.run(async {
        let server = with_password(&time).await;
        let mut flood = Vec::new();
        for _ in 0..60 {
            let mut client = server.accepted(Promises { reliable: false, ..server.memory.promises() });
            client.send(write(&Request::unnumbered(with("wrong")))).await;
            flood.push(client);
        }
        time.settle().await;
        let mut answered = 0;
        for mut client in flood {
            answered += client.rest().await.iter().filter(|event| matches!(event, Event::Error(_))).count();
        }
        assert_eq!(answered, 10);
    });
}
