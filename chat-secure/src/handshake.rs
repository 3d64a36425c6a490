//! The handshake of a link, as frames (protocol 19.2 to 19.5). No I/O is done here, and randomness is an argument.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use chat_core::{
    KeyId,
    wire::{self, Code, Event, MAX_HELLO, PROTOCOL},
};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::{
    StaticKey,
    noise::{Noise, Outcome},
    record::{Numbers, Opener, Sealer},
    suite::{RawKey, Suite},
};

/// A message of the handshake.
#[derive(Deserialize, Serialize)]
struct Frame<'a> {
    #[serde(rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    protocol: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suite: Option<Cow<'a, str>>,
    noise: Cow<'a, str>,
}

/// The keys of a link whose handshake is done.
#[derive(Debug)]
pub struct Keys {
    suite: Suite,
    outcome: Outcome,
}

impl Keys {
    /// The key that the peer has proved.
    pub fn peer(&self) -> KeyId {
        self.outcome.peer
    }

    /// The hash of the handshake: the same at both ends, and no other handshake's. A proof that is bound to it is of no use
    /// to a machine between the two ends.
    pub fn hash(&self) -> [u8; 32] {
        self.outcome.hash
    }

    /// What seals the records of this end, and what opens those of the peer.
    pub fn into_records(self, numbers: Numbers) -> (Sealer, Opener) {
        let Keys { suite, outcome } = self;
        let sealer = Sealer::new(suite, outcome.sending, numbers);
        (sealer, Opener::new(suite, outcome.receiving, numbers))
    }
}

/// The end that dialled.
#[derive(Debug)]
pub struct Initiator {
    suite: Suite,
    noise: Noise,
    first: Bytes,
}

/// Why an answer is none.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoAnswer {
    /// The server refused the handshake.
    #[error("{message}")]
    Refused {
        /// Whether it will refuse the next one too.
        is_final: bool,
        /// The error's text, without control characters.
        message: String,
    },
    /// The frame is not the answer to this handshake: another machine made it, or changed what one end sent.
    #[error("the answer does not fit the question; it was changed on its way")]
    Changed,
}

impl Initiator {
    /// Begins a handshake. `ephemeral` is 32 random bytes that are used for nothing else.
    pub fn new(suite: Suite, key: &StaticKey, ephemeral: RawKey) -> Initiator {
        let mut noise = Noise::initiator(suite, key.private(), ephemeral, PROLOGUE);
        let first = frame(Some(suite), &noise.write(&[]));
        Initiator { suite, noise, first }
    }

    /// The first frame. It is sent again until an answer came.
    pub fn first(&self) -> Bytes {
        self.first.clone()
    }

    /// Takes the server's answer, and returns the key that the server has proved by it.
    ///
    /// # Errors
    /// When the frame is another one; the right one may still come.
    pub fn answer(&mut self, answer: &[u8]) -> Result<KeyId, NoAnswer> {
        if let Ok(Event::Error(error)) = wire::read_event(answer) {
            let message = error.message.chars().filter(|c| !c.is_control()).take(WORDS).collect();
            return Err(NoAnswer::Refused { is_final: error.retry_after_ms.is_none(), message });
        }
        let message = parse(answer).and_then(|frame| noise_of(&frame)).ok_or(NoAnswer::Changed)?;
        self.noise.read(&message).filter(Vec::is_empty).ok_or(NoAnswer::Changed)?;
        self.noise.peer().ok_or(NoAnswer::Changed)
    }

    /// The last frame, which proves this end's key, and the keys. The frame is sent again until a record of the server was
    /// opened. Nothing unless the answer came.
    pub fn finish(mut self) -> Option<(Bytes, Keys)> {
        self.noise.peer()?;
        let third = frame(None, &self.noise.write(&[]));
        let outcome = self.noise.finish()?;
        Some((third, Keys { suite: self.suite, outcome }))
    }
}

/// The end that accepted the link.
#[derive(Debug)]
pub struct Responder {
    suite: Suite,
    noise: Noise,
    first: Bytes,
    second: Bytes,
    key: StaticKey,
    ephemeral: Ephemeral,
}

/// Random bytes that stay out of logs.
struct Ephemeral(RawKey);

