//! Datagrams with a header (protocol 15.16): their frames are not looked at.

use std::time::Instant;

use super::{Admission, Datagram, Verdict};
use crate::{
    header::{Frames, Header, Kind},
    parts::Part,
    peers::{Content, Form},
};

impl Admission {
    pub(super) fn decide_with_header<'a>(&mut self, datagram: &Datagram<'a>, now: Instant) -> Verdict<'a> {
        let Some((Header { kind, token, number }, body)) = Header::read(datagram.bytes) else {
            return Verdict::Drop;
        };
        let content = match kind {
            Kind::Hello | Kind::Data => Frames::read(body).map(Content::Frames),
            Kind::Part => Part::read(body).map(Content::Part),
            Kind::Proof if body.is_empty() => None,
            Kind::Challenge | Kind::Gone | Kind::Proof => return Verdict::Drop,
        };
        if content.is_none() && kind != Kind::Proof {
            return Verdict::Drop;
        }
        let cookie =
            matches!(kind, Kind::Hello | Kind::Proof).then_some(number).filter(|cookie| *cookie != 0);
        match (self.peers.find(token), content) {
            (Some(peer), _) if peer.form != Form::Header => Verdict::Drop,
            (Some(peer), Some(content)) => {
                self.on_link(datagram, peer, cookie, || self.header_challenge(token, datagram), || content)
            }
            (Some(peer), None) => {
                if peer.route().remote != datagram.from {
                    if !self.has_proved(datagram, cookie) {
                        return Verdict::Answer(self.header_challenge(token, datagram));
                    }
                    self.peers.move_to(&peer, datagram.route());
                }
                Verdict::Drop
            }
            (None, Some(content)) if kind == Kind::Hello => {
                if self.has_proved(datagram, cookie) {
                    return self.open(datagram, token, Form::Header, content);
                }
                self.answer_stranger(datagram, self.header_challenge(token, datagram), now)
            }
            (None, _) => {
                let gone = Header { kind: Kind::Gone, token, number: 0 }.alone();
                self.answer_stranger(datagram, gone, now)
            }
        }
    }

    fn header_challenge(&self, token: u128, datagram: &Datagram<'_>) -> Vec<u8> {
        Header { kind: Kind::Challenge, token, number: self.cookies.of(datagram.from) }.alone()
    }
}
