//! A runtime of one thread whose clock jumps: when nobody can go on, it is the time of the next timer.
//!
//! Hours pass in milliseconds, and everything that happens follows from the seed: which of several tasks that could
//! go on does so first, and what is random.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant, SystemTime},
};

use chat_core::{Runtime, SharedRuntime};
use futures::{
    FutureExt,
    future::{BoxFuture, poll_fn},
    pin_mut,
    task::{ArcWake, waker},
};

/// The runtime. Clones are the same world.
#[derive(Clone, Debug)]
pub struct VirtualTime {
    world: Arc<World>,
}

/// A part of a world whose tasks can be killed together, like a process.
#[derive(Clone, Debug)]
pub struct Branch {
    time: VirtualTime,
    number: u64,
}

#[derive(Debug)]
struct World {
    began: Instant,
    state: Mutex<State>,
}

struct State {
    elapsed: Duration,
    rng: fastrand::Rng,
    tasks: BTreeMap<u64, Task>,
    /// Those that can go on, in ascending order; the future that is run is number 0. What is chosen depends on who is
    /// in here and never on who came first: so it does not matter in which order a hash map is walked to wake them.
    ready: Vec<u64>,
    timers: BTreeMap<(Duration, u64), Waker>,
    next: u64,
    killed: BTreeSet<u64>,
}

struct Task {
    branch: u64,
    waker: Waker,
    future: BoxFuture<'static, ()>,
}

impl VirtualTime {
    /// A world in which everything follows from `seed`.
    pub fn new(seed: u64) -> VirtualTime {
        let state = State {
            elapsed: Duration::ZERO,
            rng: fastrand::Rng::with_seed(seed),
            tasks: BTreeMap::new(),
            ready: Vec::new(),
            timers: BTreeMap::new(),
            next: TRUNK + 1,
            killed: BTreeSet::new(),
        };
        VirtualTime { world: Arc::new(World { began: Instant::now(), state: Mutex::new(state) }) }
    }

    /// This world as what the core runs on.
    pub fn shared(&self) -> SharedRuntime {
        Arc::new(self.clone())
    }

    /// A part of this world that can be killed.
    pub fn branch(&self) -> Branch {
        Branch { time: self.clone(), number: self.world.state().number() }
    }

    /// How much time has passed.
    pub fn elapsed(&self) -> Duration {
        self.world.state().elapsed
    }

    /// Lets `time` pass.
    pub async fn pass(&self, time: Duration) {
        self.sleep_until(self.now() + time).await;
    }

    /// Lets everybody do what can be done without time passing.
    pub async fn settle(&self) {
        self.pass(Duration::from_nanos(1)).await;
    }

    /// Drops every task. A world whose tasks hold on to it is not freed without.
    pub fn end(&self) {
        self.world.kill(|_| true);
    }

    /// Runs `future` to its end, and what was spawned along with it.
    ///
    /// # Panics
    /// When everybody waits and no timer runs, or a virtual day has passed: it would never end.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        pin_mut!(future);
        self.world.state().wake(ROOT);
        let root = self.world.waker(ROOT);
        loop {
            let Some(task) = self.world.next_ready() else {
                self.world.jump();
                continue;
            };
            if task == ROOT {
                if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&root)) {
                    return value;
                }
                continue;
            }
            // Taken out while it is polled: it may spawn others, or kill them.
            let Some(mut running) = self.world.state().tasks.remove(&task) else { continue };
            let waker = running.waker.clone();
            if running.future.poll_unpin(&mut Context::from_waker(&waker)).is_pending() {
                self.world.put_back(task, running);
            }
        }
    }

    fn spawn_in(&self, branch: u64, future: BoxFuture<'static, ()>) {
        let mut state = self.world.state();
        if state.killed.contains(&branch) {
            drop(state);
            return; // and with it the future, which may ask for the state
        }
        let number = state.number();
        state.tasks.insert(number, Task { branch, waker: self.world.waker(number), future });
        state.wake(number);
    }
}

