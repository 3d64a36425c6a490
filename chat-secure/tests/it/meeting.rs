//! What both ends learn of each other, and what is refused.

use chat_core::wire::{self, Code, Event};

use super::*;

/// protocol 19.13
#[test]
fn both_ends_learn_whose_key_the_other_has() {
    for suite in Suite::ALL {
        let street = Street::new(1);
        street.run(async {
            let mut listening = listen(&street.server()).await;
            let server = street.server.id();
            let client = street.client().with_suite(suite).with_check(move |address, key| {
                assert_eq!((address, key), (&hall(), server));
                Ok(())
            });
            let (mut near, mut far) = meet(&client, &mut listening).await.unwrap();
            assert_eq!(far.peer.identity, Some(street.client.id()));
            say(&mut far.link, "{}").await;
            assert_eq!(hear(&mut near).await, "{}");
            drop(near);
            assert!(far.link.next().await.is_none(), "the end is seen as an end");
        });
    }
}

/// The program says which key was wrong, and the other server is not shown this one's. (protocol 19.13)
#[test]
fn a_server_with_another_key_is_refused() {
    let street = Street::new(2);
    street.run(async {
        let mut listening = listen(&street.server()).await;
        let expected = street.client.id();
        let client = street.client().with_check(move |_, key: KeyId| match key == expected {
            true => Ok(()),
            false => Err(format!("the server has the key {key}, not {expected}")),
        });
        let error = client.dial(&hall()).await.map(drop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        let words = format!("{HALL}: the server has the key {}, not {expected}", street.server.id());
        assert_eq!(error.to_string(), words);
        assert!(listening.incoming.next().now_or_never().is_none(), "there is no link");
    });
}

/// protocol 19.5
#[test]
fn a_server_that_does_not_encrypt_is_not_spoken_to_in_plain() {
    let street = Street::new(3);
    street.run(async {
        let mut listening = listen(&street.memory).await;
        let serving = async {
            let mut link = listening.incoming.next().await.unwrap().link;
            let first = hear(&mut link).await;
            assert!(first.starts_with(r#"{"type":"secure","#), "{first}");
            let error = wire::Error::of(None, Code::Unsupported, "say hello first");
            link.send(wire::write(&Event::Error(error))).await.unwrap();
            assert!(link.next().await.is_none(), "nothing else is said");
        };
        let client = street.client();
        let (error, ()) = join(async { client.dial(&hall()).await.map(drop).unwrap_err() }, serving).await;
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        let words = format!("{HALL}: the server does not encrypt as this program does: say hello first");
        assert_eq!(error.to_string(), words);
    });
}

/// A frame that is refused by the error `unsupported`, after which the link ends.
async fn refused(street: &Street, frame: String) -> String {
    let mut link = street.memory.dial(&hall()).await.unwrap();
    say(&mut link, &frame).await;
    let Ok(Event::Error(error)) = wire::read_event(hear(&mut link).await.as_bytes()) else {
        panic!("{frame} is answered");
    };
    assert_eq!((error.code, error.retry_after_ms), (Code::Unsupported, None));
    assert!(link.next().await.is_none(), "the link ends");
    error.message
}

/// protocol 19.5
#[test]
fn a_handshake_of_another_kind_is_told_what_the_server_can_do() {
    let street = Street::new(4);
    street.run(async {
        let listening = listen(&street.server()).await;
        let noise = "A".repeat(43);
        let first = |protocol: u8, suite: &str| {
            format!(r#"{{"type":"secure","protocol":{protocol},"suite":"{suite}","noise":"{noise}"}}"#)
        };
        let version = refused(&street, first(2, Suite::AesGcm.name())).await;
        assert_eq!(version, "this server encrypts version 1 of the protocol and no other");
        let suite = refused(&street, first(1, "Noise_XX_448_AESGCM_SHA512")).await;
        let (aes, chacha) = (Suite::AesGcm, Suite::ChaChaPoly);
        assert_eq!(suite, format!("this server encrypts with {aes} or {chacha}"));
        let plain = refused(&street, HELLO.to_owned()).await;
        assert_eq!(plain, "this server takes encrypted links only; use a client that encrypts");
        drop(listening);
    });
}

/// protocol 19.2.1
#[test]
fn a_server_may_accept_links_that_are_not_encrypted_too() {
    let street = Street::new(5);
    street.run(async {
        let mut listening = listen(&street.server().accepting_plain()).await;
        let (mut near, mut far) = meet(&street.memory, &mut listening).await.unwrap();
        assert_eq!(far.peer.identity, None);
        say(&mut near, "{}").await;
        assert_eq!(hear(&mut far.link).await, "{}");
        say(&mut far.link, "{}").await;
        assert_eq!(hear(&mut near).await, "{}");
        let (_near, far) = meet(&street.client(), &mut listening).await.unwrap();
        assert_eq!(far.peer.identity, Some(street.client.id()), "others are encrypted");
    });
}

/// protocol 19.11
#[test]
fn a_link_comes_about_where_much_is_lost() {
    for seed in 0..20 {
        let street = Street::new(seed);
        let weather = Weather { loss: 40, duplicate: 20, reorder: 20, hold: 4, ..Weather::default() };
        let bad = WeatherTransport::new(Arc::new(street.memory.clone()), weather, seed, street.runtime());
        // Both ends have to know that frames may be lost.
        let server = WeatherTransport::new(Arc::new(street.memory.clone()), weather, 0, street.runtime());
        let server = Secured::new(server, street.server.clone(), street.runtime());
        let client = Secured::new(bad, street.client.clone(), street.runtime());
        street.run(async {
            let mut listening = listen(&server).await;
            let mut near = loop {
                match client.dial(&hall()).await {
                    Ok(near) => break near,
                    Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "{error}"),
                }
            };
            let greeting = async {
                loop {
                    say(&mut near, HELLO).await;
                    street.time.pass(Duration::from_millis(100)).await;
                    if let Some(Some(answer)) = near.next().now_or_never() {
                        return answer.unwrap();
                    }
                }
            };
            let answering = async {
                let mut far = listening.incoming.next().await.unwrap();
                let mut heard = 0;
                loop {
                    assert_eq!(hear(&mut far.link).await, HELLO);
                    heard += 1;
                    say(&mut far.link, "{}").await;
                    if heard > 1000 {
                        return;
                    }
                }
            };
            let greeting = greeting.boxed_local();
            let answering = answering.boxed_local();
            let futures::future::Either::Left((answer, _)) =
                futures::future::select(greeting, answering).await
            else {
                panic!("the client hears nothing");
            };
            assert_eq!(answer, "{}");
        });
    }
}

/// protocol 19.11
#[test]
fn a_dial_to_a_server_that_says_nothing_ends() {
    let street = Street::new(6);
    let silent = WeatherTransport::new(
        Arc::new(street.memory.clone()),
        Weather { loss: 100, ..Weather::default() },
        1,
        street.runtime(),
    );
    let client = Secured::new(silent, street.client.clone(), street.runtime());
    street.run(async {
        let _listening = listen(&street.memory).await;
        let error = client.dial(&hall()).await.map(drop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "nobody answers");
    });
}
