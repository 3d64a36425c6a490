//! Links in a simulated network: they move, end and begin anew.

use std::{io, time::Duration};

use chat_core::transport::{Peer, Transport};
use futures::{FutureExt, SinkExt, StreamExt};

use crate::{
    HELLO, WELCOME, address, hear, hear_error, meet, meet_as, ping, say, simulation::Simulation, soon, talk,
};

const SERVER: &str = "udp://10.0.0.1:7000";

/// protocol 15.9, protocol 15.10
#[test]
fn a_link_begins_with_a_challenge_and_gets_a_token() {
    let it = Simulation::new(1);
    it.time.run(async {
        let (server, ana) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp());
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let mut near = ana.dial(&address(SERVER)).await.unwrap();
        it.settle().await;
        assert!(it.sent().is_empty(), "dialling sends nothing");
        say(&mut near, HELLO).await;
        let mut far = soon(&it.runtime(), async {
            futures::select! {
                far = listening.incoming.next().fuse() => far.unwrap(),
                answer = near.next().fuse() => panic!("{answer:?}"),
            }
        })
        .await;
        let peer = Peer {
            address: far.peer.address.clone(),
            host: "10.0.0.2".into(),
            local: false,
            identity: None,
            binding: None,
        };
        assert_eq!(far.peer, peer);
        assert_eq!(hear(&mut far.link).await, HELLO);
        say(&mut far.link, WELCOME).await;
        assert_eq!(hear(&mut near).await, WELCOME);
        say(&mut near, &ping(1)).await;
        assert_eq!(hear(&mut far.link).await, ping(1));
        let said: Vec<Vec<u8>> = it.sent().into_iter().map(|sent| sent.bytes).collect();
        let [hello, challenge, proved, welcome, asked] = &said[..] else { panic!("{said:#?}") };
        let token = &hello[1..17];
        let datagram = |kind: u8, number: &[u8], frame: &str| {
            let len = u16::try_from(frame.len()).unwrap().to_be_bytes();
            let body = if frame.is_empty() { vec![] } else { [&len, frame.as_bytes()].concat() };
            [&[kind], token, number, &body].concat()
        };
        let (none, first, cookie) = ([0; 8], 1_u64.to_be_bytes(), &challenge[17..]);
        assert_eq!(*hello, datagram(1, &none, HELLO));
        assert_eq!(*challenge, datagram(2, cookie, ""));
        assert_eq!(*proved, datagram(1, cookie, HELLO));
        assert_eq!(*welcome, datagram(4, &first, WELCOME));
        assert_eq!(*asked, datagram(4, &first, &ping(1)));
        assert!(token != [0; 16] && cookie.len() == 8 && *cookie != none);
    });
}

/// protocol 15.11
#[test]
fn a_link_moves_with_its_client_and_loses_nothing() {
    let it = Simulation::new(2);
    it.time.run(async {
        let (server, laptop) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2"));
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let (mut near, mut far) = meet(&laptop.udp(), &mut listening, &address(SERVER)).await;
        for (id, ip) in (1..).zip(["10.0.0.3", "192.168.1.7", "10.0.0.2", "10.0.0.9"]) {
            laptop.move_to(ip);
            it.sent();
            soon(&it.runtime(), talk(&mut near, &mut far.link, id)).await;
            let sent = it.sent();
            assert_eq!(sent.len(), 5, "asked, challenged, proved, asked again, answered: {sent:?}");
            assert_eq!(sent[4].to.ip().to_string(), ip);
            talk(&mut near, &mut far.link, 100 + id).await;
            assert_eq!(it.sent().len(), 2);
        }
        drop(listening);
    });
}

/// protocol 15.12
#[test]
fn a_server_that_was_restarted_does_not_know_the_link() {
    let it = Simulation::new(3);
    it.time.run(async {
        let (server, ana) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp());
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let (mut near, far) = meet(&ana, &mut listening, &address(SERVER)).await;
        drop((listening, far));
        it.settle().await;
        let mut listening = server.listen(&address(SERVER)).await.expect("the port is free again");
        say(&mut near, &ping(1)).await;
        let error = soon(&it.runtime(), hear_error(&mut near)).await;
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert!(error.to_string().contains("restarted"), "{error}");
        let (mut near, mut far) = meet(&ana, &mut listening, &address(SERVER)).await;
        talk(&mut near, &mut far.link, 2).await;
    });
}