impl Branch {
    /// This part of the world as what the core runs on.
    pub fn shared(&self) -> SharedRuntime {
        Arc::new(self.clone())
    }

    /// Drops every task of it at once, wherever it is. What is spawned in it later never runs.
    pub fn kill(&self) {
        self.time.world.state().killed.insert(self.number);
        self.time.world.kill(|task| task.branch == self.number);
    }
}

impl Runtime for VirtualTime {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.spawn_in(TRUNK, task);
    }

    fn now(&self) -> Instant {
        self.world.began + self.elapsed()
    }

    fn wall_clock(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + START_OF_TIME + self.elapsed()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        let world = self.world.clone();
        let at = deadline.saturating_duration_since(world.began);
        let number = world.state().number();
        let mut timer = Timer { world, key: (at, number) };
        poll_fn(move |cx| timer.poll(cx)).boxed()
    }

    fn random(&self) -> u128 {
        self.world.state().rng.u128(..)
    }
}

impl Runtime for Branch {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.time.spawn_in(self.number, task);
    }

    fn now(&self) -> Instant {
        self.time.now()
    }

    fn wall_clock(&self) -> SystemTime {
        self.time.wall_clock()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        self.time.sleep_until(deadline)
    }

    fn random(&self) -> u128 {
        self.time.random()
    }
}

impl World {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waker(self: &Arc<World>, task: u64) -> Waker {
        waker(Arc::new(Wake { task, world: self.clone() }))
    }

    fn next_ready(&self) -> Option<u64> {
        let mut state = self.state();
        let count = state.ready.len();
        let chosen = (count > 0).then(|| state.rng.usize(..count))?;
        Some(state.ready.remove(chosen))
    }

    fn put_back(&self, number: u64, task: Task) {
        let mut state = self.state();
        if !state.killed.contains(&task.branch) {
            state.tasks.insert(number, task);
            return;
        }
        drop(state);
        drop(task);
    }

    /// Takes tasks out and drops them when nothing is locked: they may wake or spawn others on their way out.
    fn kill(&self, which: impl Fn(&Task) -> bool) {
        let killed: Vec<Task> = {
            let mut state = self.state();
            let numbers: Vec<u64> =
                state.tasks.iter().filter(|(_, task)| which(task)).map(|(number, _)| *number).collect();
            numbers.iter().filter_map(|number| state.tasks.remove(number)).collect()
        };
        drop(killed);
    }

    /// Nobody can go on: it is the time of the next timer.
    fn jump(&self) {
        let waker = {
            let mut state = self.state();
            let ((at, _), waker) = state.timers.pop_first().expect("everybody waits, and for nothing");
            state.elapsed = state.elapsed.max(at);
            assert!(state.elapsed < LAST_DAY, "after a virtual day it still has not ended");
            waker
        };
        waker.wake();
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn wake(&mut self, task: u64) {
        if let Err(place) = self.ready.binary_search(&task) {
            self.ready.insert(place, task);
        }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("elapsed", &self.elapsed).field("tasks", &self.tasks.len()).finish()
    }
}

struct Timer {
    world: Arc<World>,
    key: (Duration, u64),
}

impl Timer {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.world.state();
        if state.elapsed >= self.key.0 {
            return Poll::Ready(());
        }
        state.timers.insert(self.key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.world.state().timers.remove(&self.key);
    }
}

struct Wake {
    task: u64,
    world: Arc<World>,
}

impl ArcWake for Wake {
    fn wake_by_ref(this: &Arc<Wake>) {
        this.world.state().wake(this.task);
    }
}

/// The future that is run.
const ROOT: u64 = 0;
/// The branch of what is spawned in the world itself.
const TRUNK: u64 = 0;
/// The time of day at which every world begins: 20 November 2024, 10:40 UTC.
const START_OF_TIME: Duration = Duration::from_secs(1_732_099_200);
/// No test needs longer than this.
const LAST_DAY: Duration = Duration::from_secs(24 * 60 * 60);
