//! Arbitrary bytes as a stream of frames, and as frames.
//!
//! The first byte picks the limit, the second how the stream is cut up; the rest is the stream, and also one frame.

use bytes::Bytes;
use chat_core::wire::{MAX_FRAME, read_event, read_request, write};
use chat_tcp::frame::{Decoder, FrameError, HEADER, encode};

use super::json;

/// Feeds `data` to the decoder of streams, and to those of frames.
pub fn run(data: &[u8]) {
    let [limit, cuts, stream @ ..] = data else { return };
    let max = [16, 64, 4096, MAX_FRAME][usize::from(*limit) % 4];
    let (frames, end) = whole(stream, max);
    let mut dice = fastrand::Rng::with_seed(u64::from(*cuts));
    let most = [1, 3, 9, 70, 5000][usize::from(*cuts) % 5];
    for keeps in [false, true] {
        assert_eq!(in_pieces(stream, max, keeps, || dice.usize(1..=most)), (frames.clone(), end.clone()));
    }
    // What was read is what was written, but for what is no frame any more.
    let mut again = Vec::new();
    for frame in &frames {
        encode(frame, max, &mut again).expect("what was read can be written");
        one(frame);
    }
    assert!(stream.starts_with(&again));
    one(stream);
}

/// How a stream ended: so many bytes of a frame were left, or it made no sense any more.
type End = Result<usize, FrameError>;

fn whole(stream: &[u8], max: usize) -> (Vec<Bytes>, End) {
    in_pieces(stream, max, true, || stream.len().max(1))
}

/// What comes out of a stream that comes in pieces as long as `next` says, as slices or as blocks that are kept.
fn in_pieces(stream: &[u8], max: usize, keeps: bool, mut next: impl FnMut() -> usize) -> (Vec<Bytes>, End) {
    let mut decoder = Decoder::new(max);
    let mut frames = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let (mut piece, later) = rest.split_at(next().min(rest.len()));
        rest = later;
        let mut block = Bytes::copy_from_slice(piece);
        loop {
            let frame = if keeps { decoder.decode(&mut block) } else { decoder.decode(&mut piece) };
            match frame {
                Ok(Some(frame)) => frames.push(held(frame, max)),
                Ok(None) => break,
                Err(error) => {
                    // It makes no sense from there on, whatever comes.
                    for mut after in [&b""[..], rest, b"\0\0\0\x01x"] {
                        assert_eq!(decoder.decode(&mut after), Err(error.clone()), "an error is final");
                    }
                    return (frames, Err(error));
                }
            }
        }
        assert!(if keeps { block.is_empty() } else { piece.is_empty() }, "bytes were left");
        assert!(decoder.partial_len() < HEADER + max, "no more is held than a frame");
    }
    (frames, Ok(decoder.partial_len()))
}

/// A frame, which is no larger than it may be, and neither is the memory that it alone holds.
fn held(frame: Bytes, max: usize) -> Bytes {
    assert!((1..=max).contains(&frame.len()));
    match frame.try_into_mut() {
        // A block shared with others is the stream itself.
        Ok(alone) if alone.len() > 4096 => {
            assert!(alone.capacity() <= max.max(alone.len()), "{} for {}", alone.capacity(), alone.len());
            alone.freeze()
        }
        Ok(alone) => alone.freeze(),
        Err(shared) => shared,
    }
}

/// One frame, from a client or a server.
fn one(frame: &[u8]) {
    let request = read_request(frame);
    let event = read_event(frame);
    match (json::request(frame), &request) {
        (json::Verdict::Good, Err(error)) => panic!("refused with {error}: {}", shown(frame)),
        (json::Verdict::Bad(why), Ok(request)) => panic!("{why}, but it is {request:?}: {}", shown(frame)),
        _ => {}
    }
    if let Err(why) = json::rules(frame) {
        assert!(request.is_err() && event.is_err(), "{why}: {}", shown(frame));
    }
    if let Ok(request) = request {
        if !matches!(request.body, chat_core::wire::RequestBody::Unknown(_)) {
            let written = write(&request);
            assert!(written.len() <= frame.len().max(MAX_FRAME));
            assert_eq!(read_request(&written).as_ref(), Ok(&request));
        }
        assert_eq!(request.clone().into_owned(), request);
    }
    if let Ok(event) = event
        && event != chat_core::wire::Event::Unknown
    {
        assert_eq!(read_event(&write(&event)).as_ref(), Ok(&event));
    }
}

fn shown(frame: &[u8]) -> String {
    frame.escape_ascii().to_string()
}
