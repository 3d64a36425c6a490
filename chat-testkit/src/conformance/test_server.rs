//! A real server behind the transport under test.

use std::{sync::Arc, time::Duration};

use chat_core::{
    Address,
    log::{Append, MemoryLog, RoomLog, Write},
    server::{Config, Limits, Server},
    transport::Dialled,
    wire::{Code, Error, Hello, Welcome},
};

use super::Subject;
use crate::raw_client::{RawClient, hello};

/// A server that listens at the subject's address and has as many clients as a check dials.
pub(super) struct TestServer<'a> {
    pub(super) subject: &'a Subject,
    server: Server,
    address: Address,
}

impl<'a> TestServer<'a> {
    pub(super) async fn open(subject: &'a Subject) -> TestServer<'a> {
        TestServer::open_with(subject, None).await
    }

    pub(super) async fn open_with(subject: &'a Subject, password: Option<&str>) -> TestServer<'a> {
        TestServer::open_after(subject, Vec::new(), password).await
    }

    /// A server whose log holds `entries` when it starts.
    pub(super) async fn open_after(
        subject: &'a Subject,
        entries: Vec<Append>,
        password: Option<&str>,
    ) -> TestServer<'a> {
        let config = Config {
            // A stop has to give up on peers that are gone while the check still runs.
            limits: Limits { drain_within: Duration::from_secs(2), ..Limits::default().unlimited() },
            password: password.map(str::to_owned),
            software: "conformance".to_owned(),
            signer: None,
        };
        let log = Arc::new(MemoryLog::new(LOG_BYTES, 7));
        log.append(entries.into_iter().map(Write::Entry).collect()).await.expect("the log takes the entries");
        let server =
            Server::start(config, log, subject.runtime.clone()).await.expect("a server starts on this log");
        let address = server
            .listen(&subject.transports, &subject.address)
            .await
            .expect("the server listens at the address");
        TestServer { subject, server, address }
    }

    /// Stops the server as `Server::stop` does.
    pub(super) async fn stop(&self) {
        self.server.stop().await;
    }

    /// The number of sessions that the server holds.
    pub(super) fn sessions(&self) -> usize {
        self.server.sessions()
    }

    /// The address at which the server can be dialled.
    pub(super) fn address(&self) -> Address {
        self.address.clone()
    }

    /// A client that has said nothing yet.
    pub(super) async fn dial(&self) -> RawClient {
        let link = self.subject.dial(&self.address).await;
        RawClient::new(link, self.subject.promises(), self.subject.runtime.clone())
    }

    /// A client that said hello, and the answer.
    pub(super) async fn hello(&self, hello: &Hello<'_>) -> (RawClient, Result<Welcome, Error>) {
        loop {
            let mut client = self.dial().await;
            if let Some(answer) = client.say_hello(hello).await {
                return (client, answer);
            }
        }
    }

    /// The answer to a client that was told that this is the password.
    pub(super) async fn told(&self, password: &str) -> Result<Welcome, Error> {
        loop {
            let Dialled { link, binding, .. } = self.subject.connect(&self.address).await;
            let mut client = RawClient::new(link, self.subject.promises(), self.subject.runtime.clone());
            let hello = hello("ana", 1);
            if let Some(answer) = client.say_hello_with(password, binding.as_ref(), &hello).await {
                return answer;
            }
        }
    }

    /// A client that is called `name`. Clients of one check need different numbers.
    pub(super) async fn enter(&self, name: &str, number: u64) -> (RawClient, Welcome) {
        self.welcomed(&hello(name, number)).await
    }

    /// A client whose hello is welcomed.
    pub(super) async fn welcomed(&self, hello: &Hello<'_>) -> (RawClient, Welcome) {
        let (client, answer) = self.hello(hello).await;
        (client, answer.unwrap_or_else(|error| panic!("{hello:?} is refused: {error:?}")))
    }

    /// A client whose hello is refused with `code`. Where that ends the link, it has ended.
    pub(super) async fn refused(&self, hello: &Hello<'_>, code: Code) {
        let (mut client, answer) = self.hello(hello).await;
        let error = answer.expect_err("this hello is to be refused");
        assert_eq!(error.code, code, "{hello:?}: {error:?}");
        assert!(!error.message.is_empty(), "{error:?} says nothing");
        if client.is_lossless() && matches!(code, Code::BadProtocol | Code::BadPassword) {
            assert_eq!(client.rest().await, [], "nothing follows");
        }
    }

    /// A client that says hello as `ana` with the secret of her session. Its last request was `last_id`.
    pub(super) async fn resume(&self, secret: &str, last_id: u64) -> (RawClient, Welcome) {
        let hello = Hello { resume: Some(secret.to_owned().into()), ..hello("ana", 1) };
        let (mut client, welcome) = self.welcomed(&hello).await;
        client.go_on_from(last_id);
        (client, welcome)
    }

    /// A client that is in `room` as well, and has read it from the beginning.
    pub(super) async fn enter_room(&self, name: &str, number: u64, room: &str) -> RawClient {
        let (mut client, _) = self.enter(name, number).await;
        client.join(room, Some(0)).await;
        client
    }
}

/// What the log may hold; far more than any check says.
const LOG_BYTES: usize = 16 << 20;
