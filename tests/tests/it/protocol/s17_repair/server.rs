//! The server alone on a link that it cannot rely on and that loses nothing: what it says, to the millisecond.

mod backlog;
mod bad_frames;
mod heads;
mod message_order;
mod repeated_requests;

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use chat_core::{
    Address, Runtime,
    log::{MemoryLog, RoomLog},
    memory::Memory,
    server::{Config, Limits, Server},
    transport::{BoxLink, Listening, Promises, Transport, Transports},
    wire::{Event, MAX_FRAME, read_event},
};
use chat_testkit::virtual_time::VirtualTime;
use futures::{FutureExt, SinkExt, StreamExt, future::BoxFuture};

use crate::protocol::TestServer;

/// A network that promises nothing, and keeps more than it promises.
pub struct Weak(pub Memory);

impl Transport for Weak {
    fn promises(&self) -> Promises {
        Promises { ordered: false, reliable: false, max_frame: MAX_FRAME }
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        self.0.listen(address)
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        self.0.dial(address)
    }
}

/// A server that listens at `memory://hall` and relies on nothing there, and at `memory://firm` and does.
pub async fn open(time: &VirtualTime, limits: Limits) -> TestServer {
    with_log(time, limits, Arc::new(MemoryLog::new(1 << 26, 7))).await
}

pub async fn with_log(time: &VirtualTime, limits: Limits, log: Arc<dyn RoomLog>) -> TestServer {
    let config = Config { limits, password: None, software: "hall".to_owned(), signer: None };
    let memory = Memory::default();
    let server = Server::start(config, log, time.shared()).await.unwrap();
    let weak = Transports::new().with("memory", Weak(memory.clone()));
    let address = server.listen(&weak, &"memory://hall".parse().unwrap()).await.unwrap();
    let firm = Transports::new().with("memory", memory.clone());
    server.listen(&firm, &"memory://firm".parse().unwrap()).await.unwrap();
    TestServer { time: time.clone(), memory, server, address }
}

/// One end of a link: it says what a test tells it to, and keeps what comes with the time at which it came.
struct Peer {
    link: BoxLink,
    time: VirtualTime,
}

impl Peer {
    async fn dial(server: &TestServer, address: &str) -> Peer {
        let link = server.memory.dial(&address.parse().unwrap()).await.unwrap();
        Peer { link, time: server.time.clone() }
    }

    /// Somebody who is welcomed over a weak link.
    async fn enter(server: &TestServer, name: &str, number: u64) -> Peer {
        Peer::enter_at(server, "memory://hall", name, number).await
    }

    async fn enter_at(server: &TestServer, address: &str, name: &str, number: u64) -> Peer {
        let mut peer = Peer::dial(server, address).await;
        let heard = peer.ask(&hello(name, number)).await;
        assert!(matches!(heard[..], [Event::Welcome(_)]), "{heard:?}");
        peer
    }

    /// Somebody who is in the lobby and has read nothing.
    async fn in_the_lobby(server: &TestServer, name: &str, number: u64) -> Peer {
        let mut peer = Peer::enter(server, name, number).await;
        let heard = peer.ask(&join(1, "lobby", 0)).await;
        assert!(matches!(heard[0], Event::Joined(_)), "{heard:?}");
        peer
    }

    async fn say(&mut self, frame: &str) {
        self.link.send(Bytes::from(frame.to_owned())).await.unwrap();
    }

    /// The frames that are there by now.
    async fn frames(&mut self) -> Vec<Bytes> {
        self.time.settle().await;
        std::iter::from_fn(|| self.link.next().now_or_never().flatten()).map(Result::unwrap).collect()
    }

    async fn heard(&mut self) -> Vec<Event> {
        self.frames().await.iter().map(|it| read_event(it).unwrap()).collect()
    }

    async fn ask(&mut self, frame: &str) -> Vec<Event> {
        self.say(frame).await;
        self.heard().await
    }

    /// What comes in that time, and after how many milliseconds.
    async fn watch(&mut self, time: Duration) -> Vec<(u64, Event)> {
        let (began, mut heard) = (self.time.now(), Vec::new());
        let end = self.time.sleep_until(began + time).shared();
        loop {
            let next = futures::future::select(self.link.next(), end.clone()).await;
            let futures::future::Either::Left((Some(frame), _)) = next else { return heard };
            let at = (self.time.now() - began).as_secs_f64() * 1000.0;
            heard.push((at.round() as u64, read_event(&frame.unwrap()).unwrap()));
        }
    }
}

fn hello(name: &str, number: u64) -> String {
    format!(r#"{{"type":"hello","protocol":1,"name":"{name}","client":"{number:021}A"}}"#)
}

fn join(id: u64, room: &str, after: u64) -> String {
    format!(r#"{{"type":"join","id":{id},"room":"{room}","after":{after}}}"#)
}

fn leave(id: u64, room: &str) -> String {
    format!(r#"{{"type":"leave","id":{id},"room":"{room}"}}"#)
}

fn say(id: u64, text: &str) -> String {
    format!(r#"{{"type":"say","id":{id},"room":"lobby","text":"{text}"}}"#)
}

/// A message with the place `order`, whose id is 100 more.
fn placed(order: u64) -> String {
    let id = order + 100;
    format!(r#"{{"type":"say","id":{id},"room":"lobby","text":"{order}","order":{order}}}"#)
}

fn ping(id: u64) -> String {
    format!(r#"{{"type":"ping","id":{id}}}"#)
}

fn replay(id: u64, room: &str, from: u64, to: u64) -> String {
    format!(r#"{{"type":"replay","id":{id},"room":"{room}","from":{from},"to":{to}}}"#)
}

/// The texts of the entries among these.
fn texts(heard: &[Event]) -> Vec<&str> {
    let entries = heard.iter().filter_map(|it| if let Event::Entry(entry) = it { Some(entry) } else { None });
    entries.map(|it| it.body.text.as_str()).collect()
}

/// What became of requests, in no particular order: the id of each that was granted, and 1000 more for each that was refused.
fn replies(heard: &[Event]) -> Vec<u64> {
    let reply = |it: &Event| match it {
        Event::Error(error) => Some(error.id? + 1000),
        it => it.reply_to(),
    };
    let mut replies: Vec<u64> = heard.iter().filter_map(reply).collect();
    replies.sort_unstable(); // a refusal needs no disk, and comes first
    replies
}

fn unlimited() -> Limits {
    Limits::default().unlimited()
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
