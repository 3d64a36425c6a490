//! Encrypted links over a pipe: what leaves, when, and what an idle link costs.

use chat_core::memory::{Pipe, pipe};
use futures::{FutureExt, SinkExt, StreamExt, executor::block_on};

use super::*;
use crate::{StaticKey, handshake, suite::Suite};

/// Both ends of a link over a pipe each, whose other ends are the network.
struct Ends {
    client: SecuredLink,
    server: SecuredLink,
    from_client: Pipe,
    from_server: Pipe,
    third: Bytes,
}

fn ends(numbers: Numbers) -> Ends {
    let (client, server) = (StaticKey::from_private([1; 32]), StaticKey::from_private([2; 32]));
    let (at_client, at_server) = handshake::between(Suite::AesGcm, &client, &server);
    let third = Bytes::from_static(b"the third frame");
    let ((near, from_client), (far, from_server)) = (pipe(), pipe());
    Ends {
        client: SecuredLink::new(Box::pin(near), at_client.into_records(numbers), numbers, 65_443)
            .with_third(Some(third.clone())),
        server: SecuredLink::new(Box::pin(far), at_server.into_records(numbers), numbers, 65_443),
        from_client,
        from_server,
        third,
    }
}

/// All that has left a link.
fn sent(pipe: &mut Pipe) -> Vec<Bytes> {
    std::iter::from_fn(|| pipe.next().now_or_never().flatten()).map(Result::unwrap).collect()
}

async fn say(link: &mut SecuredLink, count: usize, len: usize) {
    for number in 0..count {
        link.feed(vec![number as u8; len].into()).await.unwrap();
    }
    link.flush().await.unwrap();
}

/// protocol 19.6.2
#[test]
fn frames_of_one_flush_share_records() {
    block_on(async {
        for (numbers, records) in [(Numbers::Counted, 1), (Numbers::Written, 5)] {
            let mut ends = ends(numbers);
            ends.server.feed(Bytes::from_static(b"{}")).await.unwrap();
            assert!(sent(&mut ends.from_server).is_empty(), "nothing leaves before it is flushed");
            say(&mut ends.server, 29, 150).await;
            let left = sent(&mut ends.from_server);
            assert_eq!(left.len(), records);
            say(&mut ends.server, 300, 150).await;
            let most = sent(&mut ends.from_server).iter().map(Bytes::len).max().unwrap();
            assert!(most <= numbers.shared() && most + 152 > numbers.shared(), "{most}");
        }
    });
}

/// protocol 19.2.2, protocol 19.11.2
#[test]
fn the_third_frame_goes_before_records_until_it_has_arrived() {
    block_on(async {
        for numbers in [Numbers::Counted, Numbers::Written] {
            let mut ends = ends(numbers);
            let mut thirds = Vec::new();
            for _ in 0..3 {
                say(&mut ends.client, 1, 20).await;
                let left = sent(&mut ends.from_client);
                thirds.push(left.len() == 2 && left[0] == ends.third);
            }
            assert_eq!(thirds, [true, numbers == Numbers::Written, numbers == Numbers::Written]);
            say(&mut ends.server, 1, 20).await;
            for record in sent(&mut ends.from_server) {
                ends.from_client.send(record).await.unwrap();
            }
            assert_eq!(ends.client.next().await.unwrap().unwrap(), [0; 20][..]);
            say(&mut ends.client, 1, 20).await;
            assert_eq!(sent(&mut ends.from_client).len(), 1, "a record of the server has come");
        }
    });
}

/// protocol 19.8
#[test]
fn where_frames_may_be_lost_what_is_no_record_is_dropped_in_silence() {
    block_on(async {
        let mut ends = ends(Numbers::Written);
        say(&mut ends.client, 1, 20).await;
        let left = sent(&mut ends.from_client);
        let record = &left[1];
        let mut forged = record.to_vec();
        *forged.last_mut().unwrap() ^= 1;
        let hello = Bytes::from_static(br#"{"type":"hello"}"#);
        for frame in [&left[0], &hello, &record.slice(..9), &forged.into(), record, record] {
            ends.from_server.send(frame.clone()).await.unwrap();
        }
        assert_eq!(ends.server.next().await.unwrap().unwrap(), [0; 20][..]);
        assert!(ends.server.next().now_or_never().is_none(), "it came once");
        assert!(sent(&mut ends.from_server).is_empty(), "nothing is answered");
    });
}

/// protocol 19.7
#[test]
fn where_nothing_may_be_lost_a_forged_record_ends_the_link_and_the_peer_can_be_told() {
    block_on(async {
        let mut ends = ends(Numbers::Counted);
        say(&mut ends.client, 1, 20).await;
        let mut record = sent(&mut ends.from_client).pop().unwrap().to_vec();
        record[5] ^= 1;
        ends.from_server.send(record.into()).await.unwrap();
        let error = ends.server.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(ends.server.next().await.is_none());
        say(&mut ends.server, 1, 20).await;
        ends.from_client.send(sent(&mut ends.from_server).pop().unwrap()).await.unwrap();
        assert_eq!(ends.client.next().await.unwrap().unwrap(), [0; 20][..]);
    });
}

/// An idle link costs at most 1.2 KiB more than one without encryption, its block of memory and its window included.
#[test]
fn an_idle_link_is_small_and_holds_no_buffer() {
    block_on(async {
        let mut ends = ends(Numbers::Written);
        say(&mut ends.client, 100, 150).await;
        for frame in sent(&mut ends.from_client) {
            ends.from_server.send(frame).await.unwrap();
            while ends.server.next().now_or_never().is_some() {}
        }
        for link in [&ends.client, &ends.server] {
            assert_eq!((link.gathered.capacity(), link.opened.len(), link.sealed.is_some()), (0, 0, false));
        }
        let held = size_of::<SecuredLink>() + size_of::<record::Written>();
        assert!(held <= 1200 - 64, "{held} bytes");
    });
}
