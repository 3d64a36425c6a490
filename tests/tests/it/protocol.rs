//! Server and client held to docs/protocol.md, a module for each of its sections, in virtual time: what takes half a
//! minute on a clock takes none here, and is exact.

mod other_hosts;
mod s01_frames;
mod s02_opening;
mod s03_resuming;
mod s04_names;
mod s05_requests;
mod s06_rooms;
mod s07_messages;
mod s08_reading_again;
mod s09_presence;
mod s10_direct;
mod s11_limits;
mod s12_ending;
mod s14_client;
pub mod s17_repair;
mod s19_encrypted;
mod s20_password;
mod s21_keys_and_names;
mod shared_log;
mod slow_log;

use std::{sync::Arc, time::Duration};

use chat_core::{
    Address, ClientId, KeyId, Runtime,
    client::{Config as ClientConfig, Remote, Update, Updates, start},
    log::{MemoryLog, RoomLog},
    memory::{Memory, pipe},
    server::{Config, Limits, Server},
    transport::{Binding, Incoming, Peer, Promises, Transport, Transports},
    wire::{Code, EntryFrame, Error, Event, Post, RequestBody},
};
use chat_testkit::{
    RawClient, hello,
    virtual_time::VirtualTime,
    weather::{Weather, WeatherTransport},
};
use futures::StreamExt;

/// A server in virtual time, and the network on which it listens.
pub struct TestServer {
    pub time: VirtualTime,
    pub memory: Memory,
    pub server: Server,
    pub address: Address,
}

impl TestServer {
    pub async fn open(time: &VirtualTime) -> TestServer {
        TestServer::with(time, Limits::default(), Arc::new(MemoryLog::new(1 << 24, 7))).await
    }

    pub async fn with(time: &VirtualTime, limits: Limits, log: Arc<dyn RoomLog>) -> TestServer {
        TestServer::over(time, Memory::default(), limits, log).await
    }

    /// A server that limits nobody's rate.
    pub async fn unlimited(time: &VirtualTime) -> TestServer {
        TestServer::unlimited_with(time, 1 << 24).await
    }

    /// A server that limits nobody's rate, with a log of so many bytes.
    pub async fn unlimited_with(time: &VirtualTime, log_bytes: usize) -> TestServer {
        TestServer::with(time, Limits::default().unlimited(), Arc::new(MemoryLog::new(log_bytes, 7))).await
    }

    /// A server whose links lose, double and delay frames as `weather` says. Both ends know that they do.
    pub async fn lossy(time: &VirtualTime, memory: &Memory, weather: Weather, limits: Limits) -> TestServer {
        let config = Config { limits, password: None, software: "hall".to_owned(), signer: None };
        let log = Arc::new(MemoryLog::new(1 << 24, 7));
        let server = Server::start(config, log, time.shared()).await.unwrap();
        let lossy = WeatherTransport::new(Arc::new(memory.clone()), weather, 0, time.shared());
        let transports = Transports::new().with("memory", lossy);
        let address = server.listen(&transports, &"memory://hall".parse().unwrap()).await.unwrap();
        TestServer { time: time.clone(), memory: memory.clone(), server, address }
    }

    /// A server on a network that another server may have used before.
    pub async fn over(
        time: &VirtualTime,
        memory: Memory,
        limits: Limits,
        log: Arc<dyn RoomLog>,
    ) -> TestServer {
        let config = Config { limits, password: None, software: "hall".to_owned(), signer: None };
        let server = Server::start(config, log, time.shared()).await.unwrap();
        let transports = Transports::new().with("memory", memory.clone());
        let address = server.listen(&transports, &"memory://hall".parse().unwrap()).await.unwrap();
        TestServer { time: time.clone(), memory, server, address }
    }

    /// Stops the server as `Server::stop` does.
    pub async fn stop(&self) {
        self.server.stop().await;
    }

    /// The number of sessions that the server holds.
    pub fn sessions(&self) -> usize {
        self.server.sessions()
    }

    /// A client that has said nothing yet.
    pub async fn dial(&self) -> RawClient {
        let link = self.memory.dial(&self.address).await.unwrap();
        RawClient::new(link, self.memory.promises(), self.time.shared())
    }

    /// A client with a session.
    pub async fn enter(&self, name: &str, number: u64) -> RawClient {
        let mut client = self.dial().await;
        client.hello(&hello(name, number)).await;
        client
    }

