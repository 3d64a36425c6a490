//! What it costs to find frames in a stream, and to put them there: `cargo bench -p chat-tcp --bench frame`.

use std::hint::black_box;

use bytes::Bytes;
use chat_core::wire::MAX_FRAME;
use chat_tcp::frame::{Decoder, encode};
use divan::{Bencher, counter::ItemsCount};

fn main() {
    divan::main();
}

/// A hundred frames one behind the other.
#[divan::bench(args = [20, 200, 8192])]
fn encode_a_hundred(bencher: Bencher<'_, '_>, length: usize) {
    let frame = vec![b'x'; length];
    let mut out = Vec::with_capacity(100 * (length + 4));
    bencher.counter(ItemsCount::new(100usize)).bench_local(|| {
        out.clear();
        for _ in 0..100 {
            encode(black_box(&frame), MAX_FRAME, &mut out).expect("it is no larger than frames may be");
        }
        out.len()
    });
}

/// A hundred frames that came with one read.
#[divan::bench(args = [20, 200, 8192])]
fn decode_a_hundred(bencher: Bencher<'_, '_>, length: usize) {
    let stream = stream(length);
    bencher.counter(ItemsCount::new(100usize)).bench_local(|| {
        let (mut decoder, mut input, mut frames) = (Decoder::new(MAX_FRAME), stream.clone(), 0);
        while let Some(frame) = decoder.decode(&mut input).expect("it is a stream of frames") {
            frames += usize::from(!black_box(frame).is_empty());
        }
        assert_eq!(frames, 100);
    });
}

/// A hundred frames that came with reads of 1,448 bytes, as packets bring them.
#[divan::bench(args = [20, 200, 8192])]
fn decode_a_hundred_in_pieces(bencher: Bencher<'_, '_>, length: usize) {
    let stream = stream(length);
    bencher.counter(ItemsCount::new(100usize)).bench_local(|| {
        let (mut decoder, mut frames) = (Decoder::new(MAX_FRAME), 0);
        for mut piece in stream.chunks(1448) {
            while let Some(frame) = decoder.decode(&mut piece).expect("it is a stream of frames") {
                frames += usize::from(!black_box(frame).is_empty());
            }
        }
        assert_eq!(frames, 100);
    });
}

fn stream(length: usize) -> Bytes {
    let mut out = Vec::new();
    for _ in 0..100 {
        encode(&vec![b'x'; length], MAX_FRAME, &mut out).expect("it is no larger than frames may be");
    }
    out.into()
}
