//! Hashes of entries: sent to a client that asks for them, and the same however an entry is read (protocol 8.12, 8.13).

use std::sync::Arc;

use chat_core::{
    log::{EntryHash, MemoryLog, RoomLog, chain},
    server::Limits,
    transport::{BoxLink, Transport},
    wire::{Hello, Request, write},
};
use chat_testkit::{hello, virtual_time::VirtualTime};
use futures::{SinkExt, StreamExt};
use serde_json::Value;

use super::super::TestServer;

/// A link whose frames are looked at as they are.
pub(super) struct Frames(BoxLink);

impl Frames {
    pub(super) async fn open(server: &TestServer, name: &str, number: u64) -> Frames {
        let link = server.memory.dial(&server.address).await.unwrap();
        let mut frames = Frames(link);
        let hello: Hello<'_> = hello(name, number);
        frames.0.send(write(&Request::unnumbered(hello))).await.unwrap();
        frames
    }

    pub(super) async fn send(&mut self, frame: &str) {
        self.0.send(frame.to_owned().into()).await.unwrap();
    }

    /// The next frame of this type.
    pub(super) async fn next(&mut self, tag: &str) -> Value {
        loop {
            let frame = self.0.next().await.unwrap().unwrap();
            let frame: Value = serde_json::from_slice(&frame).unwrap();
            if frame["type"] == tag {
                return frame;
            }
        }
    }

    /// The next frame, or nothing at the end of the link.
    pub(super) async fn any(&mut self) -> Option<Value> {
        let frame = self.0.next().await?.unwrap();
        Some(serde_json::from_slice(&frame).unwrap())
    }

    async fn hashes(&mut self, count: usize) -> Vec<Option<String>> {
        let mut hashes = Vec::new();
        for _ in 0..count {
            hashes.push(hash(&self.next("message").await));
        }
        hashes
    }
}

fn hash(entry: &Value) -> Option<String> {
    entry.get("hash").map(|hash| hash.as_str().unwrap().to_owned())
}

/// protocol 8.12: new entries, entries read from the log, again, as a page and as found; and no hash without asking.
#[test]
fn who_asks_for_hashes_gets_the_same_ones_however_an_entry_is_read() {
    let time = VirtualTime::new(320);
    time.run(async {
        let log = Arc::new(MemoryLog::new(1 << 24, 7));
        let server = TestServer::with(&time, Limits::default().unlimited(), log.clone()).await;
        let mut talker = server.enter("talker", 1).await;
        talker.join("lobby", Some(0)).await;
        let mut live = Frames::open(&server, "live", 2).await;
        live.send(r#"{"type":"join","id":1,"room":"lobby","after":0,"hashes":true}"#).await;
        live.next("joined").await;
        // More than a room keeps encoded.
        for n in 1..=1500 {
            talker.say("lobby", &format!("tea {n} {}", "x".repeat(400))).await;
            talker.forget();
        }
        let of_live = live.hashes(1500).await;
        let room = chat_core::RoomName::parse("lobby").unwrap();
        let all = chat_core::log::PageLimit { entries: usize::MAX, bytes: usize::MAX };
        let mut previous = EntryHash::NONE;
        for (entry, shown) in log.read(&room, 0, all).await.unwrap().entries.iter().zip(&of_live) {
            let (author, kind) = (&entry.author, &entry.body.kind);
            let digest = chain::digest(&entry.body);
            let link =
                chain::Link { previous, room: "lobby", seq: entry.seq, at: entry.at, author, kind, digest };
            previous = link.hash();
            assert_eq!(shown.as_deref(), Some(previous.to_string().as_str()), "entry {}", entry.seq);
        }
        // From the log on, then from the ring.
        let mut late = Frames::open(&server, "late", 3).await;
        late.send(r#"{"type":"join","id":1,"room":"lobby","after":0,"hashes":true}"#).await;
        assert_eq!(late.hashes(1500).await, of_live);
        for (from, to) in [(1, 20), (1490, 1500)] {
            late.send(&format!(r#"{{"type":"replay","id":2,"room":"lobby","from":{from},"to":{to}}}"#)).await;
            assert_eq!(late.hashes(to - from + 1).await, of_live[from - 1..to]);
        }
        let of = |entries: &Value| -> Vec<Option<String>> {
            entries["entries"].as_array().unwrap().iter().map(hash).collect()
        };
        late.send(r#"{"type":"history","id":3,"room":"lobby","before":31,"limit":20,"hashes":true}"#).await;
        assert_eq!(of(&late.next("page").await), of_live[10..30]);
        late.send(r#"{"type":"search","id":4,"words":"1234","hashes":true}"#).await;
        assert_eq!(of(&late.next("found").await), of_live[1233..1234]);
        // Without asking there are none; to join again without asking ends them.
        late.send(r#"{"type":"history","id":5,"room":"lobby","before":31,"limit":20}"#).await;
        assert_eq!(of(&late.next("page").await), vec![None; 20]);
        late.send(r#"{"type":"search","id":6,"words":"1234"}"#).await;
        assert_eq!(of(&late.next("found").await), [None]);
        late.send(r#"{"type":"join","id":7,"room":"lobby","after":1495}"#).await;
        assert_eq!(late.hashes(5).await, vec![None; 5]);
    });
}
