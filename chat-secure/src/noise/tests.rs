//! The known vectors of both suites, and messages that were changed on their way.

use serde::Deserialize;

use super::*;

/// Vectors of the projects snow and cacophony, as snow publishes them.
const VECTORS: &str = include_str!("vectors.json");

#[derive(Deserialize)]
struct Vector {
    protocol_name: String,
    init_prologue: String,
    init_static: Option<String>,
    init_ephemeral: String,
    resp_static: Option<String>,
    init_psks: Option<[String; 1]>,
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
    let name = &vector.protocol_name;
    let suite = Suite::named(name).or(Suite::named_with_ticket(name)).unwrap();
    let prologue = bytes(&vector.init_prologue);
    let secret = vector.init_psks.as_ref().map(|[secret]| key(secret));
    let [initiator, responder] =
        [&vector.init_static, &vector.resp_static].map(|own| own.as_deref().map(key));
    let pattern = |own| match &secret {
        Some(secret) => Pattern::Secret(secret),
        None => Pattern::Full(Option::as_ref(own).unwrap()),
    };
    let initiator = Noise::initiator(suite, pattern(&initiator), key(&vector.init_ephemeral), &prologue);
    let responder = Noise::responder(suite, pattern(&responder), key(&vector.resp_ephemeral), &prologue);
    (suite, initiator, responder)
}

/// protocol 19.1, protocol 19.17
#[test]
fn the_known_vectors_hold_for_handshakes_and_records() {
    let vectors: Vec<Vector> = serde_json::from_str(VECTORS).unwrap();
    assert_eq!(vectors.len(), 6);
    for vector in vectors {
        let (suite, mut initiator, mut responder) = pair(&vector);
        let (handshake, records) = vector.messages.split_at(if vector.init_psks.is_some() { 2 } else { 3 });
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
        let known = |of: &Option<String>| of.as_deref().map(|own| public(&key(own)));
        assert_eq!(responder.peer(), known(&vector.init_static));
        assert_eq!(initiator.peer(), known(&vector.resp_static));
        let (here, there) = (initiator.finish().unwrap(), responder.finish().unwrap());
        assert_eq!((here.sending, here.receiving), (there.receiving, there.sending));
        assert_eq!(here.hash, there.hash);
        if let Some(hash) = vector.handshake_hash {
            assert_eq!(here.hash.to_vec(), bytes(&hash));
        }
        for (place, message) in records.iter().enumerate() {
            // Both write in turn, from the first message of the handshake on.
            let sender = if (place + handshake.len()) % 2 == 0 { &here } else { &there };
            let mut record = bytes(&message.payload);
            let number = place as u64 / 2;
            let tag = suite.seal(&sender.sending, number, &mut record);
            record.extend(tag);
            assert_eq!(record, bytes(&message.ciphertext), "record {place} of {suite}");
            assert!(suite.open(&sender.sending, number, &mut record));
        }
    }
}

/// protocol 19.20
#[test]
fn a_changed_answer_to_a_ticket_is_refused_and_the_right_one_still_read() {
    for suite in Suite::ALL {
        let mut initiator = Noise::initiator(suite, Pattern::Secret(&[1; 32]), [2; 32], b"p");
        let mut responder = Noise::responder(suite, Pattern::Secret(&[1; 32]), [4; 32], b"p");
        responder.read(&initiator.write(&[])).unwrap();
        let message = responder.write(&[]);
        for at in 0..message.len() {
            let mut changed = message.clone();
            changed[at] ^= 1;
            assert_eq!(initiator.read(&changed), None, "byte {at}");
        }
        assert_eq!(initiator.read(&message), Some(Vec::new()));
    }
}

/// protocol 19.4
#[test]
fn a_changed_answer_is_refused_and_the_right_one_still_read() {
    for suite in Suite::ALL {
        let mut initiator = Noise::initiator(suite, Pattern::Full(&[1; 32]), [2; 32], b"p");
        let mut responder = Noise::responder(suite, Pattern::Full(&[3; 32]), [4; 32], b"p");
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
