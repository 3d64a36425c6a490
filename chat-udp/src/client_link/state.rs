//! The state of a client's link: where the server is, the cookie, and what it last sent. No I/O is done here, and the time
//! is an argument.

use std::{collections::VecDeque, io, mem, net::SocketAddr, time::Instant};

use bytes::Bytes;

use crate::{
    check_length,
    header::{Frames, Header, Kind},
    packer::Packer,
    parts::{Part, Reassembly},
};

/// The client's side of a link.
#[derive(Debug)]
pub(super) struct ClientState {
    /// Where the server may be; the first address that answers is the server's.
    targets: Vec<SocketAddr>,
    answered: bool,
    token: u128,
    /// Whether the server has sent a frame, and so knows the token.
    linked: bool,
    /// The cookie of the last challenge; 0 before.
    cookie: u64,
    /// Whether the server has challenged the link and sent nothing since, so that the proof may have been lost.
    challenged: bool,
    /// The last frame sent, in case it is challenged.
    last: Bytes,
    /// Whether that frame was sent again. A second time would let a server that always challenges keep this link busy.
    repeated: bool,
    packer: Packer,
    reassembly: Reassembly,
    /// Frames that came and were not yet read.
    inbox: VecDeque<Bytes>,
}

/// The outcome of a datagram.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Received {
    /// The datagram is not from the server, or brings nothing.
    Nothing,
    /// It brought frames, for [`ClientState::next_frame`].
    Frames,
    /// It is answered by the datagrams that have gathered.
    Send,
    /// The server does not know this link.
    Gone,
}

impl ClientState {
    /// A link to one of `targets`, with a token that is picked at random.
    pub(super) fn new(targets: Vec<SocketAddr>, token: u128) -> ClientState {
        ClientState {
            targets,
            answered: false,
            token,
            linked: false,
            cookie: 0,
            challenged: false,
            last: Bytes::new(),
            repeated: false,
            packer: Packer::new(token),
            reassembly: Reassembly::default(),
            inbox: VecDeque::new(),
        }
    }

    /// The datagrams that are to be sent, and where to: to the server, or to all addresses where it may be.
    pub(super) fn outgoing(&mut self) -> (&[SocketAddr], &mut Packer) {
        (&self.targets, &mut self.packer)
    }

    /// Adds a frame to the datagrams that gather; returns whether they are to be sent before more is added.
    ///
    /// # Errors
    /// When the frame is empty or too large.
    pub(super) fn add(&mut self, frame: Bytes) -> io::Result<bool> {
        check_length(&frame)?;
        if self.challenged && self.linked && self.packer.is_empty() {
            self.packer.add_proof(self.cookie);
        }
        self.last = frame;
        self.repeated = false;
        self.add_last();
        Ok(self.packer.is_full())
    }

    /// Takes a datagram that came `now`.
    pub(super) fn receive(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) -> Received {
        let is_server = |target: &SocketAddr| (target.ip(), target.port()) == (from.ip(), from.port());
        if !self.targets.iter().any(is_server) {
            return Received::Nothing;
        }
        let Some((header, body)) = Header::read(datagram) else { return Received::Nothing };
        if header.token != self.token {
            return Received::Nothing;
        }
        match header.kind {
            Kind::Hello | Kind::Proof => Received::Nothing,
            // Believed only of a link that was there: a hello is never answered by it.
            Kind::Gone => {
                if self.linked {
                    Received::Gone
                } else {
                    Received::Nothing
                }
            }
            Kind::Challenge => {
                self.answered_by(from);
                (self.challenged, self.cookie) = (true, header.number);
                self.repeat()
            }
            Kind::Data => match Frames::read(body) {
                Some(frames) => {
                    self.linked_by(from);
                    self.inbox.extend(frames.to_bytes());
                    Received::Frames
                }
                None => Received::Nothing,
            },
            Kind::Part => match Part::read(body) {
                Some(part) => {
                    self.linked_by(from);
                    self.inbox.extend(self.reassembly.take(&part, now));
                    Received::Frames
                }
                None => Received::Nothing,
            },
        }
    }

    /// The next frame that came.
    pub(super) fn next_frame(&mut self) -> Option<Bytes> {
        let frame = self.inbox.pop_front();
        if self.inbox.is_empty() && self.inbox.capacity() > 0 {
            self.inbox = VecDeque::new(); // an idle link holds no memory
        }
        frame
    }

    fn answered_by(&mut self, from: SocketAddr) {
        if !mem::replace(&mut self.answered, true) {
            self.targets = vec![from];
        }
    }

    fn linked_by(&mut self, from: SocketAddr) {
        self.answered_by(from);
        (self.linked, self.challenged) = (true, false);
    }

    /// Sends the last frame once more, with the proof that was asked for.
    fn repeat(&mut self) -> Received {
        if self.last.is_empty() || mem::replace(&mut self.repeated, true) {
            return Received::Nothing;
        }
        if self.linked {
            self.packer.add_proof(self.cookie);
        }
        self.add_last();
        Received::Send
    }

    fn add_last(&mut self) {
        if self.linked {
            self.packer.add(&self.last);
        } else {
            self.packer.add_hello(&self.last, self.cookie);
        }
    }
}

#[cfg(test)]
mod tests;
