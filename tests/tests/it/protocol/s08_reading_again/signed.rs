//! The signed history of rooms (protocol 8.16).

use std::sync::Arc;

use chat_core::{
    log::{EntryHash, MemoryLog, RoomLog},
    memory::Memory,
    server::{Config, Limits, Server},
    transport::Transports,
    wire::{Event, SignedHead},
};
use chat_secure::{StaticKey, is_signed};
use chat_testkit::virtual_time::VirtualTime;
use serde_json::Value;

use super::{super::TestServer, hashes::Frames};

async fn signing(
    time: &VirtualTime,
    memory: &Memory,
    log: Arc<dyn RoomLog>,
    key: Option<&StaticKey>,
) -> TestServer {
    let signer = key.map(|key| Arc::new(key.signing_key()) as _);
    let config = Config { limits: Limits::default(), password: None, software: "hall".to_owned(), signer };
    let server = Server::start(config, log, time.shared()).await.unwrap();
    let transports = Transports::new().with("memory", memory.clone());
    let address = server.listen(&transports, &"memory://hall".parse().unwrap()).await.unwrap();
    TestServer { time: time.clone(), memory: memory.clone(), server, address }
}

fn log() -> Arc<MemoryLog> {
    Arc::new(MemoryLog::new(1 << 20, 7))
}

/// protocol 8.16.1, 8.16.2, 8.16.4: pages with hashes are signed, and whoever is there when the server stops is sent the
/// newest entry of each room signed.
#[test]
fn a_page_with_hashes_is_signed_and_so_is_the_end() {
    let time = VirtualTime::new(331);
    time.clone().run(async {
        let key = StaticKey::from_private([3; 32]);
        let (memory, log) = (Memory::default(), log());
        let server = signing(&time, &memory, log, Some(&key)).await;
        let mut ana = Frames::open(&server, "ana", 1).await;
        ana.send(r#"{"type":"join","id":1,"room":"lobby"}"#).await;
        ana.send(r#"{"type":"join","id":2,"room":"quiet"}"#).await;
        for id in 3..6 {
            ana.send(&format!(r#"{{"type":"say","id":{id},"room":"lobby","text":"tea {id}"}}"#)).await;
            ana.next("ack").await;
        }
        ana.send(r#"{"type":"history","id":9,"room":"lobby","before":3,"limit":5,"hashes":true}"#).await;
        let page = ana.next("page").await;
        let signed: SignedHead = serde_json::from_value(page["signed"].clone()).unwrap();
        assert_eq!((signed.room.as_str(), signed.seq), ("lobby", 2));
        assert_eq!(page["entries"][1]["hash"], signed.hash.to_string());
        assert_eq!(signed.key, chat_core::server::Signer::key(&key.signing_key()));
        assert!(is_signed(&signed));
        let forged = [
            SignedHead { room: "lobbz".to_owned(), ..signed.clone() },
            SignedHead { seq: 3, ..signed.clone() },
            SignedHead { at: signed.at + 1, ..signed.clone() },
            SignedHead { hash: EntryHash([1; 32]), ..signed.clone() },
            SignedHead { key: chat_core::KeyId([9; 32]), ..signed.clone() },
            SignedHead { signature: "AAAA".to_owned(), ..signed.clone() },
        ];
        assert!(!forged.iter().any(is_signed));
        ana.send(r#"{"type":"history","id":10,"room":"lobby","limit":5}"#).await;
        assert_eq!(ana.next("page").await.get("signed"), None, "hashes were not asked for");
        server.stop().await;
        let last: Value = ana.next("signed").await;
        let Ok(Event::Signed(last)) = chat_core::wire::read_event(last.to_string().as_bytes()) else {
            panic!("{last} is no signed head")
        };
        assert_eq!((last.room.as_str(), last.seq), ("lobby", 3));
        assert!(is_signed(&last));
        ana.next("goodbye").await; // and no other room was signed in between
    });
}

/// protocol 8.16.3: a log in which another entry stands in the same place has another hash, and the kept signature shows it.
#[test]
fn a_kept_signature_proves_that_the_history_was_changed() {
    let time = VirtualTime::new(332);
    time.clone().run(async {
        let key = StaticKey::from_private([3; 32]);
        let mut heads = Vec::new();
        for text in ["the rent is 5", "the rent is 6"] {
            let server = signing(&time, &Memory::default(), log(), Some(&key)).await;
            let mut ana = Frames::open(&server, "ana", 1).await;
            ana.send(r#"{"type":"join","id":1,"room":"lobby"}"#).await;
            ana.send(&format!(r#"{{"type":"say","id":2,"room":"lobby","text":"{text}"}}"#)).await;
            ana.send(r#"{"type":"say","id":3,"room":"lobby","text":"agreed"}"#).await;
            ana.next("ack").await;
            ana.next("ack").await;
            ana.send(r#"{"type":"history","id":4,"room":"lobby","limit":1,"hashes":true}"#).await;
            let page = ana.next("page").await;
            heads.push(serde_json::from_value::<SignedHead>(page["signed"].clone()).unwrap());
            server.stop().await;
        }
        assert!(heads.iter().all(|head| is_signed(head) && head.seq == 2));
        assert_ne!(heads[0].hash, heads[1].hash);
    });
}

/// protocol 8.16: a server without a signing key sends no signatures.
#[test]
fn a_server_without_a_signing_key_signs_nothing() {
    let time = VirtualTime::new(333);
    time.clone().run(async {
        let server = signing(&time, &Memory::default(), log(), None).await;
        let mut ana = Frames::open(&server, "ana", 1).await;
        ana.send(r#"{"type":"join","id":1,"room":"lobby"}"#).await;
        ana.send(r#"{"type":"say","id":2,"room":"lobby","text":"tea"}"#).await;
        ana.next("ack").await;
        ana.send(r#"{"type":"history","id":3,"room":"lobby","hashes":true}"#).await;
        assert_eq!(ana.next("page").await.get("signed"), None);
        server.stop().await;
        while let Some(frame) = ana.any().await {
            assert_ne!(frame["type"], "signed");
        }
    });
}
