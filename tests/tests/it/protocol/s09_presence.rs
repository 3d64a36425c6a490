//! Protocol, section 9: when changes of members are sent, the members of large rooms, and readers that are far behind.

use std::{collections::BTreeSet, time::Duration};

use chat_core::wire::{Event, Leave, Presence, Request, Who};
use chat_testkit::{RawClient, virtual_time::VirtualTime};

use super::{TestServer, presence_of};

/// A room of 257, of whom the last one is handed out. The others do not read.
async fn crowd(server: &TestServer) -> (Vec<RawClient>, RawClient) {
    let mut crowd = Vec::new();
    for n in 0..=256 {
        let mut client = server.enter(&format!("p{n:03}"), n).await;
        client.join("hall", None).await;
        crowd.push(client);
    }
    let last = crowd.pop().expect("there are some");
    (crowd, last)
}

const PING: &str = r#"{"type":"ping","id":1000}"#;

fn presence(event: &Event) -> Option<Presence> {
    if let Event::Presence(presence) = event { Some(presence.clone()) } else { None }
}

/// protocol 9.3.2
#[test]
fn in_a_large_room_changes_wait_for_the_next_frame() {
    let time = VirtualTime::new(53);
    time.run(async {
        let server = TestServer::unlimited_with(&time, 1 << 20).await;
        let (_crowd, mut last) = crowd(&server).await;
        last.has_heard(|_| false).await;
        let mut zoe = server.enter("zoe", 999).await;
        zoe.join("hall", None).await;
        assert!(last.is_silent().await, "nobody is woken for it");
        last.send(PING).await;
        assert!(last.expect("news of zoe, with the pong", presence_of("zoe")).await);
    });
}

/// protocol 9.1, 9.2
#[test]
fn who_is_further_behind_than_the_server_remembers_can_tell() {
    let time = VirtualTime::new(54);
    time.run(async {
        let server = TestServer::unlimited_with(&time, 1 << 20).await;
        let (_crowd, mut last) = crowd(&server).await;
        let mut zoe = server.enter("zoe", 999).await;
        zoe.join("hall", None).await;
        last.send(PING).await;
        let known = last.expect("news of zoe, with the pong", presence).await.version;
        for _ in 0..150 {
            zoe.ask(|id| Request::new(id, Leave { room: "hall".into() })).await;
            zoe.join("hall", None).await;
        }
        last.send(PING).await;
        let change = last.expect("news of zoe, with the pong", presence).await;
        assert_eq!(change.version, known + 300);
        assert!(change.since > known, "more has changed than it says: {change:?}");
    });
}

/// protocol 9.3.1
#[test]
fn a_change_after_a_quiet_time_is_seen_at_once_and_the_next_ones_together() {
    let time = VirtualTime::new(55);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", None).await;
        time.pass(Duration::from_secs(1)).await;
        let began = time.elapsed();
        let mut later = Vec::new();
        for (n, name) in ["bob", "cleo", "dora", "emil"].into_iter().enumerate() {
            let mut client = server.enter(name, n as u64 + 2).await;
            client.join("lobby", None).await;
            later.push(client);
        }
        let first = ana.expect("news of bob", presence).await;
        assert_eq!((first.entered, time.elapsed() - began), (vec!["bob".to_owned()], Duration::ZERO));
        let rest = ana.expect("news of the others", presence).await;
        assert_eq!(rest.entered, ["cleo", "dora", "emil"]);
        assert_eq!((rest.since, time.elapsed() - began), (first.version, Duration::from_millis(100)));
    });
}

/// protocol 9.3.1, 9.1
#[test]
fn who_comes_and_goes_all_the_time_is_seen_ten_times_a_second_at_most() {
    let time = VirtualTime::new(56);
    time.run(async {
        let server = TestServer::unlimited(&time).await;
        let mut ana = server.enter("ana", 1).await;
        let joined = ana.join("lobby", None).await;
        let mut flapping = Vec::new();
        for n in 0..10 {
            flapping.push(server.enter(&format!("p{n:03}"), n + 10).await);
        }
        for round in 0..100_usize {
            for (n, client) in flapping.iter_mut().enumerate() {
                if (round + n) % 3 == 0 {
                    client.ask(|id| Request::new(id, Leave { room: "lobby".into() })).await;
                } else {
                    client.join("lobby", None).await;
                }
            }
            time.pass(Duration::from_millis(10)).await;
        }
        time.pass(Duration::from_secs(1)).await;
        let mut seen = Vec::new();
        ana.has_heard(|event| {
            seen.extend(presence(event));
            false
        })
        .await;
        assert!((5..=12).contains(&seen.len()), "in one second: {}", seen.len());
        // What was seen leads from what `joined` said to what is.
        let (mut version, mut members) = (joined.version, BTreeSet::from_iter(joined.members));
        for change in seen {
            assert_eq!(change.since, version);
            version = change.version;
            change.left.iter().for_each(|name| assert!(members.remove(name), "{name} was not in"));
            change
                .entered
                .into_iter()
                .for_each(|name| assert!(members.insert(name.clone()), "{name} was in"));
        }
        match ana.ask(|id| Request::new(id, Who { room: "lobby".into() })).await {
            Event::Members(now) => {
                assert_eq!((now.version, BTreeSet::from_iter(now.members)), (version, members));
            }
            other => panic!("{other:?}"),
        }
    });
}

/// protocol 9.3.1
#[test]
fn who_comes_and_goes_while_changes_are_gathered_is_not_seen() {
    let time = VirtualTime::new(57);
    time.run(async {
        let server = TestServer::open(&time).await;
        let mut ana = server.enter("ana", 1).await;
        ana.join("lobby", None).await;
        let mut cleo = server.enter("cleo", 3).await;
        cleo.join("lobby", None).await;
        assert!(ana.expect("news of cleo", presence_of("cleo")).await);
        let mut bob = server.enter("bob", 2).await;
        for _ in 0..3 {
            bob.join("lobby", None).await;
            bob.ask(|id| Request::new(id, Leave { room: "lobby".into() })).await;
        }
        time.pass(Duration::from_secs(1)).await;
        assert!(!ana.has_heard(|event| presence(event).is_some()).await, "bob came and went within 100 ms");
        // It is exact afterwards.
        bob.join("lobby", None).await;
        assert!(ana.expect("news of bob", presence_of("bob")).await);
    });
}
