//! A log that is slow or fails: nobody sees what is not stored.

use std::sync::Arc;

use chat_core::{
    log::LogError,
    server::Limits,
    wire::{Code, Error, Event, Request, Say},
};
use chat_testkit::{RawClient, virtual_time::VirtualTime};
use futures::future::join_all;

use super::{Hall, SECOND, slow_log::SlowLog};

/// protocol 7.1, 7.5
#[test]
fn nothing_is_acknowledged_or_seen_before_it_is_stored() {
    let time = VirtualTime::new(21);
    time.run(async {
        let log = Arc::new(SlowLog::new(&time));
        let hall = Hall::with(&time, Limits::default(), log.clone()).await;
        let mut ana = hall.enter("ana", 1).await;
        let mut bob = hall.enter("bob", 2).await;
        ana.join("lobby", Some(0)).await;
        bob.join("lobby", Some(0)).await;
        ana.send(r#"{"type":"say","id":7,"room":"lobby","text":"hi"}"#).await;
        time.pass(SECOND * 9 / 10).await;
        assert_eq!(hall.server.sessions(), 2);
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
        let hall = Hall::with(&time, Limits::default(), log.clone()).await;
        let mut ana = hall.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        ana.say("lobby", "stored").await;
        for (trouble, wanted) in [
            (LogError::Full("no space left".into()), Code::StorageFull),
            (LogError::Failed("input/output error".into()), Code::StorageFailed),
        ] {
            log.fail_with(Some(trouble));
            let say = |id| {
                Request::Say(Say { id, room: "lobby".into(), text: "lost".into(), order: None, bot: false })
            };
            match ana.ask(say).await {
                Event::Error(Error { code, .. }) => assert_eq!(code, wanted),
                other => panic!("{other:?}"),
            }
        }
        log.fail_with(None);
        assert_eq!(ana.say("lobby", "stored again").await.seq, 2);
        let entries = ana.entries("lobby", 1..=2).await;
        assert_eq!(entries[1].text, "stored again");
    });
}

/// protocol 7.6
#[test]
fn who_waits_for_a_disk_that_does_not_answer_is_told() {
    let time = VirtualTime::new(27);
    time.run(async {
        let log = Arc::new(SlowLog { takes: SECOND * 12, ..SlowLog::new(&time) });
        let hall = Hall::with(&time, Limits::default(), log).await;
        let mut ana = hall.enter("ana", 1).await;
        let mut bob = hall.enter("bob", 2).await;
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

/// protocol 5.4, protocol 5.11
#[test]
fn a_disk_that_fails_takes_nothing_back_and_what_it_refused_stays_refused() {
    let time = VirtualTime::new(25);
    time.run(async {
        let log = Arc::new(SlowLog::new(&time));
        let hall = Hall::with(&time, Limits::default(), log.clone()).await;
        let mut ana = hall.enter("ana", 1).await;
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
        let texts: Vec<String> = ana.entries("lobby", 1..=3).await.into_iter().map(|it| it.text).collect();
        assert_eq!(texts, ["101", "103", "102"]);
    });
}

/// protocol 5.11
#[test]
fn a_message_into_a_room_one_was_not_in_is_not_stored_when_it_comes_again() {
    let time = VirtualTime::new(26);
    time.run(async {
        let hall = Hall::open(&time).await;
        let mut ana = hall.enter("ana", 1).await;
        let say = r#"{"type":"say","id":102,"room":"lobby","text":"early","order":1}"#;
        let refused = ana.ask_as(102, say).await;
        assert!(matches!(&refused, Event::Error(it) if it.code == Code::NotJoined), "{refused:?}");
        ana.join("lobby", Some(0)).await;
        assert_eq!(ana.ask_as(102, say).await, refused);
        assert_eq!(ana.say("lobby", "late").await.seq, 1);
    });
}

/// People in the lobby.
async fn crowd(hall: &Hall, count: usize) -> Vec<RawClient> {
    let mut people = Vec::new();
    for n in 0..count {
        // No letters that look like others.
        let letter = |n: usize| char::from(b"abcdefghjkmnpqrstuvwxyz"[n % 23]);
        let mut client = hall.enter(&format!("{}{}", letter(n / 23), letter(n)), n as u64).await;
        client.join("lobby", Some(0)).await;
        people.push(client);
    }
    people
}

/// Otherwise one half would always wait for the commit of the other half.
#[test]
fn those_who_speak_again_once_they_are_answered_are_stored_together() {
    let time = VirtualTime::new(28);
    time.run(async {
        let takes = SECOND / 100;
        let log = Arc::new(SlowLog { takes, ..SlowLog::new(&time) });
        let hall = Hall::with(&time, Limits::default(), log.clone()).await;
        let mut people = crowd(&hall, 16).await;
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

/// What comes during a commit is the next batch.
#[test]
fn a_slow_log_is_asked_for_batches_and_refuses_when_too_much_waits() {
    let time = VirtualTime::new(23);
    time.run(async {
        let log = Arc::new(SlowLog::new(&time));
        let hall = Hall::with(&time, Limits::default().unlimited(), log.clone()).await;
        let mut people = crowd(&hall, 160).await;
        for client in &mut people {
            for id in 1..=60 {
                client
                    .send(format!(r#"{{"type":"say","id":{},"room":"lobby","text":"hi"}}"#, 100 + id))
                    .await;
            }
        }
        time.pass(SECOND * 4).await;
        assert!(log.commits() <= 4, "thousands of messages in a few batches");
        // 9,600 messages in the first second, and 4,096 may wait while as many are stored (protocol 11.6).
        let mut busy = 0;
        for client in &mut people {
            client
                .has_heard(|it| {
                    busy += usize::from(matches!(it, Event::Error(Error { code: Code::Busy, .. })));
                    false
                })
                .await;
        }
        assert!((9_600 - 2 * 4_096..9_600 - 4_096).contains(&busy), "{busy}");
    });
}

/// A room lives as long as something is on its way to it, also when the last one has left.
#[test]
fn what_was_said_by_somebody_who_left_at_once_is_kept() {
    let time = VirtualTime::new(24);
    time.run(async {
        let hall = Hall::with(&time, Limits::default(), Arc::new(SlowLog::new(&time))).await;
        let mut ana = hall.enter("ana", 1).await;
        for frame in [
            r#"{"type":"join","id":101,"room":"hall"}"#,
            r#"{"type":"say","id":102,"room":"hall","text":"x"}"#,
            r#"{"type":"leave","id":103,"room":"hall"}"#,
        ] {
            ana.send(frame).await;
        }
        ana.expect("ack", |it| (it.reply_to() == Some(102)).then_some(())).await;
        assert_eq!(ana.join("hall", Some(0)).await.head, 1);
        assert_eq!(ana.say("hall", "y").await.seq, 2);
        ana.entries("hall", 1..=2).await;
    });
}
