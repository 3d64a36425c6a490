//! Load on a server in virtual time: faults are counted, and latencies count from when a message was due.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use chat_core::{
    Address, Runtime, SharedRuntime,
    log::MemoryLog,
    memory::Memory,
    server::Limits,
    transport::{BoxLink, Listening, Promises, Transport},
    within,
};
use chat_measure::{
    TargetServer,
    load::{Clients, Figures, Lasts, Load, Pace},
};
use chat_testkit::{
    virtual_time::VirtualTime,
    weather::{Weather, WeatherTransport},
};
use futures::{FutureExt, Sink, SinkExt, Stream, StreamExt, future::BoxFuture};

use crate::protocol::{SECOND, TestServer};

pub(super) const LOAD: Load = Load {
    clients: 20,
    rooms: 3,
    senders: 5,
    pace: Pace::Rate(50.0),
    size: 24..=300,
    lasts: Lasts::Time(Duration::from_secs(4)),
    warmup: Duration::from_secs(1),
    ramp: None,
    seed: 1,
};

fn target(server: &TestServer, transport: Arc<dyn Transport>) -> TargetServer {
    let (address, runtime) = (server.address.clone(), server.time.shared());
    TargetServer { transport, address, password: None, prefix: "b-".to_owned(), runtime }
}

async fn server(time: &VirtualTime) -> TestServer {
    let log = Arc::new(MemoryLog::new(1 << 24, 7));
    TestServer::with(time, Limits::default().unlimited(), log).await
}

/// The whole way, over the server's own transport unless another is given.
async fn measure(server: &TestServer, over: Option<Arc<dyn Transport>>, load: Load) -> Figures {
    let over = over.unwrap_or_else(|| Arc::new(server.memory.clone()));
    let mut clients = Clients::new(load.checked().unwrap(), target(server, over));
    clients.join().await.unwrap();
    clients.talk(server.time.now() + SECOND).await;
    clients.leave().await
}

#[test]
fn at_a_rate_everything_is_said_and_heard_by_everybody_in_its_room() {
    let time = VirtualTime::new(1);
    time.run(async {
        let server = server(&time).await;
        let figures = measure(&server, None, LOAD).await;
        assert!(figures.is_faultless() && !figures.ended_early, "{figures:?}");
        assert_eq!((figures.joined, figures.join.count(), figures.said), (20, 20, 250), "{figures:?}");
        // Two senders in the first two rooms of seven, one in the last one of six.
        assert_eq!((figures.delivered, figures.expected), (250 * 34 / 5, 250 * 34 / 5), "{figures:?}");
        assert_eq!(figures.latency.count(), 200 * 34 / 5, "the warm-up does not count");
        time.pass(3 * SECOND).await;
        assert_eq!(server.sessions(), 0, "whoever leaves says so");
    });
}

#[test]
fn with_a_window_so_many_are_said_as_are_asked_for() {
    let time = VirtualTime::new(2);
    time.run(async {
        let server = server(&time).await;
        let load = Load {
            pace: Pace::Window(8),
            lasts: Lasts::Messages(700),
            warmup: Duration::ZERO,
            rooms: 1,
            ..LOAD
        };
        let began = time.elapsed();
        let figures = measure(&server, None, load).await;
        assert!(time.elapsed() >= began + SECOND, "nobody talks before it begins");
        assert!(figures.is_faultless() && !figures.ended_early, "{figures:?}");
        assert_eq!((figures.said, figures.delivered, figures.latency.count()), (700, 14_000, 14_000));
        assert_eq!((figures.unsaid, figures.refused), (0, 0));
    });
}

#[test]
fn who_is_silent_stays_for_as_long_as_asked_and_is_not_cut_off() {
    let time = VirtualTime::new(3);
    time.run(async {
        let server = server(&time).await;
        let began = time.elapsed();
        let load = Load { pace: Pace::Idle, lasts: Lasts::Time(200 * SECOND), ramp: Some(2.0), ..LOAD };
        let figures = measure(&server, None, load).await;
        assert!(figures.is_faultless(), "{figures:?}");
        assert_eq!((figures.joined, figures.said, figures.delivered), (20, 0, 0));
        assert!(figures.joined_in_us >= 9_500_000, "two a second: {figures:?}");
        assert!(time.elapsed() >= began + 210 * SECOND);
    });
}

