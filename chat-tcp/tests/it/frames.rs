//! Frames as bytes, without a socket.

use bytes::Bytes;
use chat_tcp::frame::{Decoder, FrameError, encode};
use proptest::{prelude::*, test_runner::RngSeed};

use crate::framed;

const MAX: usize = 65_507;

/// What comes out when `pieces` go in, in order.
fn decode<'a>(
    decoder: &mut Decoder,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<Bytes>, FrameError> {
    let mut frames = Vec::new();
    for mut piece in pieces {
        while let Some(frame) = decoder.decode(&mut piece)? {
            frames.push(frame);
        }
        assert!(piece.is_empty(), "bytes were left");
    }
    Ok(frames)
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(7000), ..ProptestConfig::default() }
}

fn bodies() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let body = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 1..300),
        1 => prop::collection::vec(any::<u8>(), 4000..20_000),
        1 => Just(vec![b'x'; MAX]),
    ];
    prop::collection::vec(body, 0..12)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn frames_come_out_whole_however_the_bytes_are_cut(bodies in bodies(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40)) {
        let mut bytes = Vec::new();
        for body in &bodies {
            encode(body, MAX, &mut bytes).unwrap();
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);

        let mut decoder = Decoder::new(MAX);
        prop_assert_eq!(decode(&mut decoder, pieces.clone()).unwrap(), bodies.clone());
        prop_assert_eq!(decoder.partial_len(), 0);

        // The same as blocks that frames are cut out of.
        let mut frames = Vec::new();
        for piece in pieces {
            let mut piece = Bytes::copy_from_slice(piece);
            while let Some(frame) = decoder.decode(&mut piece).unwrap() {
                frames.push(frame);
            }
        }
        prop_assert_eq!(frames, bodies);
    }

    #[test]
    fn any_bytes_at_all_are_frames_or_an_error(bytes in prop::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..64)) {
        let mut decoder = Decoder::new(16);
        if let Ok(frames) = decode(&mut decoder, [&bytes[..]]) {
            let rest = &bytes[bytes.len() - decoder.partial_len()..];
            prop_assert_eq!([&framed(&frames)[..], rest].concat(), bytes);
        }
    }
}

#[test]
fn a_split_at_every_byte_changes_nothing() {
    let bodies: [&[u8]; 3] = [b"{}", b"{\"type\":\"ping\",\"id\":1}", b"x"];
    let bytes = framed(&bodies);
    for at in 0..=bytes.len() {
        let (left, right) = bytes.split_at(at);
        assert_eq!(decode(&mut Decoder::new(MAX), [left, right]).unwrap(), bodies, "cut at {at}");
    }
    assert_eq!(decode(&mut Decoder::new(MAX), bytes.chunks(1)).unwrap(), bodies);
}

// B1, B5: with the whole header at once and byte by byte.
#[test]
fn what_cannot_be_a_frame_is_refused_by_its_first_four_bytes() {
    for (bytes, words) in [
        (&[0, 0, 0, 0][..], "a frame of 0 bytes; it has at least one"),
        (&[0, 0, 0xff, 0xe4], "a length of 65508 bytes, over the limit of 65507"),
        (&[0x80, 0, 0, 0], "a length of 2147483648 bytes, over the limit of 65507"),
        (&[0xff; 4], "a length of 4294967295 bytes, over the limit of 65507"),
        (
            b"GET / HTTP/1.1\r\n",
            "a length of 1195725856 bytes, over the limit of 65507 (is this an HTTP client?)",
        ),
        (
            b"POST /rooms HTTP/1.1\r\n",
            "a length of 1347375956 bytes, over the limit of 65507 (is this an HTTP client?)",
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\n",
            "a length of 1213486160 bytes, over the limit of 65507 (is this an HTTP server?)",
        ),
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            "a length of 369295618 bytes, over the limit of 65507 (is this a TLS client?)",
        ),
        (
            b"\x15\x03\x03\x00\x02\x02\x46",
            "a length of 352518912 bytes, over the limit of 65507 (is this a TLS server?)",
        ),
        (b"SSH-2.0-OpenSSH_10.0\r\n", "a length of 1397966893 bytes, over the limit of 65507 (is this SSH?)"),
        (
            b"{\"type\":\"hello\"}",
            "a length of 2065855609 bytes, over the limit of 65507 (is this JSON without its length in front?)",
        ),
        (b"hello\r\n", "a length of 1751477356 bytes, over the limit of 65507 (is this plain text?)"),
    ] {
        for pieces in [vec![bytes], bytes.chunks(1).collect()] {
            let refused = decode(&mut Decoder::new(MAX), pieces).expect_err(words);
            assert_eq!(refused.to_string(), words);
        }
    }
}

#[test]
fn the_limit_is_exact() {
    let bytes = framed(&[[b'x'; 100]]);
    assert_eq!(decode(&mut Decoder::new(100), [&bytes[..]]).unwrap().len(), 1);
    let mut decoder = Decoder::new(99);
    assert_eq!(decode(&mut decoder, [&bytes[..]]), Err(FrameError::Announced { len: 100, max: 99 }));
    assert_eq!(
        decode(&mut decoder, [&framed(&[[b'x'; 9]])[..]]),
        Err(FrameError::Announced { len: 100, max: 99 })
    );

    let mut out = vec![7];
    assert_eq!(encode(&[b'x'; 101], 100, &mut out), Err(FrameError::TooLarge { len: 101, max: 100 }));
    assert_eq!(encode(b"", 100, &mut out), Err(FrameError::Empty));
    assert_eq!(out, [7]);
}
