//! Signing the history of rooms: the server's key vouches for the newest entry of a room, whose hash covers the entries
//! before it (protocol 8.16).

use std::fmt;

use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;

use super::{hub::Hub, room::Room};
use crate::{
    KeyId, RoomName,
    log::EntryHash,
    wire::{self, Event, SignedHead},
};

/// The Ed25519 key (RFC 8032) with which a server signs.
pub trait Signer: fmt::Debug + Send + Sync {
    /// The public key.
    fn key(&self) -> KeyId;

    /// The signature of `bytes`.
    fn sign(&self, bytes: &[u8]) -> [u8; 64];
}

impl Hub {
    /// Entry `seq` of `room`, signed, if this server signs.
    pub(super) fn sign(&self, room: &RoomName, seq: u64, hash: EntryHash) -> Option<SignedHead> {
        let signer = self.signer.as_ref()?;
        let at = self.time_of_day();
        let signature = signer.sign(&SignedHead::signed_bytes(room.as_str(), seq, hash, at));
        let signature = BASE64URL_NOPAD.encode(&signature);
        Some(SignedHead { room: room.to_string(), seq, hash, at, key: signer.key(), signature })
    }

    /// The newest entry of `room` as a signed frame, if this server signs and an entry has come since it began.
    pub(super) fn signed_head(&self, room: &Room) -> Option<Bytes> {
        self.signer.as_ref()?;
        room.signed_head(|seq, hash| {
            let signed = self.sign(room.name(), seq, hash)?;
            Some(wire::write(&Event::Signed(signed)))
        })
    }
}
