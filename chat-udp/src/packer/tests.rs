//! Which frames share a datagram.

use super::*;
use crate::{
    header::Frames,
    parts::{PART, Part},
};

const TOKEN: u128 = 7;
/// Bytes of a part before those of its frame.
const PART_HEADER: usize = 8 + 2 + 1;

/// The kinds, numbers and lengths of the datagrams.
fn shapes(packer: &Packer) -> Vec<(Kind, u64, usize)> {
    let shape = |datagram: &[u8]| {
        let (header, _) = Header::read(datagram).expect("it has a header");
        assert_eq!(header.token, TOKEN);
        (header.kind, header.number, datagram.len())
    };
    packer.datagrams().map(shape).collect()
}

fn frames(packer: &Packer) -> Vec<Vec<u8>> {
    let body = |datagram| Frames::read(Header::read(datagram).unwrap().1).expect("it has frames");
    packer.datagrams().flat_map(body).map(<[u8]>::to_vec).collect()
}

/// protocol 15.18
#[test]
fn small_frames_share_a_datagram_of_a_safe_size() {
    let mut packer = Packer::new(TOKEN);
    let sent: Vec<Vec<u8>> = (0..20).map(|number| vec![number; 150]).collect();
    sent.iter().for_each(|frame| packer.add(frame));
    let of = |frames: usize| HEADER + frames * 152;
    assert_eq!(shapes(&packer), [(Kind::Data, 1, of(7)), (Kind::Data, 2, of(7)), (Kind::Data, 3, of(6))],);
    assert_eq!(frames(&packer), sent);
    packer.clear();
    assert!(packer.is_empty() && packer.datagrams().next().is_none());
    packer.add(b"next");
    assert_eq!(shapes(&packer), [(Kind::Data, 4, HEADER + 6)], "the count goes on");
}

/// protocol 15.18, protocol 15.19
#[test]
fn a_frame_over_the_safe_size_goes_in_parts_and_keeps_its_place() {
    let largest = PACKED - HEADER - FRAME_LENGTH;
    let mut packer = Packer::new(TOKEN);
    for len in [10, largest, largest + 1, 10] {
        packer.add(&vec![b'x'; len]);
    }
    let rest = largest + 1 - PART;
    assert_eq!(
        shapes(&packer),
        [
            (Kind::Data, 1, HEADER + 12),
            (Kind::Data, 2, PACKED),
            (Kind::Part, 3, HEADER + PART_HEADER + PART),
            (Kind::Part, 4, HEADER + PART_HEADER + rest),
            (Kind::Data, 5, HEADER + 12),
        ]
    );
    let parts = packer
        .datagrams()
        .filter_map(|datagram| Header::read(datagram))
        .filter(|(header, _)| header.kind == Kind::Part);
    assert!(parts.map(|(_, body)| Part::read(body).expect("it is a part").index).eq([0, 1]));
}

/// protocol 15.17
#[test]
fn a_hello_is_one_datagram_and_a_proof_has_no_body() {
    let mut packer = Packer::new(TOKEN);
    packer.add_hello(&[b'x'; 3000], 0);
    packer.add_hello(b"again", 9);
    packer.add_proof(9);
    assert_eq!(
        shapes(&packer),
        [(Kind::Hello, 0, HEADER + 3002), (Kind::Hello, 9, HEADER + 7), (Kind::Proof, 9, HEADER)]
    );
}

#[test]
fn a_turn_is_sent_before_it_grows_without_end() {
    let mut packer = Packer::new(TOKEN);
    while !packer.is_full() {
        packer.add(&[b'x'; MAX_CARRIED]);
    }
    assert_eq!(packer.datagrams().count(), 64);
}
