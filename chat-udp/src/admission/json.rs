//! Datagrams without a header (protocol 15.21): JSON objects with the fields `link` and `cookie`.

use std::{hash::Hasher, time::Instant};

use chat_core::token_value;
use siphasher::sip::SipHasher24;

use super::{Admission, Datagram, Verdict};
use crate::{
    json_form::{self, Fields},
    peers::{Content, Form},
};

impl Admission {
    pub(super) fn decide_json<'a>(&mut self, datagram: &Datagram<'a>, now: Instant) -> Verdict<'a> {
        let Some(fields) = Fields::read(datagram.bytes) else { return Verdict::Drop };
        match (fields.kind(), fields.link()) {
            (Some("challenge" | "gone"), _) => Verdict::Drop,
            (_, Some(link)) => match token_value(link) {
                Some(token) => self.on_json_link(datagram, &fields, (link, token), now),
                None => Verdict::Drop,
            },
            (Some("hello"), None) => self.on_json_hello(datagram, &fields, now),
            _ => Verdict::Drop,
        }
    }

    fn on_json_link<'a>(
        &mut self,
        datagram: &Datagram<'a>,
        fields: &Fields<'_>,
        (link, token): (&str, u128),
        now: Instant,
    ) -> Verdict<'a> {
        match self.peers.find(token) {
            None => self.answer_stranger(datagram, json_form::gone(link).into_bytes(), now),
            Some(peer) if peer.form == Form::Header => Verdict::Drop,
            Some(peer) => self.on_link(
                datagram,
                peer,
                fields.cookie(),
                || self.json_challenge(datagram),
                || Content::Frame(fields.strip_fields(datagram.bytes)),
            ),
        }
    }

    fn on_json_hello<'a>(
        &mut self,
        datagram: &Datagram<'a>,
        fields: &Fields<'_>,
        now: Instant,
    ) -> Verdict<'a> {
        if !self.has_proved(datagram, fields.cookie()) {
            return self.answer_stranger(datagram, self.json_challenge(datagram), now);
        }
        let frame = fields.strip_fields(datagram.bytes);
        let form = Form::Json { hello: self.hash(&frame) };
        match self.peers.at(datagram.from) {
            // The same hello again belongs to the link that it began.
            Some(peer) if peer.form == form => {
                peer.asked(datagram.to);
                Verdict::Deliver(peer, Content::Frame(frame))
            }
            _ => self.open(datagram, self.runtime.random(), form, Content::Frame(frame)),
        }
    }

    fn json_challenge(&self, datagram: &Datagram<'_>) -> Vec<u8> {
        json_form::challenge(self.cookies.of(datagram.from)).into_bytes()
    }

    fn hash(&self, frame: &[u8]) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.secret.to_be_bytes());
        hasher.write(frame);
        hasher.finish()
    }
}
