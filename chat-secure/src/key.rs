//! The key of a person or a server, and how it is shown.

use std::fmt;

use chat_core::{KeyId, Runtime};
use data_encoding::BASE32_NOPAD;
use ring::digest::{SHA256, digest};

use crate::{noise, suite::RawKey};

mod file;

pub use file::KeyFileError;
pub(crate) use file::{read_private, replace_private};

/// A private X25519 key (RFC 7748) and the public one, by which others know its owner.
#[derive(Clone)]
pub struct StaticKey {
    private: RawKey,
    public: KeyId,
}

impl StaticKey {
    /// A new key, of randomness that nobody can guess.
    pub fn generate(runtime: &dyn Runtime) -> StaticKey {
        StaticKey::from_private(unguessable(runtime))
    }

    /// The key with these private bytes.
    pub fn from_private(private: [u8; 32]) -> StaticKey {
        StaticKey { public: noise::public(&private), private }
    }

    /// The public key.
    pub fn id(&self) -> KeyId {
        self.public
    }

    /// The private bytes, from which [`StaticKey::from_private`] makes the key again. Whoever has them is its owner.
    pub fn private(&self) -> &RawKey {
        &self.private
    }
}

impl fmt::Debug for StaticKey {
    // The private key stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// 32 bytes that nobody can guess.
pub(crate) fn unguessable(runtime: &dyn Runtime) -> RawKey {
    let mut bytes = [0; 32];
    let (one, other) = bytes.split_at_mut(16);
    one.copy_from_slice(&runtime.random().to_be_bytes());
    other.copy_from_slice(&runtime.random().to_be_bytes());
    bytes
}

/// A key in 16 characters that can be compared by eye and read aloud, such as `k7mq-2xvd-n3te-w4ya`. They have 80 bits of
/// the key's hash, so that making another key with the same characters is out of reach.
pub fn fingerprint(key: KeyId) -> String {
    let hash = digest(&SHA256, &[FINGERPRINT, &key.0[..]].concat());
    let text = BASE32_NOPAD.encode(&hash.as_ref()[..10]).to_lowercase();
    let groups: Vec<&str> = (0..4).filter_map(|group| text.get(4 * group..4 * group + 4)).collect();
    groups.join("-")
}

/// Sets the hashes of fingerprints apart from all others.
const FINGERPRINT: &[u8] = b"lan-chat key ";

#[cfg(test)]
mod tests;
