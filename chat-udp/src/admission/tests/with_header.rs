//! The same decisions about datagrams with a header.

use super::*;
use crate::{
    header::{HEADER, Header, Kind, write_frame},
    parts,
};

const TOKEN: u128 = 0x7f00_0000_0000_0000_0000_0000_0000_0001;

fn datagram(kind: Kind, token: u128, number: u64, frames: &[&[u8]]) -> Vec<u8> {
    let mut datagram = Header { kind, token, number }.alone();
    frames.iter().for_each(|frame| write_frame(frame, &mut datagram));
    datagram
}

fn hello(cookie: u64) -> Vec<u8> {
    datagram(Kind::Hello, TOKEN, cookie, &[b"hi"])
}

fn data(token: u128) -> Vec<u8> {
    datagram(Kind::Data, token, 1, &[b"one", b"two"])
}

/// The cookie of a challenge to the link of [`TOKEN`].
fn cookie_of(outcome: &Outcome) -> Option<u64> {
    let Outcome::Answered(answer) = outcome else { return None };
    let (header, body) = Header::read(answer)?;
    let is_challenge = (header.kind, header.token, body) == (Kind::Challenge, TOKEN, &[]);
    is_challenge.then_some(header.number)
}

fn enter(server: &mut Fixture, from: &str) -> Arc<Peer> {
    let cookie = cookie_of(&server.take(from, &hello(0))).expect("it is challenged");
    match server.take(from, &hello(cookie)) {
        Outcome::Opened(peer, frames) => {
            assert_eq!((peer.token, peer.form), (TOKEN, Form::Header));
            assert_eq!(frames, [b"hi"]);
            peer
        }
        other => panic!("not let in: {other:?}"),
    }
}

/// protocol 15.9, protocol 15.17
#[test]
fn a_hello_has_to_prove_its_address() {
    let mut server = Fixture::new();
    let cookie = cookie_of(&server.take(ANA, &hello(0))).unwrap();
    assert_eq!(server.peers.len(), (0, 0), "nothing is stored");
    assert_eq!(cookie_of(&server.take(ANA, &hello(cookie ^ 1))), Some(cookie));
    assert!(cookie_of(&server.take(BOB, &hello(cookie))).is_some_and(|other| other != cookie));
    assert!(matches!(server.take(ANA, &hello(cookie)), Outcome::Opened(..)));
}

/// protocol 15.10
#[test]
fn a_hello_of_the_same_token_is_of_the_same_link_and_another_token_is_another() {
    let mut server = Fixture::new();
    let peer = enter(&mut server, ANA);
    for cookie in [0, 77] {
        let Outcome::Delivered(same, frames) = server.take(ANA, &hello(cookie)) else {
            panic!("it is known")
        };
        assert!(Arc::ptr_eq(&peer, &same));
        assert_eq!(frames, [b"hi"]);
    }
    let cookie = server.admission.cookies.of(ANA.parse().unwrap());
    let other = datagram(Kind::Hello, TOKEN + 1, cookie, &[b"hi"]);
    assert!(matches!(server.take(ANA, &other), Outcome::Opened(..)));
    assert_eq!(server.peers.len(), (1, 1), "the old one is lost");
    assert!(server.peers.find(TOKEN).is_none());
}

/// protocol 15.11
#[test]
fn a_link_moves_with_a_proof_and_not_without() {
    let mut server = Fixture::new();
    let peer = enter(&mut server, ANA);
    let cookie = cookie_of(&server.take(BOB, &data(TOKEN))).expect("another address is challenged");
    assert_eq!(peer.route().remote, ANA.parse().unwrap());
    for wrong in [0, cookie ^ 1] {
        let proof = datagram(Kind::Proof, TOKEN, wrong, &[]);
        assert_eq!(cookie_of(&server.take(BOB, &proof)), Some(cookie), "a wrong proof is challenged again");
    }
    assert_eq!(peer.route().remote, ANA.parse().unwrap());
    assert!(
        is_dropped(&server.take(BOB, &datagram(Kind::Proof, TOKEN, cookie, &[b"x"]))),
        "a proof has no body"
    );
    assert!(
        is_dropped(&server.take(BOB, &datagram(Kind::Proof, TOKEN, cookie, &[]))),
        "a good one is not answered"
    );
    assert_eq!(peer.route().remote, BOB.parse().unwrap());
    let Outcome::Delivered(same, frames) = server.take(BOB, &data(TOKEN)) else { panic!("it is there") };
    assert!(Arc::ptr_eq(&peer, &same));
    assert_eq!(frames, [b"one", b"two"]);
    assert!(cookie_of(&server.take(ANA, &data(TOKEN))).is_some(), "it is not there any more");
    let cookie = cookie_of(&server.take(ANA, &hello(0))).unwrap();
    assert!(
        matches!(server.take(ANA, &hello(cookie)), Outcome::Delivered(..)),
        "a hello with a cookie moves it too"
    );
    assert_eq!(peer.route().remote, ANA.parse().unwrap());
    assert_eq!(server.peers.len(), (1, 1));
}

