//! Who is behind which address and token, and what has come from them and is not yet read.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use dashmap::DashMap;
use futures::task::AtomicWaker;

/// Everybody who has proved an address and whose link is not gone.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    by_token: DashMap<u128, Arc<Peer>>,
    by_address: DashMap<SocketAddr, u128>,
}

/// The other end of an accepted link.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) token: u128,
    /// A hash of the frame that began the link.
    pub(crate) hello: u64,
    state: Mutex<State>,
    reader: AtomicWaker,
}

#[derive(Debug)]
struct State {
    route: Route,
    /// Whether datagrams have to be told to leave from the local address of that route, once somebody has asked: they
    /// may do so by themselves, and saying it costs a tenth more.
    is_to_be_told: Option<bool>,
    inbox: VecDeque<Bytes>,
    /// In the inbox.
    bytes: usize,
    end: End,
}

/// How a peer is reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Route {
    /// Where it is.
    pub(crate) remote: SocketAddr,
    /// The local address it asked last, from which it is answered.
    pub(crate) local: Option<IpAddr>,
}

/// Whether somebody else has taken the place of a peer.
#[derive(Debug, Eq, PartialEq)]
enum End {
    NotYet,
    ToBeTold,
    Told,
}

impl Peers {
    pub(crate) fn find(&self, token: u128) -> Option<Arc<Peer>> {
        self.by_token.get(&token).map(|it| it.clone())
    }

    /// Who is at `address`.
    pub(crate) fn at(&self, address: SocketAddr) -> Option<Arc<Peer>> {
        let token = *self.by_address.get(&address)?;
        self.find(token)
    }

    /// Takes in a new peer. The link of whoever was at its address is lost.
    pub(crate) fn add(&self, token: u128, hello: u64, route: Route) -> Arc<Peer> {
        let state = State { route, is_to_be_told: None, inbox: VecDeque::new(), bytes: 0, end: End::NotYet };
        let peer = Arc::new(Peer { token, hello, state: Mutex::new(state), reader: AtomicWaker::new() });
        self.by_token.insert(token, peer.clone());
        let before = self.by_address.insert(route.remote, token);
        self.end(before);
        peer
    }

    /// From now on `peer` is at another address. The link of whoever was there is lost.
    pub(crate) fn move_to(&self, peer: &Peer, route: Route) {
        // Held meanwhile, so that a link that is dropped at this moment is forgotten at the address it then has.
        let Some(held) = self.by_token.get(&peer.token) else { return };
        let old = peer.state().reroute(route);
        self.by_address.remove_if(&old.remote, |_, token| *token == peer.token);
        let before = self.by_address.insert(route.remote, peer.token);
        drop(held);
        self.end(before.filter(|token| *token != peer.token));
    }

    /// Forgets a peer whose link is gone.
    pub(crate) fn forget(&self, peer: &Peer) {
        self.by_token.remove(&peer.token);
        self.by_address.remove_if(&peer.route().remote, |_, token| *token == peer.token);
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.by_token.len(), self.by_address.len())
    }

    fn end(&self, token: Option<u128>) {
        if let Some((_, peer)) = token.and_then(|token| self.by_token.remove(&token)) {
            peer.state().end = End::ToBeTold;
            peer.reader.wake();
        }
    }
}

impl State {
    /// Takes another route, and returns the one before.
    fn reroute(&mut self, route: Route) -> Route {
        self.is_to_be_told = None;
        std::mem::replace(&mut self.route, route)
    }
}

impl Peer {
    pub(crate) fn route(&self) -> Route {
        self.state().route
    }

    /// Notes which local address the peer asked.
    pub(crate) fn asked(&self, local: Option<IpAddr>) {
        let mut state = self.state();
        let route = Route { local, ..state.route };
        if route != state.route {
            state.reroute(route);
        }
    }

    /// Where to send, and the address to leave from if that has to be said; `leaves_from` knows whether it does.
    pub(crate) fn way(
        &self,
        leaves_from: impl FnOnce(IpAddr, SocketAddr) -> bool,
    ) -> (SocketAddr, Option<IpAddr>) {
        let mut state = self.state();
        let Route { remote, local } = state.route;
        let by_itself = || local.is_none_or(|local| leaves_from(local, remote));
        let is_to_be_told = *state.is_to_be_told.get_or_insert_with(|| !by_itself());
        (remote, local.filter(|_| is_to_be_told))
    }

    /// Puts a frame into the inbox, or loses it if that is full.
    pub(crate) fn deliver(&self, frame: Bytes) {
        let mut state = self.state();
        if state.inbox.len() < INBOX_FRAMES && state.bytes + frame.len() <= INBOX_BYTES {
            state.bytes += frame.len();
            state.inbox.push_back(frame);
            drop(state);
            self.reader.wake();
        }
    }

    /// The next frame; an error once somebody else has taken this peer's place.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        self.reader.register(cx.waker());
        let mut state = self.state();
        if let Some(frame) = state.inbox.pop_front() {
            state.bytes -= frame.len();
            if state.inbox.is_empty() {
                state.inbox = VecDeque::new(); // an idle link holds no memory
            }
            return Poll::Ready(Some(Ok(frame)));
        }
        match std::mem::replace(&mut state.end, End::Told) {
            End::NotYet => {
                state.end = End::NotYet;
                Poll::Pending
            }
            End::ToBeTold => Poll::Ready(Some(Err(io::Error::new(
                io::ErrorKind::ConnectionReset,
                "a new link was made from the same address",
            )))),
            End::Told => Poll::Ready(None),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Datagrams a peer may have sent that are not yet read; more are lost, and sent again by whoever sent them.
const INBOX_FRAMES: usize = 64;

/// The same in bytes.
const INBOX_BYTES: usize = 256 * 1024;
