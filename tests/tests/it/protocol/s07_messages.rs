//! Protocol, section 7: a message is acknowledged and delivered once the log has stored it, and not before.

use std::sync::Arc;

use chat_core::{
    log::{LogError, MemoryLog},
    server::Limits,
    wire::{Code, Error, Event, Post, Request},
};
use chat_testkit::{RawClient, virtual_time::VirtualTime};
use futures::future::join_all;

use super::{SECOND, TestServer, slow_log::SlowLog};

/// People in the lobby.
async fn crowd(server: &TestServer, count: usize) -> Vec<RawClient> {
    let mut people = Vec::new();
    for n in 0..count {
        // No letters that look like others.
        let letter = |n: usize| char::from(b"abcdefghjkmnpqrstuvwxyz"[n % 23]);
        let mut client = server.enter(&format!("{}{}", letter(n / 23), letter(n)), n as u64).await;
        client.join("lobby", Some(0)).await;
        people.push(client);
    }
    people
}

/// protocol 7.1, 7.5
#[test]
fn nothing_is_acknowledged_or_seen_before_it_is_stored() {
    let time = VirtualTime::new(21);
    time.run(async {
        let log = Arc::new(SlowLog::new(&time));
        let server = TestServer::with(&time, Limits::default(), log.clone()).await;
        let mut ana = server.enter("ana", 1).await;
        let mut bob = server.enter("bob", 2).await;
        ana.join("lobby", Some(0)).await;
        bob.join("lobby", Some(0)).await;
        ana.send(r#"{"type":"say","id":7,"room":"lobby","text":"hi"}"#).await;
        time.pass(SECOND * 9 / 10).await;
        assert_eq!(server.sessions(), 2);
        for client in [&mut ana, &mut bob] {
            assert!(!client.has_heard(|it| matches!(it, Event::Ack(_) | Event::Entry(_))).await, "too early");
        }
        ana.expect("ack", |it| (it.reply_to() == Some(7)).then_some(())).await;
        ana.entries("lobby", 1..=1).await;
        bob.entries("lobby", 1..=1).await;
    });
}

/// protocol 13.1, 7.5
#[test]
fn what_cannot_be_stored_is_refused_and_leaves_no_hole() {
    let time = VirtualTime::new(22);
    time.run(async {
        let log = Arc::new(SlowLog::new(&time));
        let server = TestServer::with(&time, Limits::default(), log.clone()).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        ana.say("lobby", "stored").await;
        for (trouble, wanted) in [
            (LogError::Full("no space left".into()), Code::StorageFull),
            (LogError::Failed("input/output error".into()), Code::StorageFailed),
        ] {
            log.fail_with(Some(trouble));
            let say = |id| Request::new(id, Post::say("lobby", "lost"));
            match ana.ask(say).await {
                Event::Error(Error { code, .. }) => assert_eq!(code, wanted),
                other => panic!("{other:?}"),
            }
        }
        log.fail_with(None);
        assert_eq!(ana.say("lobby", "stored again").await.seq, 2);
        let entries = ana.entries("lobby", 1..=2).await;
        assert_eq!(entries[1].body.text, "stored again");
    });
}

/// protocol 7.6
#[test]
fn who_waits_for_a_disk_that_does_not_answer_is_told() {
    let time = VirtualTime::new(27);
    time.run(async {
        let log = Arc::new(SlowLog { takes: SECOND * 12, ..SlowLog::new(&time) });
        let server = TestServer::with(&time, Limits::default(), log).await;
        let mut ana = server.enter("ana", 1).await;
        let mut bob = server.enter("bob", 2).await;
        ana.join("lobby", Some(0)).await;
        bob.join("lobby", Some(0)).await;
        for id in [101, 102] {
            ana.send(format!(r#"{{"type":"say","id":{id},"room":"lobby","text":"hi"}}"#)).await;
        }
        let told =
            |it: &Event| matches!(it, Event::Error(it) if it.id.is_none() && it.code == Code::StorageFailed);
        time.pass(SECOND * 4).await;
        assert!(!ana.has_heard(told).await, "not yet");
        time.pass(SECOND * 7).await;
        let mut times = 0;
        ana.has_heard(|it| {
            times += usize::from(told(it));
            false
        })
        .await;
        assert_eq!(times, 2, "after five seconds and after ten, once for both messages");
        assert!(!bob.has_heard(told).await, "he has said nothing");
        ana.expect("ack", |it| (it.reply_to() == Some(102)).then_some(())).await;
    });
}

/// Otherwise one half would always wait for the commit of the other half.
#[test]
fn those_who_speak_again_once_they_are_answered_are_stored_together() {
    let time = VirtualTime::new(28);
    time.run(async {
        let takes = SECOND / 100;
        let log = Arc::new(SlowLog { takes, ..SlowLog::new(&time) });
        let server = TestServer::with(&time, Limits::default(), log.clone()).await;
        let mut people = crowd(&server, 16).await;
        let talks = people.iter_mut().enumerate().map(|(n, client)| {
            let time = &time;
            async move {
                time.pass(takes / 2 * u32::from(n >= 8)).await;
                for _ in 0..10 {
                    client.say("lobby", "hi").await;
                }
            }
        });
        join_all(talks).await;
        assert!(log.commits() <= 12, "{} commits", log.commits());
    });
}

/// protocol 7.1, 7.5
#[test]
fn what_is_in_the_log_but_not_acknowledged_is_not_sent() {
    let time = VirtualTime::new(91);
    time.run(async {
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let server = TestServer::with(&time, Limits::default(), log.clone()).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        for n in 1..=5 {
            ana.say("lobby", &n.to_string()).await;
        }
        server.stop().await;
        let log = SlowLog { log, stores_first: true, ..SlowLog::new(&time) };
        let server = TestServer::with(&time, Limits::default(), Arc::new(log)).await;
        let mut ana = server.enter("ana", 1).await;
        let mut bob = server.enter("bob", 2).await;
        ana.join("lobby", Some(5)).await;
        ana.send(r#"{"type":"say","id":106,"room":"lobby","text":"6"}"#).await;
        time.pass(SECOND / 2).await;
        assert_eq!(bob.join("lobby", Some(0)).await.head, 5);
        bob.entries("lobby", 1..=5).await;
        assert!(!bob.has_heard(|it| matches!(it, Event::Entry(_))).await, "ana has no ack yet");
        ana.expect("ack", |it| (it.reply_to() == Some(106)).then_some(())).await;
        assert_eq!(bob.entries("lobby", 6..=6).await[0].body.text, "6");
    });
}
