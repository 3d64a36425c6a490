//! Clauses that are easily forgotten at the edges: inboxes, leaving, saying bye, and hellos that meet.

use std::sync::Arc;

use chat_core::{
    SharedRuntime,
    log::MemoryLog,
    memory::Memory,
    server::{Config, Limits, Server},
    transport::{Transport, Transports},
    wire::{Code, Error, Event, Gap, Hello, Request, Tell},
};
use chat_testkit::{hello, virtual_time::VirtualTime};
use futures::{FutureExt, SinkExt, StreamExt, channel::oneshot, executor::block_on};

use super::{Hall, SECOND, slow_log::SlowLog};
use crate::world::{in_time, runtime};

fn tell(to: &'static str, text: impl Into<String>) -> impl FnOnce(u64) -> Request<'static> {
    let text = text.into().into();
    move |id| Request::Tell(Tell { id, to: to.into(), text, order: None, bot: false })
}

async fn unlimited(time: &VirtualTime) -> Hall {
    Hall::with(time, Limits::default().unlimited(), Arc::new(MemoryLog::new(1 << 24, 7))).await
}

/// protocol 8.3, 8.5
#[test]
fn a_replay_of_the_inbox_names_what_is_gone() {
    let time = VirtualTime::new(61);
    time.run(async {
        let hall = unlimited(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        for n in 1..=260 {
            assert!(matches!(ana.ask(tell("ana", n.to_string())).await, Event::Ack(_)));
        }
        ana.entries("@", 1..=260).await;
        let frame = r#"{"type":"replay","id":900,"room":"@","from":1,"to":6}"#;
        assert!(matches!(ana.ask_as(900, frame).await, Event::Replayed(it) if (it.from, it.to) == (1, 6)));
        let seen = ana.forget();
        let [Event::Gap(Gap { from: 1, to: 4, .. }), Event::Entry(five), Event::Entry(six)] = &seen[..]
        else {
            panic!("{seen:?}");
        };
        assert_eq!((five.seq, six.seq), (5, 6));
    });
}

/// protocol 5.4, 10.6
#[test]
fn a_tell_sent_again_is_acknowledged_again_though_the_other_has_left() {
    let time = VirtualTime::new(62);
    time.run(async {
        let hall = Hall::open(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        let mut bob = hall.enter("bob", 2).await;
        let frame = r#"{"type":"tell","id":9,"to":"bob","text":"psst"}"#;
        let first = ana.ask_as(9, frame).await;
        assert!(matches!(first, Event::Ack(_)));
        bob.send(r#"{"type":"bye"}"#).await;
        bob.rest().await;
        assert_eq!(ana.ask_as(9, frame).await, first);
        let other = r#"{"type":"tell","id":9,"to":"cleo","text":"psst"}"#;
        let refused = ana.ask_as(9, other).await;
        assert!(matches!(refused, Event::Error(Error { code: Code::Conflict, .. })), "{refused:?}");
    });
}

/// protocol 10.5, 3.5
#[test]
fn who_tells_without_reading_pushes_nothing_unread_out_of_the_own_inbox() {
    let time = VirtualTime::new(63);
    time.run(async {
        let hall = unlimited(&time).await;
        let _bob = hall.enter("bob", 2).await;
        for to in ["ana", "bob"] {
            let mut lost = hall.dial().await;
            let secret = lost.hello(&hello("ana", 1)).await.resume;
            lost.ask(tell("ana", "the first")).await;
            let mut ana = hall.dial().await;
            assert!(ana.hello(&Hello { resume: Some(secret.into()), ..hello("ana", 1) }).await.resumed);
            ana.go_on_after(&lost);
            for _ in 0..255 {
                assert!(matches!(ana.ask(tell(to, "more")).await, Event::Ack(_)));
            }
            let refused = ana.ask(tell(to, "too much")).await;
            assert!(matches!(refused, Event::Error(Error { code: Code::Busy, .. })), "{refused:?}");
            ana.join("@", Some(0)).await;
            assert_eq!(ana.entries("@", 1..=256).await[0].text, "the first");
            ana.send(r#"{"type":"bye"}"#).await;
            ana.rest().await;
        }
    });
}

/// protocol 6.8
#[test]
fn nothing_of_a_room_follows_once_it_is_left() {
    let time = VirtualTime::new(64);
    time.run(async {
        let hall = unlimited(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        ana.say("lobby", "hi").await;
        ana.entries("lobby", 1..=1).await;
        for frame in [
            r#"{"type":"replay","id":901,"room":"lobby","from":1,"to":1}"#,
            r#"{"type":"leave","id":902,"room":"lobby"}"#,
        ] {
            ana.send(frame).await;
        }
        while ana.event().await.unwrap().reply_to() != Some(902) {}
        assert!(!ana.has_heard(|it| matches!(it, Event::Entry(_))).await);
    });
}

/// protocol 3.1
#[test]
fn who_says_bye_and_hangs_up_at_once_is_gone() {
    let time = VirtualTime::new(65);
    time.run(async {
        let hall = Hall::with(&time, Limits::default(), Arc::new(SlowLog::new(&time))).await;
        let mut ana = hall.enter("ana", 1).await;
        ana.join("lobby", None).await;
        ana.send(r#"{"type":"say","id":9,"room":"lobby","text":"the last word"}"#).await;
        time.settle().await;
        // The next commit: the first answer meets a link that is gone while this one is still owed.
        ana.send(r#"{"type":"say","id":10,"room":"lobby","text":"and one more"}"#).await;
        ana.send(r#"{"type":"bye"}"#).await;
        time.settle().await;
        drop(ana);
        time.pass(SECOND * 3).await;
        assert_eq!(hall.server.sessions(), 0);
        let mut bob = hall.enter("bob", 2).await;
        assert_eq!(bob.join("lobby", Some(0)).await.head, 2, "it was said");
    });
}

/// protocol 2.10: on several threads, also hellos that come at the very same time are answered.
#[test]
fn hellos_of_one_client_that_meet_are_all_answered() {
    block_on(in_time(async {
        let (world, memory): (SharedRuntime, _) = (runtime(), Memory::default());
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let server = Server::start(Config::default(), log, world.clone()).await.unwrap();
        let transports = Transports::new().with("memory", memory.clone());
        let address = server.listen(&transports, &"memory://hall".parse().unwrap()).await.unwrap();
        for round in 0..200_u64 {
            let answers = (0..8).map(|n| {
                let (memory, address) = (memory.clone(), address.clone());
                let (answered, answer) = oneshot::channel();
                let hello = chat_core::wire::write(&Request::Hello(hello(["ana", "bob"][n % 2], round)));
                world.spawn(
                    async move {
                        let mut link = memory.dial(&address).await.unwrap();
                        link.send(hello).await.unwrap();
                        let _ = answered.send(link.next().await.is_some());
                    }
                    .boxed(),
                );
                answer
            });
            let answers: Vec<_> = answers.collect();
            for answer in answers {
                assert_eq!(answer.await, Ok(true), "round {round}");
            }
        }
    }));
}
