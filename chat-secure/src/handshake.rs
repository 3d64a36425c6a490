//! The handshake of a link, as frames (protocol 19.2 to 19.5). No I/O is done here, and randomness is an argument.

use std::fmt;

use bytes::Bytes;
use chat_core::{
    KeyId,
    wire::{self, Code, Event},
};

use crate::{
    StaticKey,
    message::{self, Message, PROLOGUE},
    noise::{Noise, Outcome, Pattern},
    record::{Numbers, Opener, Sealer},
    suite::{RawKey, Suite},
    tickets::{Contents, TicketKeys},
};

/// The keys of a link whose handshake is done.
#[derive(Debug)]
pub struct Keys {
    suite: Suite,
    outcome: Outcome,
    peer: KeyId,
    resumption: Resumption,
}

/// What a ticket for the next link is made of.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Resumption {
    /// The secret that both ends have of the handshake, and that its records say nothing of.
    pub(crate) secret: RawKey,
    /// When both ends last proved their keys, in seconds since 1970; nothing if that was in this handshake.
    pub(crate) proved: Option<u64>,
}

impl Keys {
    pub(crate) fn new(suite: Suite, outcome: Outcome, peer: KeyId, resumption: Resumption) -> Keys {
        Keys { suite, outcome, peer, resumption }
    }

    /// The key that the peer has proved.
    pub fn peer(&self) -> KeyId {
        self.peer
    }

    /// The hash of the handshake: the same at both ends, and no other handshake's. A proof that is bound to it is of no use
    /// to a machine between the two ends.
    pub fn hash(&self) -> [u8; 32] {
        self.outcome.hash
    }

    pub(crate) fn resumption(&self) -> &Resumption {
        &self.resumption
    }

    /// The ticket that the server with the key `server` gives to its peer (protocol 19.18).
    pub(crate) fn seal_ticket(&self, keys: &TicketKeys, server: KeyId) -> Vec<u8> {
        let proved = self.resumption.proved.unwrap_or_else(|| keys.now());
        keys.seal(&Contents { client: self.peer, secret: self.resumption.secret, proved }, server)
    }

    /// What seals the records of this end, and what opens those of the peer.
    pub fn into_records(self, numbers: Numbers) -> (Sealer, Opener) {
        let Keys { suite, outcome, .. } = self;
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
    secret: Option<RawKey>,
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
    /// The server cannot open the ticket. A handshake without one may follow on the same link.
    #[error("the server does not know the ticket")]
    UnknownTicket,
}

impl Initiator {
    /// Begins a handshake. `ephemeral` is 32 random bytes that are used for nothing else.
    pub fn new(suite: Suite, key: &StaticKey, ephemeral: RawKey) -> Initiator {
        let mut noise = Noise::initiator(suite, Pattern::Full(key.private()), ephemeral, PROLOGUE);
        let first = message::first(suite.name(), None, &noise.write(&[]));
        Initiator { suite, noise, first, secret: None }
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
        let message = noise_of_answer(answer)?.ok_or(NoAnswer::Changed)?;
        let secret = self.noise.read(&message).and_then(|payload| payload.try_into().ok());
        self.secret = Some(secret.ok_or(NoAnswer::Changed)?);
        self.noise.peer().ok_or(NoAnswer::Changed)
    }

