//! Who is let in, who is answered, and who hears nothing.

use std::time::Duration;

use chat_core::{Runtime, token};
use chat_testkit::virtual_time::VirtualTime;
use proptest::prelude::*;

use super::*;

const HELLO: &str = r#"{"type":"hello","protocol":1,"name":"ana","client":"q83vEjRWeJCrze8SNFZ4kA"}"#;
const ANA: &str = "192.168.1.7:4000";
const BOB: &str = "192.168.1.8:4000";

/// A server's side of things, and what to say to it.
struct Gate {
    admission: Admission,
    peers: Arc<Peers>,
    now: Instant,
}

impl Gate {
    fn new() -> Gate {
        let time = VirtualTime::new(1);
        let peers = Arc::new(Peers::default());
        let own = "0.0.0.0:7000".parse().unwrap();
        Gate { admission: Admission::new(own, peers.clone(), time.shared()), peers, now: time.now() }
    }

    fn take(&mut self, from: &str, datagram: &[u8]) -> Verdict {
        let to = Some(IpAddr::from([192, 168, 1, 1]));
        let datagram = Datagram { from: from.parse().unwrap(), to, bytes: datagram };
        self.admission.decide(&datagram, self.now)
    }

    fn say(&mut self, from: &str, frame: &str, cookie: Option<&str>, link: Option<&str>) -> Verdict {
        self.take(from, &crate::envelope::seal(frame.as_bytes(), cookie, link))
    }

    /// The cookie that somebody is challenged with.
    fn cookie(&mut self, from: &str) -> String {
        challenged(&self.say(from, HELLO, None, None)).unwrap()
    }

    /// Opens a link; gives its token.
    fn enter(&mut self, from: &str, hello: &str) -> (Arc<Peer>, String) {
        let cookie = self.cookie(from);
        match self.say(from, hello, Some(&cookie), None) {
            Verdict::Open(peer, frame) => {
                assert_eq!(frame, hello);
                let link = token(peer.token);
                (peer, link)
            }
            other => panic!("not let in: {other:?}"),
        }
    }
}

fn challenged(verdict: &Verdict) -> Option<String> {
    let Verdict::Answer(answer) = verdict else { return None };
    let cookie = answer.strip_prefix(r#"{"type":"challenge","cookie":""#)?.strip_suffix(r#""}"#)?;
    Some(cookie.to_owned())
}

fn is_silence(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Silence)
}

fn delivered(verdict: Verdict) -> Option<(Arc<Peer>, Bytes)> {
    match verdict {
        Verdict::Deliver(peer, frame) => Some((peer, frame)),
        _ => None,
    }
}

/// protocol 15.9
#[test]
fn a_hello_has_to_prove_its_address() {
    let mut gate = Gate::new();
    let cookie = gate.cookie(ANA);
    assert_eq!(gate.peers.len(), (0, 0), "nothing is stored");
    assert!(challenged(&gate.say(BOB, HELLO, Some(&cookie), None)).is_some(), "the cookie is another's");
    assert!(challenged(&gate.say(ANA, HELLO, Some("p1s0zqW8J6k"), None)).is_some());
    gate.now += Duration::from_secs(31);
    gate.cookie(BOB); // the secret is replaced when somebody comes
    assert!(matches!(gate.say(ANA, HELLO, Some(&cookie), None), Verdict::Open(..)), "the one before is good");
    gate.now += Duration::from_secs(31);
    assert!(challenged(&gate.say(ANA, HELLO, Some(&cookie), None)).is_some(), "it is too old");
}

/// protocol 15.10
#[test]
fn a_hello_that_comes_again_is_of_the_same_link_and_another_one_is_not() {
    let mut gate = Gate::new();
    let (first, _) = gate.enter(ANA, HELLO);
    gate.now += Duration::from_secs(40); // another cookie, the same hello
    let cookie = gate.cookie(ANA);
    let (again, frame) = delivered(gate.say(ANA, HELLO, Some(&cookie), None)).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    assert_eq!(frame, HELLO);
    let other = HELLO.replace("ana", "ada");
    let (second, link) = gate.enter(ANA, &other);
    assert!(!Arc::ptr_eq(&first, &second));
    assert_eq!(gate.peers.len(), (1, 1), "the old one is lost");
    assert!(gate.peers.find(first.token).is_none());
    let (peer, _) = delivered(gate.say(ANA, HELLO, None, Some(&link))).unwrap();
    assert!(Arc::ptr_eq(&second, &peer), "with a token it is a frame like any other");
}

/// protocol 15.11
#[test]
fn a_token_from_another_address_is_challenged_and_then_moves() {
    let mut gate = Gate::new();
    let (peer, link) = gate.enter(ANA, HELLO);
    let ping = r#"{"type":"ping","id":1}"#;
    let cookie = challenged(&gate.say(BOB, ping, None, Some(&link))).unwrap();
    assert_eq!(peer.route().remote, ANA.parse().unwrap());
    assert!(challenged(&gate.say(BOB, ping, Some("p1s0zqW8J6k"), Some(&link))).is_some());
    let (moved, frame) = delivered(gate.say(BOB, ping, Some(&cookie), Some(&link))).unwrap();
    assert!(Arc::ptr_eq(&peer, &moved));
    assert_eq!(frame, ping, "nothing is lost on the way");
    assert_eq!(peer.route().remote, BOB.parse().unwrap());
    assert_eq!(gate.peers.len(), (1, 1));
    assert!(delivered(gate.say(BOB, ping, None, Some(&link))).is_some());
    assert!(challenged(&gate.say(ANA, ping, None, Some(&link))).is_some(), "it is not there any more");
    gate.peers.forget(&peer);
    assert_eq!(gate.peers.len(), (0, 0));
}

