//! Records: some frames that are sealed together (protocol 19.6 to 19.10). No I/O is done here.

use bytes::{Buf, Bytes, BytesMut};

use crate::{
    suite::{RawKey, Suite, TAG},
    window::Window,
};

/// How records are numbered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Numbers {
    /// Both ends count, because every record arrives, in order.
    Counted,
    /// Each record says its number, because records may be lost or overtaken.
    Written,
}

impl Numbers {
    /// The bytes before the sealed part.
    const fn head(self) -> usize {
        match self {
            Numbers::Counted => 1,
            Numbers::Written => 1 + NUMBER,
        }
    }

    /// The bytes by which a record is longer than its one frame.
    pub const fn overhead(self) -> usize {
        self.head() + LENGTH + TAG
    }

    /// The size up to which frames share a record.
    pub const fn shared(self) -> usize {
        match self {
            Numbers::Counted => 16 * 1024,
            // With the 27 bytes that a datagram has more it is one of 1,200, which every network carries at once.
            Numbers::Written => 1173,
        }
    }
}

/// Seals the records of one direction.
pub struct Sealer {
    suite: Suite,
    key: RawKey,
    numbers: Numbers,
    next: u64,
}

impl Sealer {
    /// With the key of this direction, which no other sealer has.
    pub(crate) fn new(suite: Suite, key: RawKey, numbers: Numbers) -> Sealer {
        Sealer { suite, key, numbers, next: 0 }
    }

    /// Whether a frame of `len` bytes still fits the record that gathers.
    pub fn fits(&self, gathered: &[u8], len: usize) -> bool {
        gathered.is_empty() || gathered.len() + LENGTH + len + TAG <= self.numbers.shared()
    }

    /// Adds a frame to the record that gathers; an empty one begins.
    ///
    /// # Panics
    /// When the length of the frame is not one of 1 to 65,535 bytes.
    pub fn gather(&self, frame: &[u8], gathered: &mut Vec<u8>) {
        if gathered.is_empty() {
            gathered.resize(self.numbers.head(), RECORD);
        }
        let len = u16::try_from(frame.len()).expect("frames have at most 65,535 bytes");
        assert!(len > 0, "a frame is not empty");
        gathered.extend_from_slice(&len.to_be_bytes());
        gathered.extend_from_slice(frame);
    }

    /// Begins a record with a ticket for the peer.
    pub(crate) fn begin_with_ticket(&self, ticket: &[u8], gathered: &mut Vec<u8>) {
        gathered.resize(self.numbers.head(), RECORD);
        let len = u16::try_from(ticket.len()).expect("tickets are short");
        gathered.extend_from_slice(&[0; LENGTH]); // no frame has this length
        gathered.extend_from_slice(&len.to_be_bytes());
        gathered.extend_from_slice(ticket);
    }

    /// Seals the record that has gathered.
    pub fn seal(&mut self, gathered: &mut Vec<u8>) {
        let number = self.next;
        self.next = number.checked_add(1).expect("a link lives for less than 2^64 records");
        if number > 0 && number.is_multiple_of(EPOCH) {
            self.key = self.suite.next_key(&self.key);
        }
        let head = self.numbers.head();
        if self.numbers == Numbers::Written {
            gathered[1..head].copy_from_slice(&number.to_be_bytes());
        }
        let tag = self.suite.seal(&self.key, number, &mut gathered[head..]);
        gathered.extend_from_slice(&tag);
    }
}

/// Opens the records of one direction.
pub enum Opener {
    /// Records arrive as they were sent.
    Counted {
        /// The ciphers.
        suite: Suite,
        /// The key of the present epoch.
        key: RawKey,
        /// The number of the next record.
        next: u64,
    },
    /// Records may be lost, doubled and overtaken.
    Written(Box<Written>),
}

/// The state of an opener whose records say their numbers.
pub struct Written {
    suite: Suite,
    epoch: u64,
    key: RawKey,
    /// The key of the epoch before: some of its records may be late.
    before: Option<RawKey>,
    window: Window,
}

