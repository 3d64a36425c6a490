//! Server and client in virtual time: what takes half a minute in the world takes none here, and is exact.

mod asking;
mod clauses;
mod client;
mod edges;
mod elsewhere;
mod hosts;
mod late;
mod limits;
mod load;
mod lossy;
mod lossy_client;
mod lossy_server;
mod lossy_talk;
mod machine;
mod measuring;
mod moving;
mod order;
mod parting;
mod pressure;
mod probing;
mod reopened;
mod searching;
mod sessions;
mod slow_log;
mod storage;

use std::{sync::Arc, time::Duration};

use chat_core::{
    Address, ClientId, Runtime,
    client::{Config as ClientConfig, Remote, Update, Updates, start},
    log::{MemoryLog, RoomLog},
    memory::Memory,
    server::{Config, Limits, Server},
    transport::{Transport, Transports},
    wire::{EntryFrame, Event, Request, Say},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime};
use futures::StreamExt;

/// A server in a world of its own, and the way to it.
pub struct Hall {
    pub time: VirtualTime,
    pub memory: Memory,
    pub server: Server,
    pub address: Address,
}

impl Hall {
    pub async fn open(time: &VirtualTime) -> Hall {
        Hall::with(time, Limits::default(), Arc::new(MemoryLog::new(1 << 24, 7))).await
    }

    pub async fn with(time: &VirtualTime, limits: Limits, log: Arc<dyn RoomLog>) -> Hall {
        Hall::over(time, Memory::default(), limits, log).await
    }

    /// A server on a network that may have had another before.
    pub async fn over(time: &VirtualTime, memory: Memory, limits: Limits, log: Arc<dyn RoomLog>) -> Hall {
        let config = Config { limits, password: None, software: "hall".to_owned() };
        let server = Server::start(config, log, time.shared()).await.unwrap();
        let transports = Transports::new().with("memory", memory.clone());
        let address = server.listen(&transports, &"memory://hall".parse().unwrap()).await.unwrap();
        Hall { time: time.clone(), memory, server, address }
    }

    /// Somebody who has said nothing yet.
    pub async fn dial(&self) -> RawClient {
        let link = self.memory.dial(&self.address).await.unwrap();
        RawClient::new(link, self.memory.promises(), self.time.shared())
    }

    /// Somebody who was welcomed.
    pub async fn enter(&self, name: &str, number: u64) -> RawClient {
        let mut client = self.dial().await;
        client.hello(&hello(name, number)).await;
        client
    }

    /// A client that looks after itself.
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

pub fn say(room: &str, text: impl Into<String>) -> Request<'static> {
    Request::Say(Say {
        id: 0,
        room: room.to_owned().into(),
        text: text.into().into(),
        order: None,
        bot: false,
    })
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
