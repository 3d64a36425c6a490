//! The datagrams of one turn with a header: small frames share one, and a large frame is split into parts.

use std::{cell::Cell, mem};

use crate::{
    header::{FRAME_LENGTH, HEADER, Header, Kind, MAX_CARRIED, write_frame},
    parts::split,
};

/// Gathers the datagrams of one direction of a link until they are sent. Holds no memory while it is empty.
#[derive(Debug)]
pub(crate) struct Packer {
    token: u128,
    /// How many datagrams of the kinds data and part were made.
    counter: u64,
    /// The datagrams, one behind the other.
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
    /// Whether the last one takes further frames.
    is_open: bool,
}

impl Packer {
    /// For the link of `token`.
    pub(crate) fn new(token: u128) -> Packer {
        Packer { token, counter: 0, bytes: Vec::new(), ends: Vec::new(), is_open: false }
    }

    /// Adds a frame of a link that the server knows: to the last datagram if it fits there, or in parts if it is large.
    pub(crate) fn add(&mut self, frame: &[u8]) {
        let added = FRAME_LENGTH + frame.len();
        if HEADER + added > PACKED {
            for part in split(frame, self.token) {
                self.begin_counted(Kind::Part);
                part.write(&mut self.bytes);
                self.end();
            }
            return;
        }
        if self.is_open && self.bytes.len() - self.last_begins() + added <= PACKED {
            self.ends.pop();
        } else {
            self.begin_counted(Kind::Data);
        }
        write_frame(frame, &mut self.bytes);
        self.end();
        self.is_open = true;
    }

    /// Adds a frame of a link that the server does not know yet, as a datagram of its own whatever its size.
    pub(crate) fn add_hello(&mut self, frame: &[u8], cookie: u64) {
        self.begin(Kind::Hello, cookie);
        write_frame(frame, &mut self.bytes);
        self.end();
    }

    /// Adds the proof of a new address.
    pub(crate) fn add_proof(&mut self, cookie: u64) {
        self.begin(Kind::Proof, cookie);
        self.end();
    }

    /// The datagrams, in order.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins.zip(&self.ends).map(|(begin, end)| &self.bytes[begin..*end])
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Whether so much has gathered that it should be sent before more is added.
    pub(crate) fn is_full(&self) -> bool {
        self.ends.len() >= AT_ONCE
    }

    /// Forgets the datagrams, which were sent.
    pub(crate) fn clear(&mut self) {
        self.is_open = false;
        self.ends.clear();
        self.bytes.clear();
        let buffers = (mem::take(&mut self.bytes), mem::take(&mut self.ends));
        if buffers.0.capacity() <= SPARE_MAX {
            SPARE.set(buffers);
        }
    }

    fn begin_counted(&mut self, kind: Kind) {
        self.counter += 1;
        self.begin(kind, self.counter);
    }

    fn begin(&mut self, kind: Kind, number: u64) {
        if self.bytes.capacity() == 0 {
            (self.bytes, self.ends) = SPARE.take();
        }
        self.is_open = false;
        Header { kind, token: self.token, number }.write(&mut self.bytes);
    }

    fn end(&mut self) {
        self.ends.push(self.bytes.len());
    }

    fn last_begins(&self) -> usize {
        self.ends.len().checked_sub(2).map_or(0, |before| self.ends[before])
    }
}

thread_local! {
    /// The buffers of the link that sent last on this thread, so that the next one need not allocate.
    static SPARE: Cell<(Vec<u8>, Vec<usize>)> = const { Cell::new((Vec::new(), Vec::new())) };
}

/// The size up to which frames share a datagram, in bytes. With the 16 bytes that a sealed datagram needs more, and the
/// headers of IPv6 and UDP, it is within the 1,280 bytes that every network carries at once (RFC 8200, section 5).
pub(crate) const PACKED: usize = 1200;

/// Datagrams that gather until they have to be sent; a large frame may exceed that by its parts.
pub(crate) const AT_ONCE: usize = 64;

/// The largest buffer that is kept for the next link, in bytes: enough for a turn of small frames.
const SPARE_MAX: usize = 128 * 1024;

const _: () = assert!(MAX_CARRIED <= 64 * crate::parts::PART);

#[cfg(test)]
mod tests;
