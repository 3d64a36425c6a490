//! Which datagrams open a link, which are delivered, which are answered, and which are dropped; in the form without header.
//! `tests/with_header.rs` asks the same of the other form.

use std::time::Duration;

use chat_core::{Runtime, token};
use chat_testkit::virtual_time::VirtualTime;
use proptest::prelude::*;

use super::*;

mod with_header;

const HELLO: &str = r#"{"type":"hello","protocol":1,"name":"ana","client":"q83vEjRWeJCrze8SNFZ4kA"}"#;
const ANA: &str = "192.168.1.7:4000";
const BOB: &str = "192.168.1.8:4000";

/// The decisions of a server.
struct Fixture {
    admission: Admission,
    peers: Arc<Peers>,
    now: Instant,
}

/// A decision, with frames of its own.
#[derive(Debug)]
enum Outcome {
    Dropped,
    Delivered(Arc<Peer>, Vec<Vec<u8>>),
    Opened(Arc<Peer>, Vec<Vec<u8>>),
    Answered(Vec<u8>),
}

impl Fixture {
    fn new() -> Fixture {
        let time = VirtualTime::new(1);
        let peers = Arc::new(Peers::default());
        let own = "0.0.0.0:7000".parse().unwrap();
        Fixture { admission: Admission::new(own, peers.clone(), time.shared()), peers, now: time.now() }
    }

    fn take(&mut self, from: &str, datagram: &[u8]) -> Outcome {
        let to = Some(IpAddr::from([192, 168, 1, 1]));
        let datagram = Datagram { from: from.parse().unwrap(), to, bytes: datagram };
        let frames = |content: Content<'_>| match content {
            Content::Frame(frame) => vec![frame.to_vec()],
            Content::Frames(frames) => frames.map(<[u8]>::to_vec).collect(),
            Content::Part(part) => vec![part.bytes.to_vec()],
        };
        match self.admission.decide(&datagram, self.now) {
            Verdict::Drop => Outcome::Dropped,
            Verdict::Deliver(peer, content) => Outcome::Delivered(peer, frames(content)),
            Verdict::Open(peer, content) => Outcome::Opened(peer, frames(content)),
            Verdict::Answer(answer) => Outcome::Answered(answer),
        }
    }

    fn say(&mut self, from: &str, frame: &str, cookie: Option<&str>, link: Option<&str>) -> Outcome {
        self.take(from, &crate::json_form::add_fields(frame.as_bytes(), cookie, link))
    }

    /// The cookie of the challenge to `from`.
    fn cookie(&mut self, from: &str) -> String {
        challenged(&self.say(from, HELLO, None, None)).unwrap()
    }

    /// Opens a link; returns its token.
    fn enter(&mut self, from: &str, hello: &str) -> (Arc<Peer>, String) {
        let cookie = self.cookie(from);
        match self.say(from, hello, Some(&cookie), None) {
            Outcome::Opened(peer, frames) => {
                assert_eq!(frames, [hello.as_bytes()]);
                let link = token(peer.token);
                (peer, link)
            }
            other => panic!("not let in: {other:?}"),
        }
    }
}

fn challenged(outcome: &Outcome) -> Option<String> {
    let Outcome::Answered(answer) = outcome else { return None };
    let answer = std::str::from_utf8(answer).ok()?;
    let cookie = answer.strip_prefix(r#"{"type":"challenge","cookie":""#)?.strip_suffix(r#""}"#)?;
    Some(cookie.to_owned())
}

fn is_dropped(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Dropped)
}

fn delivered(outcome: Outcome) -> Option<(Arc<Peer>, String)> {
    match outcome {
        Outcome::Delivered(peer, frames) => {
            let [frame] = &frames[..] else { panic!("a datagram without header is one frame: {frames:?}") };
            Some((peer, String::from_utf8(frame.clone()).unwrap()))
        }
        _ => None,
    }
}

/// protocol 15.9
#[test]
fn a_hello_has_to_prove_its_address() {
    let mut server = Fixture::new();
    let cookie = server.cookie(ANA);
    assert_eq!(server.peers.len(), (0, 0), "nothing is stored");
    assert!(challenged(&server.say(BOB, HELLO, Some(&cookie), None)).is_some(), "the cookie is another's");
    assert!(challenged(&server.say(ANA, HELLO, Some("p1s0zqW8J6k"), None)).is_some());
    server.now += Duration::from_secs(31);
    server.cookie(BOB); // the secret is replaced when somebody comes
    assert!(
        matches!(server.say(ANA, HELLO, Some(&cookie), None), Outcome::Opened(..)),
        "the one before is good"
    );
    server.now += Duration::from_secs(31);
    assert!(challenged(&server.say(ANA, HELLO, Some(&cookie), None)).is_some(), "it is too old");
}

