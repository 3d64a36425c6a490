//! One end of a link, as its owner holds it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use chat_core::Runtime;
use futures::{FutureExt, Sink, Stream, future::BoxFuture};

use super::{Bound, Item, Life, MOST_UNREAD, Network, wake};

/// What is sent leaves at once; what arrives is waited for.
pub(super) struct LinkEnd {
    network: Network,
    number: u64,
    /// The way to this end.
    bound: Bound,
    timer: Option<(Instant, BoxFuture<'static, ()>)>,
    ended: bool,
}

impl LinkEnd {
    /// The end of link `number` to which `bound` leads.
    pub(super) fn new(network: &Network, number: u64, bound: Bound) -> LinkEnd {
        LinkEnd { network: network.clone(), number, bound, timer: None, ended: false }
    }

    fn wait_until(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        if self.timer.as_ref().is_none_or(|(set, _)| *set != at) {
            self.timer = Some((at, self.network.time.sleep_until(at)));
        }
        match &mut self.timer {
            Some((_, sleep)) => sleep.poll_unpin(cx),
            None => Poll::Ready(()),
        }
    }

    fn close(&mut self) {
        let mut state = self.network.state();
        let (calm, now, back) = (state.calm, self.network.now(), self.bound.back());
        let Some(pair) = state.links.get_mut(&self.number) else { return };
        if std::mem::replace(&mut pair.ends[self.bound.at()].closed, true) || !pair.kind.is_reliable() {
            return; // the other side of a link that may lose frames learns nothing
        }
        if !pair.cut {
            let at = pair.paths[back.at()].queue(now, now - self.network.began, calm);
            state.put(self.number, back, at, Item::End);
        }
    }
}

impl Stream for LinkEnd {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        loop {
            let network = self.network.clone();
            let mut state = network.state();
            let Some(end) = state.links.get_mut(&self.number).map(|it| &mut it.ends[self.bound.at()]) else {
                return Poll::Ready(None);
            };
            let Some(first) = end.queue.first_entry() else {
                end.reader = Some(cx.waker().clone());
                return Poll::Pending;
            };
            let at = first.key().0;
            if at > network.now() {
                end.reader = Some(cx.waker().clone());
                drop(state);
                if self.wait_until(at, cx).is_pending() {
                    return Poll::Pending;
                }
                continue;
            }
            let item = first.remove();
            wake(&mut end.writer);
            drop(state);
            self.ended = !matches!(item, Item::Frame(_));
            return Poll::Ready(match item {
                Item::Frame(frame) => Some(Ok(frame)),
                Item::End => None,
                Item::Lost(why) => Some(Err(io::Error::new(io::ErrorKind::ConnectionReset, why))),
            });
        }
    }
}

impl Sink<Bytes> for LinkEnd {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.network.state();
        let Some(pair) = state.links.get_mut(&self.number) else { return Poll::Ready(Ok(())) };
        if pair.cut || pair.ends[self.bound.at()].closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let there = &mut pair.ends[self.bound.back().at()];
        if pair.kind.is_reliable() && there.queue.len() >= MOST_UNREAD && there.life == Life::Alive {
            there.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        let now = self.network.now();
        let elapsed = now - self.network.began;
        self.network.state().send(self.number, self.bound.back(), frame, now, elapsed);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.close();
        Poll::Ready(Ok(()))
    }
}

impl Drop for LinkEnd {
    fn drop(&mut self) {
        self.close();
        let mut state = self.network.state();
        let Some(pair) = state.links.get_mut(&self.number) else { return };
        let (is_reliable, address) = (pair.kind.is_reliable(), pair.address.clone());
        let end = &mut pair.ends[self.bound.at()];
        end.life = Life::Gone;
        let rest = std::mem::take(&mut end.queue);
        wake(&mut end.writer);
        if !is_reliable && self.bound == Bound::Server {
            // It still arrives, and finds nobody.
            for (arrival, item) in rest {
                if let Item::Frame(frame) = item {
                    state.arrive(&address, arrival, self.number, Some(frame));
                }
            }
        } else if pair.ends.iter().all(|end| end.life == Life::Gone) && is_reliable {
            state.links.remove(&self.number);
        }
    }
}