/// protocol 15.12
#[test]
fn a_token_that_is_not_known_is_gone() {
    let mut server = Fixture::new();
    let mut part = Header { kind: Kind::Part, token: TOKEN, number: 1 }.alone();
    parts::split(&[0; 2000], TOKEN).next().unwrap().write(&mut part);
    let proof = datagram(Kind::Proof, TOKEN, server.admission.cookies.of(ANA.parse().unwrap()), &[]);
    for unknown in [data(TOKEN), part, proof] {
        let Outcome::Answered(answer) = server.take(ANA, &unknown) else { panic!("it is answered") };
        assert_eq!(answer, Header { kind: Kind::Gone, token: TOKEN, number: 0 }.alone());
        assert!(answer.len() <= unknown.len());
    }
    assert_eq!(server.peers.len(), (0, 0));
}

/// protocol 15.13, protocol 15.17
#[test]
fn most_datagrams_are_dropped() {
    let mut server = Fixture::new();
    let peer = enter(&mut server, ANA);
    let whole = data(TOKEN);
    let mut reserved = whole.clone();
    let mut dropped = vec![
        datagram(Kind::Challenge, TOKEN, 1, &[]),
        datagram(Kind::Gone, TOKEN, 0, &[]),
        datagram(Kind::Data, TOKEN, 1, &[]),
        datagram(Kind::Part, TOKEN, 1, &[b"x"]),
        whole[..HEADER - 1].to_vec(),
        whole[..whole.len() - 1].to_vec(),
        [&whole[..], b"\0"].concat(),
    ];
    for byte in [0, 7, 8, 11, 0x14, 0x15, 0x1f] {
        reserved[0] = byte;
        dropped.push(reserved.clone());
    }
    for datagram in &dropped {
        for from in [ANA, BOB] {
            assert!(is_dropped(&server.take(from, datagram)), "{}", datagram.escape_ascii());
        }
    }
    for from in ["192.168.1.7:0", "224.0.0.251:5353", "0.0.0.0:4000", "192.168.1.1:7000"] {
        assert!(is_dropped(&server.take(from, &hello(0))), "{from}");
    }
    let Outcome::Delivered(same, _) = server.take(ANA, &whole) else { panic!("all of this changed nothing") };
    assert!(Arc::ptr_eq(&peer, &same));
}

/// protocol 15.21
#[test]
fn a_link_keeps_to_the_form_it_began_with() {
    let mut server = Fixture::new();
    enter(&mut server, ANA);
    let ping = r#"{"type":"ping","id":1}"#;
    assert!(is_dropped(&server.say(ANA, ping, None, Some(&token(TOKEN)))));
    let (peer, link) = server.enter(BOB, HELLO);
    for kind in [Kind::Hello, Kind::Data] {
        assert!(is_dropped(&server.take(BOB, &datagram(kind, peer.token, 1, &[b"x"]))));
    }
    assert!(delivered(server.say(BOB, ping, None, Some(&link))).is_some());
}

#[test]
fn without_a_listener_strangers_get_no_answer() {
    let mut server = Fixture::new();
    enter(&mut server, ANA);
    let cookie = server.admission.cookies.of(BOB.parse().unwrap());
    server.admission.close();
    let stranger = |kind, number| datagram(kind, TOKEN + 1, number, &[b"x"]);
    for unknown in [stranger(Kind::Hello, 0), stranger(Kind::Hello, cookie), stranger(Kind::Data, 1)] {
        assert!(is_dropped(&server.take(BOB, &unknown)));
    }
    assert!(matches!(server.take(ANA, &data(TOKEN)), Outcome::Delivered(..)));
    assert!(cookie_of(&server.take(BOB, &data(TOKEN))).is_some(), "the sender knows the token");
}

fn any_datagram() -> impl Strategy<Value = Vec<u8>> {
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::vec(any::<u8>(), 1..40).prop_map(|frame| {
            let mut body = Vec::new();
            write_frame(&frame, &mut body);
            body
        }),
    ];
    let token = prop_oneof![Just(TOKEN), any::<u128>()];
    (0_u8..32, token, any::<u64>(), body).prop_map(|(kind, token, number, body)| {
        [&[kind][..], &token.to_be_bytes(), &number.to_be_bytes(), &body].concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// protocol 15.13
    #[test]
    fn strangers_never_hear_more_than_they_say(datagrams in prop::collection::vec(any_datagram(), 1..40)) {
        let mut server = Fixture::new();
        for datagram in datagrams {
            match server.take(ANA, &datagram) {
                Outcome::Dropped => {}
                Outcome::Answered(answer) => prop_assert!(answer.len() <= datagram.len()),
                other => panic!("nothing was proved: {other:?}"),
            }
        }
        prop_assert_eq!(server.peers.len(), (0, 0));
    }

    /// protocol 15.11
    #[test]
    fn no_stranger_speaks_for_a_peer_without_a_cookie(datagrams in prop::collection::vec(any_datagram(), 1..40)) {
        let mut server = Fixture::new();
        let peer = enter(&mut server, ANA);
        for datagram in datagrams {
            match server.take(BOB, &datagram) {
                Outcome::Dropped => {}
                Outcome::Answered(answer) => prop_assert!(answer.len() <= datagram.len()),
                other => panic!("a stranger was let in: {other:?}"),
            }
        }
        prop_assert_eq!(peer.route().remote, ANA.parse().unwrap());
    }
}
