//! The handshake of a client that has a ticket (protocol 19.17, 19.20). No I/O is done here, and randomness is an argument.

use std::fmt;

use bytes::Bytes;
use chat_core::{KeyId, wire};

use crate::{
    handshake::{Dice, Keys, NoAnswer, Resumption, noise_of_answer},
    message::{self, Message, PROLOGUE},
    noise::{Noise, Pattern},
    suite::{RawKey, Suite},
    tickets::{Contents, TicketKeys},
};

/// What a client keeps of a link, for the next one to the same server.
#[derive(Clone)]
pub struct Ticket {
    /// What the server alone can open.
    sealed: Bytes,
    secret: RawKey,
    server: KeyId,
}

impl Ticket {
    /// Of what came over a link to `server` whose handshake ended with this secret.
    pub(crate) fn new(sealed: Bytes, secret: RawKey, server: KeyId) -> Ticket {
        Ticket { sealed, secret, server }
    }

    /// The ticket of a link with these keys, as the end that accepted the link seals it and the end that dialled keeps it.
    /// Tests and benchmarks begin with this.
    pub fn between(at_client: &Keys, at_server: &Keys, keys: &TicketKeys) -> Ticket {
        let sealed = at_server.seal_ticket(keys, at_client.peer());
        Ticket::new(sealed.into(), at_client.resumption().secret, at_client.peer())
    }
}

/// The end that dialled.
#[derive(Debug)]
pub struct Returning {
    suite: Suite,
    noise: Noise,
    first: Bytes,
    server: KeyId,
    secret: Option<RawKey>,
}

impl Returning {
    /// Begins a handshake. `ephemeral` is 32 random bytes that are used for nothing else.
    pub fn new(suite: Suite, ticket: &Ticket, ephemeral: RawKey) -> Returning {
        let Ticket { sealed, secret, server } = ticket;
        let mut noise = Noise::initiator(suite, Pattern::Secret(secret), ephemeral, &prologue(sealed));
        let first = message::first(suite.with_ticket(), Some(sealed), &noise.write(&[]));
        Returning { suite, noise, first, server: *server, secret: None }
    }

    /// The first frame. It is sent again until an answer came.
    pub fn first(&self) -> Bytes {
        self.first.clone()
    }

    /// Takes the server's answer, and returns the key of the server, which alone could answer.
    ///
    /// # Errors
    /// When the frame is another one; the right one may still come.
    pub fn answer(&mut self, answer: &[u8]) -> Result<KeyId, NoAnswer> {
        let message = noise_of_answer(answer)?.ok_or(NoAnswer::UnknownTicket)?;
        let secret = self.noise.read(&message).and_then(|payload| payload.try_into().ok());
        self.secret = Some(secret.ok_or(NoAnswer::Changed)?);
        Ok(self.server)
    }

    /// The keys; nothing unless the answer came. The server knows that this end is here when it has opened a record.
    pub fn finish(self) -> Option<Keys> {
        let secret = self.secret?;
        Some(Keys::new(self.suite, self.noise.finish()?, self.server, Resumption { secret, proved: None }))
    }
}

/// The end that accepted the link.
#[derive(Debug)]
pub struct Recognising {
    second: Bytes,
    keys: Keys,
}

/// Why a first frame resumes nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum NotResumed {
    /// It has no ticket.
    NoTicket,
    /// Its ticket cannot be opened, is too old, or belongs to another client. The peer is told so by this frame.
    Unknown(Bytes),
    /// This is what the peer is told.
    Refused(wire::Error),
}

impl Recognising {
    /// Takes the first frame of a link to the server with the key `server`.
    ///
    /// # Errors
    /// When it begins no handshake by ticket, or one that cannot go on.
    pub fn new(
        first: &[u8],
        server: KeyId,
        keys: &TicketKeys,
        dice: Dice,
    ) -> Result<Recognising, NotResumed> {
        let asked = message::parse(first).ok_or(NotResumed::NoTicket)?;
        let Message { ticket: Some(ticket), noise: Some(noise), .. } = &asked else {
            return Err(NotResumed::NoTicket);
        };
        let suite = asked.suite(Suite::named_with_ticket).map_err(NotResumed::Refused)?;
        let resumed = keys.open(ticket, server).and_then(|known| respond(suite, &known, ticket, noise, dice));
        let (keys, second) = resumed.ok_or_else(|| NotResumed::Unknown(message::unknown_ticket()))?;
        Ok(Recognising { second: message::further(&second), keys })
    }

    /// The answer to the first frame, come once or again: the same bytes each time.
    pub fn second(&self) -> Bytes {
        self.second.clone()
    }

    /// The keys. The peer is the client of the ticket if it seals a record with them.
    pub fn finish(self) -> Keys {
        self.keys
    }
}

fn respond(
    suite: Suite,
    known: &Contents,
    ticket: &[u8],
    message: &[u8],
    dice: Dice,
) -> Option<(Keys, Vec<u8>)> {
    let pattern = Pattern::Secret(&known.secret);
    let mut noise = Noise::responder(suite, pattern, dice.ephemeral, &prologue(ticket));
    noise.read(message).filter(Vec::is_empty)?;
    let second = noise.write(&dice.secret);
    let resumption = Resumption { secret: dice.secret, proved: Some(known.proved) };
    Some((Keys::new(suite, noise.finish()?, known.client, resumption), second))
}

/// What both ends have to agree about: the version, and the ticket that the server has opened.
fn prologue(ticket: &[u8]) -> Vec<u8> {
    [PROLOGUE, ticket].concat()
}

impl fmt::Debug for Ticket {
    // The secret stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("server", &self.server).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