/// What a first frame is instead of the beginning of a handshake that this end can do.
#[derive(Clone, Debug, PartialEq)]
pub enum NoHandshake {
    /// A frame of a link that is not encrypted, or no frame at all.
    Plain,
    /// This is what the peer is told.
    Refused(wire::Error),
}

impl Responder {
    /// Takes the first frame. `ephemeral` is 32 random bytes that are used for nothing else.
    ///
    /// # Errors
    /// When it begins no handshake, or one of another version or suite.
    pub fn new(first: Bytes, key: &StaticKey, ephemeral: RawKey) -> Result<Responder, NoHandshake> {
        let asked = parse(&first).ok_or(NoHandshake::Plain)?;
        if asked.protocol != Some(PROTOCOL) {
            let words = format!("this server encrypts version {PROTOCOL} of the protocol and no other");
            return Err(refused(Code::Unsupported, words));
        }
        let suite = asked.suite.as_deref().and_then(Suite::named).ok_or_else(|| {
            let words = format!("this server encrypts with {} or {}", Suite::AesGcm, Suite::ChaChaPoly);
            refused(Code::Unsupported, words)
        })?;
        let Some((noise, second)) = respond(suite, key, ephemeral, &asked) else {
            return Err(refused(
                Code::BadFrame,
                "the handshake does not begin with a key of 32 bytes".into(),
            ));
        };
        let second = frame(None, &second);
        let (key, ephemeral) = (key.clone(), Ephemeral(ephemeral));
        Ok(Responder { suite, noise, first, second, key, ephemeral })
    }

    /// The answer to `frame` if that is the first frame, come once or again: the same bytes each time.
    pub fn answer_to(&self, frame: &[u8]) -> Option<Bytes> {
        (frame == self.first).then(|| self.second.clone())
    }

    /// Takes the third frame, which proves the peer's key. Returns whether it is the right one; if not, that one may still
    /// come.
    pub fn third(&mut self, third: &[u8]) -> bool {
        let Some(message) = parse(third).and_then(|frame| noise_of(&frame)) else { return false };
        if self.noise.read(&message).is_some_and(|payload| payload.is_empty()) {
            return true;
        }
        // The state is of no use after a wrong message, so it is made again, of the same bytes.
        let again =
            parse(&self.first).and_then(|asked| respond(self.suite, &self.key, self.ephemeral.0, &asked));
        if let Some((noise, _)) = again {
            self.noise = noise;
        }
        false
    }

    /// The keys, once the third frame came.
    pub fn finish(self) -> Option<Keys> {
        Some(Keys { suite: self.suite, outcome: self.noise.finish()? })
    }
}

/// The state after the first message, and the second one.
fn respond(suite: Suite, key: &StaticKey, ephemeral: RawKey, asked: &Frame<'_>) -> Option<(Noise, Vec<u8>)> {
    let mut noise = Noise::responder(suite, key.private(), ephemeral, PROLOGUE);
    let message = noise_of(asked).filter(|message| message.len() == PUBLIC)?;
    noise.read(&message)?;
    let second = noise.write(&[]);
    Some((noise, second))
}

impl fmt::Debug for Ephemeral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ephemeral(…)")
    }
}

fn refused(code: Code, words: String) -> NoHandshake {
    NoHandshake::Refused(wire::Error::of(None, code, words))
}

fn frame(first_of: Option<Suite>, noise: &[u8]) -> Bytes {
    wire::write(&Frame {
        kind: KIND.into(),
        protocol: first_of.map(|_| PROTOCOL),
        suite: first_of.map(|suite| suite.name().into()),
        noise: BASE64URL_NOPAD.encode(noise).into(),
    })
}

fn parse(frame: &[u8]) -> Option<Frame<'_>> {
    let frame = (frame.len() <= MAX_HELLO).then_some(frame)?;
    serde_json::from_slice::<Frame<'_>>(frame).ok().filter(|frame| frame.kind == KIND)
}

fn noise_of(frame: &Frame<'_>) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(frame.noise.as_bytes()).ok()
}

/// The type of the frames of a handshake.
const KIND: &str = "secure";

/// What both ends have to agree about beside the name of the suite (protocol 19.3).
const PROLOGUE: &[u8] = b"lan-chat/1";

/// The bytes of a public key.
const PUBLIC: usize = 32;

/// How much of a refusal is shown, in characters.
const WORDS: usize = 300;

#[cfg(test)]
mod tests;
