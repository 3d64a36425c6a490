//! UDP over a network that carries no datagram of more than 1,400 bytes, as a VPN or firewall that drops fragments of IP:
//! whatever people say and ask for gets through, in both directions.

use std::time::Duration;

use chat_core::{
    client::Update,
    wire::{Event, History, ListRooms, RequestBody, Search, Who},
};
use futures::executor::block_on;
use serde_json::Value;

use super::harness::{Heard, PATIENCE, Person, Process, RawUdp, Server, UdpProxy, join, say};
use crate::runtime::in_time_of;

/// The largest datagram that the network carries, in bytes.
const LARGEST: usize = 1400;

const BOTH: &[&str] = &["tcp://127.0.0.1:0", "udp://127.0.0.1:0"];

fn large(word: &str) -> String {
    format!("{word} {}", "x".repeat(8000))
}

/// The reply to a request of the person.
async fn ask(person: &mut Person, request: impl Into<RequestBody<'static>>, tag: u64) -> Event {
    person.remote.ask(request.into(), tag).await.expect("the conversation goes on");
    let reply = |update: &Update| match update {
        Update::Reply { tag: of, reply } if *of == tag => Some(reply.clone()),
        _ => None,
    };
    person.updates.expect("reply", reply).await
}

/// protocol 15.19: entries, `joined`, pages, `found`, `members` and `rooms` to the client, and messages to the server
#[test]
fn what_is_larger_than_the_network_carries_goes_in_parts() {
    let server = Server::at(BOTH, &["--unlimited"]);
    let narrow = UdpProxy::narrow(server.udp_port(), LARGEST);
    block_on(in_time_of(Duration::from_secs(60), async {
        let mut crowd = Vec::new();
        for number in 0..150 {
            crowd.push(
                Person::joined(server.address(), &format!("person-{number:04}"), number, "crowd").await,
            );
        }
        let writer = &mut crowd[0];
        for number in 0..60 {
            let room = format!("a-room-with-a-long-name-{number:04}");
            writer.remote.ask(join(&room), 1).await.expect("the conversation goes on");
            let joined = |update: &Update| matches!(update, Update::Joined { .. }).then_some(());
            writer.updates.expect("joined", joined).await;
            assert!(matches!(ask(writer, say(&room, "hi"), 2).await, Event::Ack(_)));
        }
        assert!(matches!(ask(writer, say("crowd", &large("before")), 3).await, Event::Ack(_)));
        let mut reader = Person::joined(narrow.address(), "reader", 1000, "crowd").await;
        assert_eq!(reader.updates.entries(1).await[0].body.text, large("before"));
        ask(writer, say("crowd", &large("during")), 4).await;
        ask(writer, say("crowd", "after"), 5).await;
        let heard = reader.updates.entries(2).await;
        assert_eq!(heard[0].body.text, large("during"));
        assert_eq!(heard[1].body.text, "after");
        assert!(matches!(ask(&mut reader, say("crowd", &large("own")), 1).await, Event::Ack(_)));
        let history = History { room: "crowd".into(), before: None, limit: Some(50), hashes: false };
        let Event::Page(page) = ask(&mut reader, history, 2).await else { panic!("no page") };
        assert_eq!(page.entries.len(), 4);
        let search = Search { words: "during".into(), limit: Some(10), ..Search::default() };
        let Event::Found(found) = ask(&mut reader, RequestBody::Search(search), 3).await else {
            panic!("not found")
        };
        assert_eq!(found.entries.len(), 1);
        let who = Who { room: "crowd".into() };
        let Event::Members(members) = ask(&mut reader, who, 4).await else { panic!("no members") };
        assert_eq!(members.members.len(), 151);
        let Event::Rooms(rooms) = ask(&mut reader, ListRooms::default(), 5).await else { panic!("no rooms") };
        assert_eq!(rooms.rooms.len(), 61);
    }));
    assert_eq!(narrow.counts().1, 0, "no datagram is larger than the network carries");
}

/// protocol 15.19: `send` and `export` end
#[test]
fn commands_work_where_fragments_are_dropped() {
    let server = Server::at(BOTH, &["--unlimited"]);
    let narrow = UdpProxy::narrow(server.udp_port(), LARGEST);
    let url = narrow.url();
    let text = large("x");
    let (status, _, errors) =
        Process::chat(["send", &url, "--room", "hall", "--name", "ana", &text]).exit(PATIENCE);
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
    let (status, lines, errors) =
        Process::chat(["export", &url, "--room", "hall", "--format", "jsonl", "--name", "bob"])
            .exit(PATIENCE);
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
    assert!(lines.iter().any(|line| line.contains(&text)), "{lines:?}");
}

/// protocol 15.21.6: without a header the client is told why nothing comes
#[test]
fn a_client_without_header_is_told_that_a_frame_does_not_get_through() {
    let server = Server::at(BOTH, &["--unlimited"]);
    let send = ["send", server.url(), "--room", "hall", "--name", "bob", &large("x")];
    assert!(Process::chat(send).exit(PATIENCE).0.success());
    let narrow = UdpProxy::narrow(server.udp_port(), LARGEST);
    let mut raw = RawUdp::connect(narrow.port());
    assert!(matches!(raw.hello(r#""name":"ana-maria""#), Event::Welcome(_)));
    raw.send(format!(r#"{{"type":"join","id":1,"room":"hall","recent":0,"link":"{}"}}"#, raw.link));
    let until = |raw: &RawUdp, pick: &dyn Fn(&Value) -> bool| {
        std::iter::repeat_with(|| raw.receive()).take(50).find(|event| pick(event)).expect("it comes")
    };
    until(&raw, &|event| event["type"] == "joined");
    let mut told = Value::Null;
    for id in 2..=5 {
        assert!(told.is_null(), "three may be lost by chance: {told}");
        raw.send(format!(
            r#"{{"type":"replay","id":{id},"room":"hall","from":1,"to":1,"link":"{}"}}"#,
            raw.link
        ));
        told = until(&raw, &|event| event["type"] == "undelivered" || event["type"] == "replayed");
        told = if told["type"] == "undelivered" { told } else { Value::Null };
    }
    let message = told["message"].as_str().unwrap_or_default();
    assert!(told["bytes"].as_u64() > Some(8000) && message.contains("fragments of IP"), "{told}");
}
