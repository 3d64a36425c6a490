//! How long sessions and links live.

use chat_core::{
    Runtime,
    server::Limits,
    wire::{Code, Event, Goodbye, Hello, Ping, Reason, Request, Tell},
};
use chat_testkit::{hello, virtual_time::VirtualTime};
use futures::future::join;
use std::sync::Arc;

use super::{Hall, SECOND, presence_of};

fn goodbye(event: &Event) -> Option<Reason> {
    match event {
        Event::Goodbye(Goodbye { reason, .. }) => Some(*reason),
        _ => None,
    }
}

/// protocol 3.1
#[test]
fn a_session_outlives_its_link_by_half_a_minute() {
    let time = VirtualTime::new(1);
    time.run(async {
        let hall = Hall::open(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        let mut bob = hall.enter("bob", 2).await;
        ana.join("lobby", None).await;
        bob.join("lobby", None).await;
        ana.expect("bob entering", presence_of("bob")).await;
        drop(bob);
        time.pass(SECOND * 29).await;
        assert!(!ana.has_heard(|it| presence_of("bob")(it).is_some()).await, "nobody sees a lost link");
        assert_eq!(hall.server.sessions(), 2);
        let before = time.now();
        assert!(!ana.expect("bob leaving", presence_of("bob")).await);
        assert!(time.now() - before <= SECOND, "half a minute is over by then");
        assert_eq!(hall.server.sessions(), 1);
    });
}

/// protocol 2.12, 10.4
#[test]
fn a_name_whose_link_is_lost_goes_to_the_same_host_at_once_but_not_its_inbox() {
    let time = VirtualTime::new(2);
    time.run(async {
        let hall = Hall::open(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        drop(hall.enter("bob", 2).await);
        time.settle().await;
        let tell =
            |id| Request::Tell(Tell { id, to: "bob".into(), text: "psst".into(), order: None, bot: false });
        assert!(matches!(ana.ask(tell).await, Event::Ack(_)), "who has lost the link is still here");
        let mut other = hall.enter("Bob", 3).await;
        assert!(!other.has_heard(|it| matches!(it, Event::Entry(_))).await, "it was not for this bob");
        assert_eq!(hall.server.sessions(), 2);
    });
}

/// protocol 12.4
#[test]
fn a_silent_link_is_dead_after_75_seconds_and_a_ping_keeps_it_alive() {
    let time = VirtualTime::new(3);
    time.run(async {
        let hall = Hall::open(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        for id in 1..20 {
            time.pass(SECOND * 70).await;
            assert!(matches!(
                ana.ask_as(id, format!(r#"{{"type":"ping","id":{id}}}"#)).await,
                Event::Pong(_)
            ));
        }
        time.pass(SECOND * 74).await;
        assert!(!ana.has_heard(|it| goodbye(it).is_some()).await);
        time.pass(SECOND * 76).await;
        assert_eq!(ana.rest().await.iter().find_map(goodbye), Some(Reason::Silent));
    });
}

/// protocol 2.3
#[test]
fn who_does_not_say_hello_is_let_go_after_5_seconds() {
    let time = VirtualTime::new(4);
    time.run(async {
        let hall = Hall::open(&time).await;
        let mut mute = hall.dial().await;
        let began = time.now();
        let last = mute.rest().await;
        assert_eq!((time.now() - began).as_secs(), 5);
        let [Event::Error(error)] = &last[..] else { panic!("one error and nothing else: {last:?}") };
        assert!(error.message.contains("hello") && error.retry_after_ms.is_some(), "{error:?}");
    });
}

/// protocol 12.5, 11.8
#[test]
fn a_reader_that_stops_reading_is_cut_delays_nobody_and_later_gets_everything() {
    let time = VirtualTime::new(5);
    time.run(async {
        let hall = Hall::with(&time, Limits::default().unlimited(), log()).await;
        let mut ana = hall.enter("ana", 1).await;
        let mut bob = hall.enter("bob", 2).await;
        let mut stuck = hall.dial().await;
        let secret = stuck.hello(&hello("cleo", 3)).await.resume;
        for client in [&mut ana, &mut bob, &mut stuck] {
            client.join("lobby", Some(0)).await;
        }
        for n in 1..=500 {
            let before = time.now();
            ana.say("lobby", &n.to_string()).await;
            ana.entries("lobby", n..=n).await;
            bob.entries("lobby", n..=n).await;
            assert_eq!(time.now(), before, "nobody waits for the one who does not read");
        }
        time.pass(SECOND * 11).await;
        ana.ask(|id| Request::Ping(Ping { id })).await;
        let seen = stuck.rest().await;
        let numbers: Vec<u64> = seen.iter().filter_map(seq).collect();
        assert!(numbers.len() < 500 && numbers.iter().copied().eq(1..=numbers.len() as u64), "{numbers:?}");
        let mut back = hall.dial().await;
        let again = Hello { resume: Some(secret.into()), ..hello("cleo", 3) };
        assert!(back.hello(&again).await.resumed, "a link that was cut is a lost link");
        back.go_on_after(&stuck);
        let cursor = numbers.len() as u64;
        back.join("lobby", Some(cursor)).await;
        back.entries("lobby", cursor + 1..=500).await;
    });
}

/// protocol 2.10
#[test]
fn a_client_whose_welcome_was_lost_is_let_in_again() {
    let time = VirtualTime::new(6);
    time.run(async {
        let hall = Hall::open(&time).await;
        let mut lost = hall.enter("ana", 1).await;
        let mut again = hall.dial().await;
        assert!(!again.hello(&hello("ana", 1)).await.resumed);
        assert_eq!(lost.rest().await.iter().find_map(goodbye), Some(Reason::Replaced));
        again.join("lobby", None).await;
        let refused = hall.dial().await.refused(&hello("ana", 1)).await;
        assert_eq!(refused.code, Code::NotWelcome, "it has asked for something, so it has read its welcome");
    });
}

/// protocol 12.7
#[test]
fn a_server_that_stops_delivers_what_it_acknowledged_and_waits_no_longer_than_it_said() {
    let time = VirtualTime::new(7);
    time.run(async {
        let hall = Hall::with(&time, Limits::default().unlimited(), log()).await;
        let mut ana = hall.enter("ana", 1).await;
        let mut stuck = hall.enter("bob", 2).await;
        let _mute = hall.dial().await;
        ana.join("lobby", Some(0)).await;
        stuck.join("lobby", Some(0)).await;
        for n in 1..=300 {
            ana.say("lobby", &n.to_string()).await;
            ana.entries("lobby", n..=n).await;
        }
        ana.send(r#"{"type":"say","id":1000,"room":"lobby","text":"the last word"}"#).await;
        ana.expect("ack", |it| (it.reply_to() == Some(1000)).then_some(())).await;
        let began = time.now();
        let ((), rest) = join(hall.server.stop(), ana.rest()).await;
        assert!(rest.iter().any(|it| seq(it) == Some(301)), "{rest:?}");
        assert_eq!(rest.iter().find_map(goodbye), Some(Reason::Shutdown));
        let took = time.now() - began;
        assert!(took >= SECOND * 10 && took < SECOND * 11, "{took:?}: one does not take what waits for it");
        assert_eq!(hall.server.sessions(), 0);
    });
}

fn seq(event: &Event) -> Option<u64> {
    match event {
        Event::Entry(entry) => Some(entry.seq),
        _ => None,
    }
}

fn log() -> Arc<chat_core::log::MemoryLog> {
    Arc::new(chat_core::log::MemoryLog::new(1 << 24, 7))
}
