//! Links in a simulated network: they move, end and begin anew.

use std::{io, time::Duration};

use chat_core::transport::{Peer, Transport};
use futures::{FutureExt, StreamExt};

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
                it = near.next().fuse() => panic!("{it:?}"),
            }
        })
        .await;
        let peer =
            Peer { address: far.peer.address.clone(), host: "10.0.0.2".into(), local: false, identity: None };
        assert_eq!(far.peer, peer);
        assert_eq!(hear(&mut far.link).await, HELLO);
        say(&mut far.link, WELCOME).await;
        assert_eq!(hear(&mut near).await, WELCOME);
        say(&mut near, &ping(1)).await;
        assert_eq!(hear(&mut far.link).await, ping(1));
        let said: Vec<String> =
            it.sent().into_iter().map(|it| String::from_utf8(it.bytes).unwrap()).collect();
        let [hello, challenge, proved, welcome, asked] = &said[..] else { panic!("{said:#?}") };
        let cookie = challenge.strip_prefix(r#"{"type":"challenge","cookie":""#).unwrap();
        assert_eq!(hello, HELLO);
        assert_eq!(*proved, format!(r#"{},"cookie":"{cookie}"#, HELLO.strip_suffix('}').unwrap()));
        let (_, link) = welcome.split_once(r#","link":""#).unwrap();
        assert_eq!(link.len(), r#"u8yVb1yd0Yx2bq3fJQkq9g"}"#.len());
        assert_eq!(*asked, format!(r#"{{"type":"ping","id":1,"link":"{link}"#));
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
            assert_eq!(sent.len(), 4, "asked, challenged, asked with the cookie, answered: {sent:?}");
            assert_eq!(sent[3].to.ip().to_string(), ip);
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
fn a_hello_again_is_the_same_link_and_another_hello_is_a_new_one() {
    let it = Simulation::new(5);
    it.time.run(async {
        let (server, ana) = (it.host("10.0.0.1").udp(), it.host("10.0.0.2").udp());
        let mut listening = server.listen(&address(SERVER)).await.unwrap();
        let mut near = ana.dial(&address(SERVER)).await.unwrap();
        say(&mut near, HELLO).await;
        it.settle().await;
        assert!(near.next().now_or_never().is_none()); // meets the challenge
        let mut old = listening.incoming.next().await.unwrap();
        say(&mut near, HELLO).await;
        assert_eq!((hear(&mut old.link).await, hear(&mut old.link).await), (HELLO.into(), HELLO.into()));
        it.settle().await;
        assert!(listening.incoming.next().now_or_never().is_none());
        let other = HELLO.replace("ana", "ada");
        say(&mut near, &other).await;
        let mut new = listening.incoming.next().await.unwrap();
        assert_eq!(hear(&mut new.link).await, other);
        assert_eq!(hear_error(&mut old.link).await.kind(), io::ErrorKind::ConnectionReset);
        drop(old);
        say(&mut new.link, WELCOME).await;
        assert_eq!(hear(&mut near).await, WELCOME);
        talk(&mut near, &mut new.link, 1).await;
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
