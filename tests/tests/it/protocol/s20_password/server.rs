//! The server's side: what it answers to shares and tags, and what a guess costs.

use std::{sync::Arc, time::Duration};

use chat_core::{
    log::MemoryLog,
    memory::Memory,
    pake::{self, Initiator, PASSWORD, Tag},
    server::{Config, Server},
    transport::{Promises, Transport, Transports},
    wire::{Code, Error, Event, Hello, Prove, Request, write},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime};

use super::super::{TestServer, binding, encrypted_peer};

const HOST: &str = "192.0.2.1";

async fn with(time: &VirtualTime, password: Option<&str>) -> TestServer {
    let memory = Memory::default();
    let password = password.map(str::to_owned);
    let config = Config { password, software: "hall".to_owned(), ..Config::default() };
    let log = Arc::new(MemoryLog::new(1 << 20, 7));
    let server = Server::start(config, log, time.shared()).await.unwrap();
    let transports = Transports::new().with("memory", memory.clone());
    let address = server.listen(&transports, &"memory://hall".parse().unwrap()).await.unwrap();
    TestServer { time: time.clone(), memory, server, address }
}

/// Runs `test` with a server whose password is `sesame`.
fn at_sesame(seed: u64, test: impl AsyncFnOnce(TestServer)) {
    let time = VirtualTime::new(seed);
    time.run(async { test(with(&time, Some("sesame")).await).await });
}

/// A client's share of a link with this binding.
fn initiator(password: &str, number: u64, random: u8) -> Initiator {
    Initiator::new(password.as_bytes(), PASSWORD, &binding(number), [random; 64])
}

fn share(initiator: &Initiator) -> Hello<'static> {
    Hello { pake: Some(pake::to_text(&initiator.share()).into()), ..hello("ana", 1) }
}

