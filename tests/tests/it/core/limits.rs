//! What is refused, and that refusing it is all that happens.

use std::sync::Arc;

use chat_core::{
    log::MemoryLog,
    server::{Config, Limits, Server},
    transport::{Transport, Transports},
    wire::{Code, Error, Event, Request, Say, Tell},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime};

use super::{Hall, SECOND, elsewhere::Elsewhere};

fn refusal(event: Event) -> Error {
    match event {
        Event::Error(error) => error,
        other => panic!("that was allowed: {other:?}"),
    }
}

fn say(text: &str) -> impl FnOnce(u64) -> Request<'static> {
    let text = text.to_owned();
    move |id| Request::Say(Say { id, room: "lobby".into(), text: text.into(), order: None, bot: false })
}

/// protocol 11.1, 11.2
#[test]
fn who_says_too_much_is_told_when_to_go_on_and_keeps_the_order() {
    let time = VirtualTime::new(11);
    time.run(async {
        let hall = Hall::open(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        let mut bob = hall.enter("bob", 2).await;
        ana.join("lobby", Some(0)).await;
        bob.join("lobby", Some(0)).await;
        for n in 0..20 {
            ana.say("lobby", &n.to_string()).await;
        }
        let error = refusal(ana.ask(say("21")).await);
        assert_eq!(error.code, Code::RateLimited);
        let wait = error.retry_after_ms.expect("waiting helps");
        assert!((190..=202).contains(&wait), "five a second: {wait}");
        time.pass(std::time::Duration::from_millis(wait / 2)).await;
        assert_eq!(refusal(ana.ask(say("22")).await).code, Code::RateLimited, "it would overtake");
        bob.say("lobby", "others go on").await;
        time.pass(std::time::Duration::from_millis(wait)).await;
        ana.say("lobby", "21").await;
        time.pass(SECOND * 4).await;
        for n in 0..20 {
            ana.say("lobby", &n.to_string()).await;
        }
    });
}

/// protocol 11.4
#[test]
fn rooms_have_a_limit_for_everybody_and_for_all() {
    let time = VirtualTime::new(12);
    time.run(async {
        let limits = Limits { rooms: 70, ..Limits::default().unlimited() };
        let hall = Hall::with(&time, limits, Arc::new(MemoryLog::new(1 << 20, 7))).await;
        let mut ana = hall.enter("ana", 1).await;
        for n in 0..64 {
            ana.join(&format!("room{n}"), None).await;
        }
        let join = |room: &str| {
            let room = room.to_owned().into();
            move |id| Request::Join(chat_core::wire::Join { id, room, ..Default::default() })
        };
        assert_eq!(refusal(ana.ask(join("one-more")).await).code, Code::TooMany);
        ana.join("room7", None).await; // where one is already costs nothing
        let mut bob = hall.enter("bob", 2).await;
        for n in 64..70 {
            bob.join(&format!("room{n}"), None).await;
        }
        assert_eq!(refusal(bob.ask(join("one-more")).await).code, Code::TooMany);
        // A room nobody is in and in which nothing was said is forgotten (protocol 6.7).
        bob.ask(|id| Request::Leave(chat_core::wire::Leave { id, room: "room64".into() })).await;
        bob.join("one-more", None).await;
    });
}

/// protocol 10.5
#[test]
fn an_inbox_takes_no_more_than_its_owner_may_still_read() {
    let time = VirtualTime::new(13);
    time.run(async {
        let hall =
            Hall::with(&time, Limits::default().unlimited(), Arc::new(MemoryLog::new(1 << 20, 7))).await;
        let mut ana = hall.enter("ana", 1).await;
        drop(hall.enter("bob", 2).await);
        time.settle().await;
        let tell =
            |id| Request::Tell(Tell { id, to: "bob".into(), text: "psst".into(), order: None, bot: false });
        for _ in 0..256 {
            assert!(matches!(ana.ask(tell).await, Event::Ack(_)));
        }
        let error = refusal(ana.ask(tell).await);
        assert_eq!(error.code, Code::Busy);
        assert!(error.retry_after_ms.is_some());
    });
}

/// protocol 6.5
#[test]
fn what_the_log_let_go_of_is_told_and_not_skipped() {
    let time = VirtualTime::new(14);
    time.run(async {
        let hall =
            Hall::with(&time, Limits::default().unlimited(), Arc::new(MemoryLog::new(10_000, 7))).await;
        let mut ana = hall.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        for n in 1..=100 {
            ana.say("lobby", &n.to_string()).await;
            ana.entries("lobby", n..=n).await;
        }
        let mut bob = hall.enter("bob", 2).await;
        let joined = bob.join("lobby", Some(3)).await;
        assert!(joined.oldest > 50 && joined.head == 100 && joined.after == 3, "{joined:?}");
        let gap =
            bob.expect("gap", |it| if let Event::Gap(gap) = it { Some(gap.clone()) } else { None }).await;
        assert_eq!((gap.from, gap.to), (4, joined.oldest - 1));
        bob.entries("lobby", joined.oldest..=100).await;
        let mut cleo = hall.enter("cleo", 3).await;
        let joined = cleo.join("lobby", None).await;
        assert_eq!(joined.after, joined.oldest - 1, "who asked for nothing older is told of no gap");
        cleo.entries("lobby", joined.oldest..=100).await;
    });
}

/// protocol 11.7
#[test]
fn a_host_has_64_links_and_gets_a_place_back_with_each_that_goes() {
    let time = VirtualTime::new(15);
    time.run(async {
        let elsewhere = Elsewhere::one_host();
        let transports = Transports::new().with("memory", elsewhere.clone());
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let server = Server::start(Config::default(), log, time.shared()).await.unwrap();
        let address = server.listen(&transports, &"memory://hall".parse().unwrap()).await.unwrap();
        let dial = async || {
            let link = elsewhere.dial(&address).await.unwrap();
            RawClient::new(link, elsewhere.promises(), time.shared())
        };
        let mut inside = Vec::new();
        for n in 0..64_u8 {
            let mut client = dial().await;
            // Names that do not look alike: 0 and o, 1 and l would.
            let name = format!("{}{}", char::from(b'a' + n / 8), char::from(b'p' + n % 8));
            client.hello(&hello(&name, u64::from(n))).await;
            inside.push(client);
        }
        let rest = dial().await.rest().await;
        let full =
            |it: &Event| matches!(it, Event::Error(Error { code: Code::Full, retry_after_ms: Some(_), .. }));
        assert!(matches!(&rest[..], [it] if full(it)), "{rest:?}");
        inside.pop();
        time.settle().await;
        dial().await.hello(&hello("zoe", 99)).await;
    });
}

/// protocol 11.10
#[test]
fn sessions_have_a_limit_also_while_their_links_are_lost() {
    let time = VirtualTime::new(16);
    time.run(async {
        let limits = Limits { sessions: 2, ..Limits::default() };
        let hall = Hall::with(&time, limits, Arc::new(MemoryLog::new(1 << 20, 7))).await;
        drop(hall.enter("ana", 1).await);
        let _bob = hall.enter("bob", 2).await;
        let error = hall.dial().await.refused(&hello("cleo", 3)).await;
        assert_eq!(error.code, Code::Full);
        assert!(error.retry_after_ms.is_some());
        time.pass(SECOND * 31).await; // nobody comes back for ana's
        hall.enter("cleo", 3).await;
    });
}

/// protocol 11.1
#[test]
fn what_claims_to_be_a_repetition_and_is_none_is_limited_like_the_rest() {
    let time = VirtualTime::new(18);
    time.run(async {
        let hall = Hall::open(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        let say = |order: u64| {
            move |id| {
                Request::Say(Say {
                    id,
                    room: "lobby".into(),
                    text: id.to_string().into(),
                    order: Some(order),
                    bot: false,
                })
            }
        };
        for order in 1..=3 {
            assert!(matches!(ana.ask(say(order)).await, Event::Ack(_)));
        }
        let mut allowed = 0;
        for n in 0..40 {
            allowed += usize::from(matches!(ana.ask(say(n % 3)).await, Event::Ack(_)));
        }
        assert_eq!(allowed, 17, "twenty at once, of which three were said before");
    });
}
