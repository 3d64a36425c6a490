//! A room with many readers over the memory transport, in virtual time: what a delivery costs, and next to nothing else.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use chat_core::{
    Runtime,
    log::MemoryLog,
    memory::Memory,
    server::{Config, Limits, Server},
    transport::{BoxLink, Transport, Transports},
    wire::{self, Join, Post, Request, RequestBody},
};
use futures::{FutureExt, SinkExt, StreamExt, future::poll_fn, task::AtomicWaker};

use crate::{hello, virtual_time::VirtualTime};

/// The room, with a server of its own.
pub struct CrowdedRoom {
    memory: Memory,
    server: Server,
    /// Of the one who talks, and reads like all others.
    speaker: BoxLink,
    said: u64,
    readers: u64,
    heard: Arc<Heard>,
}

/// What all readers but the speaker have heard.
#[derive(Default)]
struct Heard {
    count: AtomicU64,
    all: AtomicU64,
    waker: AtomicWaker,
}

impl CrowdedRoom {
    /// A room in which `readers` read, one of whom talks. Its tasks are dropped by [`VirtualTime::end`].
    ///
    /// # Panics
    /// When the server is at fault.
    pub async fn open(time: &VirtualTime, readers: usize) -> CrowdedRoom {
        let config = Config { limits: Limits::default().unlimited(), ..Config::default() };
        let log = Arc::new(MemoryLog::new(LOG_BYTES, 7));
        let server = Server::start(config, log, time.shared()).await.expect("a log in memory can be read");
        let memory = Memory::default();
        let transports = Transports::new().with("memory", memory.clone());
        let address = "memory://room".parse().expect("it is an address");
        server.listen(&transports, &address).await.expect("nobody listens there");
        let mut room = CrowdedRoom {
            speaker: enter(&memory, &address, 0).await,
            memory,
            server,
            said: 0,
            readers: readers as u64,
            heard: Arc::default(),
        };
        for nth in 1..readers {
            let (mut link, heard) = (enter(&room.memory, &address, nth as u64).await, room.heard.clone());
            let read = async move {
                while let Some(Ok(frame)) = link.next().await {
                    heard.note(&frame);
                }
            };
            time.spawn(read.boxed());
        }
        time.settle().await;
        room.say(1).await; // whatever waits for the first message is done
        room
    }

    /// Says `count` messages without waiting for answers, and waits until everybody has all of them.
    ///
    /// # Panics
    /// When the server ends the link.
    pub async fn say(&mut self, count: u64) {
        let before = self.said;
        self.said += count;
        self.heard.all.store(self.said * (self.readers - 1), Ordering::Relaxed);
        for number in before..self.said {
            let say = Request::new(number + 2, Post::say(ROOM, format!("message {number:09} {TEXT}")));
            self.speaker.send(wire::write(&say)).await.expect("the server takes it");
        }
        let mut own = 0;
        while own < count {
            let frame = self.speaker.next().await.expect("the link lives").expect("a frame comes");
            own += u64::from(is_message(&frame));
        }
        self.heard.all().await;
    }

    /// Lets somebody in who reads the last `count` messages, and waits until they are read.
    ///
    /// # Panics
    /// When the server does not let it in.
    pub async fn read(&self, count: u64) {
        let address = "memory://room".parse().expect("it is an address");
        let mut link = hello_link(&self.memory, &address, READER).await;
        link.send(join(self.said - count)).await.expect("the server takes it");
        let mut read = 0;
        while read < count {
            let frame = link.next().await.expect("the link lives").expect("a frame comes");
            read += u64::from(is_message(&frame));
        }
        link.send(wire::write(&Request::unnumbered(RequestBody::Bye))).await.expect("the server takes it");
        while let Some(Ok(_)) = link.next().await {}
    }

    /// How many deliveries there were.
    pub fn deliveries(&self) -> u64 {
        self.said * self.readers
    }
}

impl Heard {
    fn note(&self, frame: &Bytes) {
        if is_message(frame)
            && self.count.fetch_add(1, Ordering::Relaxed) + 1 == self.all.load(Ordering::Relaxed)
        {
            self.waker.wake();
        }
    }

    async fn all(&self) {
        poll_fn(|cx| {
            self.waker.register(cx.waker());
            let is_all = self.count.load(Ordering::Relaxed) == self.all.load(Ordering::Relaxed);
            if is_all { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }
}

/// A link of somebody who was welcomed.
async fn hello_link(memory: &Memory, address: &chat_core::Address, number: u64) -> BoxLink {
    let mut link = memory.dial(address).await.expect("the server listens");
    let frame = wire::write(&Request::unnumbered(hello(&format!("p{number}"), number)));
    link.send(frame).await.expect("the server takes it");
    link.next().await.expect("the link lives").expect("a welcome comes");
    link
}

/// A link of somebody who is in the room.
async fn enter(memory: &Memory, address: &chat_core::Address, number: u64) -> BoxLink {
    let mut link = hello_link(memory, address, number).await;
    link.send(join(0)).await.expect("the server takes it");
    link.next().await.expect("the link lives").expect("a frame comes");
    link
}

fn join(after: u64) -> Bytes {
    let join = Join { room: ROOM.into(), after: Some(after), ..Join::default() };
    wire::write(&Request::new(1, join))
}

fn is_message(frame: &Bytes) -> bool {
    frame.starts_with(br#"{"type":"message""#)
}

impl std::fmt::Debug for CrowdedRoom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CrowdedRoom")
            .field("server", &self.server)
            .field("said", &self.said)
            .finish_non_exhaustive()
    }
}

const ROOM: &str = "crowded";
const TEXT: &str = "says what people say in a room, which is a line or so, and seldom more";
const LOG_BYTES: usize = 1 << 24;
/// The number of the one who comes and goes.
const READER: u64 = 1 << 40;
