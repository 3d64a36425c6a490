//! A network in virtual time, whose links keep each combination of the two promises: `wire` carries frames like TCP and
//! `air` like UDP, `sequenced` keeps order but loses frames, and `unordered` delivers every frame in any order.
//!
//! There are no tasks in here: a frame is put into the queue of its receiver with the time of its arrival, and the
//! receiver waits for that.

mod link;
mod listener;
mod path;
mod route;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::{Duration, Instant},
};

use bytes::Bytes;
use chat_core::Runtime;

use chat_testkit::virtual_time::VirtualTime;
pub use path::Conditions;
use path::Path;
pub use route::{Kind, Route};

/// The network. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Network {
    time: VirtualTime,
    began: Instant,
    state: Arc<Mutex<State>>,
}

/// Looks at a frame when it is sent over the link of that number, and may change it or swallow it.
pub type Tamper = Box<dyn FnMut(u64, Bound, Bytes) -> Option<Bytes> + Send>;

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bound {
    /// To the client.
    Client,
    /// To the server.
    Server,
}

/// What became of the frames so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Traffic {
    /// Frames that were sent.
    pub sent: u64,
    /// Frames that never arrived.
    pub lost: u64,
    /// Frames that arrived more than once.
    pub doubled: u64,
    /// Frames that overtook others.
    pub overtaken: u64,
    /// Links that were cut.
    pub cuts: u64,
}

impl Traffic {
    /// Counts those of another run as well.
    pub fn add(&mut self, other: Traffic) {
        self.sent += other.sent;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.overtaken += other.overtaken;
        self.cuts += other.cuts;
    }
}

#[derive(Default)]
struct State {
    links: BTreeMap<u64, Pair>,
    places: BTreeMap<String, Place>,
    /// Numbers links and arrivals.
    next: u64,
    calm: bool,
    traffic: Traffic,
    tampers: Vec<Tamper>,
}

/// A link with both its ends.
#[derive(Debug)]
struct Pair {
    kind: Kind,
    address: String,
    host: String,
    /// By [`Bound`]: the way there, and who is at its end.
    paths: [Path; 2],
    ends: [End; 2],
    /// How many frames pass before it is cut.
    frames_left: Option<u64>,
    cut: bool,
}

/// One end of a link.
#[derive(Debug, Default)]
struct End {
    life: Life,
    queue: BTreeMap<(Instant, u64), Item>,
    reader: Option<Waker>,
    /// Who waits for room in this queue.
    writer: Option<Waker>,
    /// It says no more.
    closed: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Life {
    #[default]
    Unborn,
    Alive,
    Gone,
}

/// What arrives.
#[derive(Debug)]
enum Item {
    Frame(Bytes),
    /// The other end closed the link.
    End,
    /// The link is lost.
    Lost(&'static str),
}

/// An address, whether somebody listens there or not.
#[derive(Default)]
struct Place {
    listener: Option<Listener>,
    /// What arrives there and belongs to no end that lives.
    arrivals: BTreeMap<(Instant, u64), (u64, Option<Bytes>)>,
}

struct Listener {
    number: u64,
    since: Instant,
    waker: Option<Waker>,
}

impl Network {
    /// A network without links.
    pub fn new(time: &VirtualTime) -> Network {
        Network { time: time.clone(), began: time.now() - time.elapsed(), state: Arc::default() }
    }

    /// All faults end: from now on everything arrives, and once.
    pub fn calm(&self) {
        self.state().calm = true;
    }

    /// Has `tamper` look at every frame, after those before it.
    pub fn tamper(&self, tamper: Tamper) {
        self.state().tampers.push(tamper);
    }

    /// What happened so far.
    pub fn traffic(&self) -> Traffic {
        self.state().traffic
    }

