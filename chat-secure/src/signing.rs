//! The key with which a server signs the history of its rooms (protocol 8.16).

use std::{fmt, sync::Arc};

use chat_core::{KeyId, server::Signer, wire::SignedHead};
use data_encoding::BASE64URL_NOPAD;
use ring::{
    digest::{SHA256, digest},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};

use crate::StaticKey;

/// An Ed25519 key (RFC 8032) that belongs to a [`StaticKey`]: it is made of the same private bytes, so that a server has
/// one file to keep.
#[derive(Clone)]
pub struct SigningKey(Arc<Ed25519KeyPair>);

impl StaticKey {
    /// The key with which the owner of this key signs.
    pub fn signing_key(&self) -> SigningKey {
        let seed = digest(&SHA256, &[SEED, &self.private()[..]].concat());
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref());
        SigningKey(Arc::new(pair.expect("a seed of 32 bytes makes a key")))
    }
}

impl Signer for SigningKey {
    fn key(&self) -> KeyId {
        let public = self.0.public_key().as_ref().try_into();
        KeyId(public.expect("a public key of Ed25519 has 32 bytes"))
    }

    fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).as_ref().try_into().expect("a signature of Ed25519 has 64 bytes")
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.key()).finish()
    }
}

/// Whether the owner of [`SignedHead::key`] has signed this. Whether that is the right owner is for the caller to say.
pub fn is_signed(head: &SignedHead) -> bool {
    let bytes = SignedHead::signed_bytes(&head.room, head.seq, head.hash, head.at);
    let signature = BASE64URL_NOPAD.decode(head.signature.as_bytes());
    signature.is_ok_and(|signature| {
        UnparsedPublicKey::new(&ED25519, &head.key.0[..]).verify(&bytes, &signature).is_ok()
    })
}

/// Sets the seeds of signing keys apart from all other hashes of private keys.
const SEED: &[u8] = b"lan-chat signing key ";
