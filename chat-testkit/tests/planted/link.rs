//! A link that keeps its contract but for one fault.

use std::{
    collections::VecDeque,
    io,
    mem::{forget, take},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use chat_core::transport::BoxLink;
use futures::{Sink, Stream, StreamExt};

use crate::transport::Fault;

/// What the links of a transport have in common.
#[derive(Default)]
pub struct Shared {
    links: AtomicU64,
    /// A frame on its way to the wrong link, and the number of the right one.
    astray: Mutex<Option<(u64, Bytes)>>,
}

/// A link with a fault.
pub struct FaultyLink {
    inner: Option<BoxLink>,
    fault: Fault,
    max_frame: usize,
    shared: Arc<Shared>,
    number: u64,
    /// Whether the listener lives whose end is the end of the link.
    listener: Option<Arc<AtomicBool>>,
    received: u64,
    sent: u64,
    arrived: VecDeque<Bytes>,
    /// A frame that waits for the next one, on its way in or out.
    held: Option<Bytes>,
    /// Frames of which the peer knows nothing yet.
    unsent: VecDeque<Bytes>,
    is_waiting: bool,
}

impl FaultyLink {
    pub fn new(
        inner: BoxLink,
        fault: Fault,
        max_frame: usize,
        shared: Arc<Shared>,
        listener: Option<Arc<AtomicBool>>,
    ) -> FaultyLink {
        let number = shared.links.fetch_add(1, Ordering::Relaxed);
        FaultyLink {
            inner: Some(inner),
            fault,
            max_frame,
            shared,
            number,
            listener,
            received: 0,
            sent: 0,
            arrived: VecDeque::new(),
            held: None,
            unsent: VecDeque::new(),
            is_waiting: false,
        }
    }

    fn inner(&mut self) -> Pin<&mut (dyn chat_core::transport::Link + 'static)> {
        self.inner.as_mut().unwrap().as_mut()
    }

    fn is_over(&self) -> bool {
        self.listener.as_ref().is_some_and(|lives| !lives.load(Ordering::Relaxed))
    }

    /// What becomes of the next frame that arrives.
    fn take_in(&mut self, frame: Bytes) {
        self.received += 1;
        let is_hit = self.received.is_multiple_of(EVERY);
        let half = frame.len() / 2;
        match self.fault {
            Fault::LosesAFrame if is_hit => {}
            Fault::DoublesAFrame if is_hit => self.arrived.extend([frame.clone(), frame]),
            Fault::SwapsTwoFrames | Fault::GluesTwoFrames if is_hit => self.held = Some(frame),
            Fault::SplitsAFrame if is_hit && half > 0 => {
                self.arrived.extend([frame.slice(..half), frame.slice(half..)]);
            }
            Fault::TruncatesAFrame if is_hit && half > 0 => {
                self.arrived.push_back(frame.slice(..frame.len() - 1))
            }
            Fault::InventsAFrame if is_hit => self.arrived.extend([frame, r#"{"type":"surprise"}"#.into()]),
            Fault::FlipsABit if is_hit => {
                let mut bytes = frame.to_vec();
                bytes[half] ^= 1;
                self.arrived.push_back(bytes.into());
            }
            Fault::TrimsWhiteSpace => self.arrived.push_back(frame.slice_ref(frame.trim_ascii())),
            Fault::RepairsText => {
                self.arrived.push_back(String::from_utf8_lossy(&frame).into_owned().into());
            }
            Fault::MixesLinks if is_hit => {
                *self.shared.astray.lock().unwrap() = Some((self.number, frame));
            }
            Fault::SwapsTwoFrames => {
                self.arrived.push_back(frame);
                self.arrived.extend(self.held.take());
            }
            Fault::GluesTwoFrames => {
                let glued = self.held.take().map(|held| [held, frame.clone()].concat().into());
                self.arrived.push_back(glued.unwrap_or(frame));
            }
            _ => self.arrived.push_back(frame),
        }
    }

    /// Sends what is held back, as far as the peer takes it.
    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            ready!(self.inner().poll_ready(cx))?;
            if let Some(frame) = self.unsent.pop_front() {
                self.inner().start_send(frame)?;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// An error, or none where errors are swallowed.
    fn told(&self, result: io::Result<()>) -> io::Result<()> {
        if self.fault == Fault::SwallowsErrors { Ok(()) } else { result }
    }
}

impl Stream for FaultyLink {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.is_over() {
            return Poll::Ready(None);
        }
        if self.fault == Fault::WaitsForTheOtherDirection && self.is_waiting {
            if self.inner().poll_ready(cx)?.is_pending() {
                return Poll::Pending;
            }
            self.is_waiting = false;
        }
        loop {
            let number = self.number;
            let astray = self.shared.astray.lock().unwrap().take_if(|(of, _)| *of != number);
            if let Some((_, frame)) = astray {
                return Poll::Ready(Some(Ok(frame)));
            }
            if let Some(frame) = self.arrived.pop_front() {
                return Poll::Ready(Some(Ok(frame)));
            }
            if self.fault == Fault::StallsAfterMany && self.received >= MANY {
                return Poll::Pending;
            }
            match ready!(self.inner().poll_next(cx)) {
                Some(Ok(frame)) => self.take_in(frame),
                // At the end comes what waits for a next frame.
                None if self.held.is_some() && self.is_holding_arrivals() => {
                    let held = self.held.take();
                    self.arrived.extend(held);
                }
                other => return Poll::Ready(other),
            }
        }
    }
}

impl FaultyLink {
    fn is_holding_arrivals(&self) -> bool {
        matches!(self.fault, Fault::SwapsTwoFrames | Fault::GluesTwoFrames)
    }
}

impl Sink<Bytes> for FaultyLink {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_over() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.fault == Fault::IgnoresAFullPeer {
            return Poll::Ready(Ok(()));
        }
        let is_ready = self.inner().poll_ready(cx);
        self.is_waiting = is_ready.is_pending();
        is_ready.map(|result| self.told(result))
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        self.sent += 1;
        let sent = match self.fault {
            Fault::HidesTheLimit if frame.len() > self.max_frame => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "this frame is too large"));
            }
            Fault::RefusesTheLargest if frame.len() == self.max_frame => {
                let why = format!("a frame is smaller than {} bytes", self.max_frame);
                return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
            }
            Fault::IgnoresAFullPeer => {
                self.unsent.push_back(frame);
                return Ok(());
            }
            // The first frame is the greeting, without which there is no link.
            Fault::NeverFlushes | Fault::DropsTheLastFrame if self.sent > 1 => {
                let Some(before) = self.held.replace(frame) else { return Ok(()) };
                self.inner().start_send(before)
            }
            _ => self.inner().start_send(frame),
        };
        self.told(sent)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.fault == Fault::DropsTheLastFrame && self.held.is_some() {
            ready!(self.inner().poll_ready(cx))?;
            if let Some(held) = self.held.take() {
                self.inner().start_send(held)?;
            }
        }
        ready!(self.poll_unsent(cx))?;
        self.inner().poll_flush(cx).map(|result| self.told(result))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.fault == Fault::IgnoresClose {
            return self.poll_flush(cx);
        }
        if self.fault == Fault::NeverFlushes && self.held.is_some() {
            ready!(self.inner().poll_ready(cx))?;
            if let Some(held) = self.held.take() {
                self.inner().start_send(held)?;
            }
        }
        ready!(self.poll_unsent(cx))?;
        self.inner().poll_close(cx)
    }
}

impl Drop for FaultyLink {
    fn drop(&mut self) {
        let inner = take(&mut self.inner);
        if self.fault == Fault::OutlivesItsDrop {
            forget(inner);
        }
    }
}

/// A link of which something was read before.
pub struct Resumed {
    pub first: Option<io::Result<Bytes>>,
    pub link: BoxLink,
}

impl Stream for Resumed {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => self.link.poll_next_unpin(cx),
        }
    }
}

impl Sink<Bytes> for Resumed {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.as_mut().poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        self.link.as_mut().start_send(frame)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.as_mut().poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.as_mut().poll_close(cx)
    }
}

/// Which of the frames that arrive over a link are hit by a fault.
const EVERY: u64 = 40;

/// How many frames a link carries that stalls then.
const MANY: u64 = 300;
