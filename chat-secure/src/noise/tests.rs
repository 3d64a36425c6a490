//! The known vectors of both suites, and messages that were changed on their way.

use serde::Deserialize;

use super::*;

/// Vectors of the projects snow and cacophony, as snow publishes them.
const VECTORS: &str = include_str!("vectors.json");

#[derive(Deserialize)]
struct Vector {
    protocol_name: String,
    init_prologue: String,
    init_static: String,
    init_ephemeral: String,
    resp_static: String,
    resp_ephemeral: String,
    handshake_hash: Option<String>,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    payload: String,
    ciphertext: String,
}

fn bytes(hex: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap()
}

fn key(hex: &str) -> RawKey {
    bytes(hex).try_into().unwrap()
}

fn pair(vector: &Vector) -> (Suite, Noise, Noise) {
    let suite = Suite::named(&vector.protocol_name).unwrap();
    let prologue = bytes(&vector.init_prologue);
    let initiator =
        Noise::initiator(suite, &key(&vector.init_static), key(&vector.init_ephemeral), &prologue);
    let responder =
        Noise::responder(suite, &key(&vector.resp_static), key(&vector.resp_ephemeral), &prologue);
    (suite, initiator, responder)
}

/// protocol 19.1
#[test]
fn the_known_vectors_hold_for_handshakes_and_records() {
    let vectors: Vec<Vector> = serde_json::from_str(VECTORS).unwrap();
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        let (suite, mut initiator, mut responder) = pair(&vector);
        let (handshake, records) = vector.messages.split_at(3);
        for (place, message) in handshake.iter().enumerate() {
            let payload = bytes(&message.payload);
            let (from, to) = match place {
                1 => (&mut responder, &mut initiator),
                _ => (&mut initiator, &mut responder),
            };
            let written = from.write(&payload);
            assert_eq!(written, bytes(&message.ciphertext), "message {place} of {suite}");
            assert_eq!(to.read(&written), Some(payload));
        }
        let (here, there) = (initiator.finish().unwrap(), responder.finish().unwrap());
        assert_eq!((here.sending, here.receiving), (there.receiving, there.sending));
        assert_eq!(here.hash, there.hash);
        assert_eq!(there.peer, public(&key(&vector.init_static)));
        assert_eq!(here.peer, public(&key(&vector.resp_static)));
        if let Some(hash) = vector.handshake_hash {
            assert_eq!(here.hash.to_vec(), bytes(&hash));
        }
        for (place, message) in records.iter().enumerate() {
            // The responder writes the first record after the handshake, and then both in turn.
            let sender = if place % 2 == 0 { &there } else { &here };
            let mut record = bytes(&message.payload);
            let number = place as u64 / 2;
            let tag = suite.seal(&sender.sending, number, &mut record);
            record.extend(tag);
            assert_eq!(record, bytes(&message.ciphertext), "record {place} of {suite}");
            assert!(suite.open(&sender.sending, number, &mut record));
        }
    }
}

/// protocol 19.4
#[test]
fn a_changed_answer_is_refused_and_the_right_one_still_read() {
    for suite in Suite::ALL {
        let mut initiator = Noise::initiator(suite, &[1; 32], [2; 32], b"p");
        let mut responder = Noise::responder(suite, &[3; 32], [4; 32], b"p");
        responder.read(&initiator.write(&[])).unwrap();
        let message = responder.write(&[]);
        for at in 0..message.len() {
            let mut changed = message.clone();
            changed[at] ^= 1;
            assert_eq!(initiator.read(&changed), None, "byte {at}");
        }
        assert_eq!(initiator.read(&message[1..]), None);
        assert_eq!(initiator.read(&message), Some(Vec::new()));
    }
}