    /// The last frame, which proves this end's key, and the keys. The frame is sent again until a record of the server was
    /// opened. Nothing unless the answer came.
    pub fn finish(mut self) -> Option<(Bytes, Keys)> {
        let (peer, secret) = (self.noise.peer()?, self.secret?);
        let third = message::further(&self.noise.write(WANTS_TICKET));
        let outcome = self.noise.finish()?;
        Some((third, Keys::new(self.suite, outcome, peer, Resumption { secret, proved: None })))
    }
}

/// The message of Noise in an answer; nothing in one that holds none.
pub(crate) fn noise_of_answer(answer: &[u8]) -> Result<Option<Vec<u8>>, NoAnswer> {
    if let Ok(Event::Error(error)) = wire::read_event(answer) {
        let message = error.message.chars().filter(|c| !c.is_control()).take(WORDS).collect();
        return Err(NoAnswer::Refused { is_final: error.retry_after_ms.is_none(), message });
    }
    Ok(message::parse(answer).ok_or(NoAnswer::Changed)?.noise)
}

/// The end that accepted the link.
#[derive(Debug)]
pub struct Responder {
    suite: Suite,
    noise: Noise,
    first: Bytes,
    second: Bytes,
    key: StaticKey,
    dice: Dice,
    wants_ticket: bool,
}

/// What a server's end of a handshake needs of chance: bytes that nobody can guess, and that are used for nothing else.
#[derive(Clone, Copy)]
pub struct Dice {
    /// The private key of this handshake alone.
    pub ephemeral: [u8; 32],
    /// The secret of the ticket that follows.
    pub secret: [u8; 32],
}

/// What a first frame is instead of the beginning of a handshake that this end can do.
#[derive(Clone, Debug, PartialEq)]
pub enum NoHandshake {
    /// A frame of a link that is not encrypted, or no frame at all.
    Plain,
    /// This is what the peer is told.
    Refused(wire::Error),
}

impl Responder {
    /// Takes the first frame.
    ///
    /// # Errors
    /// When it begins no handshake, or one of another version or suite.
    pub fn new(first: Bytes, key: &StaticKey, dice: Dice) -> Result<Responder, NoHandshake> {
        let asked = message::parse(&first).filter(|asked| asked.noise.is_some()).ok_or(NoHandshake::Plain)?;
        let suite = asked.suite(Suite::named).map_err(NoHandshake::Refused)?;
        let Some((noise, second)) = respond(suite, key, dice, &asked) else {
            let words = "the handshake does not begin with a key of 32 bytes";
            return Err(NoHandshake::Refused(wire::Error::of(None, Code::BadFrame, words)));
        };
        Ok(Responder {
            suite,
            noise,
            first,
            second: message::further(&second),
            key: key.clone(),
            dice,
            wants_ticket: false,
        })
    }

    /// The answer to `frame` if that is the first frame, come once or again: the same bytes each time.
    pub fn answer_to(&self, frame: &[u8]) -> Option<Bytes> {
        (frame == self.first).then(|| self.second.clone())
    }

    /// Takes the third frame, which proves the peer's key. Returns whether it is the right one; if not, that one may still
    /// come.
    pub fn third(&mut self, third: &[u8]) -> bool {
        let Some(message) = message::parse(third).and_then(|frame| frame.noise) else { return false };
        if let Some(payload) = self.noise.read(&message) {
            self.wants_ticket = payload == WANTS_TICKET;
            return true;
        }
        // The state is of no use after a wrong message, so it is made again, of the same bytes.
        let again =
            message::parse(&self.first).and_then(|asked| respond(self.suite, &self.key, self.dice, &asked));
        if let Some((noise, _)) = again {
            self.noise = noise;
        }
        false
    }

    /// Whether the peer has asked for a ticket, in its third frame.
    pub fn wants_ticket(&self) -> bool {
        self.wants_ticket
    }

    /// The keys, once the third frame came.
    pub fn finish(self) -> Option<Keys> {
        let resumption = Resumption { secret: self.dice.secret, proved: None };
        let peer = self.noise.peer()?;
        Some(Keys::new(self.suite, self.noise.finish()?, peer, resumption))
    }
}

/// The state after the first message, and the second one.
fn respond(suite: Suite, key: &StaticKey, dice: Dice, asked: &Message) -> Option<(Noise, Vec<u8>)> {
    let mut noise = Noise::responder(suite, Pattern::Full(key.private()), dice.ephemeral, PROLOGUE);
    let message = asked.noise.as_ref().filter(|message| message.len() == PUBLIC)?;
    noise.read(message)?;
    let second = noise.write(&dice.secret);
    Some((noise, second))
}

/// The keys of both ends, the client's first, after a handshake in which nothing was lost or changed: what tests and
/// benchmarks of records begin with.
///
/// # Panics
/// Never: the two ends fit.
pub fn between(suite: Suite, client: &StaticKey, server: &StaticKey) -> (Keys, Keys) {
    let mut initiator = Initiator::new(suite, client, [3; 32]);
    let dice = Dice { ephemeral: [4; 32], secret: [5; 32] };
    let mut responder = Responder::new(initiator.first(), server, dice).expect("it begins a handshake");
    let second = responder.answer_to(&initiator.first()).expect("it is the first frame");
    initiator.answer(&second).expect("it is the answer");
    let (third, at_client) = initiator.finish().expect("the answer came");
    assert!(responder.third(&third), "it is the third frame");
    (at_client, responder.finish().expect("the third frame came"))
}

// What is secret stays out of logs.

impl fmt::Debug for Dice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dice(…)")
    }
}

impl fmt::Debug for Resumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resumption").field("proved", &self.proved).finish_non_exhaustive()
    }
}

/// The payload of the third message of a client that wants a ticket (protocol 19.18).
const WANTS_TICKET: &[u8] = b"ticket";

/// The bytes of a public key.
const PUBLIC: usize = 32;

/// How much of a refusal is shown, in characters.
const WORDS: usize = 300;

#[cfg(test)]
mod tests;