impl Opener {
    /// With the key of this direction.
    pub(crate) fn new(suite: Suite, key: RawKey, numbers: Numbers) -> Opener {
        match numbers {
            Numbers::Counted => Opener::Counted { suite, key, next: 0 },
            Numbers::Written => {
                let window = Window::new();
                Opener::Written(Box::new(Written { suite, epoch: 0, key, before: None, window }))
            }
        }
    }

    /// The frames of a record, for [`next_frame`]; nothing if the peer did not seal it, or if it came before.
    pub fn open(&mut self, record: Bytes) -> Option<Bytes> {
        if record.first() != Some(&RECORD) {
            return None;
        }
        match self {
            Opener::Counted { suite, key, next } => {
                let number = *next;
                if number > 0 && number.is_multiple_of(EPOCH) {
                    *key = suite.next_key(key);
                }
                *next = number.checked_add(1)?;
                opened(*suite, key, number, record, Numbers::Counted.head())
            }
            Opener::Written(state) => state.open(record),
        }
    }
}

impl Written {
    fn open(&mut self, record: Bytes) -> Option<Bytes> {
        let number = u64::from_be_bytes(record.get(1..=NUMBER)?.try_into().ok()?);
        if !self.window.is_new(number) {
            return None;
        }
        let epoch = number / EPOCH;
        let (key, is_next) = if epoch == self.epoch {
            (self.key, false)
        } else if epoch == self.epoch + 1 {
            (self.suite.next_key(&self.key), true)
        } else if epoch + 1 == self.epoch {
            (self.before?, false)
        } else {
            return None;
        };
        let frames = opened(self.suite, &key, number, record, Numbers::Written.head())?;
        self.window.mark(number);
        if is_next {
            self.before = Some(std::mem::replace(&mut self.key, key));
            self.epoch = epoch;
        }
        Some(frames)
    }
}

/// Takes the ticket with which a record begins, if it begins with one.
pub fn ticket(frames: &mut Bytes) -> Option<Bytes> {
    let [0, 0, len @ ..] = frames.first_chunk::<{ 2 * LENGTH }>()? else { return None };
    let end = 2 * LENGTH + usize::from(u16::from_be_bytes(*len));
    let ticket = frames.get(2 * LENGTH..end).filter(|ticket| !ticket.is_empty())?;
    let ticket = Bytes::copy_from_slice(ticket); // it outlives the record
    frames.advance(end);
    Some(ticket)
}

/// Takes the next frame from those of a record; an error if what is left is none.
pub fn next_frame(frames: &mut Bytes) -> Result<Option<Bytes>, NotFrames> {
    if frames.is_empty() {
        return Ok(None);
    }
    let len = frames.first_chunk().map_or(0, |len| usize::from(u16::from_be_bytes(*len)));
    if len == 0 || frames.len() < LENGTH + len {
        return Err(NotFrames);
    }
    frames.advance(LENGTH);
    let frame = frames.split_to(len);
    if frames.is_empty() {
        *frames = Bytes::new(); // an empty rest would keep the record in memory
    }
    Ok(Some(frame))
}

/// The opened part of a record is not a list of frames.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a record holds no list of frames")]
pub struct NotFrames;

/// What was sealed in a record behind `head` bytes.
fn opened(suite: Suite, key: &RawKey, number: u64, record: Bytes, head: usize) -> Option<Bytes> {
    let len = record.len().checked_sub(head + TAG).filter(|len| *len > 0)?;
    let mut record = record.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    if !suite.open(key, number, &mut record[head..]) {
        return None;
    }
    record.advance(head);
    record.truncate(len);
    Some(record.freeze())
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("suite", &self.suite).field("next", &self.next).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let suite = match self {
            Opener::Counted { suite, .. } => suite,
            Opener::Written(state) => &state.suite,
        };
        f.debug_struct("Opener").field("suite", suite).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Written").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// The first byte of a record, which no frame of JSON begins with.
pub const RECORD: u8 = 0x01;

/// The bytes of a written number.
const NUMBER: usize = 8;

/// The bytes that say the length of a frame.
const LENGTH: usize = 2;

/// How many records a key seals (protocol 19.10).
pub const EPOCH: u64 = 1 << 20;

#[cfg(test)]
mod tests;
