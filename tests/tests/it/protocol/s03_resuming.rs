//! Protocol, section 3: sessions that outlive their link and are resumed on another.

mod other_transport;

use std::sync::Arc;

use chat_core::{
    ClientId, KeyId, Runtime,
    client::{Config as ClientConfig, Password},
    server::{Config, Limits},
    transport::Transport,
    wire::{Code, Event, Hello},
};
use chat_testkit::{hello, virtual_time::VirtualTime};

use super::{SECOND, TestServer, presence_of, slow_log::SlowLog};

/// protocol 3.2, 3.3
#[test]
fn a_secret_opens_the_session_only_for_the_client_it_was_given_to() {
    let time = VirtualTime::new(63);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = server.dial().await;
        let secret = ana.hello(&hello("ana", 1)).await.resume;
        let stolen = Hello { resume: Some(secret.clone().into()), ..hello("cleo", 9) };
        let welcome = server.dial().await.hello(&stolen).await;
        assert_eq!((welcome.resumed, welcome.name.as_str()), (false, "cleo"));
        assert_ne!(welcome.resume, secret);
        assert!(!ana.has_heard(|it| matches!(it, Event::Goodbye(_))).await, "nobody took ana's place");
    });
}

#[test]
fn what_is_printed_to_look_into_things_holds_no_secret() {
    let password = Some("sesame".to_owned());
    let server = Config { password: password.clone(), ..Config::default() };
    let password = password.map(Password::new);
    let client = ClientConfig { name: "ana".to_owned(), client: ClientId(7), password, seed: 1, raw: false };
    let time = VirtualTime::new(64);
    let (welcome, shown_server) = time.run(async {
        let server = TestServer::open(&time).await;
        let welcome = server.dial().await.hello(&hello("ana", 1)).await;
        let shown = format!("{:?}", server.server);
        (welcome, shown)
    });
    let shown = format!("{server:?} {client:?} {welcome:?} {shown_server} {:?}", ClientId(7));
    for secret in ["sesame", &welcome.resume, &ClientId(7).to_string()] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
}

/// protocol 3.1
#[test]
fn a_session_outlives_its_link_by_half_a_minute() {
    let time = VirtualTime::new(1);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = server.enter("ana", 1).await;
        let mut bob = server.enter("bob", 2).await;
        ana.join("lobby", None).await;
        bob.join("lobby", None).await;
        ana.expect("bob entering", presence_of("bob")).await;
        drop(bob);
        time.pass(SECOND * 29).await;
        assert!(!ana.has_heard(|it| presence_of("bob")(it).is_some()).await, "nobody sees a lost link");
        assert_eq!(server.sessions(), 2);
        let before = time.now();
        assert!(!ana.expect("bob leaving", presence_of("bob")).await);
        assert!(time.now() - before <= SECOND, "half a minute is over by then");
        assert_eq!(server.sessions(), 1);
    });
}

/// protocol 3.4, 3.5
#[test]
fn a_link_that_takes_over_from_one_that_lives_is_sent_nothing_it_did_not_ask_for() {
    let time = VirtualTime::new(58);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut bob = server.enter("bob", 2).await;
        bob.join("lobby", Some(0)).await;
        let mut ana = server.dial().await;
        let secret = ana.hello(&hello("ana", 1)).await.resume;
        ana.join("lobby", Some(0)).await;
        bob.say("lobby", "one").await;
        let mut newer = server.dial().await;
        let again = Hello { resume: Some(secret.into()), ..hello("ana", 1) };
        assert!(newer.hello(&again).await.resumed);
        newer.go_on_after(&ana);
        bob.say("lobby", "two").await;
        let sent = |it: &Event| matches!(it, Event::Entry(_) | Event::Presence(_));
        assert!(!newer.has_heard(sent).await, "nobody knows where it stands");
        newer.join("lobby", Some(0)).await;
        newer.entries("lobby", 1..=2).await;
    });
}

/// protocol 3.1
#[test]
fn who_says_bye_and_hangs_up_at_once_is_gone() {
    let time = VirtualTime::new(65);
    time.run(async {
        let server = TestServer::with(&time, Limits::default(), Arc::new(SlowLog::new(&time))).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", None).await;
        ana.send(r#"{"type":"say","id":9,"room":"lobby","text":"the last word"}"#).await;
        time.settle().await;
        // The next commit: the first answer meets a link that is gone while this one is still owed.
        ana.send(r#"{"type":"say","id":10,"room":"lobby","text":"and one more"}"#).await;
        ana.send(r#"{"type":"bye"}"#).await;
        time.settle().await;
        drop(ana);
        time.pass(SECOND * 3).await;
        assert_eq!(server.sessions(), 0);
        let mut bob = server.enter("bob", 2).await;
        assert_eq!(bob.join("lobby", Some(0)).await.head, 2, "it was said");
    });
}

/// protocol 3.9
#[test]
fn a_session_that_asked_for_nothing_ends_with_its_link() {
    let time = VirtualTime::new(91);
    time.run(async {
        let server = TestServer::open(&time).await;
        drop(server.enter("ana", 1).await);
        time.settle().await;
        assert_eq!(server.sessions(), 0);
        let mut ana = server.enter("ana", 2).await;
        ana.has_heard(|_| false).await;
        drop(ana);
        time.settle().await;
        assert_eq!(server.sessions(), 1, "a ping is a request");
    });
}

/// protocol 3.10
#[test]
fn a_session_is_resumed_only_by_the_key_that_opened_it() {
    let time = VirtualTime::new(92);
    time.run(async {
        let server = TestServer::open(&time).await;
        let promises = server.memory.promises();
        let (key, other) = (Some(KeyId([7; 32])), Some(KeyId([8; 32])));
        for (opened_by, number) in [(key, 1), (None, 2)] {
            let name = format!("ana{number}");
            let mut ana = server.accepted_from(promises, opened_by);
            let secret = ana.hello(&hello(&name, number)).await.resume;
            ana.has_heard(|_| false).await;
            drop(ana);
            time.settle().await;
            let resume = Hello { resume: Some(secret.clone().into()), ..hello(&name, number) };
            for wrong in [key, other, None].into_iter().filter(|wrong| *wrong != opened_by) {
                let refused = server.accepted_from(promises, wrong).refused(&resume).await;
                assert_eq!(refused.code, Code::NotWelcome, "{wrong:?} has not opened {name}");
            }
            let mut right = server.accepted_from(promises, opened_by);
            assert!(right.hello(&resume).await.resumed);
        }
    });
}
