//! What a link does to its socket.

use std::{
    net,
    time::{Instant, SystemTime},
};

use futures::future;

use super::*;

/// A world in which nothing happens.
struct Still;

impl chat_core::Runtime for Still {
    fn spawn(&self, _: BoxFuture<'static, ()>) {}

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall_clock(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep_until(&self, _: Instant) -> BoxFuture<'static, ()> {
        future::pending().boxed()
    }

    fn random(&self) -> u128 {
        7
    }
}

/// Whether a link over a new socket leaves Nagle's algorithm off.
fn leaves_at_once(tcp: &Tcp) -> bool {
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert!(!socket.nodelay().unwrap(), "TCP gathers on its own unless told");
    let same = socket.try_clone().unwrap();
    let _link = tcp.link(socket.try_into().unwrap(), None).unwrap();
    same.nodelay().unwrap()
}

#[test]
fn what_a_link_writes_leaves_at_once_unless_nagle_is_wanted() {
    let tcp = Tcp::new(std::sync::Arc::new(Still));
    assert!(leaves_at_once(&tcp));
    let nagle = |tcp: &Tcp| tcp.settings().contains(&("Nagle's algorithm", "on".to_owned()));
    assert!(!nagle(&tcp));
    let with_nagle = tcp.with_nagle();
    assert!(nagle(&with_nagle) && !leaves_at_once(&with_nagle));
}
