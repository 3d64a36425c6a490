//! Signing the history of rooms: the server's key vouches for the newest entry of a room, whose hash covers the entries
//! before it (protocol 8.16).

use std::fmt;

use crate::KeyId;

/// The Ed25519 key (RFC 8032) with which a server signs.
pub trait Signer: fmt::Debug + Send + Sync {
    /// The public key.
    fn key(&self) -> KeyId;

    /// The signature of `bytes`.
    fn sign(&self, bytes: &[u8]) -> [u8; 64];
}
