//! A runtime of one thread whose clock jumps: when nobody can go on, it is the time of the next timer.
//!
//! Hours pass in milliseconds, and everything that happens follows from the seed: which of several tasks that could
//! go on does so first, and what is random.

use std::{
    collections::{BTreeMap, HashMap},
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

#[derive(Debug)]
struct World {
    began: Instant,
    state: Mutex<State>,
}

struct State {
    elapsed: Duration,
    rng: fastrand::Rng,
    tasks: HashMap<u64, BoxFuture<'static, ()>>,
    /// Those that can go on; the future that is run is number 0.
    ready: Vec<u64>,
    timers: BTreeMap<(Duration, u64), Waker>,
    next: u64,
}

impl VirtualTime {
    /// A world in which everything follows from `seed`.
    pub fn new(seed: u64) -> VirtualTime {
        let state = State {
            elapsed: Duration::ZERO,
            rng: fastrand::Rng::with_seed(seed),
            tasks: HashMap::new(),
            ready: Vec::new(),
            timers: BTreeMap::new(),
            next: 1,
        };
        VirtualTime { world: Arc::new(World { began: Instant::now(), state: Mutex::new(state) }) }
    }

    /// This world as what the core runs on.
    pub fn shared(&self) -> SharedRuntime {
        Arc::new(self.clone())
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

    /// Runs `future` to its end, and what was spawned along with it.
    ///
    /// # Panics
    /// When everybody waits and no timer runs, or a virtual day has passed: it would never end.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        pin_mut!(future);
        self.world.state().ready.push(0);
        loop {
            let Some(task) = self.world.next_ready() else {
                self.world.jump();
                continue;
            };
            let waker = waker(Arc::new(Wake { task, world: self.world.clone() }));
            let mut cx = Context::from_waker(&waker);
            if task == 0 {
                if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
                    return value;
                }
                continue;
            }
            // Taken out while it is polled: it may spawn others.
            let Some(mut running) = self.world.state().tasks.remove(&task) else { continue };
            if running.poll_unpin(&mut cx).is_pending() {
                self.world.state().tasks.insert(task, running);
            }
        }
    }
}

impl Runtime for VirtualTime {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let mut state = self.world.state();
        let number = state.number();
        state.tasks.insert(number, task);
        state.ready.push(number);
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

impl World {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_ready(&self) -> Option<u64> {
        let mut state = self.state();
        let count = state.ready.len();
        let chosen = (count > 0).then(|| state.rng.usize(..count))?;
        Some(state.ready.swap_remove(chosen))
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
        let mut state = this.world.state();
        if !state.ready.contains(&this.task) {
            state.ready.push(this.task);
        }
    }
}

/// The time of day at which every world begins: 20 November 2024, 10:40 UTC.
const START_OF_TIME: Duration = Duration::from_secs(1_732_099_200);
/// No test needs longer than this.
const LAST_DAY: Duration = Duration::from_secs(24 * 60 * 60);