#[test]
fn whoever_moves_to_the_address_of_another_takes_it() {
    let mut gate = Gate::new();
    let (ana, link) = gate.enter(ANA, HELLO);
    let (bob, _) = gate.enter(BOB, HELLO);
    let cookie = gate.cookie(BOB);
    assert!(delivered(gate.say(BOB, "{}", Some(&cookie), Some(&link))).is_some());
    assert_eq!(gate.peers.len(), (1, 1));
    gate.peers.forget(&bob);
    assert!(gate.peers.at(BOB.parse().unwrap()).is_some_and(|it| Arc::ptr_eq(&it, &ana)));
}

/// protocol 15.12
#[test]
fn a_token_that_is_not_known_is_gone() {
    let mut gate = Gate::new();
    let link = "u8yVb1yd0Yx2bq3fJQkq9g";
    match gate.say(ANA, r#"{"type":"ping","id":1}"#, None, Some(link)) {
        Verdict::Answer(answer) => assert_eq!(answer, r#"{"type":"gone","link":"u8yVb1yd0Yx2bq3fJQkq9g"}"#),
        other => panic!("{other:?}"),
    }
    assert!(is_silence(&gate.say(ANA, "{}", None, Some(link))), "shorter than the answer");
    for no_token in ["", "u8yVb1yd0Yx2bq3fJQkq9", "u8yVb1yd0Yx2bq3fJQkq9gA", "u8yVb1yd0Yx2bq3fJQk=9g"] {
        assert!(is_silence(&gate.say(ANA, r#"{"type":"ping","id":1}"#, None, Some(no_token))), "{no_token}");
    }
}

/// protocol 15.13
#[test]
fn most_things_hear_nothing() {
    let mut gate = Gate::new();
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
        assert!(is_silence(&gate.take(ANA, datagram.as_bytes())), "{datagram}");
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
        assert!(is_silence(&gate.say(from, HELLO, None, None)), "{from}");
    }
    let long = HELLO.replace("ana", &"x".repeat(MAX_DATAGRAM));
    assert!(is_silence(&gate.say(ANA, &long, None, None)));
    assert!(challenged(&gate.say(ANA, HELLO, None, None)).is_some(), "all of this was about something else");
}

/// protocol 15.13
#[test]
fn a_hello_shorter_than_the_challenge_is_not_answered() {
    let mut gate = Gate::new();
    let hello = |len: usize| format!(r#"{{"type":"hello"{}}}"#, " ".repeat(len - 16));
    assert!(is_silence(&gate.take(ANA, hello(42).as_bytes())));
    match gate.take(ANA, hello(43).as_bytes()) {
        Verdict::Answer(answer) => assert_eq!(answer.len(), 43),
        other => panic!("{other:?}"),
    }
}

/// protocol 15.9
#[test]
fn a_flood_leaves_nothing_behind() {
    let mut gate = Gate::new();
    let (peer, link) = gate.enter(ANA, HELLO);
    for number in 0..100_000_u32 {
        let from = SocketAddr::from((Ipv4Addr::from_bits(0x0a00_0000 + number), 4000)).to_string();
        let cookie = (number % 2 == 0).then_some("p1s0zqW8J6k");
        let token = (number % 3 == 0).then_some("u8yVb1yd0Yx2bq3fJQkq9g");
        let verdict = gate.say(&from, HELLO, cookie, token);
        assert!(matches!(verdict, Verdict::Answer(_) | Verdict::Silence), "{verdict:?}");
    }
    assert_eq!(gate.peers.len(), (1, 1));
    let (same, _) = delivered(gate.say(ANA, "{}", None, Some(&link))).unwrap();
    assert!(Arc::ptr_eq(&peer, &same));
}

#[test]
fn without_a_listener_strangers_hear_nothing() {
    let mut gate = Gate::new();
    let (_, link) = gate.enter(ANA, HELLO);
    let cookie = gate.cookie(BOB);
    gate.admission.close();
    assert!(is_silence(&gate.say(BOB, HELLO, None, None)));
    assert!(is_silence(&gate.say(BOB, HELLO, Some(&cookie), None)));
    assert!(is_silence(&gate.say(BOB, HELLO, None, Some("u8yVb1yd0Yx2bq3fJQkq9g"))));
    assert!(delivered(gate.say(ANA, "{}", None, Some(&link))).is_some());
    assert!(challenged(&gate.say(BOB, HELLO, None, Some(&link))).is_some(), "this one is no stranger");
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
        let quote = |it: &str| serde_json::to_string(it).unwrap();
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
        let mut gate = Gate::new();
        for datagram in datagrams {
            match gate.take(ANA, &datagram) {
                Verdict::Silence => {}
                Verdict::Answer(answer) => prop_assert!(answer.len() <= datagram.len()),
                other => panic!("nobody proved anything: {other:?}"),
            }
        }
        prop_assert_eq!(gate.peers.len(), (0, 0));
    }

    /// protocol 15.11
    #[test]
    fn nobody_speaks_for_a_peer_without_a_cookie(datagrams in prop::collection::vec(datagrams(), 1..20)) {
        let mut gate = Gate::new();
        let (peer, link) = gate.enter(ANA, HELLO);
        for datagram in datagrams {
            let datagram = crate::envelope::seal(&datagram, None, Some(&link));
            match gate.take(BOB, &datagram) {
                Verdict::Silence => {}
                Verdict::Answer(answer) => prop_assert!(answer.len() <= datagram.len()),
                other => panic!("somebody else was let in: {other:?}"),
            }
        }
        prop_assert_eq!(peer.route().remote, ANA.parse().unwrap());
    }
}
