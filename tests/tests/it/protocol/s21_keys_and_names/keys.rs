//! The keys of a person: codes that link machines, and keys that are removed.

use std::time::Duration;

use chat_core::{
    log::MAX_KEYS_OF_ONE,
    pake::{Initiator, LINK, from_text, to_text},
    wire::{
        Claim, Code, Error, Event, Goodbye, KeyOfPerson, Keys, Linked, Person, Reason, Request, RequestBody,
        Revoke, Whois,
    },
};
use chat_testkit::virtual_time::VirtualTime;

use super::*;

/// A code that the person of this session asks for.
async fn code(client: &mut RawClient) -> String {
    match client.ask(|id| Request::new(id, RequestBody::Link)).await {
        Event::Linked(Linked { code, expires_in_ms: 600_000, .. }) => code,
        other => panic!("{other:?} is no code"),
    }
}

/// The digits of a code.
fn digits(code: &str) -> String {
    code.chars().filter(char::is_ascii_digit).collect()
}

/// What a client with this binding is answered that claims to be the person called `name`, by this code.
async fn claim(client: &mut RawClient, number: u8, name: &str, code: &str) -> Event {
    let initiator = Initiator::new(digits(code).as_bytes(), LINK, &binding(number), [number; 64]);
    let share = to_text(&initiator.share());
    let ask = |tag| Claim { name: name.to_owned().into(), pake: share.clone().into(), tag };
    let begin = ask(None);
    let proof = match client.ask(|id| Request::new(id, begin)).await {
        Event::Prove(proof) => proof,
        other => return other,
    };
    let (their_share, their_tag) = (from_text(&proof.pake).unwrap(), from_text(&proof.tag).unwrap());
    let tag = initiator.finish(&their_share, &their_tag).unwrap_or([0; 64]);
    let end = ask(Some(to_text(&tag).into()));
    client.ask(|id| Request::new(id, end)).await
}

fn refusal(event: &Event) -> Option<Code> {
    if let Event::Error(Error { code, .. }) = event { Some(*code) } else { None }
}

async fn keys(client: &mut RawClient) -> Vec<KeyOfPerson> {
    match client.ask(|id| Request::new(id, RequestBody::Keys)).await {
        Event::Keys(Keys { keys, .. }) => keys,
        other => panic!("{other:?} lists no keys"),
    }
}

async fn whois(client: &mut RawClient, name: &str) -> Result<Person, Option<Code>> {
    match client.ask(|id| Request::new(id, Whois { name: name.to_owned().into() })).await {
        Event::Person(person) => Ok(person),
        other => Err(refusal(&other)),
    }
}

async fn revoke(client: &mut RawClient, number: u8) -> Event {
    client.ask(|id| Request::new(id, Revoke { key: key(number) })).await
}

/// protocol 21.6, 21.7, 21.2: the laptop becomes ana's, has her name, and speaks as the same person.
#[test]
fn a_code_makes_another_machine_the_same_person() {
    let time = VirtualTime::new(230);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = enter(&server, "ana", 1).await;
        let code = code(&mut ana).await;
        assert!(code.len() == 9 && code.as_bytes()[4] == b'-' && digits(&code).len() == 8, "{code}");
        let mut laptop = enter(&server, "ana-laptop", 2).await;
        assert!(matches!(claim(&mut laptop, 2, "ANA", &code).await, Event::Claimed(it) if it.name == "ana"));
        let of_ana = keys(&mut ana).await;
        assert_eq!(
            of_ana.iter().map(|it| (it.key, it.this)).collect::<Vec<_>>(),
            [(key(1), true), (key(2), false)]
        );
        assert_eq!(
            refusal(&claim(&mut enter(&server, "eve", 3).await, 3, "ana", &code).await),
            Some(Code::BadCode)
        );
        // Asked again, as if the reply was lost.
        assert!(matches!(claim(&mut laptop, 2, "ana", &code).await, Event::Claimed(_)));
        bye(ana).await;
        bye(laptop).await;
        assert!(try_to_enter(&server, "ana-laptop", Some(3)).await.expect_err("it is ana's").owned);
        let mut laptop = enter(&server, "ana", 2).await;
        laptop.join("hall", None).await;
        laptop.say("hall", "hi").await;
        let entries = laptop.entries("hall", 1..=1).await;
        assert_eq!(entries[0].author.identity, Some(key(1)), "the first key names the person");
    });
}

