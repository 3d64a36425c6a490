//! Who listens at an address: links that promise delivery come when they are dialled, others with their first frame.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use chat_core::{
    Runtime,
    transport::{Incoming, Peer},
};
use futures::{FutureExt, Stream, future::BoxFuture};

use super::{Bound, Item, Life, Listener, Network, State, link::LinkEnd};

/// The links that come to one address.
pub(super) struct Accepting {
    network: Network,
    address: String,
    number: u64,
    timer: Option<(Instant, BoxFuture<'static, ()>)>,
}

impl Accepting {
    /// Begins to listen; none if somebody does already.
    pub(super) fn new(network: &Network, address: &str) -> Option<Accepting> {
        let mut state = network.state();
        let number = state.number();
        let place = state.places.entry(address.to_owned()).or_default();
        if place.listener.is_some() {
            return None;
        }
        place.listener = Some(Listener { number, since: network.now(), waker: None });
        Some(Accepting { network: network.clone(), address: address.to_owned(), number, timer: None })
    }
}

impl Stream for Accepting {
    type Item = Incoming;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        let network = self.network.clone();
        loop {
            let now = network.now();
            let mut state = network.state();
            let Some(place) = state.places.get_mut(&self.address) else { return Poll::Ready(None) };
            let Some(listener) = &mut place.listener else { return Poll::Ready(None) };
            listener.waker = Some(cx.waker().clone());
            let since = listener.since;
            let Some(first) = place.arrivals.first_entry() else { return Poll::Pending };
            let at = first.key().0;
            if at > now {
                drop(state);
                if self.timer.as_ref().is_none_or(|(set, _)| *set != at) {
                    self.timer = Some((at, network.time.sleep_until(at)));
                }
                if let Some((_, sleep)) = &mut self.timer
                    && sleep.poll_unpin(cx).is_pending()
                {
                    return Poll::Pending;
                }
                continue;
            }
            let (arrival, (link, frame)) = first.remove_entry();
            if at < since {
                if frame.is_none() {
                    state.cut(link, now);
                }
                continue; // it came when nobody listened
            }
            if let Some(incoming) = state.accept(&network, arrival, link, frame) {
                return Poll::Ready(Some(incoming));
            }
        }
    }
}

impl State {
    /// What has arrived: the first of a new link, one more for its end, or something for an end that is gone.
    fn accept(
        &mut self,
        network: &Network,
        arrival: (Instant, u64),
        link: u64,
        frame: Option<Bytes>,
    ) -> Option<Incoming> {
        let calm = self.calm;
        let pair = self.links.get_mut(&link)?;
        let end = &mut pair.ends[Bound::Server.at()];
        let was = end.life;
        if was == Life::Gone {
            let (now, elapsed) = (network.now(), network.now() - network.began);
            let is_ordered = pair.kind.is_ordered();
            let fate = pair.paths[Bound::Client.at()].scatter(now, elapsed, calm, is_ordered);
            if let (Some(at), Life::Alive) = (fate.arrivals.first(), pair.ends[Bound::Client.at()].life) {
                self.put(link, Bound::Client, *at, Item::Lost("the server knows nothing of this link"));
            }
            return None;
        }
        if let Some(frame) = frame {
            end.queue.insert(arrival, Item::Frame(frame));
            super::wake(&mut end.reader);
        }
        if was == Life::Alive {
            return None;
        }
        end.life = Life::Alive;
        let address = format!("{}#{link}", pair.kind.scheme());
        let peer = Peer { address, host: pair.host.clone(), local: true, identity: None, binding: None };
        let link = LinkEnd::new(network, link, Bound::Server);
        Some(Incoming { link: Box::pin(link), peer })
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        let mut state = self.network.state();
        if let Some(place) = state.places.get_mut(&self.address)
            && place.listener.as_ref().is_some_and(|it| it.number == self.number)
        {
            place.listener = None;
        }
    }
}
