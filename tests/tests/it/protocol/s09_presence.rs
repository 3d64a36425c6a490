//! Protocol, section 9: the members of large rooms, and readers that are far behind.

use chat_core::wire::{Event, Leave, Presence, Request};
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

/// protocol 9.3
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
