//! Peers that break off, stall or speak something else.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{SinkExt, StreamExt};

use crate::{framed, link_to_socket, next_error, next_frame, run, tcp, tcp_at};

#[test]
fn frames_may_be_glued_together_or_come_byte_by_byte() {
    run(async {
        let bodies: Vec<String> = (0..1000).map(|n| format!("{{\"type\":\"ping\",\"id\":{n}}}")).collect();
        let (mut link, mut socket) = link_to_socket(tcp()).await;
        socket.write_all(&framed(&bodies)).unwrap();
        for body in &bodies {
            assert_eq!(next_frame(&mut link).await, body);
        }
        let few = &bodies[..5];
        let writer = std::thread::spawn({
            let bytes = framed(few);
            move || {
                bytes.iter().for_each(|byte| socket.write_all(&[*byte]).unwrap());
                socket
            }
        });
        for body in few {
            assert_eq!(next_frame(&mut link).await, body);
        }
        drop(writer.join().unwrap());
        assert!(link.next().await.is_none());
    });
}

// B1, B5
#[test]
fn hostile_lengths_and_other_protocols_end_the_link_at_once() {
    run(async {
        for (bytes, words) in [
            (&[0xff; 4][..], "a length of 4294967295 bytes"),
            (&[0x80, 0, 0, 0], "a length of 2147483648 bytes"),
            (&[0, 0, 0xff, 0xe4], "a length of 65508 bytes"),
            (&[0; 4], "a frame of 0 bytes"),
            (b"GET / HTTP/1.1\r\nHost: chat\r\n\r\n", "(is this an HTTP client?)"),
            (b"\x16\x03\x01\x00\xf1\x01\x00\x00\xed\x03\x03", "(is this a TLS client?)"),
            (b"SSH-2.0-OpenSSH_10.0\r\n", "(is this SSH?)"),
        ] {
            let (mut link, mut socket) = link_to_socket(tcp()).await;
            socket.write_all(&framed(&["fine"])).unwrap();
            socket.write_all(bytes).unwrap();
            assert_eq!(next_frame(&mut link).await, "fine");
            let error = next_error(&mut link).await;
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(error.to_string().contains(words), "{error}");
            // It can still be told why.
            link.send(Bytes::from_static(b"why")).await.unwrap();
            drop(link);
            let mut answer = [0; 7];
            socket.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"\0\0\0\x03why");
        }
    });
}

// B2, B3
#[test]
fn a_frame_that_never_ends_is_cut_off_though_its_bytes_trickle() {
    run(async {
        let speed = 32;
        let limit = Duration::from_secs(10) / speed;
        let (mut link, mut socket) = link_to_socket(tcp_at(speed)).await;
        let began = Instant::now();
        let trickle = std::thread::spawn(move || {
            socket.write_all(&[0, 0, 0xff]).unwrap();
            while socket.write_all(b"x").is_ok() && began.elapsed() < Duration::from_secs(10) {
                std::thread::sleep(Duration::from_millis(20)); // the trickle itself
            }
        });
        let error = next_error(&mut link).await;
        let took = began.elapsed();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().starts_with("a frame was not complete 10s after it began ("), "{error}");
        assert!(took >= limit && took < limit * 10, "{took:?}");
        drop(link);
        trickle.join().unwrap();
    });
}

#[test]
fn an_idle_link_is_not_cut_off() {
    run(async {
        let speed = 100;
        let limit = Duration::from_secs(10) / speed;
        let (mut link, mut socket) = link_to_socket(tcp_at(speed)).await;
        socket.write_all(&framed(&["one"])).unwrap();
        assert_eq!(next_frame(&mut link).await, "one");
        assert!(async_std::future::timeout(limit * 3, link.next()).await.is_err(), "it was cut off");
        socket.write_all(&framed(&["two"])).unwrap();
        assert_eq!(next_frame(&mut link).await, "two");
    });
}

// B8
#[test]
fn a_reset_within_a_frame_is_an_error_and_nothing_else() {
    run(async {
        let (mut link, mut socket) = link_to_socket(tcp()).await;
        socket.write_all(&framed(&["whole"])).unwrap();
        socket.write_all(&framed(&["half"])[..5]).unwrap();
        assert_eq!(next_frame(&mut link).await, "whole");
        socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
        drop(socket);
        assert_eq!(next_error(&mut link).await.kind(), io::ErrorKind::ConnectionReset);
        let sent = link.send(Bytes::from_static(b"x")).await.map_err(|error| error.kind());
        assert_eq!(sent, Err(io::ErrorKind::BrokenPipe));
    });
}

#[test]
fn a_peer_that_writes_no_more_can_still_be_written_to() {
    run(async {
        let (mut link, mut socket) = link_to_socket(tcp()).await;
        socket.write_all(&framed(&["last"])).unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        assert_eq!(next_frame(&mut link).await, "last");
        assert!(link.next().await.is_none());
        link.send(Bytes::from_static(b"reply")).await.unwrap();
        link.close().await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, framed(&["reply"]));
    });
}

#[test]
fn closing_ends_our_side_only() {
    run(async {
        let (mut link, mut socket) = link_to_socket(tcp()).await;
        link.feed(Bytes::from_static(b"bye")).await.unwrap();
        link.close().await.unwrap();
        let mut heard = Vec::new();
        socket.read_to_end(&mut heard).unwrap();
        assert_eq!(heard, framed(&["bye"]));
        socket.write_all(&framed(&["still here"])).unwrap();
        assert_eq!(next_frame(&mut link).await, "still here");
    });
}

#[test]
fn an_end_within_a_frame_is_said_so() {
    run(async {
        let (mut link, mut socket) = link_to_socket(tcp()).await;
        socket.write_all(&framed(&["half"])[..6]).unwrap();
        drop(socket);
        let error = next_error(&mut link).await;
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert!(error.to_string().contains("in the middle of a frame (6 bytes"), "{error}");
    });
}
