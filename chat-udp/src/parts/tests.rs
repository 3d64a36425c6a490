//! Parts that come, come twice, come in any order, or never.

use chat_core::Runtime;
use chat_testkit::virtual_time::VirtualTime;
use proptest::prelude::*;

use super::*;

fn frame(len: usize, seed: u64) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| rng.u8(..)).take(len).collect()
}

fn now() -> Instant {
    VirtualTime::new(1).now()
}

/// Bytes before those of the frame.
const PART_HEADER: usize = 8 + 2 + 1;

/// All parts as they travel.
fn bodies(frame: &[u8]) -> Vec<Vec<u8>> {
    let body = |part: Part<'_>| {
        let mut body = Vec::new();
        part.write(&mut body);
        body
    };
    split(frame, 7).map(body).collect()
}

fn take(reassembly: &mut Reassembly, body: &[u8], now: Instant) -> Option<Bytes> {
    reassembly.take(&Part::read(body).expect("it is a part"), now)
}

/// protocol 15.19
#[test]
fn a_frame_of_any_size_comes_out_whole() {
    for len in [1, 1023, 1024, 1025, 2048, 3000, 8192, 65_443, MAX_CARRIED] {
        let (sent, mut reassembly) = (frame(len, 1), Reassembly::default());
        let bodies = bodies(&sent);
        assert_eq!(bodies.len(), len.div_ceil(1024));
        assert!(bodies.iter().all(|body| body.len() <= PART_HEADER + PART));
        let (last, before) = bodies.split_last().unwrap();
        assert!(before.iter().all(|body| take(&mut reassembly, body, now()).is_none()));
        assert_eq!(take(&mut reassembly, last, now()).unwrap(), sent);
        assert!(reassembly.is_empty());
    }
}

/// protocol 15.20
#[test]
fn a_frame_that_is_sent_again_completes_the_first_try() {
    let (sent, mut reassembly) = (frame(5000, 2), Reassembly::default());
    let (first, second) = (bodies(&sent), bodies(&sent));
    for body in &first[1..] {
        assert_eq!(take(&mut reassembly, body, now()), None);
    }
    assert_eq!(
        take(&mut reassembly, &second[0], now()).unwrap(),
        sent,
        "its other parts came with the first try"
    );
}

/// protocol 15.20
#[test]
fn a_part_that_no_frame_has_is_none() {
    let good = bodies(&frame(3000, 3)).remove(2);
    assert!(Part::read(&good).is_some());
    let with = |at: usize, byte: u8| {
        let mut body = good.clone();
        body[at] = byte;
        body
    };
    for (body, why) in [
        (good[..10].to_vec(), "cut within its header"),
        (good[..11].to_vec(), "without bytes"),
        (good[..good.len() - 1].to_vec(), "too short"),
        ([&good[..], b"x"].concat(), "too long"),
        (with(10, 1), "not the last one"),
        (with(10, 3), "behind the end"),
        (with(10, 255), "far behind the end"),
        (with(8, 0xff), "of another length"),
        ([&[0; 8][..], &[0xff, 0xff, 0], &[0; PART]].concat(), "of a frame over the limit"),
        ([&[0; 8][..], &[0, 0, 0]].concat(), "of an empty frame"),
    ] {
        assert_eq!(Part::read(&body), None, "{why}");
    }
}

/// protocol 15.20
#[test]
fn frames_that_are_never_finished_hold_a_bounded_amount_and_not_for_ever() {
    let mut reassembly = Reassembly::default();
    let begun = now();
    for number in 0..2000 {
        let sent = frame(MAX_CARRIED, number);
        for body in bodies(&sent).iter().skip(1) {
            assert_eq!(take(&mut reassembly, body, begun), None);
            assert!(reassembly.held() <= BYTES && reassembly.frames.len() <= FRAMES);
        }
        if number == 3 {
            break;
        }
    }
    for number in 10..1000 {
        take(&mut reassembly, &bodies(&frame(2000, number))[0], begun);
        assert!(reassembly.held() <= BYTES && reassembly.frames.len() <= FRAMES);
    }
    assert_eq!(reassembly.frames.len(), FRAMES);
    let sent = frame(2000, 5000);
    let [first, second] = &bodies(&sent)[..] else { panic!("it has two parts") };
    assert_eq!(take(&mut reassembly, first, begun + DEADLINE), None);
    assert_eq!(reassembly.frames.len(), 1, "those of before are dropped");
    assert_eq!(take(&mut reassembly, second, begun + DEADLINE + DEADLINE / 2).unwrap(), sent);
}

/// protocol 15.20
#[test]
fn other_bytes_of_a_part_that_is_there_change_nothing() {
    let (sent, mut reassembly) = (frame(3000, 4), Reassembly::default());
    let bodies = bodies(&sent);
    take(&mut reassembly, &bodies[0], now());
    let mut forged = bodies[0].clone();
    forged[500] ^= 1;
    assert_eq!(take(&mut reassembly, &forged, now()), None);
    take(&mut reassembly, &bodies[1], now());
    assert_eq!(take(&mut reassembly, &bodies[2], now()).unwrap(), sent);
}

proptest! {
    /// protocol 15.20
    #[test]
    fn frames_come_out_as_they_were_sent_or_not_at_all(
        lens in prop::collection::vec(1_usize..20_000, 1..6),
        lost in 0_u8..60,
        seed: u64,
    ) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let sent: Vec<Vec<u8>> = (0..).zip(&lens).map(|(number, len)| frame(*len, number)).collect();
        let mut bodies: Vec<Vec<u8>> = sent.iter().flat_map(|sent| bodies(sent)).collect();
        let complete = bodies.clone();
        bodies.extend(complete.iter().filter(|_| rng.u8(..100) < 20).cloned());
        bodies.retain(|_| rng.u8(..100) >= lost);
        rng.shuffle(&mut bodies);
        let (mut reassembly, mut came) = (Reassembly::default(), Vec::new());
        for body in bodies.iter().chain(&complete) {
            came.extend(take(&mut reassembly, body, now()));
        }
        prop_assert!(came.iter().all(|whole| sent.iter().any(|sent| sent == whole)));
        prop_assert!(sent.iter().all(|sent| came.iter().any(|whole| sent == whole)), "all parts came in the end");
    }

    #[test]
    fn any_bytes_are_a_part_or_not(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1100), 1..50)) {
        let mut reassembly = Reassembly::default();
        for body in &bodies {
            if let Some(part) = Part::read(body) {
                reassembly.take(&part, now());
            }
        }
        prop_assert!(reassembly.held() <= BYTES);
    }
}
