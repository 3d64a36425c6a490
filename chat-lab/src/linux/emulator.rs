//! The thread that reads packets from the device and writes them back to it, when and as their fate says.

use std::{
    cmp::Ordering,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufWriter, PipeReader},
    os::fd::AsFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
    sys::{prctl::set_timerslack, time::TimeSpec},
};
use tun_rs::SyncDevice;

use crate::{
    capture::{Capture, Seen},
    counts::Counts,
    direction::Direction,
    flows::{Flows, Segment},
    packet::{self, Shape},
    path::{Delivery, DropReason, Fate, Path},
};

/// The state that other threads read and change while the emulator runs.
#[derive(Debug)]
pub(super) struct State {
    pub up: Path,
    pub down: Path,
    pub counts: Counts,
}

impl State {
    pub fn path(&mut self, direction: Direction) -> &mut Path {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }
}

/// Locks the state. No holder of the lock leaves the state half changed, so it is valid even after a panic.
pub(super) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) struct Emulator {
    device: Arc<SyncDevice>,
    state: Arc<Mutex<State>>,
    began: Instant,
    capture: Option<Capture<BufWriter<File>>>,
    /// The other end of this pipe is closed when the link has to stop.
    stop: PipeReader,
    under_way: BinaryHeap<Packet>,
    /// The number of the next packet under way. Packets that arrive at the same time arrive in the order of their numbers.
    next: u64,
    /// The number of bytes under way.
    bytes: usize,
    flows: Flows,
}

impl Emulator {
    pub fn new(
        device: Arc<SyncDevice>,
        state: Arc<Mutex<State>>,
        began: Instant,
        capture: Option<Capture<BufWriter<File>>>,
        stop: PipeReader,
    ) -> Self {
        let (under_way, flows) = (BinaryHeap::new(), Flows::default());
        Self { device, state, began, capture, stop, under_way, next: 0, bytes: 0, flows }
    }

    /// Runs until the link is stopped.
    ///
    /// # Errors
    ///
    /// The device fails, or the capture cannot be written; the link goes on without its capture until it is stopped.
    pub fn run(mut self) -> io::Result<()> {
        // By default the kernel wakes a thread up to 50 us late, to save energy.
        set_timerslack(1)?;
        let shared = self.state.clone();
        let mut buffer = vec![0; usize::from(u16::MAX)];
        let mut failed = None;
        while self.wait()? {
            let mut state = lock(&shared);
            for _ in 0..BATCH {
                failed = failed.or(self.deliver_due(&mut state).err());
                match self.device.recv(&mut buffer) {
                    Ok(length) => failed = failed.or(self.take(&mut state, &mut buffer[..length]).err()),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            if failed.is_some() {
                self.capture = None;
            }
        }
        let flushed = self.capture.as_mut().map_or(Ok(()), Capture::flush);
        failed.map_or(flushed, Err)
    }

    /// Waits until there is something to do; returns false if the link has to stop.
    fn wait(&self) -> io::Result<bool> {
        let until = |next: &Packet| next.at.saturating_sub(self.began.elapsed() + EARLY);
        let timeout = self.under_way.peek().map(|next| TimeSpec::from(until(next)));
        let mut both = [
            PollFd::new(self.device.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.stop.as_fd(), PollFlags::POLLIN),
        ];
        match ppoll(&mut both, timeout, None) {
            Ok(_) | Err(Errno::EINTR) => Ok(!both[1].any().unwrap_or(true)),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a packet that was sent, and decides its fate.
    fn take(&mut self, state: &mut State, packet: &mut [u8]) -> io::Result<()> {
        let Some(shape) = packet::shape(packet) else {
            state.counts.stray += 1;
            return Ok(());
        };
        let now = self.began.elapsed();
        let path = state.path(shape.direction);
        let fate = path.send(now, packet.len());
        let mtu = path.condition().settings().mtu;
        let traffic = state.counts.of_mut(shape.direction);
        traffic.sent.add(shape.protocol, packet.len());
        traffic.note(&fate);
        if let Some(segment) = Segment::of(packet, shape) {
            self.flows.sent(&segment, &mut traffic.tcp);
        }
        let why = if let Fate::Dropped(why) = fate { Some(why) } else { None };
        let noted = self.note(now, Seen::Sent(shape.direction, why), packet);
        match fate {
            Fate::Dropped(DropReason::TooLong) => {
                // If the ICMP error cannot be sent, the sender tries again with the same packet.
                let _ = self.device.send(&packet::too_long(packet, shape, mtu));
            }
            Fate::Dropped(_) => {}
            Fate::Delivered { packet: first, copy, .. } => {
                packet::readdress(packet, shape);
                for Delivery { at, flip } in [Some(first), copy].into_iter().flatten() {
                    if at <= now && flip.is_none() {
                        self.deliver(state, now, shape, packet, true)?;
                    } else if self.bytes + packet.len() > MOST_BYTES {
                        state.counts.of_mut(shape.direction).overflowed += 1;
                    } else {
                        let mut packet = packet.to_vec();
                        if let Some(draw) = flip {
                            packet::flip(&mut packet, shape.header, draw);
                        }
                        self.bytes += packet.len();
                        let is_whole = flip.is_none();
                        self.under_way.push(Packet { at, number: self.next, shape, is_whole, packet });
                        self.next += 1;
                    }
                }
            }
        }
        noted
    }

    fn deliver_due(&mut self, state: &mut State) -> io::Result<()> {
        let mut result = Ok(());
        loop {
            let now = self.began.elapsed();
            if self.under_way.peek().is_none_or(|next| next.at > now) {
                return result;
            }
            let Packet { shape, is_whole, packet, .. } = self.under_way.pop().expect("peek returned it");
            self.bytes -= packet.len();
            result = result.and(self.deliver(state, now, shape, &packet, is_whole));
        }
    }

    fn deliver(
        &mut self,
        state: &mut State,
        now: Duration,
        shape: Shape,
        packet: &[u8],
        is_whole: bool,
    ) -> io::Result<()> {
        // A packet that the kernel refuses (because the device is down) is lost, and not counted as arrived.
        if self.device.send(packet).is_err() {
            return Ok(());
        }
        let traffic = state.counts.of_mut(shape.direction);
        traffic.delivered.add(shape.protocol, packet.len());
        if let Some(segment) = Segment::of(packet, shape).filter(|_| is_whole) {
            self.flows.arrived(now, &segment, &mut traffic.tcp);
        }
        self.note(now, Seen::Arrived(shape.direction), packet)
    }

    fn note(&mut self, at: Duration, seen: Seen, packet: &[u8]) -> io::Result<()> {
        self.capture.as_mut().map_or(Ok(()), |capture| capture.packet(at, seen, packet))
    }
}

/// A packet that was sent and has not arrived. By their order, the greatest is the next to arrive.
#[derive(Debug)]
pub(super) struct Packet {
    at: Duration,
    number: u64,
    shape: Shape,
    /// Whether none of its bits is flipped.
    is_whole: bool,
    packet: Vec<u8>,
}

impl Ord for Packet {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Packet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Packet {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Packet {}

/// How late a sleeping thread may wake up, most of the time. The thread is woken that much earlier, and waits awake.
const EARLY: Duration = Duration::from_micros(100);
/// How many packets are taken before other threads may lock the state.
const BATCH: usize = 64;
/// How many bytes may be under way.
const MOST_BYTES: usize = 256 << 20;
