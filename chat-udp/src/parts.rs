//! Frames that are too large for one datagram of a safe size: they are sent in parts and put together again (protocol
//! 15.19 and 15.20), so that no datagram depends on fragments of IP, which many networks drop.

use std::{
    hash::Hasher,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use siphasher::sip::SipHasher13;

use crate::header::MAX_CARRIED;

/// One part of a frame, as the body of a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Part<'a> {
    /// Names the frame. The same frame has the same number whenever it is sent, so that parts of a frame that is sent again
    /// complete the parts that came the first time.
    pub(crate) frame: u64,
    /// The length of the whole frame in bytes.
    pub(crate) len: u16,
    /// The place of this part, from 0.
    pub(crate) index: u8,
    /// [`PART`] bytes of the frame, or its rest.
    pub(crate) bytes: &'a [u8],
}

impl<'a> Part<'a> {
    /// The part in `body`; `None` if the frame has no such part, or the part has another length.
    pub(crate) fn read(body: &'a [u8]) -> Option<Part<'a>> {
        let (frame, rest) = body.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (index, bytes) = rest.split_first()?;
        let (frame, len) = (u64::from_be_bytes(*frame), u16::from_be_bytes(*len));
        let (total, begins) = (usize::from(len), usize::from(*index) * PART);
        let fits = total <= MAX_CARRIED && begins < total && bytes.len() == PART.min(total - begins);
        fits.then_some(Part { frame, len, index: *index, bytes })
    }

    /// Appends the part to `datagram`.
    pub(crate) fn write(&self, datagram: &mut Vec<u8>) {
        datagram.extend_from_slice(&self.frame.to_be_bytes());
        datagram.extend_from_slice(&self.len.to_be_bytes());
        datagram.push(self.index);
        datagram.extend_from_slice(self.bytes);
    }
}

/// The parts of `frame`. Its number is a hash with the token of its link as the key, which nobody but the two ends of the
/// link knows.
pub(crate) fn split(frame: &[u8], token: u128) -> impl Iterator<Item = Part<'_>> {
    let mut hasher = SipHasher13::new_with_key(&token.to_be_bytes());
    hasher.write(frame);
    let number = hasher.finish();
    let len = u16::try_from(frame.len()).expect("a frame has at most MAX_CARRIED bytes");
    (0..).zip(frame.chunks(PART)).map(move |(index, bytes)| Part { frame: number, len, index, bytes })
}

/// The frames of one link of which some parts have come.
#[derive(Debug, Default)]
pub(crate) struct Reassembly {
    /// The oldest first.
    frames: Vec<Partial>,
}

#[derive(Debug)]
struct Partial {
    number: u64,
    len: u16,
    began: Instant,
    /// Each part at most once, in the order of arrival.
    parts: Vec<(u8, Bytes)>,
    /// How many bytes `parts` hold.
    held: usize,
}

impl Reassembly {
    /// Takes a part that came `now`; returns its frame once all parts are there.
    pub(crate) fn take(&mut self, part: &Part<'_>, now: Instant) -> Option<Bytes> {
        self.frames.retain(|partial| now.saturating_duration_since(partial.began) < DEADLINE);
        let is_same = |partial: &Partial| (partial.number, partial.len) == (part.frame, part.len);
        let at = self.frames.iter().position(is_same).unwrap_or_else(|| {
            let (number, len) = (part.frame, part.len);
            self.frames.push(Partial { number, len, began: now, parts: Vec::new(), held: 0 });
            self.frames.len() - 1
        });
        let partial = &mut self.frames[at];
        if partial.parts.iter().all(|(index, _)| *index != part.index) {
            partial.parts.push((part.index, Bytes::copy_from_slice(part.bytes)));
            partial.held += part.bytes.len();
        }
        if partial.held == usize::from(partial.len) {
            return Some(self.frames.remove(at).whole());
        }
        self.drop_oldest();
        None
    }

    /// Whether no part is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Keeps to the bounds. The frame that was begun last stays: it alone is within them.
    fn drop_oldest(&mut self) {
        while self.frames.len() > FRAMES || self.held() > BYTES {
            self.frames.remove(0);
        }
    }

    /// How many bytes of parts are held.
    pub(crate) fn held(&self) -> usize {
        self.frames.iter().map(|partial| partial.held).sum()
    }
}

impl Partial {
    fn whole(mut self) -> Bytes {
        self.parts.sort_unstable_by_key(|(index, _)| *index);
        let mut frame = BytesMut::with_capacity(self.held);
        self.parts.iter().for_each(|(_, bytes)| frame.extend_from_slice(bytes));
        frame.freeze()
    }
}

/// Bytes of every part but the last.
pub(crate) const PART: usize = 1024;

/// Frames of a link that may be incomplete at once; of more the oldest is dropped.
const FRAMES: usize = 16;

/// Bytes of parts that a link may hold; of more the oldest frame is dropped.
const BYTES: usize = 128 * 1024;

/// How long after its first part a frame has to be complete. A sender repeats what is not answered for 2 s at most
/// (protocol 17.1), so several tries add up.
const DEADLINE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
