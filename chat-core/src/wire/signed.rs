//! The newest entry of a room, signed by the server (protocol 8.16).

use serde::{Deserialize, Serialize};

use crate::{KeyId, log::EntryHash};

/// An entry that the server has signed, and with it the room's history up to there.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SignedHead {
    /// The room.
    pub room: String,
    /// The entry's number.
    pub seq: u64,
    /// The entry's hash, which covers all entries before it.
    pub hash: EntryHash,
    /// When it was signed, in milliseconds since 1970 (UTC).
    pub at: u64,
    /// The server's Ed25519 key, as base64url without padding.
    pub key: KeyId,
    /// The signature of [`SignedHead::signed_bytes`], as base64url without padding.
    pub signature: String,
}

impl SignedHead {
    /// The bytes that are signed (protocol 8.16.2).
    pub fn signed_bytes(room: &str, seq: u64, hash: EntryHash, at: u64) -> Vec<u8> {
        let length = u32::try_from(room.len()).unwrap_or(u32::MAX);
        let parts: [&[u8]; 6] = [
            b"lan-chat head",
            &length.to_be_bytes(),
            room.as_bytes(),
            &seq.to_be_bytes(),
            &at.to_be_bytes(),
            &hash.0,
        ];
        parts.concat()
    }
}
