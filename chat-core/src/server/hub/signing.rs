//! The signatures of rooms: a page with hashes has one, and members are sent one when the server stops.

use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;

use super::Hub;
use crate::{
    RoomName,
    log::EntryHash,
    server::room::Room,
    wire::{self, Event, SignedHead},
};

impl Hub {
    /// Entry `seq` of `room`, signed, if this server signs.
    pub(in crate::server) fn sign(&self, room: &RoomName, seq: u64, hash: EntryHash) -> Option<SignedHead> {
        let signer = self.signer.as_ref()?;
        let at = self.time_of_day();
        let signature = signer.sign(&SignedHead::signed_bytes(room.as_str(), seq, hash, at));
        let signature = BASE64URL_NOPAD.encode(&signature);
        Some(SignedHead { room: room.to_string(), seq, hash, at, key: signer.key(), signature })
    }

    /// The newest entry of `room` as a signed frame, if this server signs and an entry has come since it began.
    pub(in crate::server) fn signed_head(&self, room: &Room) -> Option<Bytes> {
        self.signer.as_ref()?;
        room.signed_head(|seq, hash| {
            let signed = self.sign(room.name(), seq, hash)?;
            Some(wire::write(&Event::Signed(signed)))
        })
    }
}
