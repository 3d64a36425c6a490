//! Links over a scripted socket: how often the kernel is asked, what is held, and when a deadline passes.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    task::Waker,
    time::{Instant, SystemTime},
};

use futures::{FutureExt, future::BoxFuture};

use super::*;
use crate::half::Halves;

/// A socket that gives what it is told and takes `room` bytes.
#[derive(Default)]
struct Script {
    arriving: VecDeque<Vec<u8>>,
    reader: Option<Waker>,
    /// Says once more that nothing has come, although it has.
    doubts: bool,
    reads: usize,
    room: usize,
    writer: Option<Waker>,
    writes: usize,
    written: Vec<u8>,
    finished: usize,
}

impl Socket for Mutex<Script> {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut this = self.lock().unwrap();
        this.reads += 1;
        let Some(mut bytes) = this.arriving.pop_front() else { return Err(io::ErrorKind::WouldBlock.into()) };
        let n = bytes.len().min(buffer.len());
        buffer[..n].copy_from_slice(&bytes[..n]);
        if n < bytes.len() {
            this.arriving.push_front(bytes.split_off(n));
        }
        Ok(n)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut this = self.lock().unwrap();
        this.writes += 1;
        let n = bytes.len().min(this.room);
        this.room -= n;
        this.written.extend_from_slice(&bytes[..n]);
        if n == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(n) }
    }

    fn host(&self) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, 1]))
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut this = self.lock().unwrap();
        if this.arriving.is_empty() || std::mem::take(&mut this.doubts) {
            this.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut this = self.lock().unwrap();
        if this.room == 0 {
            this.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn finish(&self) -> io::Result<()> {
        self.lock().unwrap().finished += 1;
        Err(io::ErrorKind::NotConnected.into())
    }
}

/// A clock that stands until it is put forward, and counts its timers.
struct Clock {
    start: Instant,
    seconds: Arc<AtomicUsize>,
    timers: AtomicUsize,
}

impl chat_core::Runtime for Clock {
    fn spawn(&self, _: BoxFuture<'static, ()>) {
        panic!("a link spawns nothing");
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_secs(self.seconds.load(Ordering::Relaxed) as u64)
    }

    fn wall_clock(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        self.timers.fetch_add(1, Ordering::Relaxed);
        let (start, seconds) = (self.start, self.seconds.clone());
        futures::future::poll_fn(move |_| {
            let now = start + Duration::from_secs(seconds.load(Ordering::Relaxed) as u64);
            if now >= deadline { Poll::Ready(()) } else { Poll::Pending }
        })
        .boxed()
    }

    fn random(&self) -> u128 {
        0
    }
}

type PollSink = fn(Pin<&mut TcpLink<Mutex<Script>>>, &mut Context<'_>) -> Poll<io::Result<()>>;

struct Rig {
    link: TcpLink<Mutex<Script>>,
    clock: Arc<Clock>,
}

impl Rig {
    fn new(room: usize) -> Rig {
        let clock =
            Arc::new(Clock { start: Instant::now(), seconds: Arc::default(), timers: AtomicUsize::new(0) });
        let socket = Mutex::new(Script { room, ..Script::default() });
        Rig { link: TcpLink::new(socket, clock.clone(), Duration::from_secs(10)), clock }
    }

    fn socket(&self) -> MutexGuard<'_, Script> {
        self.link.socket.lock().unwrap()
    }

    fn arrive(&mut self, bytes: impl Into<Vec<u8>>) {
        self.socket().arriving.push_back(bytes.into());
        let waker = self.socket().reader.take();
        waker.into_iter().for_each(Waker::wake);
    }

    fn writable(&mut self) {
        let waker = self.socket().writer.take();
        waker.expect("it waits").wake();
    }

    /// `None` while pending.
    fn next(&mut self) -> Option<Option<io::Result<Bytes>>> {
        futures::StreamExt::next(&mut self.link).now_or_never()
    }

    fn next_error(&mut self) -> io::Error {
        self.next().expect("not pending").expect("not ended").expect_err("not a frame")
    }

    fn poll(&mut self, what: PollSink) -> bool {
        let done = what(Pin::new(&mut self.link), &mut Context::from_waker(Waker::noop()));
        done.map(|it| it.unwrap()).is_ready()
    }

    fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        Pin::new(&mut self.link).start_send(Bytes::copy_from_slice(frame))
    }

    fn pass(&self, seconds: usize) {
        self.clock.seconds.fetch_add(seconds, Ordering::Relaxed);
    }
}

/// A waker, and how often it was called.
fn count_wakes() -> (Waker, Arc<AtomicUsize>) {
    struct Count(Arc<AtomicUsize>);
    impl std::task::Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let count = Arc::new(AtomicUsize::new(0));
    (Arc::new(Count(count.clone())).into(), count)
}

