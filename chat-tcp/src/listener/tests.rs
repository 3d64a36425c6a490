//! What the accept loop makes of errors, without a real shortage.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use futures::future::BoxFuture;
use tracing::{Event as LogEvent, Metadata, Subscriber, span};

use super::*;

/// Time passes only by sleeping, and every sleep is noted.
struct Sleeper {
    start: Instant,
    slept: Mutex<Vec<Duration>>,
}

impl chat_core::Runtime for Sleeper {
    fn spawn(&self, _: BoxFuture<'static, ()>) {
        panic!("the accept loop spawns nothing");
    }

    fn now(&self) -> Instant {
        self.start + self.slept.lock().unwrap().iter().sum::<Duration>()
    }

    fn wall_clock(&self) -> std::time::SystemTime {
        std::time::SystemTime::UNIX_EPOCH
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        let pause = deadline - self.now();
        let mut slept = self.slept.lock().unwrap();
        slept.push(pause);
        if slept.len() < 12 { futures::future::ready(()).boxed() } else { futures::future::pending().boxed() }
    }

    fn random(&self) -> u128 {
        0
    }
}

struct CountWarnings(Arc<AtomicUsize>);

impl Subscriber for CountWarnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("chat_tcp")
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, _: &LogEvent<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

fn accepting(socket: socket2::Socket) -> (Accepting, Arc<Sleeper>) {
    let sleeper = Arc::new(Sleeper { start: Instant::now(), slept: Mutex::default() });
    let listener = TcpListener::new(socket.into()).unwrap();
    (Accepting::new(listener, Tcp::new(sleeper.clone())), sleeper)
}

fn listening() -> socket2::Socket {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(16).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

#[test]
#[cfg(target_os = "linux")]
fn an_error_that_stays_is_waited_out_ever_longer_and_logged_once_a_second() {
    let socket = listening();
    socket.shutdown(std::net::Shutdown::Both).unwrap(); // accept says EINVAL from here on
    let (mut accepting, sleeper) = accepting(socket);
    let warnings = Arc::new(AtomicUsize::new(0));
    let next = tracing::subscriber::with_default(CountWarnings(warnings.clone()), || {
        accepting.next().now_or_never().map(|it| it.peer)
    });
    assert_eq!(next, None);
    let slept: Vec<u128> = sleeper.slept.lock().unwrap().iter().map(Duration::as_millis).collect();
    assert_eq!(slept, [10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 1000, 1000]);
    // At 0, then after 1.27 s and each second from there.
    assert_eq!(warnings.load(Ordering::Relaxed), 6);
}

#[test]
fn an_error_about_one_connection_is_not_waited_out_unless_it_never_ends() {
    let (mut accepting, _) = accepting(listening());
    let aborted = io::Error::from_raw_os_error(libc::ECONNABORTED);
    for _ in 0..ERRORS_IN_A_ROW {
        assert_eq!(accepting.after(&aborted, 0), None);
    }
    assert_eq!(accepting.after(&aborted, 0), Some(PAUSE_MIN));
}

#[test]
fn errors_are_told_apart() {
    for (code, expected) in [
        (libc::ECONNABORTED, Verdict::Next),
        (libc::EPROTO, Verdict::Next),
        (libc::EHOSTUNREACH, Verdict::Next),
        (libc::EMFILE, Verdict::NoDescriptors),
        (libc::ENFILE, Verdict::NoDescriptors),
        (libc::ENOMEM, Verdict::Wait),
        (libc::ENOBUFS, Verdict::Wait),
        (libc::EINVAL, Verdict::Wait),
    ] {
        let error = io::Error::from_raw_os_error(code);
        assert_eq!(verdict(&error), expected, "{error}");
    }
}

#[test]
fn a_peer_is_named_by_its_address() {
    let named = |from: &str| {
        let it = peer(from.parse().unwrap());
        (it.address, it.host, it.local)
    };
    for (from, address, host, local) in [
        ("192.168.1.7:5000", "192.168.1.7:5000", "192.168.1.7", false),
        ("127.0.0.2:5000", "127.0.0.2:5000", "127.0.0.2", true),
        ("[::ffff:127.0.0.1]:5000", "127.0.0.1:5000", "127.0.0.1", true),
        ("[::ffff:10.0.0.3]:5000", "10.0.0.3:5000", "10.0.0.3", false),
        ("[::1]:5000", "[::1]:5000", "::1", true),
        ("[fe80::1]:5000", "[fe80::1]:5000", "fe80::1", false),
    ] {
        assert_eq!(named(from), (address.to_owned(), host.to_owned(), local));
    }
}
