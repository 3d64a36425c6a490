//! Links between two ends that both keep to the protocol.

use std::{
    io::{self, Read},
    time::Duration,
};

use bytes::Bytes;
use chat_core::transport::{MAX_LINK_FRAME, Promises, Transport};
use futures::{SinkExt, StreamExt, future};

use crate::{framed, link_to_socket, next_frame, pair, run, tcp};

#[test]
fn it_promises_order_delivery_and_the_largest_frame() {
    assert_eq!(tcp().promises(), Promises { ordered: true, reliable: true, max_frame: MAX_LINK_FRAME });
}

#[test]
fn frames_go_both_ways_up_to_the_largest() {
    run(async {
        let (mut near, mut far, _open) = pair().await;
        for len in [1, 2, 1000, 16_384, 16_385, MAX_LINK_FRAME] {
            let frame = Bytes::from(vec![b'a'; len]);
            let (sent, received) = future::join(near.send(frame.clone()), next_frame(&mut far.link)).await;
            sent.unwrap();
            assert_eq!(received, frame);
            let (sent, received) = future::join(far.link.send(frame.clone()), next_frame(&mut near)).await;
            sent.unwrap();
            assert_eq!(received, frame);
        }
        let error = near.feed(Bytes::from(vec![0; MAX_LINK_FRAME + 1])).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), "a frame of 65508 bytes, over the limit of 65507");
    });
}

#[test]
fn a_hundred_thousand_frames_arrive_in_order() {
    run(async {
        let (mut near, mut far, _open) = pair().await;
        let send = async {
            for n in 0_u32..100_000 {
                let len = 4 + (n as usize * 7919) % 300;
                let mut frame = vec![0; len];
                frame[..4].copy_from_slice(&n.to_be_bytes());
                near.feed(Bytes::from(frame)).await.unwrap();
            }
            near.close().await.unwrap();
        };
        let receive = async {
            for n in 0_u32..100_000 {
                let frame = next_frame(&mut far.link).await;
                assert_eq!(frame[..4], n.to_be_bytes());
                assert_eq!(frame.len(), 4 + (n as usize * 7919) % 300);
            }
            assert!(far.link.next().await.is_none());
        };
        future::join(send, receive).await;
    });
}

#[test]
fn nothing_leaves_before_a_flush_and_then_everything_does() {
    run(async {
        let (mut link, mut socket) = link_to_socket(tcp()).await;
        let bodies: Vec<String> = (0..200).map(|n| format!("frame {n}")).collect();
        for body in &bodies {
            link.feed(Bytes::from(body.clone())).await.unwrap();
        }
        socket.set_nonblocking(true).unwrap();
        let early = socket.read(&mut [0; 64]).map_err(|error| error.kind());
        assert_eq!(early, Err(io::ErrorKind::WouldBlock));
        link.flush().await.unwrap();
        socket.set_nonblocking(false).unwrap();
        let expected = framed(&bodies);
        let mut bytes = vec![0; expected.len()];
        socket.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, expected);
    });
}

#[test]
fn a_peer_that_does_not_read_stops_the_sender_and_loses_nothing() {
    run(async {
        let (mut link, mut socket) = link_to_socket(tcp()).await;
        let frame = Bytes::from(vec![b'x'; 1000]);
        let mut fed = 0_usize;
        while async_std::future::timeout(Duration::from_millis(300), link.feed(frame.clone())).await.is_ok() {
            fed += 1;
            assert!(fed < 20_000, "20 MB were taken for a peer that reads nothing");
        }
        // The receiver's own window is the larger part; what waits on our side is bounded.
        let reader = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            socket.read_to_end(&mut bytes).unwrap();
            bytes.len()
        });
        link.close().await.unwrap();
        drop(link);
        assert_eq!(reader.join().unwrap(), fed * 1004);
    });
}

#[test]
fn a_link_can_move_to_another_task_while_it_waits() {
    run(async {
        let (mut near, mut far, _open) = pair().await;
        let waited = async_std::future::timeout(Duration::from_millis(50), far.link.next()).await;
        assert!(waited.is_err(), "a frame from nowhere");
        let moved = async_std::task::spawn(async move { next_frame(&mut far.link).await });
        near.send(Bytes::from_static(b"{}")).await.unwrap();
        assert_eq!(moved.await, "{}");
    });
}

/// Frames are JSON by protocol; to TCP they are bytes.
#[test]
fn no_byte_means_anything() {
    run(async {
        let (mut near, mut far, _listening) = pair().await;
        let mut frames: Vec<Bytes> = (0..=u8::MAX).map(|byte| Bytes::from(vec![byte; 3])).collect();
        frames.push((0..=u8::MAX).chain((0..=u8::MAX).rev()).collect());
        frames.push(Bytes::from_static(b"\0"));
        for frame in frames {
            near.send(frame.clone()).await.unwrap();
            assert_eq!(next_frame(&mut far.link).await, frame);
            far.link.send(frame.clone()).await.unwrap();
            assert_eq!(next_frame(&mut near).await, frame);
        }
    });
}
