//! The newest entry of a room, signed once for all members.

use bytes::Bytes;

use super::Room;
use crate::{
    log::EntryHash,
    server::sync::{lock, read},
};

impl Room {
    /// The frame that `sign` makes of the newest entry, if the room keeps that entry encoded.
    pub(in crate::server) fn signed_head(
        &self,
        sign: impl FnOnce(u64, EntryHash) -> Option<Bytes>,
    ) -> Option<Bytes> {
        let (head, hash) = {
            let recent = read(&self.recent);
            (recent.head, *recent.hashes.back()?)
        };
        let mut signed = lock(&self.signed);
        if signed.as_ref().is_none_or(|(seq, _)| *seq != head) {
            *signed = sign(head, hash).map(|frame| (head, frame));
        }
        signed.as_ref().map(|(_, frame)| frame.clone())
    }
}