/// protocol 17.1, protocol 17.4
#[test]
fn over_links_that_lose_frames_nothing_is_lost() {
    let time = VirtualTime::new(4);
    time.run(async {
        let (memory, weather) =
            (Memory::default(), Weather { loss: 10, duplicate: 5, reorder: 5, ..Weather::default() });
        let server = TestServer::lossy(&time, &memory, weather, Limits::default().unlimited()).await;
        for pace in [Pace::Rate(50.0), Pace::Window(8)] {
            let over = WeatherTransport::new(Arc::new(memory.clone()), weather, 9, time.shared());
            let mut target = target(&server, Arc::new(over));
            target.prefix = format!("{pace:?}-")[..4].to_owned() + "-";
            let lasts = Lasts::Messages(200);
            let mut clients = Clients::new(Load { pace, lasts, ..LOAD }.checked().unwrap(), target);
            clients.join().await.unwrap();
            clients.talk(time.now() + SECOND).await;
            let figures = clients.leave().await;
            assert!(figures.is_faultless() && !figures.ended_early, "{pace:?}: {figures:?}");
            assert_eq!((figures.said, figures.delivered), (200, figures.expected), "{pace:?}");
        }
    });
}

/// Light clients recognise the frames of messages and acks by their bytes. Whatever the server adds to those frames, they
/// must still not be parsed, or the clients would cost more than the server that they measure.
#[test]
fn light_clients_parse_no_frame_of_a_message() {
    let time = VirtualTime::new(11);
    time.run(async {
        let server = server(&time).await;
        for (prefix, pace) in [("r-", Pace::Rate(50.0)), ("w-", Pace::Window(8))] {
            let load = Load { pace, lasts: Lasts::Messages(200), ..LOAD };
            let mut target = target(&server, Arc::new(server.memory.clone()));
            target.prefix = prefix.to_owned();
            let mut clients = Clients::new(load.checked().unwrap(), target);
            let watch = clients.watch();
            clients.join().await.unwrap();
            let before = watch.parsed();
            clients.talk(time.now() + SECOND).await;
            assert_eq!((watch.said(), watch.parsed() - before), (200, 0), "{pace:?}");
            assert!(clients.leave().await.is_faultless(), "{pace:?}");
        }
    });
}

/// What a server at fault would do to a frame that it sends.
type Fault = fn(nth: usize, frame: Bytes) -> Vec<Bytes>;

/// A transport whose dialled links have a fault.
#[derive(Clone)]
struct Faulty {
    memory: Memory,
    fault: Fault,
    /// After which message that is said nothing can be sent for how long.
    stall: Option<(usize, SharedRuntime, Duration)>,
}

impl Transport for Faulty {
    fn promises(&self) -> Promises {
        self.memory.promises()
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        self.memory.listen(address)
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        async move {
            let link = self.memory.dial(address).await?;
            let faulty = FaultyLink {
                link,
                faults: self.clone(),
                came: VecDeque::new(),
                heard: 0,
                said: 0,
                stalled: None,
            };
            Ok(Box::pin(faulty) as BoxLink)
        }
        .boxed()
    }
}

struct FaultyLink {
    link: BoxLink,
    faults: Faulty,
    came: VecDeque<Bytes>,
    heard: usize,
    said: usize,
    stalled: Option<BoxFuture<'static, ()>>,
}

impl Stream for FaultyLink {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(frame) = self.came.pop_front() {
                return Poll::Ready(Some(Ok(frame)));
            }
            match ready!(self.link.poll_next_unpin(cx)) {
                Some(Ok(frame)) if frame.starts_with(br#"{"type":"message""#) => {
                    self.heard += 1;
                    let made = (self.faults.fault)(self.heard, frame);
                    self.came.extend(made);
                }
                other => return Poll::Ready(other),
            }
        }
    }
}

