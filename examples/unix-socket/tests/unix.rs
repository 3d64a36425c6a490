//! What is special about Unix sockets: their files, and bytes that are no frames.

use std::{
    io::{ErrorKind, Write},
    path::PathBuf,
    pin::pin,
    time::Duration,
};

use async_io::{Timer, block_on};
use bytes::Bytes;
use chat_core::{
    Address,
    transport::{Listening, MAX_LINK_FRAME, Transport},
};
use chat_unix::Unix;
use futures::{
    SinkExt, StreamExt,
    future::{Either, select},
};

#[test]
fn an_address_in_use_is_refused_and_its_file_goes_with_the_listener() {
    run(async {
        let (path, address) = fresh("taken");
        let listening = Unix.listen(&address).await.unwrap();
        let refused = Unix.listen(&address).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AddrInUse);
        assert!(refused.to_string().contains(path.to_str().unwrap()), "{refused}");
        assert!(Unix.dial(&address).await.is_ok(), "the listener was disturbed");
        drop(listening);
        assert!(!path.exists());
        assert!(Unix.dial(&address).await.is_err());
    });
}

#[test]
fn a_socket_left_by_a_killed_server_is_taken_over() {
    run(async {
        let (path, address) = fresh("stale");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap()); // the standard library leaves the file
        assert!(path.exists());
        let mut listening = Unix.listen(&address).await.unwrap();
        exchange(&address, &mut listening).await;
    });
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    run(async {
        let (path, address) = fresh("file");
        std::fs::write(&path, "precious").unwrap();
        assert_eq!(Unix.listen(&address).await.unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
        std::fs::remove_file(&path).unwrap();
    });
}

#[test]
fn a_length_over_the_limit_ends_the_link_before_anything_is_read_for_it() {
    run(async {
        let (path, address) = fresh("hostile");
        let mut listening = Unix.listen(&address).await.unwrap();
        let mut peer = std::os::unix::net::UnixStream::connect(&path).unwrap();
        peer.write_all(&(MAX_LINK_FRAME as u32 + 1).to_be_bytes()).unwrap();
        let mut link = listening.incoming.next().await.unwrap().link;
        assert_eq!(link.next().await.unwrap().unwrap_err().kind(), ErrorKind::InvalidData);
    });
}

#[test]
fn an_end_within_a_frame_is_an_error() {
    run(async {
        let (path, address) = fresh("half");
        let mut listening = Unix.listen(&address).await.unwrap();
        let mut peer = std::os::unix::net::UnixStream::connect(&path).unwrap();
        peer.write_all(&[0, 0, 0, 9, b'{']).unwrap();
        drop(peer);
        let mut link = listening.incoming.next().await.unwrap().link;
        assert_eq!(link.next().await.unwrap().unwrap_err().kind(), ErrorKind::UnexpectedEof);
    });
}

#[test]
fn a_relative_path_is_refused() {
    run(async {
        let refused = Unix.dial(&"unix://chat.sock".parse().unwrap()).await.err().unwrap();
        assert!(refused.to_string().contains("unix:///run/chat.sock"), "{refused}");
    });
}

async fn exchange(address: &Address, listening: &mut Listening) {
    let mut near = Unix.dial(address).await.unwrap();
    let mut far = listening.incoming.next().await.unwrap().link;
    for frame in [Bytes::new(), Bytes::from(vec![7; MAX_LINK_FRAME])] {
        let (sent, got) = futures::join!(near.send(frame.clone()), far.next());
        sent.unwrap();
        assert_eq!(got.unwrap().unwrap(), frame);
    }
}

/// A path nobody else uses, and its address.
fn fresh(name: &str) -> (PathBuf, Address) {
    let path = std::env::temp_dir().join(format!("chat-unix-{name}-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    (path.clone(), Address::new("unix", path.display()).unwrap())
}

fn run(check: impl Future<Output = ()>) {
    match block_on(select(pin!(check), Timer::after(Duration::from_secs(20)))) {
        Either::Left(_) => {}
        Either::Right(_) => panic!("the check hung"),
    }
}
