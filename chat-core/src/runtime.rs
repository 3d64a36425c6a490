//! What the core asks of the world: to run tasks, to be told the time, and to be given randomness.
//!
//! A program gives it threads and a clock; a simulation gives it one thread, virtual time and a seed.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use futures::{
    FutureExt,
    future::{self, BoxFuture},
};

/// The world as the core sees it.
pub trait Runtime: Send + Sync + 'static {
    /// Runs `task` to its end without being waited for. Dropping nothing cancels it: whoever needs to know that it
    /// ended arranges for that.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// The monotonic time.
    fn now(&self) -> Instant;

    /// The time of day, which may jump.
    fn wall_clock(&self) -> SystemTime;

    /// Completes at `deadline`, at once if that has passed. Dropping it before then costs nothing.
    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()>;

    /// 128 bits that nobody can guess: client ids and secrets are made of them.
    fn random(&self) -> u128;
}

/// A runtime shared by everything that runs on it.
pub type SharedRuntime = Arc<dyn Runtime>;

/// What `future` comes to, unless it takes longer than `limit`.
pub async fn within<T>(limit: Duration, runtime: &dyn Runtime, future: impl Future<Output = T>) -> Option<T> {
    let timer = runtime.sleep_until(runtime.now() + limit);
    let future = pin!(future.map(Some));
    future::select(future, timer.map(|()| None)).await.factor_first().0
}
