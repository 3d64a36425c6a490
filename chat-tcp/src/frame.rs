//! Frames in a stream of bytes: a pure encoder and decoder, with no I/O.

use bytes::{Buf, BufMut, Bytes};

/// Finds the frames in a stream of bytes, however it is cut up.
///
/// It holds a buffer only while a frame has begun and is not complete, and the buffer grows with the bytes that
/// have come, never with the length that was announced.
#[derive(Debug)]
pub struct Decoder {
    max: usize,
    header: [u8; HEADER],
    header_len: usize,
    /// The length that the header announces; 0 until it was read and is within the limit.
    body_len: usize,
    body: Vec<u8>,
}

impl Decoder {
    /// A decoder of frames of at most `max` bytes.
    pub fn new(max: usize) -> Decoder {
        Decoder { max, header: [0; HEADER], header_len: 0, body_len: 0, body: Vec::new() }
    }

    /// How many bytes of a frame that is not complete have come, its length among them; 0 between frames.
    pub fn partial_len(&self) -> usize {
        self.header_len + self.body.len()
    }

    /// Takes bytes from `input` up to the end of the next frame and returns that frame; `None` once `input` is
    /// used up. A frame that lies whole in a [`Bytes`] is not copied.
    ///
    /// # Errors
    /// When a length is 0 or over the limit. The stream makes no sense from there on: every later call fails as well.
    pub fn decode(&mut self, input: &mut impl Buf) -> Result<Option<Bytes>, FrameError> {
        if self.header_len == 0
            && let Some(header) = input.chunk().first_chunk::<HEADER>()
        {
            // A length over the limit goes the slow way, which refuses it now and in every later call.
            if let Ok(len) = check(*header, self.max)
                && input.remaining() - HEADER >= len
            {
                input.advance(HEADER);
                return Ok(Some(input.copy_to_bytes(len)));
            }
        }
        self.gather(input)
    }

    /// The slow way: the frame comes in pieces.
    fn gather(&mut self, input: &mut impl Buf) -> Result<Option<Bytes>, FrameError> {
        if self.header_len < HEADER {
            let n = input.remaining().min(HEADER - self.header_len);
            input.copy_to_slice(&mut self.header[self.header_len..][..n]);
            self.header_len += n;
            if self.header_len < HEADER {
                return Ok(None);
            }
        }
        if self.body_len == 0 {
            self.body_len = check(self.header, self.max)?;
        }
        let n = input.remaining().min(self.body_len - self.body.len());
        self.make_room(n);
        self.body.put(input.take(n));
        if self.body.len() < self.body_len {
            return Ok(None);
        }
        (self.header_len, self.body_len) = (0, 0);
        Ok(Some(Bytes::from(std::mem::take(&mut self.body))))
    }

    fn make_room(&mut self, n: usize) {
        let needed = self.body.len() + n;
        if needed > self.body.capacity() {
            let doubled = (2 * self.body.capacity()).max(FIRST_BUFFER).min(self.body_len);
            self.body.reserve_exact(needed.max(doubled) - self.body.len());
        }
    }
}

/// Appends `frame`, behind its length, to `out`.
///
/// # Errors
/// When the frame is empty or longer than `max` bytes; `out` is then as it was.
pub fn encode(frame: &[u8], max: usize, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let len = frame.len();
    if len == 0 {
        return Err(FrameError::Empty);
    }
    let Some(header) = u32::try_from(len).ok().filter(|_| len <= max) else {
        return Err(FrameError::TooLarge { len, max });
    };
    out.reserve(HEADER + len);
    out.extend_from_slice(&header.to_be_bytes());
    out.extend_from_slice(frame);
    Ok(())
}

/// Why something is not a frame.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A length that is over the limit was announced.
    #[error("a length of {len} bytes, over the limit of {max}{}", hint(*len))]
    Announced {
        /// The length announced, in bytes.
        len: u32,
        /// The limit, in bytes.
        max: usize,
    },
    /// The frame has no bytes.
    #[error("a frame of 0 bytes; it has at least one")]
    Empty,
    /// The frame to be sent is over the limit.
    #[error("a frame of {len} bytes, over the limit of {max}")]
    TooLarge {
        /// Its length, in bytes.
        len: usize,
        /// The limit, in bytes.
        max: usize,
    },
}

fn check(header: [u8; HEADER], max: usize) -> Result<usize, FrameError> {
    let announced = u32::from_be_bytes(header);
    match usize::try_from(announced) {
        Ok(0) => Err(FrameError::Empty),
        Ok(len) if len <= max => Ok(len),
        _ => Err(FrameError::Announced { len: announced, max }),
    }
}

/// Names the protocol of a peer that speaks another one, by its first four bytes.
fn hint(len: u32) -> &'static str {
    match &len.to_be_bytes() {
        b"GET " | b"POST" | b"HEAD" | b"PUT " | b"OPTI" | b"DELE" | b"PATC" | b"CONN" | b"TRAC" | b"PRI " => {
            " (is this an HTTP client?)"
        }
        b"HTTP" => " (is this an HTTP server?)",
        b"SSH-" => " (is this SSH?)",
        [0x16, 3, ..] => " (is this a TLS client?)",
        [0x15, 3, ..] => " (is this a TLS server?)",
        [b'{', ..] => " (is this JSON without its length in front?)",
        text if text.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n')) => {
            " (is this plain text?)"
        }
        _ => "",
    }
}

/// Bytes of a length.
pub const HEADER: usize = 4;

/// The first buffer of a frame that comes in pieces, in bytes; each further one doubles it.
const FIRST_BUFFER: usize = 4096;

#[cfg(test)]
mod tests;
