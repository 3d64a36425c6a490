//! The brake on guessing the password, whether it is sent or proved.

use std::{sync::Arc, time::Duration};

use chat_core::{
    log::MemoryLog,
    memory::Memory,
    server::{Config, Limits, Server},
    transport::{Promises, Transport, Transports},
    wire::{Code, Error, Event, Hello, Request, Welcome, write},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime};

use super::super::{TestServer, binding};

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

/// A place from which the password is told: a machine, and whether its links are encrypted.
#[derive(Clone, Copy)]
enum Place {
    /// The server's own machine, without encryption.
    Here,
    /// This host, encrypted.
    Host(&'static str),
}

impl Place {
    async fn dial(self, server: &TestServer) -> RawClient {
        match self {
            Place::Here => server.dial().await,
            Place::Host(host) => server.encrypted_at(host, 7),
        }
    }

    /// The answer to a client there that was told that this is the password.
    async fn told(self, server: &TestServer, password: &str) -> (RawClient, Result<Welcome, Error>) {
        let mut client = self.dial(server).await;
        let binding = matches!(self, Place::Host(_)).then_some(binding(7));
        let answer = client.say_hello_with(password, binding.as_ref(), &hello("ana", 1)).await;
        (client, answer.expect("a hello is answered"))
    }

    async fn refused(self, server: &TestServer, password: &str) -> Error {
        self.told(server, password).await.1.expect_err("this is to be refused")
    }
}

/// protocol 11.14.1, 20.4
#[test]
fn a_host_has_five_tries_and_then_one_every_ten_seconds() {
    let time = VirtualTime::new(130);
    time.run(async {
        let server = with_password(&time).await;
        guess(&time, &server, Place::Here).await;
        guess(&time, &server, Place::Host("192.0.2.1")).await;
        Place::Host("192.0.2.2").told(&server, "sesame").await.1.expect("another host has its own tries");
    });
}

async fn guess(time: &VirtualTime, server: &TestServer, place: Place) {
    for _ in 0..7 {
        let asked = place.dial(server).await.refused(&hello("ana", 1)).await;
        assert_eq!(asked.code, Code::BadPassword, "who gives none does not guess");
    }
    time.pass(Duration::from_secs(10)).await; // these were refusals, of which there are so many at once
    for _ in 0..5 {
        assert_eq!(place.refused(server, "wrong").await.code, Code::BadPassword);
    }
    for password in ["wrong", "sesame"] {
        let error = place.refused(server, password).await;
        assert_eq!((error.code, error.retry_after_ms), (Code::RateLimited, Some(10_001)), "{password}");
        assert!(error.message.contains("wrong passwords"), "{error:?}");
    }
    time.pass(Duration::from_millis(10_001)).await;
    assert_eq!(place.refused(server, "wrong").await.code, Code::BadPassword);
    assert_eq!(place.refused(server, "sesame").await.code, Code::RateLimited);
    time.pass(Duration::from_millis(10_001)).await;
    let (mut ana, welcome) = place.told(server, "sesame").await;
    welcome.expect("the next try is right");
    ana.send(r#"{"type":"bye"}"#).await;
    ana.rest().await;
}

/// protocol 11.14.2, 20.4
#[test]
fn however_many_hosts_guess_the_right_password_opens_from_another() {
    let time = VirtualTime::new(131);
    time.run(async {
        let server = with_password(&time).await;
        let mut looked_at = 0;
        for host in 0..200 {
            for number in 0..5 {
                let mut client = server.encrypted_at(&format!("192.0.2.{host}"), number);
                let answer = client.say_hello_with("wrong", Some(&binding(number)), &hello("ana", 1)).await;
                looked_at += usize::from(answer.unwrap().unwrap_err().code == Code::BadPassword);
            }
        }
        assert_eq!(looked_at, 100 + 180, "twenty hosts all five of theirs, and the others one");
        Place::Host("198.51.100.1").told(&server, "sesame").await.1.expect("this host has not guessed");
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
            let guess = Hello { password: Some("wrong".into()), ..hello("ana", 1) };
            client.send(write(&Request::unnumbered(guess))).await;
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