/// protocol 21.6.1, 21.6.3
#[test]
fn a_code_that_was_tried_wrongly_three_times_is_good_no_more() {
    let time = VirtualTime::new(231);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = enter(&server, "ana", 1).await;
        let right = code(&mut ana).await;
        let wrong = if right == "0000-0000" { "1111-1111" } else { "0000-0000" };
        let mut eve = enter(&server, "eve", 2).await;
        for _ in 0..2 {
            assert_eq!(refusal(&claim(&mut eve, 2, "ana", wrong).await), Some(Code::BadCode));
        }
        let mut laptop = enter(&server, "ana-2", 3).await;
        assert!(matches!(claim(&mut laptop, 3, "ana", &right).await, Event::Claimed(_)), "the third try");
        let right = code(&mut ana).await;
        for number in 4..7 {
            let mut eve = enter(&server, &format!("eve-{number}"), number).await;
            assert_eq!(refusal(&claim(&mut eve, number, "ana", "0000-0001").await), Some(Code::BadCode));
        }
        let mut phone = enter(&server, "ana-3", 7).await;
        assert_eq!(refusal(&claim(&mut phone, 7, "ana", &right).await), Some(Code::BadCode));
    });
}

/// protocol 21.6.1: ten minutes, and the newest code alone.
#[test]
fn a_code_expires() {
    let time = VirtualTime::new(232);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = enter(&server, "ana", 1).await;
        let first = code(&mut ana).await;
        let second = code(&mut ana).await;
        let mut laptop = enter(&server, "ana-2", 2).await;
        assert_eq!(refusal(&claim(&mut laptop, 2, "ana", &first).await), Some(Code::BadCode));
        for _ in 0..12 {
            time.pass(Duration::from_secs(50)).await; // or the links are silent for too long
            ana.has_heard(|_| false).await;
            laptop.has_heard(|_| false).await;
        }
        assert_eq!(refusal(&claim(&mut laptop, 2, "ana", &second).await), Some(Code::BadCode));
    });
}

/// protocol 21.6.3, 11.14: guesses of codes and of passwords are one budget, also of this machine.
#[test]
fn a_host_that_guesses_codes_is_slowed_down() {
    let time = VirtualTime::new(233);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut eve = enter(&server, "eve", 2).await;
        for _ in 0..5 {
            assert_eq!(refusal(&claim(&mut eve, 2, "nobody", "0000-0000").await), Some(Code::BadCode));
        }
        let refused = claim(&mut eve, 2, "nobody", "0000-0000").await;
        assert!(
            matches!(
                &refused,
                Event::Error(Error { code: Code::RateLimited, retry_after_ms: Some(1000..), .. })
            ),
            "{refused:?}"
        );
        let mut ana = enter(&server, "ana", 1).await;
        let code = code(&mut ana).await;
        let mut laptop = enter(&server, "ana-2", 3).await;
        assert!(matches!(claim(&mut laptop, 3, "ana", &code).await, Event::Claimed(_)), "another host");
    });
}

/// protocol 21.7
#[test]
fn a_key_that_was_removed_ends_its_sessions() {
    let time = VirtualTime::new(234);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = enter(&server, "ana", 1).await;
        assert_eq!(refusal(&revoke(&mut ana, 1).await), Some(Code::Unsupported), "the last key");
        let code = code(&mut ana).await;
        let mut laptop = enter(&server, "ana-2", 2).await;
        claim(&mut laptop, 2, "ana", &code).await;
        let bob = enter(&server, "bob", 3).await;
        assert_eq!(refusal(&revoke(&mut ana, 3).await), Some(Code::Unsupported), "bob's key");
        assert!(matches!(revoke(&mut ana, 2).await, Event::Revoked(it) if it.key == key(2)));
        let last = laptop.rest().await.pop();
        assert!(matches!(last, Some(Event::Goodbye(Goodbye { reason: Reason::Revoked, .. }))), "{last:?}");
        assert!(matches!(revoke(&mut ana, 2).await, Event::Revoked(_)), "asked again");
        assert_eq!(keys(&mut ana).await.len(), 1);
        assert!(try_to_enter(&server, "ana-2", Some(2)).await.expect_err("it is ana's").owned);
        drop(bob);
    });
}