/// protocol 15.10
#[test]
fn a_hello_that_comes_again_is_of_the_same_link_and_another_one_is_not() {
    let mut server = Fixture::new();
    let (first, _) = server.enter(ANA, HELLO);
    server.now += Duration::from_secs(40); // another cookie, the same hello
    let cookie = server.cookie(ANA);
    let (again, frame) = delivered(server.say(ANA, HELLO, Some(&cookie), None)).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    assert_eq!(frame, HELLO);
    let other = HELLO.replace("ana", "ada");
    let (second, link) = server.enter(ANA, &other);
    assert!(!Arc::ptr_eq(&first, &second));
    assert_eq!(server.peers.len(), (1, 1), "the old one is lost");
    assert!(server.peers.find(first.token).is_none());
    let (peer, _) = delivered(server.say(ANA, HELLO, None, Some(&link))).unwrap();
    assert!(Arc::ptr_eq(&second, &peer), "with a token it is a frame like any other");
}

/// protocol 15.11
#[test]
fn a_token_from_another_address_is_challenged_and_then_moves() {
    let mut server = Fixture::new();
    let (peer, link) = server.enter(ANA, HELLO);
    let ping = r#"{"type":"ping","id":1}"#;
    let cookie = challenged(&server.say(BOB, ping, None, Some(&link))).unwrap();
    assert_eq!(peer.route().remote, ANA.parse().unwrap());
    assert!(challenged(&server.say(BOB, ping, Some("p1s0zqW8J6k"), Some(&link))).is_some());
    let (moved, frame) = delivered(server.say(BOB, ping, Some(&cookie), Some(&link))).unwrap();
    assert!(Arc::ptr_eq(&peer, &moved));
    assert_eq!(frame, ping, "nothing is lost on the way");
    assert_eq!(peer.route().remote, BOB.parse().unwrap());
    assert_eq!(server.peers.len(), (1, 1));
    assert!(delivered(server.say(BOB, ping, None, Some(&link))).is_some());
    assert!(challenged(&server.say(ANA, ping, None, Some(&link))).is_some(), "it is not there any more");
    server.peers.forget(&peer);
    assert_eq!(server.peers.len(), (0, 0));
}

#[test]
fn whoever_moves_to_the_address_of_another_takes_it() {
    let mut server = Fixture::new();
    let (ana, link) = server.enter(ANA, HELLO);
    let (bob, _) = server.enter(BOB, HELLO);
    let cookie = server.cookie(BOB);
    assert!(delivered(server.say(BOB, "{}", Some(&cookie), Some(&link))).is_some());
    assert_eq!(server.peers.len(), (1, 1));
    server.peers.forget(&bob);
    assert!(server.peers.at(BOB.parse().unwrap()).is_some_and(|other| Arc::ptr_eq(&other, &ana)));
}

