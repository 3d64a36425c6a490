//! Holds the tail of a log back while an append is not answered yet, for logs that answer late.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use chat_core::log::{Commit, LogError, Tail};
use futures::{Stream, StreamExt};

/// Counts the appends that are not answered. A log has to answer before its tail has the commit, and so has a log that
/// stores at once and answers late.
#[derive(Clone, Debug, Default)]
pub struct TailGate(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    unanswered: AtomicUsize,
    wakers: Mutex<Vec<Waker>>,
}

/// An append that is not answered. Drop it right before the answer.
#[derive(Debug)]
pub struct Unanswered(TailGate);

impl TailGate {
    /// Notes that an append begins.
    pub fn append(&self) -> Unanswered {
        self.0.unanswered.fetch_add(1, Ordering::AcqRel);
        Unanswered(self.clone())
    }

    /// The tail, held back while an append is not answered.
    pub fn hold_back(self, tail: Tail) -> Tail {
        HeldBack { gate: self, tail }.boxed()
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let TailGate(inner) = &self.0;
        inner.unanswered.fetch_sub(1, Ordering::AcqRel);
        let wakers = std::mem::take(&mut *inner.wakers.lock().unwrap_or_else(PoisonError::into_inner));
        wakers.into_iter().for_each(Waker::wake);
    }
}

struct HeldBack {
    gate: TailGate,
    tail: Tail,
}

impl Stream for HeldBack {
    type Item = Result<Commit, LogError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        {
            let TailGate(inner) = &self.gate;
            let mut wakers = inner.wakers.lock().unwrap_or_else(PoisonError::into_inner);
            if inner.unanswered.load(Ordering::Acquire) > 0 {
                wakers.push(cx.waker().clone());
                return Poll::Pending;
            }
        }
        self.tail.poll_next_unpin(cx)
    }
}
