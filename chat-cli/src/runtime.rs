//! The world as async-std gives it: its thread pool, its timers, and the clocks and randomness of the system.

use std::time::{Instant, SystemTime};

use async_io::Timer;
use chat_core::Runtime;
use futures::{FutureExt, future::BoxFuture};

/// Runs tasks on async-std's thread pool, which starts with the first of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsyncStd;

impl Runtime for AsyncStd {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        drop(async_std::task::spawn(task)); // dropping async-std's handle lets the task run on
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
        getrandom::fill(&mut bits).expect("without the system's randomness no secret can be made");
        u128::from_ne_bytes(bits)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::channel::oneshot;

    use super::*;

    #[test]
    fn a_spawned_task_runs_on_and_timers_keep_their_time() {
        let (done, finished) = oneshot::channel();
        let deadline = AsyncStd.now() + Duration::from_millis(20);
        AsyncStd.spawn(
            async move {
                AsyncStd.sleep_until(deadline).await;
                let _ = done.send(AsyncStd.now());
            }
            .boxed(),
        );
        let woken = async_std::task::block_on(async_std::future::timeout(Duration::from_secs(10), finished));
        assert!(woken.unwrap().unwrap() >= deadline);
    }

    #[test]
    fn a_deadline_that_has_passed_completes_at_once() {
        let past = AsyncStd.now();
        let slept = async_std::future::timeout(Duration::from_secs(10), AsyncStd.sleep_until(past));
        async_std::task::block_on(slept).unwrap();
    }

    #[test]
    fn no_two_draws_are_alike() {
        assert_ne!(AsyncStd.random(), AsyncStd.random());
    }
}
