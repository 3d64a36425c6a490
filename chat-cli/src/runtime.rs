//! The runtime of the program: one thread per processor, which runs tasks and polls their sockets and timers, and the
//! clocks and randomness of the operating system.
//!
//! The sockets of async-std and async-io share one reactor, which idle threads poll. A busy server has no idle thread, so
//! async-io's fallback thread polls instead: it wakes up every 50 µs, and then wakes a thread of async-std's pool. With so
//! many threads on a processor each message waits for two context switches, a quarter of its cost. Therefore the threads
//! that run tasks here also poll the sockets after every few tasks.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
    thread,
    time::{Instant, SystemTime},
};

use async_executor::StaticExecutor;
use async_io::Timer;
use chat_core::Runtime;
use futures::{FutureExt, future::BoxFuture};

/// Runs tasks on one thread per available processor. The threads start with the first task.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pool;

static TASKS: StaticExecutor = StaticExecutor::new();

/// Runs `future` to its end on this thread. The threads of the [`Pool`] poll its sockets and timers.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    START.call_once(start);
    futures::executor::block_on(future)
}

static START: Once = Once::new();

fn start() {
    for number in 0..thread::available_parallelism().map_or(1, usize::from) {
        let thread = thread::Builder::new().name(format!("chat-{number}"));
        thread.spawn(work).expect("the system can start a thread");
    }
}

fn work() {
    loop {
        let turns = async {
            loop {
                for _ in 0..TASKS_PER_POLL {
                    TASKS.tick().await;
                }
                async_std::task::yield_now().await; // to async-io, which polls the sockets
            }
        };
        // A panic in a task is printed by the panic hook and ends that task alone. This catches panics from elsewhere.
        let _: thread::Result<()> = catch_unwind(AssertUnwindSafe(|| async_io::block_on(turns)));
    }
}

impl Runtime for Pool {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        START.call_once(start);
        TASKS.spawn(task).detach();
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall_clock(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        Timer::at(deadline).map(drop).boxed()
    }

    fn random(&self) -> u128 {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).expect("the system provides randomness");
        u128::from_ne_bytes(bits)
    }
}

/// How many tasks run between two polls of the sockets. A poll is five system calls, a third of the cost of a task; without
/// a poll for about 100 µs, async-io's thread takes over. `chat bench` with pairs shows the effect (docs/performance.md).
const TASKS_PER_POLL: usize = 16;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::channel::oneshot;

    use super::*;

    #[test]
    fn a_spawned_task_runs_on_and_timers_keep_their_time() {
        let (done, finished) = oneshot::channel();
        let deadline = Pool.now() + Duration::from_millis(20);
        Pool.spawn(
            async move {
                Pool.sleep_until(deadline).await;
                let _ = done.send(Pool.now());
            }
            .boxed(),
        );
        let woken = block_on(async_std::future::timeout(Duration::from_secs(10), finished));
        assert!(woken.unwrap().unwrap() >= deadline);
    }

    #[test]
    fn a_task_that_panics_ends_alone() {
        let threads = thread::available_parallelism().unwrap().get();
        for _ in 0..2 * threads {
            Pool.spawn(async { panic!("on purpose") }.boxed());
        }
        let (done, finished) = oneshot::channel();
        Pool.spawn(async move { done.send(()).unwrap() }.boxed());
        block_on(async_std::future::timeout(Duration::from_secs(10), finished)).unwrap().unwrap();
    }

    #[test]
    fn a_deadline_that_has_passed_completes_at_once() {
        let past = Pool.now();
        let slept = async_std::future::timeout(Duration::from_secs(10), Pool.sleep_until(past));
        block_on(slept).unwrap();
    }

    #[test]
    fn no_two_draws_are_alike() {
        assert_ne!(Pool.random(), Pool.random());
    }
}
