//! Protocol, section 10: direct messages and inboxes.

use std::sync::Arc;

use chat_core::{
    log::MemoryLog,
    server::Limits,
    wire::{Code, Error, Event, Gap, Hello, Post, Request},
};
use chat_testkit::{hello, virtual_time::VirtualTime};

use super::TestServer;

fn gap(event: &Event) -> Option<Gap> {
    if let Event::Gap(gap) = event { Some(gap.clone()) } else { None }
}

fn tell(to: &'static str, text: impl Into<String>) -> impl FnOnce(u64) -> Request<'static> {
    let text = text.into();
    move |id| Request::new(id, Post::tell(to, text))
}

fn refusal(event: Event) -> Error {
    match event {
        Event::Error(error) => error,
        other => panic!("that was allowed: {other:?}"),
    }
}

/// protocol 6.5, 10.5
#[test]
fn what_an_inbox_let_go_of_is_told() {
    let time = VirtualTime::new(51);
    time.run(async {
        let server = TestServer::unlimited_with(&time, 1 << 20).await;
        let mut ana = server.enter("ana", 1).await;
        for n in 1..=300 {
            ana.ask(|id| Request::new(id, Post::tell("ana", "note"))).await;
            ana.entries("@", n..=n).await;
        }
        let joined = ana.join("@", Some(0)).await;
        assert_eq!((joined.oldest, joined.head, joined.after), (45, 300, 0));
        let gap = ana.expect("gap", gap).await;
        assert_eq!((gap.room.as_str(), gap.from, gap.to), ("@", 1, 44));
        ana.entries("@", 45..=300).await;
    });
}

/// protocol 5.4, 10.6
#[test]
fn a_tell_sent_again_is_acknowledged_again_though_the_other_has_left() {
    let time = VirtualTime::new(62);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = server.enter("ana", 1).await;
        let mut bob = server.enter("bob", 2).await;
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
        let server = TestServer::unlimited(&time).await;
        let _bob = server.enter("bob", 2).await;
        for to in ["ana", "bob"] {
            let mut lost = server.dial().await;
            let secret = lost.hello(&hello("ana", 1)).await.resume;
            lost.ask(tell("ana", "the first")).await;
            let mut ana = server.dial().await;
            assert!(ana.hello(&Hello { resume: Some(secret.into()), ..hello("ana", 1) }).await.resumed);
            ana.go_on_after(&lost);
            for _ in 0..255 {
                assert!(matches!(ana.ask(tell(to, "more")).await, Event::Ack(_)));
            }
            let refused = ana.ask(tell(to, "too much")).await;
            assert!(matches!(refused, Event::Error(Error { code: Code::Busy, .. })), "{refused:?}");
            ana.join("@", Some(0)).await;
            assert_eq!(ana.entries("@", 1..=256).await[0].body.text, "the first");
            ana.send(r#"{"type":"bye"}"#).await;
            ana.rest().await;
        }
    });
}

/// protocol 10.5
#[test]
fn an_inbox_takes_no_more_than_its_owner_may_still_read() {
    let time = VirtualTime::new(13);
    time.run(async {
        let server =
            TestServer::with(&time, Limits::default().unlimited(), Arc::new(MemoryLog::new(1 << 20, 7)))
                .await;
        let mut ana = server.enter("ana", 1).await;
        drop(server.enter_to_stay("bob", 2).await);
        time.settle().await;
        let tell = |id| Request::new(id, Post::tell("bob", "psst"));
        for _ in 0..256 {
            assert!(matches!(ana.ask(tell).await, Event::Ack(_)));
        }
        let error = refusal(ana.ask(tell).await);
        assert_eq!(error.code, Code::Busy);
        assert!(error.retry_after_ms.is_some());
    });
}
