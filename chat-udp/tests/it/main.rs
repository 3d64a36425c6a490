//! UDP over real loopback sockets, and over a simulated network in virtual time, where people move, floods come and
//! senders lie.
#![allow(clippy::unwrap_used)]

use std::{io, pin::pin};

use bytes::Bytes;
use chat_core::{
    Address, SharedRuntime,
    transport::{BoxLink, Incoming, Listening, Transport},
};
use chat_udp::Udp;
use futures::{FutureExt, SinkExt, StreamExt};

mod faults;
mod links;
mod simulation;
mod sockets;
mod strangers;
mod without_header;

const HELLO: &str = r#"{"type":"hello","protocol":1,"name":"ana","client":"q83vEjRWeJCrze8SNFZ4kA"}"#;
const WELCOME: &str = r#"{"type":"welcome","protocol":1,"name":"ana"}"#;

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn ping(id: u64) -> String {
    format!(r#"{{"type":"ping","id":{id}}}"#)
}

async fn say(link: &mut BoxLink, frame: &str) {
    link.send(Bytes::from(frame.to_owned())).await.unwrap();
}

async fn hear(link: &mut BoxLink) -> String {
    let frame = link.next().await.expect("the link ended").expect("the link failed");
    String::from_utf8(frame.to_vec()).unwrap()
}

async fn hear_error(link: &mut BoxLink) -> io::Error {
    let error = link.next().await.expect("the link ended").expect_err("a frame came");
    assert!(link.next().await.is_none(), "the link goes on after {error}");
    error
}

/// A link whose `hello` was accepted and welcomed.
async fn meet(udp: &Udp, listening: &mut Listening, address: &Address) -> (BoxLink, Incoming) {
    meet_as(HELLO, udp, listening, address).await
}

async fn meet_as(
    hello: &str,
    udp: &Udp,
    listening: &mut Listening,
    address: &Address,
) -> (BoxLink, Incoming) {
    let mut near = udp.dial(address).await.unwrap();
    say(&mut near, hello).await;
    let mut far = {
        // The client answers the challenge while it waits for something to read.
        let mut reading = near.next().fuse();
        futures::select! {
            far = listening.incoming.next().fuse() => far.unwrap(),
            answer = reading => panic!("before the hello was accepted came {answer:?}"),
        }
    };
    assert_eq!(hear(&mut far.link).await, hello);
    say(&mut far.link, WELCOME).await;
    assert_eq!(hear(&mut near).await, WELCOME);
    (near, far)
}

/// Both ends hear each other, each word once.
async fn talk(near: &mut BoxLink, far: &mut BoxLink, id: u64) {
    say(near, &ping(id)).await;
    futures::select! {
        asked = pin!(hear(far).fuse()) => assert_eq!(asked, ping(id)),
        // It meets a challenge while it is read.
        answer = near.next().fuse() => panic!("before it was asked came {answer:?}"),
    }
    let pong = format!(r#"{{"type":"pong","id":{id}}}"#);
    say(far, &pong).await;
    assert_eq!(hear(near).await, pong);
}

/// What `future` gives in 10 s.
async fn soon<T>(runtime: &SharedRuntime, future: impl Future<Output = T>) -> T {
    let limit = std::time::Duration::from_secs(10);
    chat_core::within(limit, &**runtime, future).await.expect("it takes more than 10 s")
}
