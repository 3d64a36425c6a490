//! The runtime that the tests run on, and waiting with an end.

use std::{pin::pin, sync::Arc, time::Duration};

use chat_cli::Pool;
use chat_core::{Runtime, SharedRuntime};
use futures::future::{Either, select};

/// The runtime of the program.
pub fn runtime() -> SharedRuntime {
    Arc::new(Pool)
}

/// `future`, which has ten seconds.
pub async fn in_time<T>(future: impl Future<Output = T>) -> T {
    in_time_of(Duration::from_secs(10), future).await
}

/// `future`, which has that long.
pub async fn in_time_of<T>(limit: Duration, future: impl Future<Output = T>) -> T {
    match select(pin!(future), Pool.sleep_until(Pool.now() + limit)).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => panic!("this takes more than {limit:?}"),
    }
}
