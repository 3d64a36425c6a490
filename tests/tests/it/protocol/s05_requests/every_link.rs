//! Requests on every kind of link, whichever it promises of order and delivery.

use chat_core::{
    transport::Promises,
    wire::{Event, MAX_FRAME},
};
use chat_testkit::{RawClient, hello, virtual_time::VirtualTime};

use super::super::TestServer;

/// The four kinds of link.
fn kinds() -> impl Iterator<Item = Promises> {
    let kinds = [(true, true), (true, false), (false, true), (false, false)];
    kinds.into_iter().map(|(ordered, reliable)| Promises { ordered, reliable, max_frame: MAX_FRAME })
}

const JOIN: &str = r#"{"type":"join","id":1,"room":"lobby","after":0}"#;

async fn join(client: &mut RawClient) -> (u64, u64) {
    client.send(JOIN).await;
    let joined = |event: &Event| match event {
        Event::Joined(joined) => Some((joined.after, joined.head)),
        _ => None,
    };
    client.expect("joined", joined).await
}

fn say(order: u64) -> String {
    format!(r#"{{"type":"say","id":10{order},"room":"lobby","text":"{order}","order":{order}}}"#)
}

fn ack(event: &Event) -> Option<(u64, u64)> {
    if let Event::Ack(ack) = event { Some((ack.id, ack.seq)) } else { None }
}

/// protocol 5.9
#[test]
fn a_message_waits_for_those_before_it_wherever_one_may_be_missing() {
    for (seed, promises) in (1..).zip(kinds()) {
        let time = VirtualTime::new(seed);
        time.run(async {
            let server = TestServer::open(&time).await;
            let mut ana = server.accepted(promises);
            ana.hello(&hello("ana", 1)).await;
            join(&mut ana).await;
            ana.send(say(2)).await;
            time.settle().await;
            let is_taken_in = ana.has_heard(|event| ack(event).is_some()).await;
            assert_eq!(is_taken_in, promises.is_lossless(), "{promises:?}");
            ana.send(say(1)).await;
            time.settle().await;
            ana.has_heard(|_| false).await;
            let acks: Vec<_> = ana.forget().iter().filter_map(ack).collect();
            let expected = if is_taken_in { [(102, 1), (101, 2)] } else { [(101, 1), (102, 2)] };
            assert_eq!(acks, expected, "{promises:?}");
        });
    }
}

/// protocol 17.2, protocol 2.13
#[test]
fn a_hello_is_repeated_wherever_its_welcome_may_be_lost() {
    for (seed, promises) in (11..).zip(kinds()) {
        let time = VirtualTime::new(seed);
        time.run(async {
            let server = TestServer::open(&time).await;
            let mut ana = server.accepted(promises);
            let first = ana.hello(&hello("ana", 1)).await;
            match ana.say_hello(&hello("ana", 1)).await {
                Some(Ok(again)) => assert_eq!((again, promises.is_lossless()), (first, false)),
                other => assert!(promises.is_lossless(), "{promises:?}: {other:?}"),
            }
        });
    }
}

/// protocol 17.3, protocol 6.6
#[test]
fn a_join_that_comes_again_moves_the_cursor_only_where_none_is_repeated() {
    for (seed, promises) in (21..).zip(kinds()) {
        let time = VirtualTime::new(seed);
        time.run(async {
            let server = TestServer::open(&time).await;
            let mut ana = server.accepted(promises);
            ana.hello(&hello("ana", 1)).await;
            join(&mut ana).await;
            ana.say("lobby", "hi").await;
            ana.entries("lobby", 1..=1).await;
            ana.forget();
            assert_eq!(join(&mut ana).await, (0, 1));
            let is_sent_again = ana.has_heard(|event| matches!(event, Event::Entry(_))).await;
            assert_eq!(is_sent_again, promises.is_lossless(), "{promises:?}");
        });
    }
}

/// protocol 12.2, protocol 17.6
#[test]
fn noise_ends_a_link_and_heads_are_left_out_only_where_nothing_is_lost() {
    for (seed, promises) in (31..).zip(kinds()) {
        let time = VirtualTime::new(seed);
        time.run(async {
            let server = TestServer::open(&time).await;
            let mut ana = server.accepted(promises);
            ana.hello(&hello("ana", 1)).await;
            join(&mut ana).await;
            ana.has_heard(|_| false).await;
            ana.has_heard(|_| false).await; // the `heads` after the first pong
            let heads = ana.forget().iter().any(|event| matches!(event, Event::Heads(_)));
            assert_eq!(heads, !promises.is_lossless(), "{promises:?}");
            ana.send("noise").await;
            if promises.is_lossless() {
                ana.rest().await;
            } else {
                assert!(!ana.has_heard(|event| matches!(event, Event::Error(_))).await, "{promises:?}");
            }
        });
    }
}
