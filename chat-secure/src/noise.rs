//! The handshake of Noise: snow with ring's ciphers and hash, dalek's curve, and randomness that is an argument.

use std::fmt;

use chat_core::KeyId;
use curve25519_dalek::MontgomeryPoint;
use snow::{
    Builder, Error, HandshakeState,
    params::{CipherChoice, DHChoice, HashChoice},
    resolvers::{CryptoResolver, RingResolver},
    types::{Cipher, Dh, Hash, Random},
};

use crate::suite::{RawKey, Suite};

/// One end of a handshake.
pub(crate) struct Noise {
    state: HandshakeState,
    is_initiator: bool,
}

/// What both ends prove to each other, and by which pattern.
#[derive(Clone, Copy)]
pub(crate) enum Pattern<'a> {
    /// XX: each end has a key, here this end's.
    Full(&'a RawKey),
    /// NNpsk0: both know a secret.
    Secret(&'a RawKey),
}

/// The outcome of a handshake.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) sending: RawKey,
    pub(crate) receiving: RawKey,
    /// The hash of all that was said: the same at both ends, and no other handshake's.
    pub(crate) hash: [u8; 32],
}

impl Noise {
    /// The end that begins. `ephemeral` is 32 random bytes that are used for nothing else.
    pub(crate) fn initiator(suite: Suite, pattern: Pattern<'_>, ephemeral: RawKey, prologue: &[u8]) -> Noise {
        Noise::new(suite, pattern, ephemeral, prologue, true)
    }

    /// The end that answers.
    pub(crate) fn responder(suite: Suite, pattern: Pattern<'_>, ephemeral: RawKey, prologue: &[u8]) -> Noise {
        Noise::new(suite, pattern, ephemeral, prologue, false)
    }

    fn new(
        suite: Suite,
        pattern: Pattern<'_>,
        ephemeral: RawKey,
        prologue: &[u8],
        is_initiator: bool,
    ) -> Noise {
        let name = match pattern {
            Pattern::Full(_) => suite.name(),
            Pattern::Secret(_) => suite.with_ticket(),
        };
        let params = name.parse().expect("the names of the suites are known to snow");
        let builder = Builder::with_resolver(params, Box::new(Primitives(ephemeral)));
        let builder = builder.prologue(prologue).and_then(|builder| match pattern {
            Pattern::Full(key) => builder.local_private_key(key),
            Pattern::Secret(secret) => builder.psk(0, secret),
        });
        let state = builder.and_then(|builder| match is_initiator {
            true => builder.build_initiator(),
            false => builder.build_responder(),
        });
        Noise { state: state.expect("each pattern has what it needs"), is_initiator }
    }

    /// The next message, which it is this end's turn to send.
    pub(crate) fn write(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut message = vec![0; payload.len() + OVERHEAD];
        let len = self.state.write_message(payload, &mut message).expect("the messages are written in turn");
        message.truncate(len);
        message
    }

    /// The payload of the peer's next message; nothing if another machine made or changed it. The second message may then
    /// still be read, but not the third: snow forgets the key with which that one begins.
    pub(crate) fn read(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let mut payload = vec![0; message.len()];
        let len = self.state.read_message(message, &mut payload).ok()?;
        payload.truncate(len);
        Some(payload)
    }

    /// The key of the peer, which its message has proved; nothing where the pattern has no keys.
    pub(crate) fn peer(&self) -> Option<KeyId> {
        self.state.get_remote_static()?.try_into().ok().map(KeyId)
    }

    /// The keys, once all messages were written and read.
    pub(crate) fn finish(mut self) -> Option<Outcome> {
        if !self.state.is_handshake_finished() {
            return None;
        }
        let (to_responder, to_initiator) = self.state.dangerously_get_raw_split();
        let (sending, receiving) =
            if self.is_initiator { (to_responder, to_initiator) } else { (to_initiator, to_responder) };
        let hash = self.state.get_handshake_hash().try_into().ok()?;
        Some(Outcome { sending, receiving, hash })
    }
}

/// The public key of a private one.
pub(crate) fn public(private: &RawKey) -> KeyId {
    KeyId(MontgomeryPoint::mul_base_clamped(*private).to_bytes())
}

impl fmt::Debug for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Noise").field("is_initiator", &self.is_initiator).finish_non_exhaustive()
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome").finish_non_exhaustive()
    }
}

/// The primitives of the suites, with the randomness of one handshake.
struct Primitives(RawKey);

impl CryptoResolver for Primitives {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Given(Some(self.0))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        (*choice == DHChoice::Curve25519).then(|| Box::<X25519>::default() as Box<dyn Dh>)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        RingResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        RingResolver.resolve_cipher(choice)
    }
}

/// A pair of keys (RFC 7748).
#[derive(Default)]
struct X25519 {
    private: RawKey,
    public: RawKey,
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        self.public.len()
    }

    fn priv_len(&self) -> usize {
        self.private.len()
    }

    fn set(&mut self, private: &[u8]) {
        self.private.copy_from_slice(private);
        self.public = public(&self.private).0;
    }

    fn generate(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let mut private = [0; 32];
        random.try_fill_bytes(&mut private)?;
        self.set(&private);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &self.private
    }

    fn dh(&self, public: &[u8], shared: &mut [u8]) -> Result<(), Error> {
        let public = public.first_chunk().ok_or(Error::Dh)?;
        let point = MontgomeryPoint(*public).mul_clamped(self.private);
        shared.first_chunk_mut().map(|shared| *shared = point.to_bytes()).ok_or(Error::Dh)
    }
}

/// Random bytes that can be taken once.
struct Given(Option<RawKey>);

impl Random for Given {
    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Error> {
        let bytes = self.0.take().filter(|bytes| bytes.len() == into.len()).ok_or(Error::Rng)?;
        into.copy_from_slice(&bytes);
        Ok(())
    }
}

/// More than any message of the handshake adds to its payload: two keys and two tags.
const OVERHEAD: usize = 96;

#[cfg(test)]
mod tests;
