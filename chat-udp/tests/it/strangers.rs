//! Whoever sends what they want, from where they want: they get little and harm nobody.

use std::{collections::HashMap, time::Duration};

use chat_core::transport::Transport;
use futures::{FutureExt, StreamExt};
use proptest::prelude::*;

use crate::{
    HELLO, address, hear, meet, ping, say,
    simulation::{Datagram, Simulation},
    talk,
};

const SERVER: &str = "udp://10.0.0.1:7000";
const AT: &str = "10.0.0.1:7000";

/// A datagram with a header (protocol 15.16): kind, token, number, and one frame if there is one.
fn datagram(kind: u8, token: &[u8], number: u64, frame: &str) -> Vec<u8> {
    let len = u16::try_from(frame.len()).unwrap().to_be_bytes();
    let body = if frame.is_empty() { vec![] } else { [&len, frame.as_bytes()].concat() };
    [&[kind][..], token, &number.to_be_bytes(), &body].concat()
}

/// The token of the only link there is.
fn token_in(sent: &[Datagram]) -> Vec<u8> {
    sent.iter().find(|sent| sent.bytes[0] == DATA).unwrap().bytes[1..17].to_vec()
}

/// Whether a server says this to those who have proved nothing.
fn is_challenge(datagram: &Datagram) -> bool {
    datagram.bytes[0] == CHALLENGE || datagram.bytes.starts_with(br#"{"type":"challenge""#)
}

const HELLO_KIND: u8 = 1;
const CHALLENGE: u8 = 2;
const GONE: u8 = 3;
const DATA: u8 = 4;
const PROOF: u8 = 6;

/// protocol 15.9, protocol 15.13
#[test]
fn a_flood_of_hellos_is_answered_with_less_and_disturbs_nobody() {
    let it = Simulation::new(1);
    it.time.run(async {
        let (server, ana) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp());
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let (mut near, mut far) = meet(&ana, &mut listening, &address(SERVER)).await;
        let mut rng = fastrand::Rng::with_seed(1);
        it.sent();
        let (mut asked, mut answers, mut answered) = (0, 0, 0);
        // 100,000 in 10 s, half of them with a cookie that is not theirs.
        for second in 0..100 {
            for _ in 0..1000 {
                let from = format!("172.{}.{}.{}:{}", rng.u8(..), rng.u8(..), rng.u8(..), rng.u16(1..));
                if rng.bool() {
                    it.forge(
                        &from,
                        AT,
                        datagram(HELLO_KIND, &rng.u128(..).to_be_bytes(), rng.u64(..2), HELLO),
                    );
                } else {
                    let cookie = if rng.bool() { r#","cookie":"p1s0zqW8J6k""# } else { "" };
                    it.forge(&from, AT, format!("{}{cookie}}}", HELLO.strip_suffix('}').unwrap()));
                }
            }
            talk(&mut near, &mut far.link, second).await;
            it.pass(Duration::from_millis(100)).await;
            for sent in it.sent() {
                if sent.to.to_string() == AT {
                    asked += sent.bytes.len();
                } else if sent.to.ip().to_string() != "10.0.0.2" {
                    assert!(is_challenge(&sent), "{sent:?}");
                    answers += 1;
                    answered += sent.bytes.len();
                }
            }
        }
        assert!((1..=100_000).contains(&answers), "{answers} answers");
        assert!(answered <= asked);
        assert!(listening.incoming.next().now_or_never().is_none(), "nobody was let in");
    });
}

/// protocol 15.13
#[test]
fn a_sender_that_asks_too_often_is_not_answered_and_others_are() {
    let it = Simulation::new(2);
    it.time.run(async {
        let server = it.host("10.0.0.1").udp();
        let _listening = server.listen(&address(SERVER)).await.unwrap();
        for _ in 0..1000 {
            it.forge("10.0.0.66:4000", AT, HELLO);
        }
        it.forge("10.0.0.66:4001", AT, HELLO);
        it.forge("10.0.0.67:4000", AT, HELLO);
        it.settle().await;
        let mut answers = HashMap::new();
        for sent in it.sent().iter().filter(|it| it.from.to_string() == AT) {
            *answers.entry(sent.to.to_string()).or_insert(0) += 1;
        }
        let expected = [("10.0.0.66:4000", 20), ("10.0.0.66:4001", 1), ("10.0.0.67:4000", 1)];
        assert_eq!(answers, expected.map(|(sender, count)| (sender.to_owned(), count)).into());
    });
}

/// protocol 15.13: a guest gets in while another machine forges 1,000 hellos a second with the guest's address, and so does
/// a colleague behind the same router.
#[test]
fn forged_hellos_keep_nobody_out() {
    let it = Simulation::new(8);
    it.time.run(async {
        let (server, guest) = (it.host("10.0.0.1").udp(), it.host("10.0.0.66").udp());
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let mut rng = fastrand::Rng::with_seed(8);
        let mut guests = Vec::new();
        for second in 0..10 {
            for _ in 0..1000 {
                it.forge(&format!("10.0.0.66:{}", rng.u16(1..)), AT, HELLO);
            }
            // The first hello is enough: nothing is repeated here.
            let (mut near, mut far) = meet(&guest, &mut listening, &address(SERVER)).await;
            talk(&mut near, &mut far.link, second).await;
            guests.push((near, far));
            it.pass(Duration::from_secs(1)).await;
        }
    });
}

/// protocol 15.11
#[test]
fn the_token_of_somebody_else_gets_a_challenge_and_nothing_more() {
    let it = Simulation::new(3);
    it.time.run(async {
        let (server, ana) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp());
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let (mut near, mut far) = meet(&ana, &mut listening, &address(SERVER)).await;
        let link = token_in(&it.sent());
        for kind in [HELLO_KIND, DATA] {
            for number in [0, 7] {
                it.forge("10.0.0.66:4000", AT, datagram(kind, &link, number, &ping(1)));
            }
        }
        for cookie in [0, 7] {
            it.forge("10.0.0.66:4000", AT, datagram(PROOF, &link, cookie, ""));
        }
        it.settle().await;
        assert!(far.link.next().now_or_never().is_none(), "nothing was delivered");
        say(&mut far.link, r#"{"type":"pong","id":1}"#).await;
        assert_eq!(hear(&mut near).await, r#"{"type":"pong","id":1}"#);
        let to_stranger: Vec<Datagram> =
            it.sent().into_iter().filter(|sent| sent.to.ip().to_string() == "10.0.0.66").collect();
        assert_eq!(to_stranger.len(), 6);
        assert!(to_stranger.iter().all(is_challenge));
        talk(&mut near, &mut far.link, 2).await;
    });
}

/// protocol 15.13
#[test]
fn two_servers_that_are_set_against_each_other_fall_silent() {
    let it = Simulation::new(4);
    it.time.run(async {
        let (one, other) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp());
        let _one = one.listen(&address(SERVER)).await.unwrap();
        let _other = other.listen(&address("udp://10.0.0.2:7000")).await.unwrap();
        let token = [9; 16];
        let with_header = [
            datagram(HELLO_KIND, &token, 0, HELLO),
            datagram(DATA, &token, 1, &ping(1)),
            datagram(PROOF, &token, 1, ""),
            datagram(CHALLENGE, &token, 1, ""),
            datagram(GONE, &token, 0, ""),
        ];
        let without = [
            HELLO,
            r#"{"type":"ping","id":1,"link":"u8yVb1yd0Yx2bq3fJQkq9g"}"#,
            r#"{"type":"challenge","cookie":"p1s0zqW8J6k","link":"u8yVb1yd0Yx2bq3fJQkq9g"}"#,
            r#"{"type":"gone","link":"u8yVb1yd0Yx2bq3fJQkq9g"}"#,
            "What is the time, please? I am a port that answers whatever it is sent.",
        ];
        let (one, other) = (AT, "10.0.0.2:7000");
        let forged: Vec<Vec<u8>> =
            without.iter().map(|it| it.as_bytes().to_vec()).chain(with_header).collect();
        for datagram in &forged {
            for (from, to) in [(one, other), (other, one), (one, one), (other, other)] {
                it.forge(from, to, datagram);
            }
        }
        it.settle().await;
        let sent = it.sent().len();
        assert_eq!(
            sent,
            forged.len() * 4 + 2 * 5,
            "each answered two hellos, and three of tokens it does not know"
        );
        it.pass(Duration::from_secs(1)).await;
        assert_eq!(it.sent().len(), 0, "and that was all");
    });
}

#[test]
fn links_that_nobody_takes_do_not_pile_up() {
    let it = Simulation::new(5);
    it.time.run(async {
        let (server, ana) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp());
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let mut waiting = Vec::new();
        for _ in 0..100 {
            let mut link = ana.dial(&address(SERVER)).await.unwrap();
            say(&mut link, HELLO).await;
            it.pass(Duration::from_millis(100)).await; // else the host asks too often
            assert!(link.next().now_or_never().is_none());
            waiting.push(link);
        }
        it.settle().await;
        let mut accepted = Vec::new();
        while let Some(Some(incoming)) = listening.incoming.next().now_or_never() {
            accepted.push(incoming);
        }
        assert_eq!(accepted.len(), 64);
        // Whoever found no place says hello once more, as its session does, and gets one.
        say(waiting.last_mut().unwrap(), HELLO).await;
        it.settle().await;
        assert!(listening.incoming.next().now_or_never().is_some());
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// protocol 15.13, protocol 17.9
    #[test]
    fn whatever_comes_nobody_is_disturbed(noise in prop::collection::vec(any::<Vec<u8>>(), 1..40), seed: u64) {
        let it = Simulation::new(seed);
        it.time.run(async {
            let (server, ana) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp());
            let mut listening = server.listen(&address(SERVER)).await.unwrap();
            let (mut near, mut far) = meet(&ana, &mut listening, &address(SERVER)).await;
            it.sent();
            for noise in &noise {
                it.forge("10.0.0.66:4000", AT, noise);
                it.forge(&far.peer.address, AT, noise);
                // Off the path nobody knows where the server is seen from.
                it.forge("10.0.0.66:7000", &far.peer.address, noise);
            }
            talk(&mut near, &mut far.link, 1).await;
            let (asked, answered): (Vec<_>, Vec<_>) =
                it.sent().into_iter().partition(|it| it.from.to_string() != AT);
            let length = |sent: &[Datagram]| sent.iter().map(|it| it.bytes.len()).sum::<usize>();
            assert!(length(&answered) <= length(&asked) + ping(1).len());
        });
    }
}