fn tagged(hello: Hello<'static>, tag: &Tag) -> Hello<'static> {
    Hello { tag: Some(pake::to_text(tag).into()), ..hello }
}

fn finish(initiator: &Initiator, prove: &Prove) -> Option<Tag> {
    initiator.finish(&pake::from_text(&prove.pake).unwrap(), &pake::from_text(&prove.tag).unwrap())
}

async fn proof(client: &mut RawClient, hello: &Hello<'_>) -> Prove {
    client.begin_proof(hello).await.expect("a hello is answered").expect("the server proves the password")
}

/// The code of the refusal, after which the link ends.
async fn refused(mut client: RawClient, hello: &Hello<'_>) -> Error {
    let error = client.refused(hello).await;
    assert_eq!(client.rest().await, [], "the link ends");
    error
}

/// protocol 20.2
#[test]
fn both_ends_prove_the_password_and_the_session_opens() {
    at_sesame(200, async |server| {
        let ana = initiator("sesame", 1, 3);
        let mut client = server.encrypted_at(HOST, 1);
        let prove = proof(&mut client, &share(&ana)).await;
        assert_eq!(prove.id, None);
        let tag = finish(&ana, &prove).expect("the server knows the password");
        assert_eq!(client.hello(&tagged(share(&ana), &tag)).await.name, "ana");
    });
}

/// protocol 20.2: to a client that was told another password the server's tag is wrong.
#[test]
fn the_servers_tag_is_right_for_the_right_password_and_this_link_alone() {
    at_sesame(201, async |server| {
        for (password, number) in [("Sesame", 1), ("", 1), ("sesame", 2)] {
            let ana = initiator(password, number, 3);
            let prove = proof(&mut server.encrypted_at(HOST, 1), &share(&ana)).await;
            assert_eq!(finish(&ana, &prove), None, "{password:?} over link {number}");
        }
    });
}

/// protocol 20.2.1
#[test]
fn the_same_share_is_answered_alike_and_costs_one_guess() {
    at_sesame(202, async |server| {
        let ana = initiator("sesame", 1, 3);
        let mut client = server.encrypted_at(HOST, 1);
        let first = proof(&mut client, &share(&ana)).await;
        for _ in 0..20 {
            assert_eq!(proof(&mut client, &share(&ana)).await, first);
        }
        let tag = finish(&ana, &first).unwrap();
        client.hello(&tagged(share(&ana), &tag)).await;
    });
}

/// protocol 20.2.1
#[test]
fn another_share_begins_anew_and_the_first_tag_no_longer_counts() {
    at_sesame(203, async |server| {
        let (one, other) = (initiator("sesame", 1, 3), initiator("sesame", 1, 4));
        let mut client = server.encrypted_at(HOST, 1);
        let first = proof(&mut client, &share(&one)).await;
        let second = proof(&mut client, &share(&other)).await;
        assert_ne!(first.pake, second.pake);
        let late = tagged(share(&one), &finish(&one, &first).unwrap());
        assert_eq!(refused(client, &late).await.code, Code::BadPassword);

        let mut client = server.encrypted_at(HOST, 1);
        proof(&mut client, &share(&one)).await;
        let second = proof(&mut client, &share(&other)).await;
        client.hello(&tagged(share(&other), &finish(&other, &second).unwrap())).await;
    });
}

/// protocol 20.3
#[test]
fn a_hello_without_a_proof_and_one_with_a_wrong_tag_are_refused() {
    at_sesame(204, async |server| {
        let ana = initiator("sesame", 1, 3);
        let nothing = hello("ana", 1);
        // Over an encrypted link the server does not take the password itself (protocol 20.5).
        let in_clear = Hello { password: Some("sesame".into()), ..hello("ana", 1) };
        // A tag before the server's share can only be a guess that costs nothing, or of another link.
        let before = tagged(share(&ana), &[9; 64]);
        for hello in [&nothing, &in_clear, &before] {
            let error = refused(server.encrypted_at(HOST, 1), hello).await;
            assert_eq!((error.code, error.retry_after_ms), (Code::BadPassword, None), "{error:?}");
        }
        let mut client = server.encrypted_at(HOST, 1);
        let prove = proof(&mut client, &share(&ana)).await;
        // The server's own tag is none of the client's.
        let reflected = tagged(share(&ana), &pake::from_text(&prove.tag).unwrap());
        assert_eq!(refused(client, &reflected).await.code, Code::BadPassword);
    });
}

/// protocol 20.2.3
#[test]
fn shares_and_tags_of_another_form_are_refused() {
    at_sesame(205, async |server| {
        let ana = initiator("sesame", 1, 3);
        let (short, long, padded) = ("AAAA", "A".repeat(86), format!("{}=", "A".repeat(43)));
        for text in ["", short, &long, &padded, "not base64url, by any means whatsoever, no."] {
            let hello = Hello { pake: Some(text.to_owned().into()), ..hello("ana", 1) };
            assert_eq!(refused(server.encrypted_at(HOST, 1), &hello).await.code, Code::BadFrame, "{text}");
            let hello = Hello { tag: Some(text.to_owned().into()), ..share(&ana) };
            let is_tag = text == long;
            let code = if is_tag { Code::BadPassword } else { Code::BadFrame };
            assert_eq!(refused(server.encrypted_at(HOST, 1), &hello).await.code, code, "{text}");
        }
        // The neutral element, and bytes that encode no element.
        for bytes in [[0; 32], [0xff; 32]] {
            let hello = Hello { pake: Some(pake::to_text(&bytes).into()), ..hello("ana", 1) };
            assert_eq!(refused(server.encrypted_at(HOST, 1), &hello).await.code, Code::BadPassword);
        }
    });
}

/// protocol 2.8: after a name that is taken the proof still counts.
#[test]
fn another_name_needs_no_other_proof() {
    at_sesame(206, async |server| {
        let mut here = server.dial().await;
        here.hello(&Hello { password: Some("sesame".into()), ..hello("ana", 9) }).await;
        let ana = initiator("sesame", 1, 3);
        let mut client = server.encrypted_at(HOST, 1);
        let prove = proof(&mut client, &share(&ana)).await;
        let again = tagged(share(&ana), &finish(&ana, &prove).unwrap());
        assert_eq!(client.refused(&again).await.code, Code::NameTaken);
        assert_eq!(client.hello(&Hello { name: "anna".into(), ..again }).await.name, "anna");
    });
}

/// protocol 20.3
#[test]
fn a_server_without_a_password_ignores_share_and_tag() {
    let time = VirtualTime::new(207);
    time.run(async {
        let server = with(&time, None).await;
        let hello = Hello { pake: Some("?".into()), tag: Some("!".into()), ..hello("ana", 1) };
        assert_eq!(server.encrypted_at(HOST, 1).hello(&hello).await.name, "ana");
    });
}

/// protocol 20.5
#[test]
fn over_a_plain_link_the_password_is_taken_from_this_machine_alone() {
    at_sesame(208, async |server| {
        for password in [None, Some("sesame".into()), Some("wrong".into())] {
            let error = refused(server.at(HOST), &Hello { password, ..hello("ana", 1) }).await;
            assert_eq!((error.code, error.retry_after_ms), (Code::Unsupported, None));
            assert!(error.message.contains("password") && error.message.contains("encrypt"), "{error:?}");
        }
        let proved = share(&initiator("sesame", 0, 3));
        assert_eq!(refused(server.at(HOST), &proved).await.code, Code::Unsupported);
        let mut here = server.dial().await;
        here.hello(&Hello { password: Some("sesame".into()), ..hello("ana", 1) }).await;
    });
}

/// protocol 20.4
#[test]
fn a_right_tag_gives_the_guess_back_however_often() {
    at_sesame(209, async |server| {
        for number in 0..20 {
            let mut client = server.encrypted_at(HOST, number);
            let known = client.say_hello_with("sesame", Some(&binding(number)), &hello("ana", number)).await;
            known.unwrap().expect("it is the password");
            client.send(r#"{"type":"bye"}"#).await;
            client.rest().await;
        }
        // Links of one host that prove it at the same time: as many as it has guesses.
        let mut clients = Vec::new();
        for number in 0..5 {
            let ana = initiator("sesame", number, 3);
            let mut client = server.encrypted_at(HOST, number);
            let prove = proof(&mut client, &share(&ana)).await;
            clients.push((client, tagged(share(&ana), &finish(&ana, &prove).unwrap())));
        }
        let next = share(&initiator("sesame", 5, 3));
        let error = refused(server.encrypted_at(HOST, 5), &next).await;
        assert_eq!((error.code, error.retry_after_ms), (Code::RateLimited, Some(1001)), "{error:?}");
        let other = share(&initiator("sesame", 6, 3));
        proof(&mut server.encrypted_at("192.0.2.2", 6), &other).await;
        for (nth, (mut client, hello)) in clients.into_iter().enumerate() {
            let (name, id) = (format!("p{nth}").into(), chat_testkit::hello("", nth as u64 + 50).client);
            client.hello(&Hello { name, client: id, ..hello }).await;
        }
        proof(&mut server.encrypted_at(HOST, 5), &next).await;
    });
}

/// protocol 20.4: whoever ends the link after the server's proof has had a guess.
#[test]
fn a_proof_that_is_never_answered_counts_as_a_wrong_password() {
    at_sesame(210, async |server| {
        for number in 0..5 {
            let ana = initiator("sesame", number, 3);
            drop(proof(&mut server.encrypted_at(HOST, number), &share(&ana)).await);
        }
        server.time.settle().await;
        let error = refused(server.encrypted_at(HOST, 9), &share(&initiator("sesame", 9, 3))).await;
        let wait = error.retry_after_ms.unwrap_or(0);
        assert!(error.code == Code::RateLimited && (9_000..=10_001).contains(&wait), "{error:?}");
        server.time.pass(Duration::from_millis(10_001)).await;
        proof(&mut server.encrypted_at(HOST, 9), &share(&initiator("sesame", 9, 3))).await;
    });
}

/// protocol 20.4: one link cannot guess more often than a host, and keeps no more than its last exchange.
#[test]
fn a_flood_of_shares_over_one_link_ends_with_the_guesses_of_its_host() {
    at_sesame(211, async |server| {
        let mut client = server.encrypted_at(HOST, 1);
        for random in 1..=5 {
            proof(&mut client, &share(&initiator("sesame", 1, random))).await;
        }
        let error = refused(client, &share(&initiator("sesame", 1, 6))).await;
        assert_eq!(error.code, Code::RateLimited);
    });
}

/// protocol 20.4: hosts that flood the server with shares leave it to the others.
#[test]
fn a_flood_of_shares_costs_other_hosts_nothing() {
    at_sesame(212, async |server| {
        let mut floods = Vec::new();
        for nth in 0..300 {
            let mut client = server.encrypted_at(&format!("198.51.{}.{}", nth / 50, nth % 50), nth);
            for random in 1..=5 {
                let hello = share(&initiator("sesame", nth, random));
                client.send(write(&Request::unnumbered(hello))).await;
            }
            floods.push(client);
        }
        server.time.settle().await;
        let mut client = server.encrypted_at(HOST, 1);
        client.say_hello_with("sesame", Some(&binding(1)), &hello("ana", 1)).await.unwrap().unwrap();
        let mut proofs = 0;
        for mut flood in floods {
            proofs += flood.rest().await.iter().filter(|event| matches!(event, Event::Prove(_))).count();
        }
        assert_eq!(proofs, 100 + 280, "twenty hosts all five of theirs, and the others one");
    });
}

/// protocol 20.2.1, 17: where frames are lost, doubled and late, the same hello gets the same answer.
#[test]
fn over_a_link_that_loses_frames_each_hello_may_come_twice_and_late() {
    at_sesame(213, async |server| {
        let lossy = Promises { ordered: false, reliable: false, ..server.memory.promises() };
        let ana = initiator("sesame", 1, 3);
        let mut client = server.accepted_peer(encrypted_peer(HOST, 1), lossy);
        let prove = proof(&mut client, &share(&ana)).await;
        let right = tagged(share(&ana), &finish(&ana, &prove).unwrap());
        for _ in 0..2 {
            client.send(write(&Request::unnumbered(share(&ana)))).await;
        }
        assert_eq!(client.rest_until_silent().await, [(); 2].map(|()| Event::Prove(prove.clone())));
        for hello in [right.clone(), share(&ana), right] {
            client.send(write(&Request::unnumbered(hello))).await;
        }
        let events = client.rest_until_silent().await;
        assert!(!events.is_empty(), "a welcome comes");
        assert!(events.iter().all(|event| matches!(event, Event::Welcome(_))), "{events:?}");
        assert_eq!(server.sessions(), 1);
    });
}