fn framed(bodies: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    bodies.iter().for_each(|body| crate::frame::encode(body, MAX_LINK_FRAME, &mut out).unwrap());
    out
}

/// protocol 15.4
#[test]
fn of_unfinished_frames_that_are_too_much_the_largest_ends_its_link() {
    let halves = Arc::new(Halves::new(50_000, 1 << 20));
    let rig = || {
        let Rig { link, clock } = Rig::new(usize::MAX);
        Rig { link: link.with_half(Some(Half::new(halves.clone()))), clock }
    };
    let whole = framed(&[&[b'x'; 40_000]]);
    let (mut large, mut small) = (rig(), rig());
    let (waker, wakes) = count_wakes();
    large.arrive(&whole[..30_000]);
    assert!(Pin::new(&mut large.link).poll_next(&mut Context::from_waker(&waker)).is_pending());
    let before = wakes.load(Ordering::Relaxed);
    small.arrive(&whole[..20_000]);
    assert!(small.next().is_none() && large.next().is_none(), "both are within the bound");
    assert_eq!(halves.bytes(), 50_000);
    assert!(Pin::new(&mut large.link).poll_next(&mut Context::from_waker(&waker)).is_pending());
    small.arrive(&whole[20_000..20_001]);
    assert!(small.next().is_none(), "the smaller one goes on");
    assert!(wakes.load(Ordering::Relaxed) > before, "the larger one is woken");
    let error = large.next_error();
    assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
    assert!(error.to_string().contains("30000 bytes") && error.to_string().contains("send each frame whole"));
    small.arrive(&whole[20_001..]);
    assert_eq!(small.next().unwrap().unwrap().unwrap(), [b'x'; 40_000][..]);
    assert_eq!(halves.bytes(), 0);
    small.arrive(&whole[..9]);
    assert!(small.next().is_none() && halves.bytes() == 9);
    drop(small);
    assert_eq!(halves.bytes(), 0, "a link that is gone holds nothing");
}

#[test]
fn what_has_gathered_leaves_with_one_write_and_no_buffer_stays() {
    let mut rig = Rig::new(usize::MAX);
    for _ in 0..500 {
        assert!(rig.poll(Sink::poll_ready));
        rig.send(&[b'x'; 100]).unwrap();
    }
    assert_eq!(rig.socket().writes, 0);
    assert!(rig.poll(Sink::poll_flush));
    assert_eq!(rig.socket().writes, 1);
    assert_eq!(rig.socket().written, framed(&[&[b'x'; 100][..]; 500]));
    assert_eq!(rig.link.outbox.held(), 0);
}

#[test]
fn a_peer_that_does_not_read_costs_what_it_is_owed() {
    let mut rig = Rig::new(1000);
    let mut sent = Vec::new();
    while rig.poll(Sink::poll_ready) {
        rig.send(&[b'x'; 100]).unwrap();
        sent.extend(framed(&[&[b'x'; 100]]));
        assert!(sent.len() < 100_000, "it takes frames without end");
    }
    let owed = rig.link.outbox.unwritten().len();
    assert!(owed > GATHERED_MAX - 1000 && owed <= GATHERED_MAX + 104, "{owed}");
    assert!(rig.link.outbox.held() <= 2 * owed);

    // Asking again asks the kernel again only once the reactor has spoken.
    let writes = rig.socket().writes;
    assert!(!rig.poll(Sink::poll_ready) && !rig.poll(Sink::poll_flush));
    assert_eq!(rig.socket().writes, writes);
    rig.socket().room = owed - 10;
    rig.writable();
    assert!(rig.poll(Sink::poll_ready) && !rig.poll(Sink::poll_flush));
    assert!(rig.link.outbox.held() <= 20, "{}", rig.link.outbox.held());
    rig.socket().room = usize::MAX;
    rig.writable();
    assert!(rig.poll(Sink::poll_flush));
    assert_eq!(rig.socket().written, sent);
    assert_eq!(rig.link.outbox.held(), 0);
}

