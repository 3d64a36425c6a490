//! What a decoder costs while a frame is on its way.

use super::*;

fn begun(len: u32, body: usize) -> Decoder {
    let mut decoder = Decoder::new(65_507);
    assert_eq!(decoder.decode(&mut &len.to_be_bytes()[..]), Ok(None));
    assert_eq!(decoder.decode(&mut &vec![b'x'; body][..]), Ok(None));
    decoder
}

#[test]
fn an_announced_length_costs_nothing_before_its_bytes_come() {
    assert_eq!(begun(65_507, 0).body.capacity(), 0);
    assert_eq!(begun(65_507, 1).body.capacity(), 4096);
    assert_eq!(begun(100, 1).body.capacity(), 100);
    assert_eq!(begun(65_507, 20_000).body.capacity(), 20_000);
    let refused = Decoder::new(65_507).decode(&mut &[0, 0, 0xff, 0xff][..]);
    assert_eq!(refused, Err(FrameError::Announced { len: 65_535, max: 65_507 }));
}

#[test]
fn the_buffer_doubles_up_to_the_frame_and_goes_with_it() {
    let mut decoder = begun(65_507, 0);
    let mut sizes = Vec::new();
    for byte in [b'x'; 65_506] {
        assert_eq!(decoder.decode(&mut &[byte][..]), Ok(None));
        sizes.push(decoder.body.capacity());
    }
    sizes.dedup();
    assert_eq!(sizes, [4096, 8192, 16_384, 32_768, 65_507]);
    let frame = decoder.decode(&mut &b"x"[..]).unwrap().expect("the last byte");
    assert_eq!(frame.len(), 65_507);
    assert_eq!((decoder.body.capacity(), decoder.partial_len()), (0, 0));
}

#[test]
fn a_frame_within_a_block_is_not_copied() {
    let mut block = Vec::new();
    encode(b"one", 10, &mut block).unwrap();
    encode(b"two", 10, &mut block).unwrap();
    let mut block = Bytes::from(block);
    let inside = block.as_ptr_range();
    let frame = Decoder::new(10).decode(&mut block).unwrap().expect("it is whole");
    assert!(inside.contains(&frame.as_ptr()));
}