impl Sink<Bytes> for FaultyLink {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(stalled) = &mut self.stalled {
            ready!(stalled.poll_unpin(cx));
        }
        self.link.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        self.said += usize::from(frame.starts_with(br#"{"type":"say""#));
        if let Some((nth, runtime, time)) = &self.faults.stall
            && *nth == self.said
        {
            self.stalled = Some(runtime.sleep_until(runtime.now() + *time));
        }
        self.link.start_send_unpin(frame)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.poll_close_unpin(cx)
    }
}

#[test]
fn faults_of_a_server_are_counted() {
    fn lose(nth: usize, frame: Bytes) -> Vec<Bytes> {
        if nth % 100 == 50 { vec![] } else { vec![frame] }
    }
    fn double(nth: usize, frame: Bytes) -> Vec<Bytes> {
        if nth % 100 == 50 { vec![frame.clone(), frame] } else { vec![frame] }
    }
    /// The number in the room is the right one, and the message another's.
    fn exchange(nth: usize, frame: Bytes) -> Vec<Bytes> {
        if nth != 50 {
            return vec![frame];
        }
        let text = String::from_utf8(frame.to_vec()).unwrap();
        let (head, text) = text.split_once(r#""text":""#).unwrap();
        let (_, rest) = text.split_once(' ').unwrap();
        vec![format!(r#"{head}"text":"0 {rest}"#).into()]
    }
    fn last(nth: usize, frame: Bytes) -> Vec<Bytes> {
        if nth == 250 { vec![] } else { vec![frame] }
    }
    let time = VirtualTime::new(5);
    time.run(async {
        for (fault, found) in [
            (lose as Fault, (40 + 20, 0, 0)),
            (double, (0, 40 + 20, 0)),
            (exchange, (20, 20, 0)),
            (last, (20, 0, 0)),
        ] {
            let server = server(&time).await;
            let faulty = Arc::new(Faulty { memory: server.memory.clone(), fault, stall: None });
            let figures = measure(&server, Some(faulty), Load { rooms: 1, ..LOAD }).await;
            assert_eq!((figures.lost, figures.duplicated, figures.reordered), found, "{figures:?}");
            assert!(!figures.is_faultless());
        }
    });
}

#[test]
fn a_stall_is_seen_by_all_that_was_due_in_it() {
    let time = VirtualTime::new(6);
    time.run(async {
        let server = server(&time).await;
        let stall = Some((12, time.shared(), 2 * SECOND));
        let stalling = Faulty { memory: server.memory.clone(), fault: |_, frame| vec![frame], stall };
        let figures = measure(&server, Some(Arc::new(stalling)), LOAD).await;
        assert!(figures.is_faultless() && figures.unsaid == 0, "{figures:?}");
        let quantile = |it| figures.latency.quantile(it).unwrap();
        assert!(figures.latency.max().unwrap() > 1_800_000, "{figures:?}");
        assert!(quantile(0.75) > 900_000, "half of all were due while nothing could be said: {figures:?}");
        assert!(quantile(0.4) < 10_000, "{figures:?}");
    });
}

#[test]
fn what_is_refused_is_said_and_not_waited_for() {
    let time = VirtualTime::new(7);
    time.run(async {
        let server = TestServer::open(&time).await;
        let figures = measure(&server, None, LOAD).await;
        assert!(figures.refused > 20 && figures.said + figures.refused == 250, "{figures:?}");
        assert!(figures.why_refused.is_some() && figures.is_faultless(), "{figures:?}");
    });
}

#[test]
fn a_server_that_ends_is_the_end() {
    let time = VirtualTime::new(8);
    time.run(async {
        let server = server(&time).await;
        let load = Load { lasts: Lasts::Time(3600 * SECOND), ..LOAD };
        let mut clients =
            Clients::new(load.checked().unwrap(), target(&server, Arc::new(server.memory.clone())));
        clients.join().await.unwrap();
        let talk = async {
            clients.talk(time.now()).await;
            time.elapsed()
        };
        let stop = async {
            time.pass(10 * SECOND).await;
            server.stop().await;
        };
        let (ended, ()) = futures::join!(talk, stop);
        assert!(ended < 30 * SECOND, "{ended:?}");
        let figures = clients.leave().await;
        assert_eq!(figures.lost_links, 20, "{figures:?}");
        assert!(figures.why_lost.is_some_and(|it| it.contains("goodbye")) && figures.delivered > 0);
    });
}

#[test]
fn what_is_left_early_has_what_there_is() {
    let time = VirtualTime::new(9);
    time.run(async {
        let server = server(&time).await;
        let mut clients =
            Clients::new(LOAD.checked().unwrap(), target(&server, Arc::new(server.memory.clone())));
        clients.join().await.unwrap();
        let begins = time.now();
        assert!(within(3 * SECOND, &time, clients.talk(begins)).await.is_none());
        let figures = clients.leave().await;
        assert!(figures.ended_early && figures.is_faultless(), "{figures:?}");
        assert!((140..160).contains(&figures.said) && figures.latency.count() > 0, "{figures:?}");

        // Also while they come in, one a second.
        let load = Load { ramp: Some(1.0), ..LOAD };
        let mut clients =
            Clients::new(load.checked().unwrap(), target(&server, Arc::new(server.memory.clone())));
        assert!(within(5 * SECOND, &time, clients.join()).await.is_none());
        let figures = clients.leave().await;
        assert!(figures.ended_early && (5..=6).contains(&figures.joined), "{figures:?}");
        time.pass(3 * SECOND).await;
        assert_eq!(server.sessions(), 0, "nobody is left behind");
    });
}

#[test]
fn who_is_not_let_in_says_why() {
    let time = VirtualTime::new(10);
    time.run(async {
        let limits = Limits { sessions: 10, ..Limits::default().unlimited() };
        let server = TestServer::with(&time, limits, Arc::new(MemoryLog::new(1 << 24, 7))).await;
        let mut clients =
            Clients::new(LOAD.checked().unwrap(), target(&server, Arc::new(server.memory.clone())));
        let why = clients.join().await.unwrap_err();
        assert!(why.starts_with("client ") && why.contains(" could not join: "), "{why}");

        let nobody = TargetServer {
            address: "memory://nobody".parse().unwrap(),
            ..target(&server, Arc::new(server.memory.clone()))
        };
        let why = Clients::new(LOAD.checked().unwrap(), nobody).join().await.unwrap_err();
        assert!(why.contains("nobody at memory://nobody"), "{why}");
    });
}
