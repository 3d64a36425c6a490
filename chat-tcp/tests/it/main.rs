//! TCP over real loopback sockets: what peers can do to a link, and what addresses and descriptors do to a transport.
#![allow(clippy::unwrap_used)]

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    io::{self, Write},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use chat_core::{
    Address, Runtime,
    transport::{BoxLink, Incoming, Listening, Transport},
};
use chat_tcp::Tcp;
use futures::{FutureExt, StreamExt, future::BoxFuture};

mod addresses;
mod descriptors;
mod frames;
mod peers;
mod traffic;

/// The smallest runtime there is. Its clock runs `speed` times as fast as that of the system, so that a test need not
/// wait as long as a deadline lasts.
struct AsyncStd {
    began: Instant,
    speed: u32,
}

impl Runtime for AsyncStd {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        async_std::task::spawn(task);
    }

    fn now(&self) -> Instant {
        self.began + self.began.elapsed() * self.speed
    }

    fn wall_clock(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        async_std::task::sleep(deadline.saturating_duration_since(self.now()) / self.speed).boxed()
    }

    fn random(&self) -> u128 {
        let half = || u128::from(RandomState::new().hash_one(0));
        half() << 64 | half()
    }
}

fn tcp() -> Tcp {
    tcp_at(1)
}

/// TCP whose deadlines pass `speed` times as fast.
fn tcp_at(speed: u32) -> Tcp {
    Tcp::new(Arc::new(AsyncStd { began: Instant::now(), speed }))
}

/// Runs a test, which has 20 s.
fn run<T>(test: impl Future<Output = T>) -> T {
    let test = async_std::future::timeout(Duration::from_secs(20), test);
    async_std::task::block_on(test).expect("the test hangs")
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

async fn listen(text: &str) -> Listening {
    tcp().listen(&address(text)).await.unwrap()
}

/// The two ends of a link. The listener stays open, as a server's does.
async fn pair() -> (BoxLink, Incoming, Listening) {
    let mut listening = listen("tcp://127.0.0.1:0").await;
    let dialled = tcp().dial(&listening.address).await.unwrap();
    let accepted = listening.incoming.next().await.unwrap();
    (dialled, accepted, listening)
}

/// A link whose peer is a plain socket, which can say what it wants.
async fn link_to_socket(tcp: Tcp) -> (BoxLink, std::net::TcpStream) {
    let mut listening = tcp.listen(&address("tcp://127.0.0.1:0")).await.unwrap();
    let socket = std::net::TcpStream::connect(listening.address.rest()).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
    (listening.incoming.next().await.unwrap().link, socket)
}

fn framed<T: AsRef<[u8]>>(bodies: &[T]) -> Vec<u8> {
    let mut out = Vec::new();
    for body in bodies {
        out.write_all(&u32::try_from(body.as_ref().len()).unwrap().to_be_bytes()).unwrap();
        out.write_all(body.as_ref()).unwrap();
    }
    out
}

async fn next_frame(link: &mut BoxLink) -> Bytes {
    link.next().await.expect("the link ended").expect("the link failed")
}

async fn next_error(link: &mut BoxLink) -> io::Error {
    let error = link.next().await.expect("the link ended").expect_err("a frame came");
    assert!(link.next().await.is_none(), "the link goes on after {error}");
    error
}