/// protocol 15.12
#[test]
fn a_token_that_is_not_known_is_gone() {
    let mut server = Fixture::new();
    let link = "u8yVb1yd0Yx2bq3fJQkq9g";
    match server.say(ANA, r#"{"type":"ping","id":1}"#, None, Some(link)) {
        Outcome::Answered(answer) => {
            assert_eq!(answer, br#"{"type":"gone","link":"u8yVb1yd0Yx2bq3fJQkq9g"}"#)
        }
        other => panic!("{other:?}"),
    }
    assert!(is_dropped(&server.say(ANA, "{}", None, Some(link))), "shorter than the answer");
    for no_token in ["", "u8yVb1yd0Yx2bq3fJQkq9", "u8yVb1yd0Yx2bq3fJQkq9gA", "u8yVb1yd0Yx2bq3fJQk=9g"] {
        assert!(
            is_dropped(&server.say(ANA, r#"{"type":"ping","id":1}"#, None, Some(no_token))),
            "{no_token}"
        );
    }
}

/// protocol 15.13
#[test]
fn most_things_hear_nothing() {
    let mut server = Fixture::new();
    let padding = "x".repeat(60);
    for datagram in [
        "",
        "x",
        &padding,
        &format!(r#"{{"type":"ping","id":1,"x":"{padding}"}}"#),
        &format!(r#"{{"type":"challenge","cookie":"p1s0zqW8J6k","x":"{padding}"}}"#),
        &format!(r#"{{"type":"challenge","link":"u8yVb1yd0Yx2bq3fJQkq9g","x":"{padding}"}}"#),
        &format!(r#"{{"type":"gone","link":"u8yVb1yd0Yx2bq3fJQkq9g","x":"{padding}"}}"#),
        r#"{"type":"hello","name":"ana","protocol":1"#,
    ] {
        assert!(is_dropped(&server.take(ANA, datagram.as_bytes())), "{datagram}");
    }
    for from in [
        "192.168.1.7:0",
        "255.255.255.255:4000",
        "224.0.0.251:5353",
        "[ff02::fb]:5353",
        "0.0.0.0:4000",
        "0.0.0.0:7000",
        "192.168.1.1:7000",
    ] {
        assert!(is_dropped(&server.say(from, HELLO, None, None)), "{from}");
    }
    let long = HELLO.replace("ana", &"x".repeat(MAX_DATAGRAM));
    assert!(is_dropped(&server.say(ANA, &long, None, None)));
    assert!(
        challenged(&server.say(ANA, HELLO, None, None)).is_some(),
        "all of this was about something else"
    );
}

/// protocol 15.13
#[test]
fn a_hello_shorter_than_the_challenge_is_not_answered() {
    let mut server = Fixture::new();
    let hello = |len: usize| format!(r#"{{"type":"hello"{}}}"#, " ".repeat(len - 16));
    assert!(is_dropped(&server.take(ANA, hello(42).as_bytes())));
    match server.take(ANA, hello(43).as_bytes()) {
        Outcome::Answered(answer) => assert_eq!(answer.len(), 43),
        other => panic!("{other:?}"),
    }
}

/// protocol 15.9
#[test]
fn a_flood_leaves_nothing_behind() {
    let mut server = Fixture::new();
    let (peer, link) = server.enter(ANA, HELLO);
    for number in 0..100_000_u32 {
        let from = SocketAddr::from((Ipv4Addr::from_bits(0x0a00_0000 + number), 4000)).to_string();
        let cookie = (number % 2 == 0).then_some("p1s0zqW8J6k");
        let token = (number % 3 == 0).then_some("u8yVb1yd0Yx2bq3fJQkq9g");
        let outcome = server.say(&from, HELLO, cookie, token);
        assert!(matches!(outcome, Outcome::Answered(_) | Outcome::Dropped), "{outcome:?}");
    }
    assert_eq!(server.peers.len(), (1, 1));
    let (same, _) = delivered(server.say(ANA, "{}", None, Some(&link))).unwrap();
    assert!(Arc::ptr_eq(&peer, &same));
}

#[test]
fn without_a_listener_strangers_hear_nothing() {
    let mut server = Fixture::new();
    let (_, link) = server.enter(ANA, HELLO);
    let cookie = server.cookie(BOB);
    server.admission.close();
    assert!(is_dropped(&server.say(BOB, HELLO, None, None)));
    assert!(is_dropped(&server.say(BOB, HELLO, Some(&cookie), None)));
    assert!(is_dropped(&server.say(BOB, HELLO, None, Some("u8yVb1yd0Yx2bq3fJQkq9g"))));
    assert!(delivered(server.say(ANA, "{}", None, Some(&link))).is_some());
    assert!(challenged(&server.say(BOB, HELLO, None, Some(&link))).is_some(), "this one is no stranger");
}

fn datagrams() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just("hello".to_owned()),
        Just("challenge".to_owned()),
        Just("gone".to_owned()),
        "[A-Za-z0-9_-]{22}",
        "\\PC{0,12}",
    ];
    let name = prop_oneof![Just("type"), Just("link"), Just("cookie"), Just("name")];
    let object = prop::collection::vec((name, word), 0..4).prop_map(|fields| {
        let quote = |text: &str| serde_json::to_string(text).unwrap();
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}:{}", quote(name), quote(value))).collect();
        format!("{{{}}}", fields.join(",")).into_bytes()
    });
    prop_oneof![3 => object, 1 => any::<Vec<u8>>()]
}

proptest! {
    /// protocol 15.13
    #[test]
    fn strangers_never_hear_more_than_they_say(datagrams in prop::collection::vec(datagrams(), 1..40)) {
        let mut server = Fixture::new();
        for datagram in datagrams {
            match server.take(ANA, &datagram) {
                Outcome::Dropped => {}
                Outcome::Answered(answer) => prop_assert!(answer.len() <= datagram.len()),
                other => panic!("nobody proved anything: {other:?}"),
            }
        }
        prop_assert_eq!(server.peers.len(), (0, 0));
    }

    /// protocol 15.11
    #[test]
    fn nobody_speaks_for_a_peer_without_a_cookie(datagrams in prop::collection::vec(datagrams(), 1..20)) {
        let mut server = Fixture::new();
        let (peer, link) = server.enter(ANA, HELLO);
        for datagram in datagrams {
            let datagram = crate::json_form::add_fields(&datagram, None, Some(&link));
            match server.take(BOB, &datagram) {
                Outcome::Dropped => {}
                Outcome::Answered(answer) => prop_assert!(answer.len() <= datagram.len()),
                other => panic!("somebody else was let in: {other:?}"),
            }
        }
        prop_assert_eq!(peer.route().remote, ANA.parse().unwrap());
    }
}
