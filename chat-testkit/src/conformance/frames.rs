//! Frames arrive whole, and as promised.

use std::{collections::HashSet, future::poll_fn, pin::pin, task::Poll, time::Duration};

use bytes::Bytes;
use chat_core::transport::BoxLink;
use futures::{
    SinkExt, StreamExt,
    future::{join, join_all},
    stream::iter,
};

use super::{
    Subject,
    fixture::{
        ESCAPES, Fixture, PLAIN, breathe, carried, carry, carry_one, check_promises, frame, is_greeting,
        promises_kept, receive,
    },
    rules::broken,
};
use crate::time::{QUIET, within};

/// A frame is there at the other end, unchanged and in one piece. (protocol 15.1)
pub async fn a_frame_arrives_whole(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    for (mut from, mut to) in fixture.both_ways().await {
        carry_one(subject, &mut from, &mut to, Bytes::from_static(br#"{"type":"ping","id":1}"#)).await;
    }
}

/// The smallest frame is one like any other. (protocol 1.1)
pub async fn frames_may_be_as_small_as_an_object(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    for (mut from, mut to) in fixture.both_ways().await {
        carry_one(subject, &mut from, &mut to, Bytes::from_static(b"{}")).await;
    }
}

/// A frame of exactly the size promised passes, and so does one that is a byte smaller. (protocol 1.3)
pub async fn frames_may_be_as_large_as_promised(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    let largest = subject.promises().max_frame;
    let mut rng = fastrand::Rng::with_seed(2);
    for (mut from, mut to) in fixture.both_ways().await {
        for len in [largest - 1, largest] {
            carry_one(subject, &mut from, &mut to, frame(&mut rng, 0, len)).await;
        }
    }
}

/// No byte that a frame can hold means anything to the transport.
pub async fn frames_may_hold_every_byte(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    for (mut from, mut to) in fixture.both_ways().await {
        let plain = PLAIN.iter().map(|byte| char::from(*byte).to_string());
        // The first and the last characters of each length in UTF-8 have its extreme bytes.
        let long = ['\u{7f}', '\u{80}', '\u{7ff}', '\u{800}', '\u{ffff}', '\u{10000}', '\u{10ffff}'];
        let long = long.into_iter().chain('\u{a0}'..'\u{100}').map(String::from);
        let texts: Vec<String> = plain.chain(long).chain(ESCAPES.map(str::to_owned)).collect();
        let every = format!(" \t\r\n{{\"text\" : \"{}\"}}\n ", texts.concat());
        carry_one(subject, &mut from, &mut to, every.into()).await;
        let object = |text: &String| Bytes::from(format!(r#"{{"{text}":"{text}"}}"#));
        let frames: Vec<Bytes> = texts.iter().map(object).collect();
        carry(subject, &mut from, &mut to, &frames).await;
    }
}

/// Frames are any bytes, so that a layer that encrypts can stand on the transport: of one byte, of all bytes, and such
/// as a transport itself might send. (protocol 15.1)
pub async fn frames_need_not_be_text(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    for (mut from, mut to) in fixture.both_ways().await {
        let all: Bytes = (0..=255).collect();
        let mut frames: Vec<Bytes> = (0..=255).map(|byte| Bytes::from(vec![byte])).collect();
        // With a byte each that makes it differ from the others.
        frames.extend((0..32).map(|kind| [&[kind][..], &[7; 24], &[0, 1, kind], &all].concat().into()));
        frames.extend(
            [&b"\0\0\0\x04"[..], b"GET / HTTP/1.1\r\n\r\n", b"{\"type\":\"gone\"", b"\xff\xfe{}"]
                .map(Bytes::from_static),
        );
        for text in ["challenge", "gone", "welcome", "hello"] {
            frames.push(
                format!(r#"{{"type":"{text}","link":"u8yVb1yd0Yx2bq3fJQkq9g","cookie":"p1s0zqW8J6k"}}"#)
                    .into(),
            );
        }
        carry(subject, &mut from, &mut to, &frames).await;
        carry_one(subject, &mut from, &mut to, all).await;
    }
}

/// Many frames, from tiny to the largest, arrive in the number and order promised.
pub async fn frames_of_all_sizes_arrive_as_promised(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    let largest = subject.promises().max_frame;
    let mut rng = fastrand::Rng::with_seed(3);
    for (mut from, mut to) in fixture.both_ways().await {
        let frames: Vec<Bytes> = (0..400)
            .map(|number| {
                let len = rng.usize(16..=if number % 50 == 0 { largest } else { 2000 });
                frame(&mut rng, number, len)
            })
            .collect();
        carry(subject, &mut from, &mut to, &frames).await;
    }
}

/// Frames that were taken but not flushed are with the peer after one flush, without a further one.
pub async fn frames_are_gathered_until_flushed(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    for (mut from, mut to) in fixture.both_ways().await {
        let mut rng = fastrand::Rng::with_seed(7);
        let frames: Vec<Bytes> = (0..30).map(|number| frame(&mut rng, number, 100)).collect();
        for frame in &frames {
            from.feed(frame.clone()).await.expect("the link takes frames");
        }
        from.flush().await.expect("the link takes frames");
        let arrived = receive(subject, &mut to, frames.len()).await;
        if subject.promises().reliable && arrived.len() < frames.len() {
            broken(6, format_args!("{} of {} flushed frames arrived", arrived.len(), frames.len()));
        }
        check_promises(subject.promises(), &frames, &arrived);
    }
}

/// Two ends that both send more than fits in between, and read meanwhile, do not wait for each other.
pub async fn both_directions_work_at_once(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    let (near, far) = fixture.pair().await;
    let frames = |seed: u64| -> Vec<Bytes> {
        let mut rng = fastrand::Rng::with_seed(seed);
        (0..500).map(|number| frame(&mut rng, number, 4000)).collect()
    };
    let (from_near, from_far) = (frames(4), frames(5));
    let converse = async |link: BoxLink, say: &[Bytes], hear: &[Bytes]| {
        let (mut sink, mut stream) = link.split();
        let said = iter((1..).zip(say.iter().cloned()));
        let mut said = pin!(said.then(async |(number, frame)| {
            breathe(subject, number).await;
            Ok(frame)
        }));
        let (sent, arrived) = join(sink.send_all(&mut said), receive(subject, &mut stream, hear.len())).await;
        sent.expect("the link takes frames");
        check_promises(subject.promises(), hear, &arrived);
        (sink, stream) // both ends live until both have read
    };
    let both = join(converse(near, &from_near, &from_far), converse(far.link, &from_far, &from_near));
    drop(both.await);
}

/// What is sent over one link comes out of that link alone.
pub async fn links_do_not_mix(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    let mut pairs = Vec::new();
    for number in 0..8_u8 {
        pairs.push((number, fixture.pair().await));
    }
    join_all(pairs.iter_mut().map(async |(number, (near, far))| {
        let own = |kind: u8| -> Vec<Bytes> {
            (0..50).map(|count| Bytes::from(format!("{{\"{number}\":[{kind},{count}]}}"))).collect()
        };
        let (there, back) = (own(0), own(1));
        let arrived = carried(subject, near, &mut far.link, &there).await;
        let came_back = carried(subject, &mut far.link, near, &back).await;
        for (sent, arrived) in [(there, arrived), (back, came_back)] {
            if let Err((_, why)) = promises_kept(subject.promises(), &sent, &arrived) {
                broken(8, format_args!("among links that are used at once, {why}"));
            }
        }
    }))
    .await;
}

/// A frame over the limit is refused with words that name the limit. No part of it arrives, and whether or not the
/// link survives, the listener does.
pub async fn a_frame_over_the_limit_is_refused(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    let limit = subject.promises().max_frame;
    for (mut from, mut to) in fixture.both_ways().await {
        let error =
            from.feed(vec![b'x'; limit + 1].into()).await.expect_err("a frame over the limit is refused");
        let words = error.to_string().replace([',', '_', '\u{a0}'], "");
        assert!(words.contains(&limit.to_string()), "the limit of {limit} is not named: {error}");
        let after = Bytes::from_static(br#"{"text":"after"}"#);
        let survived = from.send(after.clone()).await.is_ok();
        let next = async {
            loop {
                match to.next().await {
                    Some(Ok(frame)) if is_greeting(&frame) => {}
                    other => return other,
                }
            }
        };
        match within(&subject.runtime, QUIET, next).await {
            Some(Some(Ok(frame))) => assert_eq!(frame, after, "nothing of the large frame arrives"),
            Some(_) => {} // the link ended
            None => assert!(!survived || !subject.promises().reliable, "what the link took has to arrive"),
        }
    }
    let (mut near, mut far) = fixture.pair().await;
    carry_one(subject, &mut near, &mut far.link, Bytes::from_static(STILL_HERE)).await;
}

/// A peer that reads nothing makes the sink wait after a bounded amount, and all of it arrives once it reads.
/// Where frames may be lost, sending goes on or waits, but does not fail.
pub async fn a_peer_that_does_not_read_holds_the_sender_back(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    for (mut from, mut to) in fixture.both_ways().await {
        let mut rng = fastrand::Rng::with_seed(6);
        let promises = subject.promises();
        // Where frames may be lost nothing has to be held back, and less shows what is lost.
        let most = if promises.reliable { MUCH } else { MUCH / 16 } / 4096;
        let mut frames = Vec::new();
        while (frames.len() as u64) < most {
            let next = frame(&mut rng, frames.len() as u64, 4096);
            if !accepts(subject, &mut from, next.clone()).await {
                break;
            }
            frames.push(next);
        }
        let taken = frames.len();
        assert!(!promises.reliable || (taken as u64) < most, "{MUCH} bytes were taken that nobody read");
        let flush = async { from.flush().await.expect("the link takes frames") };
        let ((), arrived) = join(flush, receive(subject, &mut to, taken)).await;
        if promises.reliable {
            check_promises(promises, &frames, &arrived);
        } else {
            let sent: HashSet<&Bytes> = frames.iter().collect();
            assert!(arrived.iter().all(|it| sent.contains(it)), "nothing is invented or changed");
            assert!(!arrived.is_empty(), "none of {taken} frames arrived");
        }
    }
}

/// Whether the link takes a frame within a time in which one that is read takes thousands.
async fn accepts(subject: &Subject, link: &mut BoxLink, frame: Bytes) -> bool {
    let ready = poll_fn(|cx| link.as_mut().poll_ready(cx));
    let Some(ready) = within(&subject.runtime, HELD_BACK, ready).await else { return false };
    ready.expect("a peer that does not read is not an error");
    link.as_mut().start_send(frame).expect("a link that is ready takes a frame");
    // Whether the frame has left does not matter here; but a sink that is never flushed may keep it for ever.
    let flush = poll_fn(|cx| match link.as_mut().poll_flush(cx) {
        Poll::Ready(flushed) => Poll::Ready(flushed),
        Poll::Pending => Poll::Ready(Ok(())),
    });
    flush.await.expect("a peer that does not read is not an error");
    true
}

/// Something short.
const STILL_HERE: &[u8] = br#"{"text":"still here"}"#;

/// For how long a link that is held back takes nothing.
const HELD_BACK: Duration = Duration::from_millis(300);

/// More than any link holds on its way, kernel buffers included.
const MUCH: u64 = 32 << 20;