#[test]
fn a_link_the_server_let_go_is_gone_at_once() {
    let it = Simulation::new(4);
    it.time.run(async {
        let (server, ana) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp());
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let (mut near, far) = meet(&ana, &mut listening, &address(SERVER)).await;
        drop(far);
        say(&mut near, &ping(1)).await;
        assert_eq!(soon(&it.runtime(), hear_error(&mut near)).await.kind(), io::ErrorKind::ConnectionReset);
    });
}

/// protocol 15.10
#[test]
fn all_that_a_client_sends_before_an_answer_is_of_one_link() {
    let it = Simulation::new(5);
    it.time.run(async {
        let (server, ana) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp());
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let mut near = ana.dial(&address(SERVER)).await.unwrap();
        say(&mut near, HELLO).await;
        it.settle().await;
        assert!(near.next().now_or_never().is_none()); // meets the challenge
        let mut far = listening.incoming.next().await.unwrap();
        say(&mut near, HELLO).await;
        let other = HELLO.replace("ana", "ada");
        say(&mut near, &other).await;
        for expected in [HELLO, HELLO, &other] {
            assert_eq!(hear(&mut far.link).await, expected);
        }
        it.settle().await;
        assert!(listening.incoming.next().now_or_never().is_none());
        let mut new = ana.dial(&address(SERVER)).await.unwrap();
        say(&mut new, HELLO).await;
        it.settle().await;
        assert!(new.next().now_or_never().is_none()); // meets the challenge
        let mut new_far = listening.incoming.next().await.unwrap();
        assert_eq!(hear(&mut new_far.link).await, HELLO, "the same frame over another link is of that link");
        for (near, far, id) in [(&mut near, &mut far, 1), (&mut new, &mut new_far, 2)] {
            say(&mut far.link, WELCOME).await;
            assert_eq!(hear(near).await, WELCOME);
            talk(near, &mut far.link, id).await;
        }
    });
}

/// protocol 15.18: frames of one turn share datagrams, in both directions
#[test]
fn frames_that_are_flushed_together_share_a_datagram() {
    let it = Simulation::new(10);
    it.time.run(async {
        let (server, ana) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp());
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let (mut near, mut far) = meet(&ana, &mut listening, &address(SERVER)).await;
        for _ in 0..2 {
            it.sent();
            for id in 0..60 {
                near.feed(ping(id).into()).await.unwrap();
            }
            near.flush().await.unwrap();
            let sent = it.sent();
            assert!(sent.len() == 2 && sent.iter().all(|sent| sent.bytes.len() <= 1200), "{sent:?}");
            for id in 0..60 {
                assert_eq!(hear(&mut far.link).await, ping(id));
            }
            std::mem::swap(&mut near, &mut far.link);
        }
    });
}

/// protocol 15.19, protocol 15.20
#[test]
fn a_large_frame_gets_through_where_fragments_do_not() {
    let it = Simulation::new(11);
    it.time.run(async {
        let (server, ana) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp());
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let (mut near, mut far) = meet(&ana, &mut listening, &address(SERVER)).await;
        it.drop_larger_than(1200);
        for len in [1_000, 1_200, 3_000, 8_192, 65_443, 65_480] {
            let large = "x".repeat(len);
            say(&mut near, &large).await;
            assert_eq!(soon(&it.runtime(), hear(&mut far.link)).await, large);
            say(&mut far.link, &large).await;
            assert_eq!(soon(&it.runtime(), hear(&mut near)).await, large);
        }
        talk(&mut near, &mut far.link, 1).await;
    });
}

/// protocol 15.20: what is sent again is completed by the parts of the first time
#[test]
fn a_large_frame_that_is_repeated_survives_heavy_loss() {
    let it = Simulation::new(12);
    it.time.run(async {
        let (server, ana) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp());
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let (mut near, mut far) = meet(&ana, &mut listening, &address(SERVER)).await;
        let large = "x".repeat(30_000);
        it.lose(50, 12);
        for _ in 0..2 {
            let mut tries = 0;
            loop {
                tries += 1;
                say(&mut near, &large).await;
                it.settle().await;
                if let Some(frame) = far.link.next().now_or_never() {
                    break assert_eq!(frame.unwrap().unwrap(), large);
                }
                assert!(tries < 12, "30 parts, of which half are lost, are all there after some 5 tries");
            }
            std::mem::swap(&mut near, &mut far.link);
        }
    });
}

