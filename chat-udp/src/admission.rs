//! What becomes of a datagram at the server: it is somebody's, it is answered, or it is nothing. No I/O is done here,
//! and the time is told.

use std::{
    fmt,
    hash::Hasher,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;
use chat_core::{SharedRuntime, token_value};
use siphasher::sip::SipHasher24;

use crate::{
    MAX_DATAGRAM,
    cookie::Cookies,
    envelope::Envelope,
    limit::Limit,
    peers::{Peer, Peers, Route},
};

/// Decides about every datagram that comes to one socket.
pub(crate) struct Admission {
    runtime: SharedRuntime,
    own: SocketAddr,
    cookies: Cookies,
    limit: Limit,
    /// Keys the hashes of hellos.
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

/// What becomes of a datagram.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is dropped.
    Silence,
    /// It is a frame of this peer's link.
    Deliver(Arc<Peer>, Bytes),
    /// It is the first frame of a new link.
    Open(Arc<Peer>, Bytes),
    /// Nobody is behind that address, and this is said there.
    Answer(String),
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

    /// From now on there are no new links, and who is not known gets no answer.
    pub(crate) fn close(&mut self) {
        self.open = false;
    }

    /// What becomes of `datagram`, which came `now`.
    pub(crate) fn decide(&mut self, datagram: &Datagram<'_>, now: Instant) -> Verdict {
        if datagram.bytes.len() > MAX_DATAGRAM || !self.can_be_a_peer(datagram) {
            return Verdict::Silence;
        }
        let Some(envelope) = Envelope::read(datagram.bytes) else { return Verdict::Silence };
        self.cookies.rotate(now, || self.runtime.random());
        match (envelope.kind(), envelope.link()) {
            (Some("challenge" | "gone"), _) => Verdict::Silence,
            (_, Some(link)) => match token_value(link) {
                Some(token) => self.on_link(datagram, &envelope, link, token, now),
                None => Verdict::Silence,
            },
            (Some("hello"), None) => self.on_hello(datagram, &envelope, now),
            _ => Verdict::Silence,
        }
    }

    fn on_link(
        &mut self,
        datagram: &Datagram<'_>,
        envelope: &Envelope<'_>,
        link: &str,
        token: u128,
        now: Instant,
    ) -> Verdict {
        let Some(peer) = self.peers.find(token) else {
            return self.answer_stranger(datagram, format!(r#"{{"type":"gone","link":"{link}"}}"#), now);
        };
        if peer.route().remote == datagram.from {
            peer.asked(datagram.to);
        } else if self.has_proved(datagram, envelope) {
            self.peers.move_to(&peer, datagram.route());
        } else {
            // Also without a listener: whoever has the token is no stranger.
            // Nor does a flood of strangers keep it from moving.
            let challenge = self.challenge(datagram);
            let may = challenge.len() <= datagram.bytes.len();
            return if may { Verdict::Answer(challenge) } else { Verdict::Silence };
        }
        let frame = envelope.open(datagram.bytes);
        Verdict::Deliver(peer, frame)
    }

    fn on_hello(&mut self, datagram: &Datagram<'_>, envelope: &Envelope<'_>, now: Instant) -> Verdict {
        if !self.has_proved(datagram, envelope) {
            return self.answer_stranger(datagram, self.challenge(datagram), now);
        }
        let frame = envelope.open(datagram.bytes);
        let hello = self.hash(&frame);
        match self.peers.at(datagram.from) {
            Some(peer) if peer.hello == hello => {
                peer.asked(datagram.to);
                Verdict::Deliver(peer, frame)
            }
            _ if self.open => {
                let token = self.runtime.random();
                Verdict::Open(self.peers.add(token, hello, datagram.route()), frame)
            }
            _ => Verdict::Silence,
        }
    }

    fn has_proved(&self, datagram: &Datagram<'_>, envelope: &Envelope<'_>) -> bool {
        envelope.cookie().is_some_and(|cookie| self.cookies.is_good(cookie, datagram.from))
    }

    fn challenge(&self, datagram: &Datagram<'_>) -> String {
        format!(r#"{{"type":"challenge","cookie":"{}"}}"#, self.cookies.of(datagram.from))
    }

    fn answer_stranger(&mut self, datagram: &Datagram<'_>, answer: String, now: Instant) -> Verdict {
        if self.open { self.answer(datagram, answer, now) } else { Verdict::Silence }
    }

    /// Nobody can make this server send more to somebody else than they send themselves.
    fn answer(&mut self, datagram: &Datagram<'_>, answer: String, now: Instant) -> Verdict {
        let may = answer.len() <= datagram.bytes.len() && self.limit.allows(datagram.from.ip(), now);
        if may { Verdict::Answer(answer) } else { Verdict::Silence }
    }

    /// Whether a datagram can be from where it says, and may be answered there.
    fn can_be_a_peer(&self, datagram: &Datagram<'_>) -> bool {
        let (ip, port) = (datagram.from.ip(), datagram.from.port());
        let is_own = port == self.own.port() && (ip == self.own.ip() || Some(ip) == datagram.to);
        let is_nobody = ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST);
        port != 0 && !is_own && !is_nobody
    }

    fn hash(&self, frame: &[u8]) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.secret.to_be_bytes());
        hasher.write(frame);
        hasher.finish()
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
