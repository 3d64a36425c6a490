//! A listener and links through it, kept alive as they would be in the world; and frames carried over them.

use std::{collections::HashMap, io, pin::pin, time::Duration};

use bytes::Bytes;
use chat_core::transport::{BoxLink, Incoming, Listening, Promises};
use futures::{
    FutureExt, SinkExt, Stream, StreamExt,
    future::{Either, join, pending, select},
    stream::FuturesUnordered,
};

use super::Subject;
use crate::time::{QUIET, within};

/// A listener whose links are handed out in pairs. It stays open while a check looks at them.
pub(super) struct Fixture<'a> {
    pub(super) subject: &'a Subject,
    pub(super) listening: Listening,
    knocks: u64,
}

impl<'a> Fixture<'a> {
    pub(super) async fn open(subject: &'a Subject) -> Fixture<'a> {
        Fixture { subject, listening: subject.listen().await, knocks: 0 }
    }

    /// A link: the end that dialled and the end that was accepted. The one has said a word to the other, as a
    /// transport without a handshake learns of a link by its first frame.
    pub(super) async fn pair(&mut self) -> (BoxLink, Incoming) {
        self.knocks += 1;
        let knock = Bytes::from(format!("{KNOCK}{}", self.knocks));
        let (subject, address) = (self.subject, self.listening.address.clone());
        let mut near = None;
        let knocking = async {
            let link = near.insert(subject.dial(&address).await);
            link.send(knock.clone()).await.expect("a fresh link takes a frame");
            while !subject.promises().reliable {
                subject.pause(REPEAT).await;
                link.send(knock.clone()).await.expect("a fresh link takes a frame");
            }
            pending::<()>().await;
        };
        let far = match select(pin!(accept(&mut self.listening, &knock)), pin!(knocking)).await {
            Either::Left((far, _)) => far,
            Either::Right(_) => unreachable!("knocking goes on until it is heard"),
        };
        (near.expect("whoever knocked has dialled"), far)
    }

    /// Two fresh links, each as the end that sends and the end that reads: from the dialled end to the accepted
    /// one, and the other way round.
    pub(super) async fn both_ways(&mut self) -> [(BoxLink, BoxLink); 2] {
        let (near, far) = self.pair().await;
        let (reader, sender) = self.pair().await;
        [(near, far.link), (sender.link, reader)]
    }
}

/// The link over which `knock` comes first. Others, which a peer gave up, may be accepted before it.
async fn accept(listening: &mut Listening, knock: &Bytes) -> Incoming {
    let mut unheard = FuturesUnordered::new();
    loop {
        futures::select! {
            incoming = listening.incoming.next().fuse() => {
                let mut incoming = incoming.expect("a listener does not end while it lives");
                unheard.push(async move {
                    let first = incoming.link.next().await;
                    (first, incoming)
                });
            }
            (first, incoming) = unheard.select_next_some() => {
                if matches!(first, Some(Ok(frame)) if frame == knock) {
                    return incoming;
                }
            }
        }
    }
}

/// Sends `frames`, which differ from each other, from one end to the other and holds what arrives to what is
/// promised. Both ends are used at once, so more may be sent than fits in between.
pub(super) async fn carry(subject: &Subject, from: &mut BoxLink, to: &mut BoxLink, frames: &[Bytes]) {
    let sending = async {
        for frame in frames {
            from.feed(frame.clone()).await.expect("the link takes frames");
        }
        from.flush().await.expect("the link takes frames");
    };
    let ((), arrived) = join(sending, receive(subject, to, frames.len())).await;
    check_promises(subject.promises(), frames, &arrived);
}

/// Carries one frame. Where frames may be lost it is sent twenty times, of which some have to arrive.
pub(super) async fn carry_one(subject: &Subject, from: &mut BoxLink, to: &mut BoxLink, frame: Bytes) {
    if subject.promises().reliable {
        return carry(subject, from, to, &[frame]).await;
    }
    let sending = async {
        for _ in 0..20 {
            from.send(frame.clone()).await.expect("the link takes frames");
        }
    };
    let ((), arrived) = join(sending, receive(subject, to, usize::MAX)).await;
    assert!(!arrived.is_empty(), "none of twenty frames of {} bytes arrived", frame.len());
    assert!(arrived.iter().all(|it| *it == frame), "a frame of {} bytes was changed", frame.len());
}

/// What arrives: `count` frames and nothing after them, or where frames may be lost, whatever comes before silence.
pub(super) async fn receive(
    subject: &Subject,
    link: &mut (impl Stream<Item = io::Result<Bytes>> + Unpin),
    count: usize,
) -> Vec<Bytes> {
    let reliable = subject.promises().reliable;
    let mut arrived = Vec::new();
    while !reliable || arrived.len() < count {
        let next = if reliable {
            link.next().await
        } else {
            match within(&subject.runtime, QUIET, link.next()).await {
                Some(next) => next,
                None => return arrived,
            }
        };
        let frame = next.expect("the link goes on").expect("the link works");
        if reliable || !frame.starts_with(KNOCK.as_bytes()) {
            arrived.push(frame);
        }
    }
    let extra = within(&subject.runtime, MOMENT, link.next()).await;
    assert!(extra.is_none(), "something came that was not sent: {extra:?}");
    arrived
}

/// Holds what arrived of `sent` to the promises; where they are weak, what is left of them is that nothing is
/// invented or changed, and that a tenth arrives.
pub(super) fn check_promises(promises: Promises, sent: &[Bytes], arrived: &[Bytes]) {
    let places: HashMap<&Bytes, usize> =
        sent.iter().enumerate().map(|(place, frame)| (frame, place)).collect();
    assert_eq!(places.len(), sent.len(), "the check needs frames that differ");
    let mut arrivals: Vec<usize> = arrived
        .iter()
        .map(|frame| *places.get(frame).unwrap_or_else(|| panic!("{} bytes were never sent", frame.len())))
        .collect();
    if promises.ordered {
        assert!(arrivals.is_sorted(), "frames arrived out of order: {arrivals:?}");
    }
    if promises.reliable {
        arrivals.sort_unstable();
        assert_eq!(arrivals, Vec::from_iter(0..sent.len()), "each frame arrives exactly once");
    }
    assert!(arrived.len() * 10 >= sent.len(), "{} of {} frames arrived", arrived.len(), sent.len());
}

/// A frame of `len` seeded bytes; those of 8 bytes and more begin with `number`, so that they differ.
pub(super) fn frame(rng: &mut fastrand::Rng, number: u64, len: usize) -> Bytes {
    let mut bytes = vec![0; len];
    rng.fill(&mut bytes);
    if let Some(head) = bytes.first_chunk_mut() {
        *head = number.to_be_bytes();
    }
    bytes.into()
}

/// How long a reliable link is watched for frames that nobody sent.
pub(super) const MOMENT: Duration = Duration::from_millis(20);

/// How a frame begins that only says that a link is there.
const KNOCK: &str = "knock ";

/// After how long a word is said again where frames may be lost.
const REPEAT: Duration = Duration::from_millis(30);
