//! Decides about every datagram that comes to the server's socket: it belongs to a link, it is answered, or it is dropped.
//! No I/O is done here, and the time is an argument.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use chat_core::SharedRuntime;

use crate::{
    MAX_DATAGRAM,
    cookie::Cookies,
    header,
    limit::Limit,
    peers::{Content, Form, Peer, Peers, Route},
};

mod json;
mod with_header;

/// The state of one socket that decisions depend on.
pub(crate) struct Admission {
    runtime: SharedRuntime,
    own: SocketAddr,
    cookies: Cookies,
    limit: Limit,
    /// The key of the hashes of JSON hellos.
    secret: u128,
    peers: Arc<Peers>,
    open: bool,
}

/// A datagram that came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Datagram<'a> {
    pub(crate) from: SocketAddr,
    /// The local address it was sent to, if the system tells.
    pub(crate) to: Option<IpAddr>,
    pub(crate) bytes: &'a [u8],
}

/// The decision about a datagram.
#[derive(Debug)]
pub(crate) enum Verdict<'a> {
    /// It is dropped.
    Drop,
    /// It belongs to the link of this peer.
    Deliver(Arc<Peer>, Content<'a>),
    /// It begins a new link.
    Open(Arc<Peer>, Content<'a>),
    /// The sender has not proved its address, and gets this answer.
    Answer(Vec<u8>),
}

impl Admission {
    /// For the socket at `own`, which keeps its peers in `peers`.
    pub(crate) fn new(own: SocketAddr, peers: Arc<Peers>, runtime: SharedRuntime) -> Admission {
        Admission {
            own,
            cookies: Cookies::new(runtime.now(), runtime.random()),
            limit: Limit::new(runtime.random()),
            secret: runtime.random(),
            runtime,
            peers,
            open: true,
        }
    }

    /// From now on no link is opened, and senders that are not known get no answer.
    pub(crate) fn close(&mut self) {
        self.open = false;
    }

    /// The decision about `datagram`, which came `now`.
    pub(crate) fn decide<'a>(&mut self, datagram: &Datagram<'a>, now: Instant) -> Verdict<'a> {
        if datagram.bytes.len() > MAX_DATAGRAM || !self.can_be_a_peer(datagram) {
            return Verdict::Drop;
        }
        self.cookies.rotate(now, || self.runtime.random());
        if header::is_there(datagram.bytes) {
            self.decide_with_header(datagram, now)
        } else {
            self.decide_json(datagram, now)
        }
    }

    /// A datagram of `peer`, sent with `cookie`: it is delivered if its sender is at the peer's address or moves there with
    /// a good cookie, and is challenged otherwise.
    fn on_link<'a>(
        &self,
        datagram: &Datagram<'_>,
        peer: Arc<Peer>,
        cookie: Option<u64>,
        challenge: impl FnOnce() -> Vec<u8>,
        content: impl FnOnce() -> Content<'a>,
    ) -> Verdict<'a> {
        if peer.route().remote == datagram.from {
            peer.asked(datagram.to);
        } else if self.has_proved(datagram, cookie) {
            self.peers.move_to(&peer, datagram.route());
        } else {
            // The sender knows the token, so it is answered without a listener and whatever a flood of others has used up
            // of the limit: otherwise the flood could keep the link from moving.
            let challenge = challenge();
            return if challenge.len() <= datagram.bytes.len() {
                Verdict::Answer(challenge)
            } else {
                Verdict::Drop
            };
        }
        Verdict::Deliver(peer, content())
    }

    /// Opens a link for the sender of `datagram`, which has proved its address.
    fn open<'a>(
        &self,
        datagram: &Datagram<'_>,
        token: u128,
        form: Form,
        content: Content<'a>,
    ) -> Verdict<'a> {
        if !self.open {
            return Verdict::Drop;
        }
        Verdict::Open(self.peers.add(token, form, datagram.route()), content)
    }

    fn has_proved(&self, datagram: &Datagram<'_>, cookie: Option<u64>) -> bool {
        cookie.is_some_and(|cookie| self.cookies.is_good(cookie, datagram.from))
    }

    /// Answers a sender that may have written another host's address into its datagram: never with more bytes than it sent,
    /// and not too often, so that the server cannot be used against that host.
    fn answer_stranger<'a>(&mut self, datagram: &Datagram<'_>, answer: Vec<u8>, now: Instant) -> Verdict<'a> {
        let may = self.open && answer.len() <= datagram.bytes.len() && self.limit.allows(datagram.from, now);
        if may { Verdict::Answer(answer) } else { Verdict::Drop }
    }

    /// Whether a peer can be at the sender's address, and can be answered there.
    fn can_be_a_peer(&self, datagram: &Datagram<'_>) -> bool {
        let (ip, port) = (datagram.from.ip(), datagram.from.port());
        let is_own = port == self.own.port() && (ip == self.own.ip() || Some(ip) == datagram.to);
        let is_no_host = ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST);
        port != 0 && !is_own && !is_no_host
    }
}

impl Datagram<'_> {
    fn route(&self) -> Route {
        Route { remote: self.from, local: self.to }
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").field("own", &self.own).field("open", &self.open).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
