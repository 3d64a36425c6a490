//! The peers of accepted links, by token and by address, with the frames that came from them and were not yet read.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use chat_core::transport::PartialFrames;
use dashmap::DashMap;
use futures::task::AtomicWaker;

use crate::{
    header::Frames,
    parts::{Part, Reassembly},
};

/// All peers that have proved an address and whose link is not gone.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    by_token: DashMap<u128, Arc<Peer>>,
    by_address: DashMap<SocketAddr, u128>,
    /// The parts that links hold of frames of which other parts have yet to come.
    parts: PartialFrames<u128, Weak<Peer>>,
}

/// The other end of an accepted link.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) token: u128,
    pub(crate) form: Form,
    state: Mutex<State>,
    reader: AtomicWaker,
}

/// The part of a datagram that is for its link.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    /// One frame, of a datagram without header.
    Frame(Bytes),
    /// Whole frames.
    Frames(Frames<'a>),
    /// A part of a frame.
    Part(Part<'a>),
}

/// The form of a link's datagrams, which its first one decides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// A JSON object each; the link began with a frame of this hash.
    Json { hello: u64 },
    /// With a header.
    Header,
}

#[derive(Debug)]
struct State {
    route: Route,
    /// Whether datagrams have to be told to leave from the local address of the route; unknown until one is sent. Telling
    /// costs a tenth more, and most leave from there by themselves.
    is_to_be_told: Option<bool>,
    inbox: VecDeque<Bytes>,
    /// The bytes in the inbox.
    bytes: usize,
    /// Only there while a frame is incomplete.
    reassembly: Option<Box<Reassembly>>,
    end: End,
}

/// How a peer is reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Route {
    /// The peer's address.
    pub(crate) remote: SocketAddr,
    /// The local address to which its last datagram was sent, and from which it is answered.
    pub(crate) local: Option<IpAddr>,
}

/// Whether another link has taken the address of a peer.
#[derive(Debug, Eq, PartialEq)]
enum End {
    NotYet,
    ToBeTold,
    Told,
}

impl Peers {
    pub(crate) fn find(&self, token: u128) -> Option<Arc<Peer>> {
        self.by_token.get(&token).map(|peer| peer.clone())
    }

    /// The peer at `address`.
    pub(crate) fn at(&self, address: SocketAddr) -> Option<Arc<Peer>> {
        let token = *self.by_address.get(&address)?;
        self.find(token)
    }

    /// Adds a peer. A link that was at its address is lost.
    pub(crate) fn add(&self, token: u128, form: Form, route: Route) -> Arc<Peer> {
        let state = State {
            route,
            is_to_be_told: None,
            inbox: VecDeque::new(),
            bytes: 0,
            reassembly: None,
            end: End::NotYet,
        };
        let peer = Arc::new(Peer { token, form, state: Mutex::new(state), reader: AtomicWaker::new() });
        self.by_token.insert(token, peer.clone());
        let before = self.by_address.insert(route.remote, token);
        self.end(before);
        peer
    }

    /// From now on `peer` is at another address. A link that was at that address is lost.
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
        self.parts.release(&peer.token);
        self.by_token.remove_if(&peer.token, |_, known| std::ptr::eq(&**known, peer));
        self.by_address.remove_if(&peer.route().remote, |_, token| *token == peer.token);
    }

    /// Puts the frames of a datagram of `peer` that came `now` into its inbox. Where links hold too many parts of frames
    /// that are not complete, the one that holds most loses them, as if the datagrams had been lost.
    pub(crate) fn deliver(&self, peer: &Arc<Peer>, content: Content<'_>, now: Instant) {
        let is_part = matches!(content, Content::Part(_));
        peer.deliver(content, now);
        if !is_part {
            return;
        }
        match peer.parts_held() {
            0 => self.parts.release(&peer.token),
            held => {
                let over = self.parts.hold(peer.token, peer.route().remote.ip(), held, Arc::downgrade(peer));
                over.iter().filter_map(Weak::upgrade).for_each(|peer| peer.lose_parts());
            }
        }
    }

    /// How many tokens and addresses there are.
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

    /// Puts a frame into the inbox; returns whether there was room.
    fn put(&mut self, frame: Bytes) -> bool {
        let fits = self.inbox.len() < INBOX_FRAMES && self.bytes + frame.len() <= INBOX_BYTES;
        if fits {
            self.bytes += frame.len();
            self.inbox.push_back(frame);
        }
        fits
    }
}

impl Peer {
    pub(crate) fn route(&self) -> Route {
        self.state().route
    }

    /// Notes to which local address the peer sent a datagram.
    pub(crate) fn asked(&self, local: Option<IpAddr>) {
        let mut state = self.state();
        let route = Route { local, ..state.route };
        if route != state.route {
            state.reroute(route);
        }
    }

    /// The address to send to, and the local address to leave from if that has to be said; `leaves_from` knows whether it
    /// has to.
    pub(crate) fn send_target(
        &self,
        leaves_from: impl FnOnce(IpAddr, SocketAddr) -> bool,
    ) -> (SocketAddr, Option<IpAddr>) {
        let mut state = self.state();
        let Route { remote, local } = state.route;
        let by_itself = || local.is_none_or(|local| leaves_from(local, remote));
        let is_to_be_told = *state.is_to_be_told.get_or_insert_with(|| !by_itself());
        (remote, local.filter(|_| is_to_be_told))
    }

    /// Puts the frames of a datagram that came `now` into the inbox. Frames for which it has no room are lost.
    pub(crate) fn deliver(&self, content: Content<'_>, now: Instant) {
        let mut state = self.state();
        let came = match content {
            Content::Frame(frame) => state.put(frame),
            Content::Frames(frames) => {
                let mut came = false;
                for frame in frames.to_bytes() {
                    came |= state.put(frame);
                }
                came
            }
            Content::Part(part) => {
                let mut reassembly = state.reassembly.take().unwrap_or_default();
                let whole = reassembly.take(&part, now);
                state.reassembly = (!reassembly.is_empty()).then_some(reassembly);
                whole.is_some_and(|frame| state.put(frame))
            }
        };
        drop(state);
        if came {
            self.reader.wake();
        }
    }

    /// The bytes of parts that are held.
    pub(crate) fn parts_held(&self) -> usize {
        self.state().reassembly.as_ref().map_or(0, |reassembly| reassembly.held())
    }

    fn lose_parts(&self) {
        self.state().reassembly = None;
    }

    /// The next frame; an error once another link has taken this peer's address.
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

/// Frames of a peer that may wait to be read; further ones are lost, and the client repeats them.
const INBOX_FRAMES: usize = 64;

/// The same in bytes.
const INBOX_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests;
