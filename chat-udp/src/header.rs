//! The layout of a datagram with a header (protocol 15.16 to 15.19): a kind, the token of the link, a number, and then
//! whole frames or a part of one. Nothing here reads a frame.

use bytes::{Buf, Bytes};

/// The fields at the beginning of a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    /// Names the link; its client picked it at random.
    pub(crate) token: u128,
    /// The count of the datagrams of one direction for [`Kind::Data`] and [`Kind::Part`]; the cookie for [`Kind::Hello`],
    /// [`Kind::Challenge`] and [`Kind::Proof`]; 0 for [`Kind::Gone`].
    pub(crate) number: u64,
}

/// What a datagram is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A client's frames before the server has answered, with the cookie if the client has one.
    Hello = 1,
    /// The server asks a client to prove its address, and gives the cookie for that.
    Challenge = 2,
    /// The server does not know the token.
    Gone = 3,
    /// Whole frames.
    Data = 4,
    /// A part of a frame that is too large for one datagram.
    Part = 5,
    /// A client proves a new address with the cookie of that address.
    Proof = 6,
}

impl Header {
    /// The header of `datagram` and the bytes behind it; `None` if the datagram is too short or of an unknown kind.
    pub(crate) fn read(datagram: &[u8]) -> Option<(Header, &[u8])> {
        let (kind, rest) = datagram.split_first()?;
        let (token, rest) = rest.split_first_chunk()?;
        let (number, body) = rest.split_first_chunk()?;
        let header = Header {
            kind: Kind::read(*kind)?,
            token: u128::from_be_bytes(*token),
            number: u64::from_be_bytes(*number),
        };
        Some((header, body))
    }

    /// Appends the header to `datagram`.
    pub(crate) fn write(&self, datagram: &mut Vec<u8>) {
        datagram.push(self.kind as u8);
        datagram.extend_from_slice(&self.token.to_be_bytes());
        datagram.extend_from_slice(&self.number.to_be_bytes());
    }

    /// A datagram of this header alone.
    pub(crate) fn alone(&self) -> Vec<u8> {
        let mut datagram = Vec::with_capacity(HEADER);
        self.write(&mut datagram);
        datagram
    }
}

impl Kind {
    fn read(byte: u8) -> Option<Kind> {
        [Kind::Hello, Kind::Challenge, Kind::Gone, Kind::Data, Kind::Part, Kind::Proof]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// Whether `datagram` begins with a header: JSON begins with white space or a byte from 0x20 on.
pub(crate) fn is_there(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|byte| *byte < 0x20 && !byte.is_ascii_whitespace())
}

/// The whole frames of a datagram: at least one, each preceded by its length.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Frames<'a>(&'a [u8]);

impl<'a> Frames<'a> {
    /// The frames in `body`; `None` unless lengths and frames fill it exactly.
    pub(crate) fn read(body: &'a [u8]) -> Option<Frames<'a>> {
        let mut rest = body;
        while let [_, ..] = rest {
            (_, rest) = split_frame(rest)?;
        }
        (!body.is_empty()).then_some(Frames(body))
    }
}

impl<'a> Frames<'a> {
    /// The frames as bytes of their own, which share one block of memory.
    pub(crate) fn to_bytes(&self) -> impl Iterator<Item = Bytes> + use<> {
        let mut block = Bytes::copy_from_slice(self.0);
        std::iter::from_fn(move || {
            let (frame, _) = split_frame(&block)?;
            let end = FRAME_LENGTH + frame.len();
            let frame = block.slice(FRAME_LENGTH..end);
            block.advance(end);
            Some(frame)
        })
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (frame, rest) = split_frame(self.0)?;
        self.0 = rest;
        Some(frame)
    }
}

fn split_frame(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = body.split_first_chunk()?;
    let len = usize::from(u16::from_be_bytes(*len));
    if len == 0 { None } else { rest.split_at_checked(len) }
}

/// Appends `frame`, behind its length, to `datagram`.
pub(crate) fn write_frame(frame: &[u8], datagram: &mut Vec<u8>) {
    let len = u16::try_from(frame.len()).expect("a frame has at most MAX_CARRIED bytes");
    datagram.extend_from_slice(&len.to_be_bytes());
    datagram.extend_from_slice(frame);
}

/// Bytes of a header.
pub(crate) const HEADER: usize = 1 + 16 + 8;

/// Bytes of the length before a frame.
pub(crate) const FRAME_LENGTH: usize = 2;

/// The largest frame of a link, in bytes: it fits the largest datagram with a header and its length.
pub(crate) const MAX_CARRIED: usize = crate::MAX_DATAGRAM - HEADER - FRAME_LENGTH;

#[cfg(test)]
mod tests;
