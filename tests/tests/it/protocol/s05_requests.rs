//! Protocol, section 5: requests that are repeated, in conflict, or refused for now.

mod every_link;

use std::sync::Arc;

use chat_core::{
    log::LogError,
    server::Limits,
    wire::{Ack, Code, Error, Event, Post, Request, write},
};
use chat_testkit::{RawClient, virtual_time::VirtualTime};

use super::{
    SECOND, TestServer, error,
    slow_log::{SlowLog, failing_server},
};

/// protocol 5.4, 5.5, 10.1
#[test]
fn a_tell_that_comes_again_is_told_once_and_another_under_its_id_is_a_conflict() {
    let time = VirtualTime::new(83);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let mut ana = server.enter("ana", 1).await;
        let mut bob = server.enter("bob", 2).await;
        let _cleo = server.enter("cleo", 3).await;
        let tell = |to: &str, text: &str| {
            let (to, text) = (to.to_owned(), text.to_owned());
            write(&Request::new(40, Post::tell(to, text)))
        };
        let Event::Ack(first) = ana.ask_as(40, tell("bob", "psst")).await else { panic!("bob is here") };
        let Event::Ack(again) = ana.ask_as(40, tell("bob", "psst")).await else { panic!("it is known") };
        assert_eq!(again, Ack { ..first });
        for other in [tell("bob", "PSST"), tell("cleo", "psst")] {
            let answer = ana.ask_as(40, other).await;
            assert!(matches!(answer, Event::Error(Error { code: Code::Conflict, .. })), "{answer:?}");
        }
        for client in [&mut ana, &mut bob] {
            client.entries("@", 1..=1).await;
            assert!(!client.has_heard(|it| matches!(it, Event::Entry(_))).await, "once is enough");
        }
    });
}

/// protocol 5.4, protocol 5.11
#[test]
fn a_disk_that_fails_takes_nothing_back_and_what_it_refused_stays_refused() {
    let time = VirtualTime::new(25);
    time.run(async {
        let log = Arc::new(SlowLog::new(&time));
        let server = TestServer::with(&time, Limits::default(), log.clone()).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        let placed = |id: u64, order: u64| {
            format!(r#"{{"type":"say","id":{id},"room":"lobby","text":"{id}","order":{order}}}"#)
        };
        let stored = ana.ask_as(101, placed(101, 1)).await;
        assert!(matches!(&stored, Event::Ack(ack) if ack.seq == 1), "{stored:?}");
        log.fail_with(Some(LogError::Failed("input/output error".into())));
        assert_eq!(ana.ask_as(101, placed(101, 1)).await, stored, "a repetition needs no disk");
        let refused = ana.ask_as(102, placed(102, 2)).await;
        assert!(matches!(&refused, Event::Error(it) if it.code == Code::StorageFailed), "{refused:?}");
        log.fail_with(None);
        let later = ana.ask_as(103, placed(103, 3)).await;
        assert!(matches!(&later, Event::Ack(ack) if ack.seq == 2), "{later:?}");
        assert_eq!(ana.ask_as(102, placed(102, 2)).await, refused, "it would come after what was said later");
        let anew = ana.ask_as(102, placed(102, 4)).await;
        assert!(matches!(&anew, Event::Ack(ack) if ack.seq == 3), "{anew:?}");
        let texts: Vec<String> =
            ana.entries("lobby", 1..=3).await.into_iter().map(|it| it.body.text).collect();
        assert_eq!(texts, ["101", "103", "102"]);
    });
}

/// protocol 5.11
#[test]
fn a_message_into_a_room_one_was_not_in_is_not_stored_when_it_comes_again() {
    let time = VirtualTime::new(26);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = server.enter("ana", 1).await;
        let say = r#"{"type":"say","id":102,"room":"lobby","text":"early","order":1}"#;
        let refused = ana.ask_as(102, say).await;
        assert!(matches!(&refused, Event::Error(it) if it.code == Code::NotJoined), "{refused:?}");
        ana.join("lobby", Some(0)).await;
        assert_eq!(ana.ask_as(102, say).await, refused);
        assert_eq!(ana.say("lobby", "late").await.seq, 1);
    });
}

/// protocol 5.8, 11.6
#[test]
fn what_follows_a_message_that_was_refused_for_now_does_not_overtake_it() {
    let time = VirtualTime::new(76);
    time.run(async {
        let server = failing_server(&time).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", None).await;
        let mut crowd = Vec::new();
        for n in 0..70 {
            let mut client = server.enter(&format!("p{n:02}"), 100 + n).await;
            client.join("lobby", None).await;
            crowd.push(client);
        }
        let say = |id: u64| format!(r#"{{"type":"say","id":{id},"room":"lobby","text":"x"}}"#);
        crowd[0].send(say(100)).await;
        time.settle().await;
        for client in &mut crowd {
            for id in 101..=163 {
                client.send(say(id)).await;
            }
        }
        time.pass(SECOND * 9 / 10).await;
        let code_of = async |client: &mut RawClient, id: u64| {
            error(&client.ask_as(id, say(id)).await).expect("nothing is stored").1
        };
        assert_eq!(code_of(&mut ana, 200).await, Code::Busy);
        time.pass(SECOND * 15 / 100).await;
        assert_eq!(code_of(&mut ana, 201).await, Code::Busy, "there is room again, but 200 goes first");
        time.pass(SECOND * 3 / 10).await;
        assert_eq!(code_of(&mut ana, 200).await, Code::StorageFailed, "it was taken");
    });
}
