//! Protocol, section 21: names belong to people, who are known by their keys.

mod keys;
mod names;

use std::sync::atomic::{AtomicU64, Ordering};

use chat_core::{
    KeyId,
    wire::{Error, Welcome},
};
use chat_testkit::{RawClient, hello};

use super::TestServer;

/// The key of one of the people in these tests.
fn key(number: u8) -> KeyId {
    KeyId([number; 32])
}

/// The binding of the link of the person with this key.
fn binding(number: u8) -> [u8; 32] {
    [number ^ 0xff; 32]
}

/// A client id that no other client of these tests has.
fn next_client() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1_000_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A client on a link over which the key with this number was proved, from a host of its own.
fn dial(server: &TestServer, number: u8) -> RawClient {
    server.known(&format!("192.0.2.{number}"), key(number), binding(number))
}

/// A session of the person with this key.
async fn enter(server: &TestServer, name: &str, number: u8) -> RawClient {
    let mut client = dial(server, number);
    client.hello(&hello(name, next_client())).await;
    client.has_heard(|_| false).await; // from here on the session outlives its link (protocol 3.9)
    server.time.settle().await; // the log knows the name
    client
}

/// What a person with this key, or a guest, is answered who says hello with a name.
async fn try_to_enter(server: &TestServer, name: &str, number: Option<u8>) -> Result<Welcome, Error> {
    let mut client = number.map_or_else(|| server.at("192.0.2.200"), |number| dial(server, number));
    let answer = client.say_hello(&hello(name, next_client())).await.expect("the server answers");
    if answer.is_ok() {
        bye(client).await;
        server.time.settle().await;
    }
    answer
}

async fn bye(mut client: RawClient) {
    client.send(r#"{"type":"bye"}"#).await;
    client.rest_until_silent().await;
}