#[test]
fn a_listener_that_is_dropped_leaves_its_links_and_then_the_port() {
    let it = Simulation::new(6);
    it.time.run(async {
        let (server, ana, bob) =
            (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp(), it.host("10.0.0.3").udp());
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let (mut near, mut far) = meet(&ana, &mut listening, &address(SERVER)).await;
        drop(listening);
        talk(&mut near, &mut far.link, 1).await;
        it.sent();
        let mut stranger = bob.dial(&address(SERVER)).await.unwrap();
        say(&mut stranger, HELLO).await;
        it.settle().await;
        assert_eq!(it.sent().len(), 1, "nobody answers");
        assert!(server.listen(&address(SERVER)).await.is_err(), "the link still needs the socket");
        talk(&mut near, &mut far.link, 2).await;
        drop(far);
        it.settle().await;
        assert!(server.listen(&address(SERVER)).await.is_ok());
    });
}

#[test]
fn a_name_with_two_addresses_is_asked_at_both() {
    let it = Simulation::new(7);
    it.time.run(async {
        let (server, ana) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2"));
        ana.also_at("fd00::2");
        it.name("chat", &["[fd00::9]:7000", "10.0.0.1:7000"]);
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let (mut near, mut far) = meet(&ana.udp(), &mut listening, &address("udp://chat")).await;
        let asked: Vec<String> = it.sent().iter().map(|it| it.to.to_string()).take(2).collect();
        assert_eq!(asked, ["[fd00::9]:7000", "10.0.0.1:7000"]);
        let client: std::net::SocketAddr = far.peer.address.parse().unwrap();
        it.forge("[fd00::9]:7000", &client.to_string(), r#"{"type":"goodbye"}"#);
        it.forge("10.0.0.9:7000", &client.to_string(), r#"{"type":"goodbye"}"#);
        talk(&mut near, &mut far.link, 1).await;
        assert!(it.sent().iter().skip(2).all(|it| it.to.ip().is_ipv4()), "the other one was not there");
    });
}

/// protocol 15.14
#[test]
fn answers_leave_from_the_address_that_was_asked_last() {
    let it = Simulation::new(8);
    it.time.run(async {
        let (server, ana) = (it.host("10.0.0.1"), it.host("10.0.0.2").udp());
        server.also_at("10.0.0.4");
        let mut listening = server.udp().listen(&address("udp://0.0.0.0:7000")).await.unwrap();
        let (mut near, mut far) = meet(&ana, &mut listening, &address("udp://10.0.0.4:7000")).await;
        talk(&mut near, &mut far.link, 1).await;
        let answers = it.sent().into_iter().filter(|it| it.from.port() == 7000);
        assert!(answers.map(|it| it.from.ip().to_string()).all(|ip| ip == "10.0.0.4"));
    });
}

#[test]
fn a_link_that_does_not_read_loses_and_the_others_do_not() {
    let it = Simulation::new(9);
    it.time.run(async {
        let (server, ana) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp());
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let (mut near, mut far) = meet(&ana, &mut listening, &address(SERVER)).await;
        let bob = HELLO.replace("ana", "bob");
        let (mut other, mut other_far) = meet_as(&bob, &ana, &mut listening, &address(SERVER)).await;
        for id in 0..1000 {
            say(&mut near, &ping(id)).await;
        }
        talk(&mut other, &mut other_far.link, 1).await;
        let count = async {
            let mut count = 0;
            while let Some(next) = far.link.next().now_or_never() {
                assert_eq!(next.unwrap().unwrap(), ping(count));
                count += 1;
            }
            count
        };
        assert_eq!(count.await, 64, "as many as wait for a link that does not read");
        let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(60_000));
        for _ in 0..64 {
            say(&mut near, &large).await;
        }
        it.settle().await;
        let mut bytes = 0;
        while let Some(next) = far.link.next().now_or_never() {
            bytes += next.unwrap().unwrap().len();
        }
        assert!((200_000..=256 * 1024).contains(&bytes), "{bytes}");
        for _ in 0..10 {
            say(&mut near, &large).await;
            assert_eq!(hear(&mut far.link).await, large, "there is room again");
        }
        talk(&mut near, &mut far.link, 1).await;
        it.pass(Duration::from_secs(60)).await;
        talk(&mut near, &mut far.link, 2).await;
    });
}