#[test]
fn a_frame_that_is_no_frame_is_not_taken() {
    let mut rig = Rig::new(usize::MAX);
    let error = rig.send(&[b'x'; MAX_LINK_FRAME + 1]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert_eq!(error.to_string(), "a frame of 65508 bytes, over the limit of 65507");
    assert_eq!(rig.send(b"").unwrap_err().kind(), io::ErrorKind::InvalidInput);
    rig.send(&[b'x'; MAX_LINK_FRAME]).unwrap();
    assert!(rig.poll(Sink::poll_flush));
    assert_eq!(rig.socket().written.len(), MAX_LINK_FRAME + 4);
}

#[test]
fn closing_writes_what_is_left_and_says_so_once() {
    let mut rig = Rig::new(2);
    rig.send(b"bye").unwrap();
    assert!(!rig.poll(Sink::poll_close));
    assert_eq!(rig.socket().finished, 0);
    rig.socket().room = 100;
    rig.writable();
    assert!(rig.poll(Sink::poll_close) && rig.poll(Sink::poll_close));
    assert_eq!(rig.socket().written, framed(&[b"bye"]));
    assert_eq!(rig.socket().finished, 1);
}

#[test]
fn frames_that_came_together_cost_one_read_and_idling_none() {
    let mut rig = Rig::new(0);
    rig.arrive(framed(&[b"one", b"two", b"three"]));
    for body in [&b"one"[..], b"two", b"three"] {
        assert_eq!(rig.next().unwrap().unwrap().unwrap(), body);
    }
    assert_eq!(rig.socket().reads, 1);
    assert!(rig.next().is_none());
    assert!(rig.next().is_none()); // woken for something else
    assert_eq!(rig.socket().reads, 1);
    rig.arrive(framed(&[b"four"]));
    assert_eq!(rig.next().unwrap().unwrap().unwrap(), &b"four"[..]);
    assert_eq!(rig.clock.timers.load(Ordering::Relaxed), 0);
}

#[test]
fn a_wake_is_believed_even_if_the_reactor_doubts_it() {
    let mut rig = Rig::new(0);
    rig.arrive(framed(&[b"one"]));
    assert!(rig.next().is_some() && rig.next().is_none());
    rig.socket().doubts = true;
    rig.arrive(framed(&[b"two"]));
    assert_eq!(rig.next().expect("it was woken").unwrap().unwrap(), &b"two"[..]);
    assert!(rig.next().is_none() && rig.next().is_none());
    assert_eq!(rig.socket().reads, 2);
}

#[test]
fn a_peer_that_sends_crumbs_lets_others_have_their_turn() {
    let mut rig = Rig::new(0);
    for byte in framed(&[&[b'x'; 100]]) {
        rig.arrive([byte]);
    }
    let (waker, wakes) = count_wakes();
    assert!(Pin::new(&mut rig.link).poll_next(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(rig.socket().reads, READS_PER_POLL);
    assert_eq!(wakes.load(Ordering::Relaxed), 1, "nobody will come back for the rest");
    let polls = (0..20).find_map(|n| rig.next().map(|_| n)).expect("a frame");
    assert_eq!(polls, 104 / READS_PER_POLL - 2);
}

#[test]
fn a_trickle_is_cut_when_the_frame_is_ten_seconds_old() {
    let mut rig = Rig::new(0);
    for byte in [0, 0] {
        rig.arrive([byte]);
        assert!(rig.next().is_none());
        rig.pass(5);
    }
    rig.arrive([0]);
    let error = rig.next_error();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(error.to_string(), "a frame was not complete 10s after it began (3 bytes of it had come)");
    assert_eq!(rig.clock.timers.load(Ordering::Relaxed), 1);
    assert!(rig.next().unwrap().is_none(), "it goes on after an error");
}

#[test]
fn every_frame_has_the_whole_time_and_an_idle_link_no_timer() {
    let mut rig = Rig::new(0);
    let frame = framed(&[b"slow"]);
    for _ in 0..30 {
        rig.arrive(&frame[..3]);
        assert!(rig.next().is_none());
        rig.pass(2);
        assert!(rig.next().is_none());
        rig.arrive(&frame[3..]);
        assert!(rig.next().unwrap().unwrap().is_ok());
    }
    let timers = rig.clock.timers.load(Ordering::Relaxed);
    assert!(timers <= 8, "{timers} timers for 30 frames in 60 s");
    rig.pass(10);
    assert!(rig.next().is_none());
    assert!(!rig.link.deadline.is_armed());
    rig.arrive(&frame[..3]);
    assert!(rig.next().is_none());
    rig.pass(10);
    assert_eq!(rig.next_error().kind(), io::ErrorKind::TimedOut);
}

#[test]
fn the_end_is_clean_between_frames_and_an_error_within_one() {
    let mut rig = Rig::new(0);
    rig.arrive(framed(&[b"whole"]));
    rig.arrive([]);
    assert!(rig.next().unwrap().unwrap().is_ok());
    assert!(rig.next().unwrap().is_none() && rig.next().unwrap().is_none());

    let mut rig = Rig::new(0);
    rig.arrive(&framed(&[b"half"])[..6]);
    rig.arrive([]);
    let error = rig.next_error();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(
        error.to_string(),
        "the peer closed the link in the middle of a frame (6 bytes of it had come)"
    );
    assert!(rig.next().unwrap().is_none());
}