    /// Cuts the links of `host` that promise delivery.
    pub fn cut(&self, host: &str) {
        let mut state = self.state();
        let hit: Vec<u64> = state
            .links
            .iter()
            .filter(|(_, pair)| pair.kind.is_reliable() && pair.host == host && !pair.cut)
            .filter(|(_, pair)| pair.ends.iter().any(|end| end.life == Life::Alive))
            .map(|(number, _)| *number)
            .collect();
        for number in hit {
            state.cut(number, self.time.now());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Instant {
        self.time.now()
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Puts `frame` on its way.
    fn send(&mut self, number: u64, bound: Bound, frame: Bytes, now: Instant, elapsed: Duration) {
        let tampers = &mut self.tampers;
        let frame = tampers.iter_mut().try_fold(frame, |frame, tamper| tamper(number, bound, frame));
        let calm = self.calm;
        let (Some(frame), Some(pair)) = (frame, self.links.get_mut(&number)) else { return };
        self.traffic.sent += 1;
        if pair.kind.is_reliable() {
            if let Some(left) = pair.frames_left.as_mut().filter(|_| !calm) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    return self.cut(number, now);
                }
            }
            let path = &mut pair.paths[bound.at()];
            let (at, overtakes) = if pair.kind.is_ordered() {
                (path.queue(now, elapsed, calm), false)
            } else {
                path.stray(now, elapsed, calm)
            };
            self.traffic.overtaken += u64::from(overtakes);
            return self.put(number, bound, at, Item::Frame(frame));
        }
        let is_ordered = pair.kind.is_ordered();
        let fate = pair.paths[bound.at()].scatter(now, elapsed, calm, is_ordered);
        self.traffic.lost += u64::from(fate.arrivals.is_empty());
        self.traffic.doubled += u64::from(fate.arrivals.len() > 1);
        self.traffic.overtaken += u64::from(fate.overtakes);
        for at in fate.arrivals {
            self.put(number, bound, at, Item::Frame(frame.clone()));
        }
    }

    fn put(&mut self, number: u64, bound: Bound, at: Instant, item: Item) {
        let arrival = (at, self.number());
        let Some(pair) = self.links.get_mut(&number) else { return };
        let (kind, end) = (pair.kind, &mut pair.ends[bound.at()]);
        if end.life == Life::Alive || kind.is_reliable() {
            if !kind.is_reliable() && end.queue.len() >= MOST_UNREAD {
                self.traffic.lost += 1; // a receive buffer that is full
                return;
            }
            end.queue.insert(arrival, item);
            // If others come before, it waits for them already.
            if end.queue.first_key_value().is_some_and(|(first, _)| *first == arrival) {
                wake(&mut end.reader);
            }
        } else if let (Bound::Server, Item::Frame(frame)) = (bound, item) {
            let address = pair.address.clone();
            self.arrive(&address, arrival, number, Some(frame));
        }
    }

    /// Something is on its way to whoever listens at `address`.
    fn arrive(&mut self, address: &str, arrival: (Instant, u64), link: u64, frame: Option<Bytes>) {
        let place = self.places.entry(address.to_owned()).or_default();
        place.arrivals.insert(arrival, (link, frame));
        if let Some(listener) = &mut place.listener {
            wake(&mut listener.waker);
        }
    }

    /// Ends a link for both sides; a part of what was on its way still arrives.
    fn cut(&mut self, number: u64, now: Instant) {
        self.traffic.cuts += 1;
        let Some(pair) = self.links.get_mut(&number) else { return };
        pair.cut = true;
        for (path, end) in pair.paths.iter_mut().zip(&mut pair.ends) {
            let arrives = path.arrives_of(end.queue.len());
            let lost = end.queue.keys().nth(arrives).copied();
            let rest = lost.map(|first| end.queue.split_off(&first)).unwrap_or_default();
            self.traffic.lost += rest.len() as u64;
            let last = end.queue.last_key_value().map_or(now, |((at, _), _)| now.max(*at));
            end.queue.insert((last, u64::MAX), Item::Lost("the network cut the link"));
            wake(&mut end.reader);
            wake(&mut end.writer);
        }
    }
}

impl Bound {
    fn at(self) -> usize {
        self as usize
    }

    fn back(self) -> Bound {
        if self == Bound::Client { Bound::Server } else { Bound::Client }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("traffic", &self.traffic).finish_non_exhaustive()
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// How many frames wait to be read before a sender has to wait, or where delivery is not promised the next is lost.
const MOST_UNREAD: usize = 256;
