//! A runtime.
use chat_core::{Runtime, SharedRuntime};
use futures::{FutureExt, future::BoxFuture};
use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

struct AsyncStd;

impl Runtime for AsyncStd {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        async_std::task::spawn(task);
    }
    fn now(&self) -> Instant {
        Instant::now()
    }
    fn wall_clock(&self) -> SystemTime {
        SystemTime::now()
    }
    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        async_std::task::sleep(deadline.saturating_duration_since(Instant::now())).boxed()
    }
    fn random(&self) -> u128 {
        fastrand::u128(..)
    }
}

pub fn runtime() -> SharedRuntime {
    Arc::new(AsyncStd)
}

/// `future`, which has ten seconds.
pub async fn in_time<T>(future: impl Future<Output = T>) -> T {
    async_std::future::timeout(std::time::Duration::from_secs(10), future).await.expect("this takes too long")
}
