//! Waiting with an end, by whatever clock the runtime has.

use std::{future::Future, pin::pin, time::Duration};

use chat_core::SharedRuntime;
use futures::future::{Either, select};

/// What `future` gives, or nothing if it takes longer than `span`.
pub async fn within<T>(
    runtime: &SharedRuntime,
    span: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    match select(pin!(future), runtime.sleep_until(runtime.now() + span)).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

/// How long nothing has to come before nothing more is expected. Only unreliable links are ever waited for so.
pub(crate) const QUIET: Duration = Duration::from_millis(300);

/// After how long something is asked again where it, or its answer, may be lost.
pub(crate) const RETRY: Duration = Duration::from_millis(60);
