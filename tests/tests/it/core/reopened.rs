//! A log that was there before the server, and is ahead of what it says: nobody reads what is not acknowledged.

use std::sync::Arc;

use chat_core::{log::MemoryLog, server::Limits, wire::Event};
use chat_testkit::virtual_time::VirtualTime;

use super::{Hall, SECOND, slow_log::SlowLog};

/// protocol 7.1, 7.5
#[test]
fn what_is_in_the_log_but_not_acknowledged_is_not_sent() {
    let time = VirtualTime::new(91);
    time.run(async {
        let log = Arc::new(MemoryLog::new(1 << 20, 7));
        let hall = Hall::with(&time, Limits::default(), log.clone()).await;
        let mut ana = hall.enter("ana", 1).await;
        ana.join("lobby", Some(0)).await;
        for n in 1..=5 {
            ana.say("lobby", &n.to_string()).await;
        }
        hall.server.stop().await;
        let log = SlowLog { log, stores_first: true, ..SlowLog::new(&time) };
        let hall = Hall::with(&time, Limits::default(), Arc::new(log)).await;
        let mut ana = hall.enter("ana", 1).await;
        let mut bob = hall.enter("bob", 2).await;
        ana.join("lobby", Some(5)).await;
        ana.send(r#"{"type":"say","id":106,"room":"lobby","text":"6"}"#).await;
        time.pass(SECOND / 2).await;
        assert_eq!(bob.join("lobby", Some(0)).await.head, 5);
        bob.entries("lobby", 1..=5).await;
        assert!(!bob.has_heard(|it| matches!(it, Event::Entry(_))).await, "ana has no ack yet");
        ana.expect("ack", |it| (it.reply_to() == Some(106)).then_some(())).await;
        assert_eq!(bob.entries("lobby", 6..=6).await[0].text, "6");
    });
}
