//! The frames of handshakes: what each says, and how it is written (protocol 19.2, 19.17).

use std::borrow::Cow;

use bytes::Bytes;
use chat_core::wire::{self, Code, MAX_HELLO, PROTOCOL};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::suite::Suite;

/// A frame as it is written.
#[derive(Deserialize, Serialize)]
struct Frame<'a> {
    #[serde(rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    protocol: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suite: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ticket: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    noise: Option<Cow<'a, str>>,
}

/// A frame of a handshake.
#[derive(Debug)]
pub(crate) struct Message {
    protocol: Option<u64>,
    suite: Option<String>,
    /// The ticket of a client that was here before.
    pub(crate) ticket: Option<Vec<u8>>,
    /// The message of Noise.
    pub(crate) noise: Option<Vec<u8>>,
}

impl Message {
    /// The suite that a first frame asks for, as `named` knows it.
    ///
    /// # Errors
    /// When version or suite are others than this program's; this is what the peer is told.
    pub(crate) fn suite(&self, named: impl Fn(&str) -> Option<Suite>) -> Result<Suite, wire::Error> {
        if self.protocol != Some(PROTOCOL) {
            let words = format!("this server encrypts version {PROTOCOL} of the protocol and no other");
            return Err(wire::Error::of(None, Code::Unsupported, words));
        }
        self.suite.as_deref().and_then(named).ok_or_else(|| {
            let words = format!("this server encrypts with {} or {}", Suite::AesGcm, Suite::ChaChaPoly);
            wire::Error::of(None, Code::Unsupported, words)
        })
    }
}

/// The frame that begins a handshake.
pub(crate) fn first(suite: &str, ticket: Option<&[u8]>, noise: &[u8]) -> Bytes {
    wire::write(&Frame {
        kind: KIND.into(),
        protocol: Some(PROTOCOL),
        suite: Some(suite.into()),
        ticket: ticket.map(|ticket| BASE64URL_NOPAD.encode(ticket).into()),
        noise: Some(BASE64URL_NOPAD.encode(noise).into()),
    })
}

/// The frames that follow.
pub(crate) fn further(noise: &[u8]) -> Bytes {
    let noise = Some(BASE64URL_NOPAD.encode(noise).into());
    wire::write(&Frame { kind: KIND.into(), protocol: None, suite: None, ticket: None, noise })
}

/// The server's answer to a ticket that it cannot open.
pub(crate) fn unknown_ticket() -> Bytes {
    wire::write(&Frame { kind: KIND.into(), protocol: None, suite: None, ticket: None, noise: None })
}

/// The message in a frame, if that is one of a handshake.
pub(crate) fn parse(frame: &[u8]) -> Option<Message> {
    let frame = (frame.len() <= MAX_HELLO).then_some(frame)?;
    let frame = serde_json::from_slice::<Frame<'_>>(frame).ok().filter(|frame| frame.kind == KIND)?;
    let decoded = |text: Option<Cow<'_, str>>| {
        text.map(|text| BASE64URL_NOPAD.decode(text.as_bytes())).transpose().ok()
    };
    Some(Message {
        protocol: frame.protocol,
        suite: frame.suite.map(Cow::into_owned),
        ticket: decoded(frame.ticket)?,
        noise: decoded(frame.noise)?,
    })
}

/// The type of the frames of a handshake.
const KIND: &str = "secure";

/// What both ends have to agree about beside the name of the suite (protocol 19.3).
pub(crate) const PROLOGUE: &[u8] = b"lan-chat/1";