/// protocol 21.7: a stolen laptop that has ana's first key.
#[test]
fn the_next_key_names_a_person_whose_first_one_was_removed() {
    let time = VirtualTime::new(235);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = enter(&server, "ana", 1).await;
        let code = code(&mut ana).await;
        let mut phone = enter(&server, "ana-2", 2).await;
        claim(&mut phone, 2, "ana", &code).await;
        assert!(matches!(revoke(&mut phone, 1).await, Event::Revoked(_)));
        let last = ana.rest().await.pop();
        assert!(matches!(last, Some(Event::Goodbye(Goodbye { reason: Reason::Revoked, .. }))), "{last:?}");
        assert_eq!(whois(&mut phone, "ana").await.expect("it is the phone's").key, Some(key(2)));
        assert!(try_to_enter(&server, "ana", Some(1)).await.expect_err("it is the phone's").owned);
        bye(phone).await;
        try_to_enter(&server, "ana", Some(2)).await.expect("it is the phone's");
    });
}

/// protocol 21.8
#[test]
fn whois_tells_whose_a_name_is() {
    let time = VirtualTime::new(236);
    time.run(async {
        let server = TestServer::open(&time).await;
        bye(enter(&server, "Ana", 1).await).await;
        let mut guest = server.at("192.0.2.9");
        guest.hello(&hello("gil", 1)).await;
        let ana = whois(&mut guest, "ana").await.expect("ana is known");
        assert_eq!((ana.name.as_str(), ana.key, ana.present), ("Ana", Some(key(1)), false));
        assert!(ana.seen.is_some());
        let gil = whois(&mut guest, "gil").await.expect("gil is here");
        assert_eq!((gil.key, gil.present, gil.seen), (None, true, None));
        assert_eq!(whois(&mut guest, "bob").await, Err(Some(Code::NoSuchPerson)));
        assert_eq!(whois(&mut guest, "a b").await, Err(Some(Code::BadName)));
        let _ana = enter(&server, "ana", 1).await;
        assert!(whois(&mut guest, "Ana").await.expect("ana is here").present);
    });
}

/// protocol 21.6, 21.7: a guest has no key.
#[test]
fn a_guest_can_neither_link_nor_remove() {
    let time = VirtualTime::new(237);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut guest = server.at("192.0.2.9");
        guest.hello(&hello("gil", 1)).await;
        for body in [
            RequestBody::Link,
            RequestBody::Keys,
            Revoke { key: key(1) }.into(),
            Claim { name: "ana".into(), pake: "A".into(), tag: None }.into(),
        ] {
            let refused = guest.ask(|id| Request::new(id, body)).await;
            assert_eq!(refusal(&refused), Some(Code::Unsupported), "{refused:?}");
        }
    });
}

/// protocol 21.6.4
#[test]
fn a_person_has_eight_keys() {
    let time = VirtualTime::new(238);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = enter(&server, "ana", 1).await;
        for number in 2..=MAX_KEYS_OF_ONE + 1 {
            let number = u8::try_from(number).unwrap();
            let code = code(&mut ana).await;
            let mut other = enter(&server, &format!("m{number}"), number).await;
            let answer = claim(&mut other, number, "ana", &code).await;
            match usize::from(number) <= MAX_KEYS_OF_ONE {
                true => assert!(matches!(answer, Event::Claimed(_)), "{answer:?}"),
                false => assert_eq!(refusal(&answer), Some(Code::TooMany), "{answer:?}"),
            }
        }
        assert_eq!(keys(&mut ana).await.len(), MAX_KEYS_OF_ONE);
    });
}
