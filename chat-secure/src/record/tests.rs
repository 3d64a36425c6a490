//! The layout of records, how keys follow each other, and what is not opened.

use super::*;

const KEY: RawKey = [7; 32];

fn ends(numbers: Numbers) -> (Sealer, Opener) {
    (Sealer::new(Suite::AesGcm, KEY, numbers), Opener::new(Suite::AesGcm, KEY, numbers))
}

fn sealed(sealer: &mut Sealer, frames: &[&[u8]]) -> Bytes {
    let mut gathered = Vec::new();
    frames.iter().for_each(|frame| sealer.gather(frame, &mut gathered));
    sealer.seal(&mut gathered);
    gathered.into()
}

fn frames(opener: &mut Opener, record: &Bytes) -> Option<Vec<Bytes>> {
    let mut opened = opener.open(record.clone())?;
    let mut frames = Vec::new();
    while let Some(frame) = next_frame(&mut opened).unwrap() {
        frames.push(frame);
    }
    Some(frames)
}

/// protocol 19.6, protocol 19.6.1
#[test]
fn a_record_is_as_the_protocol_says() {
    for suite in Suite::ALL {
        for numbers in [Numbers::Counted, Numbers::Written] {
            let mut sealer = Sealer::new(suite, KEY, numbers);
            for number in 0..3_u64 {
                let mut by_hand = b"\0\x02{}\0\x03abc".to_vec();
                let tag = suite.seal(&KEY, number, &mut by_hand);
                let head: &[u8] = &[&[1], &number.to_be_bytes()[..]].concat();
                let head = if numbers == Numbers::Written { head } else { &head[..1] };
                let record = sealed(&mut sealer, &[b"{}", b"abc"]);
                assert_eq!(record, [head, &by_hand, &tag].concat());
                assert_eq!(record.len(), numbers.overhead() + 2 + LENGTH + 3);
            }
        }
    }
}

/// protocol 19.6.2
#[test]
fn frames_share_a_record_up_to_its_size() {
    for (numbers, size) in [(Numbers::Counted, 16_384), (Numbers::Written, 1173)] {
        let (mut sealer, mut opener) = ends(numbers);
        let frame = vec![b'x'; 150];
        let (mut gathered, mut count) = (Vec::new(), 0);
        while sealer.fits(&gathered, frame.len()) {
            sealer.gather(&frame, &mut gathered);
            count += 1;
        }
        sealer.seal(&mut gathered);
        assert!(gathered.len() <= size && gathered.len() + 152 > size, "{}", gathered.len());
        assert_eq!(frames(&mut opener, &gathered.into()), Some(vec![frame.into(); count]));
        assert!(sealer.fits(&[], 65_000), "a large frame has a record of its own");
    }
}

/// protocol 19.7
#[test]
fn where_records_are_counted_none_is_changed_left_out_or_repeated() {
    let (mut sealer, _) = ends(Numbers::Counted);
    let records: Vec<Bytes> = (0..3).map(|number| sealed(&mut sealer, &[&[number]])).collect();
    let taken = |sequence: &[Bytes]| {
        let (_, mut opener) = ends(Numbers::Counted);
        sequence.iter().map_while(|record| frames(&mut opener, record)).count()
    };
    let [one, two, three] = [&records[0], &records[1], &records[2]].map(Bytes::clone);
    assert_eq!(taken(&[one.clone(), two.clone(), three.clone()]), 3);
    assert_eq!(taken(&[one.clone(), one.clone()]), 1);
    assert_eq!(taken(&[one.clone(), three]), 1);
    assert_eq!(taken(&[two]), 0);
    for at in 0..one.len() {
        let mut changed = one.to_vec();
        changed[at] ^= 0x40;
        assert_eq!(taken(&[changed.into()]), 0, "byte {at}");
        assert_eq!(taken(&[one.slice(..at)]), 0, "{at} bytes");
    }
}

/// protocol 19.10
#[test]
fn keys_follow_each_other_where_records_are_counted() {
    let (mut sealer, mut opener) = ends(Numbers::Counted);
    sealer.next = EPOCH - 2;
    let Opener::Counted { next, .. } = &mut opener else { panic!() };
    *next = EPOCH - 2;
    for number in EPOCH - 2..EPOCH + 2 {
        let record = sealed(&mut sealer, &[b"text"]);
        let key = if number < EPOCH { KEY } else { Suite::AesGcm.next_key(&KEY) };
        assert!(Suite::AesGcm.open(&key, number, &mut record[1..].to_vec()), "the key of record {number}");
        assert!(frames(&mut opener, &record).is_some(), "record {number}");
    }
    assert_ne!(sealer.key, KEY);
}

/// protocol 19.10
#[test]
fn a_record_of_the_epoch_before_may_be_late_and_one_of_another_is_dropped() {
    let (mut sealer, mut opener) = ends(Numbers::Written);
    let record = |sealer: &mut Sealer, number: u64| {
        sealer.next = number;
        sealed(sealer, &[b"text"])
    };
    let first = record(&mut sealer, 0);
    let late =
        [record(&mut sealer, EPOCH - 3), record(&mut sealer, EPOCH - 2), record(&mut sealer, EPOCH - 1)];
    let next = record(&mut sealer, EPOCH);
    let far = record(&mut sealer, 2 * EPOCH);
    assert!(frames(&mut opener, &far).is_none(), "no record of the epoch between was opened");
    assert!(frames(&mut opener, &first).is_some());
    // A forged record of the next epoch changes no key.
    let mut forged = next.to_vec();
    forged[12] ^= 1;
    assert!(frames(&mut opener, &forged.into()).is_none());
    assert!(frames(&mut opener, &late[2]).is_some());
    assert!(frames(&mut opener, &next).is_some());
    assert!(frames(&mut opener, &late[1]).is_some(), "it is late by one epoch");
    assert!(frames(&mut opener, &late[1]).is_none(), "it was taken");
    assert!(frames(&mut opener, &far).is_some());
    assert!(frames(&mut opener, &late[0]).is_none(), "its epoch and its place in the window are gone");
}

/// protocol 19.6.3
#[test]
fn what_is_sealed_is_a_list_of_frames() {
    let suite = Suite::AesGcm;
    for (number, inside) in [&b"\0\0"[..], b"\0\x05abc", b"\0\x01a\0", b""].into_iter().enumerate() {
        let mut opener = Opener::new(suite, KEY, Numbers::Written);
        let mut record = vec![RECORD];
        record.extend((number as u64).to_be_bytes());
        let mut inside = inside.to_vec();
        let tag = suite.seal(&KEY, number as u64, &mut inside);
        record.extend(inside.iter().chain(&tag));
        let Some(mut opened) = opener.open(record.into()) else {
            assert_eq!(inside.len(), 0, "only an empty record is none");
            continue;
        };
        let mut last = next_frame(&mut opened);
        while let Ok(Some(_)) = last {
            last = next_frame(&mut opened);
        }
        assert_eq!(last, Err(NotFrames));
    }
}
