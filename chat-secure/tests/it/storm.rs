//! Datagrams of an encrypted link that are lost, doubled, late, changed, cut short and forged, as a seed decides.
//!
//! The test sends 20,000 of them, and `cargo run --release -p chat-secure --example datagrams` a million.

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;
use chat_secure::{
    StaticKey, Suite, handshake,
    record::{Numbers, Opener, RECORD, Sealer, next_frame},
};

/// What became of the datagrams.
#[derive(Debug, Default)]
pub struct Tally {
    /// Records that arrived for the first time and in time, and were taken.
    pub taken: u64,
    /// Of those, the ones that a later one had overtaken.
    pub late: u64,
    /// Records that never arrived.
    pub lost: u64,
    /// Records that came again and were dropped.
    pub repeated: u64,
    /// Records that came after more than 2,048 later ones and were dropped.
    pub too_old: u64,
    /// Datagrams that the client did not send: changed, cut short or made up. All were dropped.
    pub forged: u64,
}

/// Sends `count` records through the weather of `seed`.
///
/// # Panics
/// When a record is taken twice, or is dropped although it is new and within the window, or a forged one is taken.
pub fn run(count: u64, suite: Suite, seed: u64) -> Tally {
    let (mut sealer, mut opener) = ends(suite);
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut tally = Tally::default();
    let (mut taken, mut newest) = (HashSet::new(), 0);
    // What is on its way: the number before which each arrives.
    let mut late: VecDeque<(u64, u64, Bytes)> = VecDeque::new();
    let mut old: Vec<(u64, Bytes)> = Vec::new();
    for number in 0..count {
        let record = sealed(&mut sealer, number);
        let mut arrivals: Vec<(u64, Bytes)> = Vec::new();
        match rng.u8(0..100) {
            0..20 => tally.lost += 1,
            20..40 => late.push_back((number + rng.u64(1..3000), number, record.clone())),
            _ => arrivals.push((number, record.clone())),
        }
        if rng.u8(0..100) < 10 {
            late.push_back((number + rng.u64(0..4000), number, record.clone()));
        }
        if rng.u8(0..100) == 0 {
            old.push((number, record.clone()));
        }
        if rng.u8(0..100) < 3 && !old.is_empty() {
            arrivals.push(old[rng.usize(..old.len())].clone());
        }
        if rng.u8(0..100) < 5 {
            let forged = forged(&record, &mut rng);
            assert_eq!(opener.open(forged.clone()), None, "{forged:?} is taken, seed {seed}");
            tally.forged += 1;
        }
        let due = late
            .iter()
            .filter(|(due, ..)| *due <= number)
            .map(|(_, number, record)| (*number, record.clone()));
        arrivals.extend(due);
        late.retain(|(due, ..)| *due > number);
        for (number, record) in arrivals {
            let is_known = taken.contains(&number);
            let is_in_window = number > newest || newest - number < WINDOW;
            let opened =
                opener.open(record).map(|mut opened| next_frame(&mut opened).expect("a list of frames"));
            if is_known || !is_in_window {
                assert_eq!(opened, None, "record {number} is taken again or too late, seed {seed}");
                *if is_known { &mut tally.repeated } else { &mut tally.too_old } += 1;
                continue;
            }
            assert_eq!(opened, Some(Some(text(number))), "record {number}, seed {seed}");
            taken.insert(number);
            tally.taken += 1;
            tally.late += u64::from(number < newest);
            newest = newest.max(number);
        }
    }
    assert_eq!(taken.len() as u64, tally.taken);
    tally
}

/// A datagram that no client has sent.
fn forged(record: &Bytes, rng: &mut fastrand::Rng) -> Bytes {
    let mut forged = record.to_vec();
    match rng.u8(0..4) {
        0 => {
            let at = rng.usize(..forged.len());
            forged[at] ^= 1 << rng.u8(0..8);
        }
        1 => forged.truncate(rng.usize(..forged.len())),
        2 => forged.push(rng.u8(..)),
        _ => {
            // Of a number that would push the window on.
            let far = rng.u64(..);
            forged = vec![RECORD];
            forged.extend(far.to_be_bytes());
            forged.extend(std::iter::repeat_with(|| rng.u8(..)).take(60));
        }
    }
    forged.into()
}

fn sealed(sealer: &mut Sealer, number: u64) -> Bytes {
    let mut record = Vec::new();
    sealer.gather(&text(number), &mut record);
    sealer.seal(&mut record);
    record.into()
}

fn text(number: u64) -> Bytes {
    format!(r#"{{"type":"say","id":{number},"room":"lobby","text":"hello"}}"#).into()
}

fn ends(suite: Suite) -> (Sealer, Opener) {
    let (client, server) = (StaticKey::from_private([1; 32]), StaticKey::from_private([2; 32]));
    let (at_client, at_server) = handshake::between(suite, &client, &server);
    (at_client.into_records(Numbers::Written).0, at_server.into_records(Numbers::Written).1)
}

/// protocol 19.9
const WINDOW: u64 = 2048;
