//! Handshakes that succeed, that are refused, and that a machine in between has changed.

use chat_core::wire::MAX_HELLO;

use super::*;

const DICE: Dice = Dice { ephemeral: [4; 32], secret: [5; 32] };

fn keys() -> (StaticKey, StaticKey) {
    (StaticKey::from_private([1; 32]), StaticKey::from_private([2; 32]))
}

fn begin(suite: Suite) -> (Initiator, Responder) {
    let (client, server) = keys();
    let initiator = Initiator::new(suite, &client, [3; 32]);
    let responder = Responder::new(initiator.first(), &server, DICE).unwrap();
    (initiator, responder)
}

fn message(frame: Bytes) -> String {
    String::from_utf8(frame.to_vec()).unwrap()
}

/// protocol 19.2, protocol 19.13
#[test]
fn both_ends_prove_their_keys_and_get_those_of_the_link() {
    for suite in Suite::ALL {
        let (client, server) = keys();
        let (mut initiator, mut responder) = begin(suite);
        let second = responder.answer_to(&initiator.first()).unwrap();
        assert_eq!(initiator.answer(&second), Ok(server.id()));
        let (third, at_client) = initiator.finish().unwrap();
        assert!(responder.third(&third) && responder.wants_ticket());
        let at_server = responder.finish().unwrap();
        assert_eq!((at_client.peer(), at_server.peer()), (server.id(), client.id()));
        assert_eq!(at_client.hash(), at_server.hash());
        assert_eq!(at_client.outcome.sending, at_server.outcome.receiving);
        assert_eq!(at_client.outcome.receiving, at_server.outcome.sending);
        assert_ne!(at_client.outcome.sending, at_client.outcome.receiving);
        assert_eq!(
            (at_client.resumption(), at_server.resumption().secret),
            (at_server.resumption(), DICE.secret)
        );
    }
}

/// protocol 19.2
#[test]
fn the_frames_are_those_of_the_protocol() {
    let (mut initiator, responder) = begin(Suite::AesGcm);
    let first = message(initiator.first());
    let begins = r#"{"type":"secure","protocol":1,"suite":"Noise_XX_25519_AESGCM_SHA256","noise":""#;
    assert!(first.starts_with(begins), "{first}");
    let second = responder.answer_to(&initiator.first()).unwrap();
    initiator.answer(&second).unwrap();
    let (third, _) = initiator.finish().unwrap();
    let lengths =
        [Bytes::from(first), second, third].map(|frame| message::parse(&frame).unwrap().noise.unwrap().len());
    assert_eq!(lengths, [32, 128, 70]);
}

/// protocol 19.11.1
#[test]
fn the_same_question_has_the_same_answer_and_another_has_none() {
    let (initiator, responder) = begin(Suite::ChaChaPoly);
    let second = responder.answer_to(&initiator.first()).unwrap();
    assert_eq!(responder.answer_to(&initiator.first()), Some(second));
    let other = Initiator::new(Suite::ChaChaPoly, &keys().0, [9; 32]).first();
    assert_eq!(responder.answer_to(&other), None);
}

/// `frame` with one bit changed, for each byte of it.
fn changed(frame: &Bytes, bit: u8) -> impl Iterator<Item = Bytes> {
    (0..frame.len()).map(move |at| {
        let mut changed = frame.to_vec();
        changed[at] ^= 1 << bit;
        changed.into()
    })
}

/// A machine in between changes one byte of the first frame: the server refuses it, or the client its answer.
/// (protocol 19.3)
#[test]
fn a_change_of_the_first_frame_is_noticed() {
    let (mut refused, mut noticed) = (0, 0);
    for bit in [0, 1, 5] {
        let (mut initiator, _) = begin(Suite::AesGcm);
        for first in changed(&initiator.first(), bit) {
            match Responder::new(first.clone(), &keys().1, DICE) {
                Err(_) => refused += 1,
                Ok(responder) => {
                    let second = responder.answer_to(&first).unwrap();
                    assert_eq!(initiator.answer(&second), Err(NoAnswer::Changed), "{first:?}");
                    noticed += 1;
                }
            }
        }
    }
    assert!(refused > 100 && noticed > 80, "{refused} {noticed}");
}

/// protocol 19.3, protocol 19.4
#[test]
fn a_change_of_another_frame_is_noticed_and_the_right_one_still_counts() {
    for bit in [0, 1, 5] {
        let (mut initiator, mut responder) = begin(Suite::ChaChaPoly);
        let second = responder.answer_to(&initiator.first()).unwrap();
        for second in changed(&second, bit) {
            assert_eq!(initiator.answer(&second), Err(NoAnswer::Changed), "{second:?}");
        }
        assert_eq!(initiator.answer(&second), Ok(keys().1.id()));
        let (third, _) = initiator.finish().unwrap();
        for third in changed(&third, bit) {
            assert!(!responder.third(&third), "{third:?}");
        }
        assert!(responder.third(&third));
    }
}

/// protocol 19.5
#[test]
fn another_version_or_suite_is_unsupported() {
    let first = message(Initiator::new(Suite::AesGcm, &keys().0, [3; 32]).first());
    for (from, to) in [
        ("\"protocol\":1", "\"protocol\":2"),
        ("\"protocol\":1,", ""),
        ("AESGCM_SHA256", "AESGCM_SHA512"),
        ("Noise_XX", "Noise_NN"),
        ("\"suite\":\"Noise_XX_25519_AESGCM_SHA256\",", ""),
    ] {
        let other = Bytes::from(first.replace(from, to));
        let Err(NoHandshake::Refused(error)) = Responder::new(other, &keys().1, DICE) else {
            panic!("{to} is taken");
        };
        assert_eq!((error.code, error.id), (Code::Unsupported, None));
        assert!(
            !error.message.contains('\n') && error.message.starts_with("this server encrypts"),
            "{error:?}"
        );
    }
}

/// protocol 19.2.1, protocol 19.5
#[test]
fn a_frame_that_begins_no_handshake_is_plain() {
    let hello = r#"{"type":"hello","protocol":1,"name":"ana"}"#;
    let long = format!(r#"{{"type":"secure","noise":"{}"}}"#, "A".repeat(MAX_HELLO));
    for frame in [hello, "{}", "GET / HTTP/1.1", "", r#"{"type":"secure"}"#, &long] {
        let taken = Responder::new(Bytes::from(frame.to_owned()), &keys().1, DICE).unwrap_err();
        assert_eq!(taken, NoHandshake::Plain, "{frame}");
    }
    let (first, short) = (message(Initiator::new(Suite::AesGcm, &keys().0, [3; 32]).first()), "AAAA");
    let noise = first.split('"').nth_back(1).unwrap();
    let Err(NoHandshake::Refused(error)) =
        Responder::new(first.replace(noise, short).into(), &keys().1, DICE)
    else {
        panic!("a key of three bytes is taken");
    };
    assert_eq!(error.code, Code::BadFrame);
}

/// A refusal is shown to the person, so it holds no control characters and is not long.
#[test]
fn a_refusal_is_a_line() {
    let (mut initiator, _) = begin(Suite::AesGcm);
    let text = format!("no\u{1b}[2J\n{}", "x".repeat(5000));
    let error = wire::Error::of(None, Code::Unsupported, text);
    let Err(NoAnswer::Refused { is_final, message }) = initiator.answer(&wire::write(&Event::Error(error)))
    else {
        panic!("a refusal is an answer");
    };
    assert!(is_final && message.starts_with("no[2Jxxx") && message.len() <= WORDS, "{message}");
}
