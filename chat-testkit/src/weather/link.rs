//! A link in bad weather: a pipe, and a task that carries frames between it and the real link.

use std::{
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use chat_core::{
    SharedRuntime,
    memory::{Pipe, pipe},
    transport::BoxLink,
};
use futures::{
    FutureExt, Sink, SinkExt, Stream, StreamExt, TryFutureExt,
    channel::oneshot,
    future::{Either, pending, select, try_join},
};

use super::{Sky, Weather};

/// The error that ended a link, if one did.
type End = Arc<OnceLock<(io::ErrorKind, String)>>;

/// The end of the pipe that its owner holds. The weather is made by a task, so that frames which are late arrive
/// also while their sender does something else.
pub(super) struct WeatherLink {
    pipe: Pipe,
    end: End,
    /// Whether the stream has given that error.
    told: bool,
    /// Dropped with the link, which is how the task learns of that.
    _alive: oneshot::Sender<Infallible>,
}

impl WeatherLink {
    pub(super) fn new(weather: Weather, link: BoxLink, seed: u64, runtime: &SharedRuntime) -> WeatherLink {
        let (near, far) = pipe();
        let (alive, dropped) = oneshot::channel();
        let end = Arc::new(OnceLock::new());
        let carrier = Carrier::new(weather, seed, end.clone(), runtime.clone());
        runtime.spawn(carrier.carry(far, link, dropped).boxed());
        WeatherLink { pipe: near, end, told: false, _alive: alive }
    }

    /// Why the link ended; `other` if the weather has nothing to do with it.
    fn why(&self, other: io::Error) -> io::Error {
        self.end.get().map_or(other, |(kind, words)| io::Error::new(*kind, words.clone()))
    }
}

impl Stream for WeatherLink {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let next = ready!(self.pipe.poll_next_unpin(cx));
        if next.is_some() || self.told {
            return Poll::Ready(next);
        }
        self.told = true;
        Poll::Ready(self.end.get().map(|(kind, words)| Err(io::Error::new(*kind, words.clone()))))
    }
}

impl Sink<Bytes> for WeatherLink {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pipe.poll_ready_unpin(cx).map_err(|error| self.why(error))
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        self.pipe.start_send_unpin(frame).map_err(|error| self.why(error))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pipe.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pipe.poll_close_unpin(cx)
    }
}

/// What the task of one link knows.
struct Carrier {
    out: Sky,
    back: Sky,
    /// How many frames pass, both ways together, before the link is cut.
    frames_left: AtomicU64,
    end: End,
    runtime: SharedRuntime,
}

impl Carrier {
    fn new(weather: Weather, seed: u64, end: End, runtime: SharedRuntime) -> Carrier {
        let mut dice = fastrand::Rng::with_seed(seed);
        let (out, back) = (Sky::new(weather, dice.u64(..)), Sky::new(weather, dice.u64(..)));
        let frames_left = match weather.cut_after {
            0 => u64::MAX,
            mean => dice.u64(1..mean.saturating_mul(2)),
        };
        Carrier { out, back, frames_left: frames_left.into(), end, runtime }
    }

    /// Carries frames both ways until one side is gone. `near` is the other end of the owner's pipe.
    ///
    /// What the owner sent before dropping the link is still delivered; nothing is after a cut.
    async fn carry(self, near: Pipe, far: BoxLink, dropped: oneshot::Receiver<Infallible>) {
        let (to_near, from_near) = near.split();
        let (to_far, from_far) = far.split();
        let Carrier { out, back, frames_left, end, runtime } = self;
        // Noted while the other direction still holds the pipe: the owner sees the error as soon as the pipe ends.
        let note = |error: io::Error| end.set((error.kind(), error.to_string()));
        let out = one_way(from_near, to_far, out, &frames_left, &runtime).map_err(note);
        let back = one_way(from_far, to_near, back, &frames_left, &runtime).map_err(note);
        let back = async {
            match select(pin!(back), dropped).await {
                Either::Left((ended, _)) => ended,
                Either::Right(_) => Ok(()),
            }
        };
        let _ = try_join(out, back).await; // the error is noted
    }
}

async fn one_way(
    mut from: impl Stream<Item = io::Result<Bytes>> + Unpin,
    mut to: impl Sink<Bytes, Error = io::Error> + Unpin,
    mut sky: Sky,
    frames_left: &AtomicU64,
    runtime: &SharedRuntime,
) -> io::Result<()> {
    let mut open = true;
    loop {
        let now = runtime.now();
        while let Some(frame) = sky.release(now) {
            to.feed(frame).await?;
        }
        to.flush().await?;
        if !open && sky.in_flight() == 0 {
            return to.close().await;
        }
        let arrival = sky.next_arrival().map_or_else(|| pending().boxed(), |at| runtime.sleep_until(at));
        let reads = open && sky.in_flight() < MOST_IN_FLIGHT;
        let next = async { if reads { from.next().await } else { pending().await } };
        match select(pin!(next), arrival).await {
            Either::Left((Some(frame), _)) => {
                let frame = frame?;
                if frames_left.fetch_sub(1, Ordering::Relaxed) == 0 {
                    return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the weather cut the link"));
                }
                sky.admit(&frame, runtime.now());
            }
            Either::Left((None, _)) => open = false,
            Either::Right(_) => {}
        }
    }
}

/// How many frames are on their way in one direction before the next one has to wait.
const MOST_IN_FLIGHT: usize = 1024;
