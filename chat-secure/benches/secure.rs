//! What encrypting costs: sealing and opening, by the size of what leaves at once, and a handshake. Each sealing is compared
//! with gathering the same frames without it.

use bytes::Bytes;
use chat_secure::{
    StaticKey, Suite,
    handshake::{self, Dice, Initiator, Responder},
    record::{Numbers, Opener, Sealer, next_frame},
};
use divan::{Bencher, black_box, counter::ItemsCount};

fn main() {
    divan::main();
}

/// Frames of 150 bytes, about as many as a message has with its fields, that leave with one flush.
const COUNTS: [usize; 3] = [1, 7, 100];

#[divan::bench(args = COUNTS)]
fn gather_alone(bencher: Bencher<'_, '_>, frames: usize) {
    let (sealer, _) = ends(Suite::AesGcm, Numbers::Counted);
    let mut record = Vec::with_capacity(17_000);
    bencher.counter(ItemsCount::new(frames)).bench_local(|| {
        record.clear();
        (0..frames).for_each(|_| sealer.gather(&[b'x'; 150], &mut record));
        black_box(Bytes::copy_from_slice(&record))
    });
}

#[divan::bench(args = COUNTS)]
fn seal_aes(bencher: Bencher<'_, '_>, frames: usize) {
    seal(bencher, Suite::AesGcm, frames);
}

#[divan::bench(args = COUNTS)]
fn seal_chacha(bencher: Bencher<'_, '_>, frames: usize) {
    seal(bencher, Suite::ChaChaPoly, frames);
}

fn seal(bencher: Bencher<'_, '_>, suite: Suite, frames: usize) {
    let (mut sealer, _) = ends(suite, Numbers::Counted);
    let mut record = Vec::with_capacity(17_000);
    bencher.counter(ItemsCount::new(frames)).bench_local(|| {
        record.clear();
        (0..frames).for_each(|_| sealer.gather(&[b'x'; 150], &mut record));
        sealer.seal(&mut record);
        black_box(Bytes::copy_from_slice(&record))
    });
}

#[divan::bench(args = COUNTS)]
fn open_aes(bencher: Bencher<'_, '_>, frames: usize) {
    let (mut sealer, opener) = ends(Suite::AesGcm, Numbers::Written);
    let opener = std::cell::RefCell::new(opener);
    bencher
        .counter(ItemsCount::new(frames))
        .with_inputs(|| {
            let mut record = Vec::new();
            (0..frames).for_each(|_| sealer.gather(&[b'x'; 150], &mut record));
            sealer.seal(&mut record);
            Bytes::from(record)
        })
        .bench_local_values(|record| {
            let mut opened = opener.borrow_mut().open(record).expect("it was sealed");
            while let Ok(Some(frame)) = next_frame(&mut opened) {
                black_box(frame);
            }
        });
}

/// The server's half of a handshake: the answer, and the keys once the third frame has come.
#[divan::bench]
fn answer_a_handshake(bencher: Bencher<'_, '_>) {
    let (client, server) = (StaticKey::from_private([1; 32]), StaticKey::from_private([2; 32]));
    let mut initiator = Initiator::new(Suite::AesGcm, &client, [3; 32]);
    let first = initiator.first();
    let responder = Responder::new(first.clone(), &server, DICE).expect("it begins a handshake");
    initiator.answer(&responder.answer_to(&first).expect("it is the first frame")).expect("it is the answer");
    let (third, _) = initiator.finish().expect("the answer came");
    bencher.bench_local(|| {
        let mut responder = Responder::new(first.clone(), &server, DICE).expect("it begins a handshake");
        assert!(responder.third(&third));
        responder.finish()
    });
}

fn ends(suite: Suite, numbers: Numbers) -> (Sealer, Opener) {
    let (client, server) = (StaticKey::from_private([1; 32]), StaticKey::from_private([2; 32]));
    let (at_client, at_server) = handshake::between(suite, &client, &server);
    (at_client.into_records(numbers).0, at_server.into_records(numbers).1)
}

const DICE: Dice = Dice { ephemeral: [4; 32], secret: [5; 32] };
