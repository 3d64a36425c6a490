//! Headers and frames as bytes.

use chat_core::wire::MAX_FRAME;
use proptest::prelude::*;

use super::*;

const TOKEN: u128 = 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10;

/// protocol 15.16
#[test]
fn a_header_is_a_kind_a_token_and_a_number() {
    let header = Header { kind: Kind::Data, token: TOKEN, number: 0x1112_1314_1516_1718 };
    let datagram = header.alone();
    assert_eq!(datagram[0], 4);
    assert_eq!(datagram[1..], (1..=0x18).filter(|byte| *byte != 0).collect::<Vec<u8>>());
    assert_eq!(Header::read(&[&datagram[..], b"body"].concat()), Some((header, &b"body"[..])));
    assert_eq!(Header::read(&datagram[..HEADER - 1]), None);
}

/// protocol 15.17
#[test]
fn only_the_known_kinds_are_read() {
    let read = |byte: u8| {
        Header::read(&[&[byte], &[7; HEADER - 1][..]].concat()).map(|(header, _)| header.kind as u8)
    };
    for byte in 0..=255 {
        assert_eq!(read(byte), (1..=6).contains(&byte).then_some(byte));
    }
}

/// protocol 15.8
#[test]
fn the_first_byte_tells_the_form() {
    for json in [&b"{}"[..], b" {}", b"\t{}", b"\r\n{}", b"", b"[", b"x", b"\xff"] {
        assert!(!is_there(json), "{}", json.escape_ascii());
    }
    for byte in [0, 1, 4, 8, 11, 0x14, 0x1f] {
        assert!(is_there(&[byte]), "{byte}");
    }
}

/// protocol 15.18
#[test]
fn frames_fill_the_body_exactly() {
    let mut body = Vec::new();
    for frame in [&b"one"[..], b"{\"x\":2}", &[0; 300]] {
        write_frame(frame, &mut body);
    }
    let frames: Vec<&[u8]> = Frames::read(&body).unwrap().collect();
    assert_eq!(frames, [&b"one"[..], b"{\"x\":2}", &[0; 300]]);
    for broken in
        [&b""[..], b"\0", b"\0\0", b"\0\x02x", b"\0\x01xy", b"\0\x01x\0", b"\0\x01x\0\0", b"\xff\xffx"]
    {
        assert_eq!(Frames::read(broken), None, "{}", broken.escape_ascii());
    }
}

/// protocol 1.3, protocol 15.8
#[test]
fn the_largest_frame_fits_with_what_a_layer_adds() {
    const { assert!(MAX_CARRIED >= MAX_FRAME + 25) };
    let mut datagram = Header { kind: Kind::Hello, token: 0, number: 0 }.alone();
    write_frame(&vec![0; MAX_CARRIED], &mut datagram);
    assert_eq!(datagram.len(), 65_507);
}

proptest! {
    #[test]
    fn frames_that_are_written_are_read(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 1..20)) {
        let mut body = Vec::new();
        frames.iter().for_each(|frame| write_frame(frame, &mut body));
        prop_assert!(Frames::read(&body).unwrap().eq(frames.iter().map(Vec::as_slice)));
    }

    #[test]
    fn any_bytes_are_frames_or_not(body: Vec<u8>) {
        if let Some(frames) = Frames::read(&body) {
            let total: usize = frames.map(|frame| frame.len() + FRAME_LENGTH).sum();
            prop_assert_eq!(total, body.len());
        }
    }
}
