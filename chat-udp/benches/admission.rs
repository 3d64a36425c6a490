//! What it costs to answer, or to drop, a datagram of somebody unknown: `cargo bench -p chat-udp --bench admission`.
//!
//! Cookies are made and checked in here. The listener is the real one, on a socket that has the same datagram again and
//! again.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use chat_core::{HostPort, transport::Transport};
use chat_testkit::virtual_time::VirtualTime;
use chat_udp::{
    Udp,
    net::{Arrival, Network, Socket},
};
use divan::{Bencher, counter::ItemsCount};
use futures::{FutureExt, future::BoxFuture, task::AtomicWaker};

fn main() {
    divan::main();
}

/// A hello without a cookie: one is made.
#[divan::bench]
fn hello_without_a_cookie(bencher: Bencher<'_, '_>) {
    let hello = r#"{"type":"hello","protocol":1,"name":"ana","client":"q83vEjRWeJCrze8SNFZ4kA"}"#;
    answer(bencher, hello, 1);
}

/// A hello with a wrong cookie: it is checked, and another is made.
#[divan::bench]
fn hello_with_a_wrong_cookie(bencher: Bencher<'_, '_>) {
    let hello = r#"{"type":"hello","protocol":1,"name":"ana","client":"q83vEjRWeJCrze8SNFZ4kA","cookie":"p1s0zqW8J6k"}"#;
    answer(bencher, hello, 1);
}

/// A hello with a header and without a cookie.
#[divan::bench]
fn hello_with_a_header(bencher: Bencher<'_, '_>) {
    answer(bencher, WITH_HEADER[0], 1);
}

/// With a header, of a link that is not known.
#[divan::bench]
fn unknown_link_with_a_header(bencher: Bencher<'_, '_>) {
    answer(bencher, WITH_HEADER[1], 1);
}

/// Of a link that is not known.
#[divan::bench]
fn unknown_link(bencher: Bencher<'_, '_>) {
    answer(bencher, r#"{"type":"say","id":3,"room":"lobby","text":"hi","link":"u8yVb1yd0Yx2bq3fJQkq9g"}"#, 1);
}

/// Anything else.
#[divan::bench]
fn noise(bencher: Bencher<'_, '_>) {
    answer(bencher, "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n", 0);
}

/// Has a listener read a hundred times `datagram`, to each of which it answers so often.
fn answer(bencher: Bencher<'_, '_>, datagram: &'static str, answers: usize) {
    let time = VirtualTime::new(1);
    let one = Arc::new(One { datagram, ..One::default() });
    let udp = Udp::over(Arc::new(OneSocket(one.clone())), time.shared());
    let address = "udp://127.0.0.1:7000".parse().expect("it is an address");
    let listening = time.run(udp.listen(&address)).expect("nobody else listens");
    bencher.counter(ItemsCount::new(AT_ONCE)).bench_local(|| {
        one.left.store(AT_ONCE, Relaxed);
        one.sent.store(0, Relaxed);
        one.reader.wake();
        time.run(time.settle());
        assert_eq!((one.left.load(Relaxed), one.sent.load(Relaxed)), (0, AT_ONCE * answers));
    });
    drop(listening);
    time.end();
}

/// A socket for which the same datagram comes some more times.
#[derive(Debug, Default)]
struct One {
    datagram: &'static str,
    left: AtomicUsize,
    sent: AtomicUsize,
    reader: AtomicWaker,
}

impl Socket for One {
    fn local(&self) -> SocketAddr {
        ([127, 0, 0, 1], 7000).into()
    }

    fn recv_buffer(&self) -> usize {
        1 << 20
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<Arrival>> {
        if self.left.load(Relaxed) == 0 {
            self.reader.register(cx.waker());
            return Poll::Pending;
        }
        self.left.fetch_sub(1, Relaxed);
        buffer[..self.datagram.len()].copy_from_slice(self.datagram.as_bytes());
        let from = ([127, 0, 0, 1], 40_000).into();
        Poll::Ready(Ok(Arrival { len: self.datagram.len(), from, to: None }))
    }

    fn send(&self, _: &[u8], _: SocketAddr, _: Option<IpAddr>) -> io::Result<()> {
        self.sent.fetch_add(1, Relaxed);
        Ok(())
    }
}

/// A network that has no other.
#[derive(Debug)]
struct OneSocket(Arc<One>);

impl Network for OneSocket {
    fn bind(&self, _: SocketAddr) -> io::Result<Arc<dyn Socket>> {
        Ok(self.0.clone())
    }

    fn lookup<'a>(&'a self, host: &'a HostPort) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        let address = host.host.parse().map(|ip: IpAddr| vec![(ip, host.port).into()]);
        async move { address.map_err(io::Error::other) }.boxed()
    }
}

const AT_ONCE: usize = 100;

/// Datagrams of the kinds hello and data with a header (protocol 15.16), each with one frame of 53 bytes.
const WITH_HEADER: [&str; 2] = [
    "\x01tokentokentokent\0\0\0\0\0\0\0\0\0\x35{\"type\":\"hello\",\"protocol\":1,\"name\":\"ana\",\"client\":0}",
    "\x04tokentokentokent\0\0\0\0\0\0\0\x01\0\x35{\"type\":\"hello\",\"protocol\":1,\"name\":\"ana\",\"client\":0}",
];
