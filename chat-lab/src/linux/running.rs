//! A running link, as its owner holds it while the thread carries packets.

use std::{
    fmt,
    fs::File,
    io::{self, BufWriter, PipeWriter, pipe},
    sync::{Arc, Mutex, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use nix::{
    libc::clockid_t,
    time::{ClockId, clock_gettime},
    unistd::gettid,
};
use tun_rs::SyncDevice;

use super::{
    device,
    emulator::{Emulator, State, lock},
};
use crate::{capture::Capture, condition::Condition, counts::Counts, direction::Direction, path::Path};

pub(crate) struct Running {
    device: Arc<SyncDevice>,
    state: Arc<Mutex<State>>,
    began: Instant,
    /// Closing this pipe tells the thread to end.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<io::Result<()>>>,
    /// The clock of the thread's processor time.
    clock: ClockId,
}

impl Running {
    pub fn start(up: Condition, down: Condition, seed: u64, capture: Option<File>) -> io::Result<Self> {
        let device = Arc::new(device::open(device::mtu(&up, &down))?);
        let began = Instant::now();
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let capture = capture.map(|file| Capture::new(BufWriter::new(file), since_1970)).transpose()?;
        let (up, down) = (Path::new(up, Direction::Up, seed), Path::new(down, Direction::Down, seed));
        let state = Arc::new(Mutex::new(State { up, down, counts: Counts::default() }));
        let (stopped, stop) = pipe()?;
        let emulator = Emulator::new(device.clone(), state.clone(), began, capture, stopped);
        let (say, said) = mpsc::sync_channel(1);
        let run = move || {
            let _ = say.send(gettid().as_raw());
            emulator.run()
        };
        let thread = thread::Builder::new().name("lab-link".to_owned()).spawn(run)?;
        let clock = clock_of(said.recv().expect("the thread sends its id first"));
        Ok(Self { device, state, began, stop: Some(stop), thread: Some(thread), clock })
    }

    pub fn busy(&self) -> io::Result<Duration> {
        Ok(clock_gettime(self.clock)?.into())
    }

    pub fn set_condition(&self, direction: Direction, condition: Condition) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.path(direction).set_condition(self.began.elapsed(), condition);
        self.device.set_mtu(device::mtu(state.up.condition(), state.down.condition()))
    }

    pub fn counts(&self) -> Counts {
        let counts = lock(&self.state).counts;
        Counts { missed: device::missed().unwrap_or(0), ..counts }
    }

    pub fn stop(mut self) -> io::Result<Counts> {
        self.end()?;
        Ok(self.counts())
    }

    fn end(&mut self) -> io::Result<()> {
        self.stop = None;
        let Some(thread) = self.thread.take() else { return Ok(()) };
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread of the link panicked")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A caller that needs the result calls `stop`.
        let _ = self.end();
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("state", &self.state).finish_non_exhaustive()
    }
}

/// The clock of one thread of this process, as pthread_getcpuclockid makes it (include/linux/posix-timers.h).
fn clock_of(thread: clockid_t) -> ClockId {
    const OF_A_THREAD: clockid_t = 4;
    const SCHEDULED: clockid_t = 2;
    ClockId::from_raw(!thread << 3 | OF_A_THREAD | SCHEDULED)
}