    /// A client with a session that outlives its link: it has sent a request (protocol 3.9).
    pub async fn enter_to_stay(&self, name: &str, number: u64) -> RawClient {
        let mut client = self.enter(name, number).await;
        client.has_heard(|_| false).await;
        client
    }

    /// A client on a link that the server was given, with these promises, and that has said nothing yet.
    pub fn accepted(&self, promises: Promises) -> RawClient {
        self.accepted_from(promises, None)
    }

    /// The same, from a peer whose transport vouches for this key.
    pub fn accepted_from(&self, promises: Promises, identity: Option<KeyId>) -> RawClient {
        let (address, host) = ("a pipe".to_owned(), "192.0.2.1".to_owned());
        self.accepted_peer(Peer { address, host, local: false, identity, binding: None }, promises)
    }

    /// A client at this address, which is not the server's machine, and that has said nothing yet.
    pub fn at(&self, host: &str) -> RawClient {
        let (address, host) = (format!("pipe to {host}"), host.to_owned());
        self.accepted_peer(
            Peer { address, host, local: false, identity: None, binding: None },
            self.memory.promises(),
        )
    }

    /// A client at this address over an encrypted link, whose binding is this number, and that has said nothing yet.
    pub fn encrypted_at(&self, host: &str, binding: u64) -> RawClient {
        self.accepted_peer(encrypted_peer(host, binding), self.memory.promises())
    }

    /// A client at this address that has proved this key over a link with this binding, and has said nothing yet.
    pub fn known(&self, host: &str, key: KeyId, binding: [u8; 32]) -> RawClient {
        let (address, host) = (format!("pipe to {host}"), host.to_owned());
        let peer = Peer { address, host, local: false, identity: Some(key), binding: Some(binding) };
        self.accepted_peer(peer, self.memory.promises())
    }

    pub fn accepted_peer(&self, peer: Peer, promises: Promises) -> RawClient {
        let (near, far) = pipe();
        self.server.accept(Incoming { link: Box::pin(far), peer }, promises).unwrap();
        RawClient::new(Box::pin(near), promises, self.time.shared())
    }

    /// A client of the library, which reconnects by itself.
    pub fn client(&self, name: &str) -> (Remote, Updates) {
        self.client_over(Arc::new(self.memory.clone()), name)
    }

    pub fn client_over(&self, transport: Arc<dyn Transport>, name: &str) -> (Remote, Updates) {
        let config = ClientConfig {
            name: name.to_owned(),
            client: ClientId(self.time.random()),
            password: None,
            seed: 1,
            raw: false,
        };
        start(config, transport, self.address.clone(), self.time.shared())
    }
}

/// A peer at this address, on an encrypted link whose binding is this number.
pub fn encrypted_peer(host: &str, number: u64) -> Peer {
    let (address, host) = (format!("pipe to {host}"), host.to_owned());
    Peer { address, host, local: false, identity: None, binding: Some(binding(number)) }
}

/// The binding that has this number.
pub fn binding(number: u64) -> Binding {
    std::array::from_fn(|at| number.to_le_bytes().get(at).copied().unwrap_or(0))
}

/// The number of the request and the code, if it is an error.
pub fn error(event: &Event) -> Option<(Option<u64>, Code)> {
    if let Event::Error(Error { id, code, .. }) = event { Some((*id, *code)) } else { None }
}

pub fn say(room: &str, text: impl Into<String>) -> RequestBody<'static> {
    Post::say(room.to_owned(), text.into()).into()
}

/// The next update that `pick` takes; others are passed over.
pub async fn next<T>(updates: &mut Updates, mut pick: impl FnMut(Update) -> Option<T>) -> T {
    loop {
        let update = updates.next().await.expect("the client goes on");
        if let Some(found) = pick(update) {
            return found;
        }
    }
}

/// The next entry of any room.
pub async fn next_entry(updates: &mut Updates) -> EntryFrame {
    next(updates, |it| match it {
        Update::Entry(entry) => Some(entry),
        _ => None,
    })
    .await
}

pub fn presence_of(name: &str) -> impl FnMut(&Event) -> Option<bool> {
    move |event| match event {
        Event::Presence(it) if it.entered.iter().any(|entered| entered == name) => Some(true),
        Event::Presence(it) if it.left.iter().any(|left| left == name) => Some(false),
        _ => None,
    }
}

pub const SECOND: Duration = Duration::from_secs(1);
