//! A listener and links through it, kept alive as they would be in the world; and frames carried over them.

use std::{collections::HashMap, io, pin::pin, time::Duration};

use bytes::Bytes;
use chat_core::transport::{BoxLink, Incoming, Listening, Promises};
use futures::{
    FutureExt, SinkExt, Stream, StreamExt,
    future::{Either, join, pending, select},
    stream::FuturesUnordered,
};

use super::{Subject, rules::broken};
use crate::time::{QUIET, within};

/// A listener whose links are handed out in pairs. It stays open while a check looks at them.
pub(super) struct Fixture<'a> {
    pub(super) subject: &'a Subject,
    pub(super) listening: Listening,
    /// How many pairs there were.
    greeted: u64,
}

impl<'a> Fixture<'a> {
    pub(super) async fn open(subject: &'a Subject) -> Fixture<'a> {
        Fixture { subject, listening: subject.listen().await, greeted: 0 }
    }

    /// A link: the end that dialled and the end that was accepted. They have greeted each other, as the protocol
    /// wants it: a transport without a handshake learns of a link by its `hello`, and may wait for the `welcome`.
    pub(super) async fn pair(&mut self) -> (BoxLink, Incoming) {
        self.greeted += 1;
        let hello = format!(r#"{HELLO},"protocol":1,"name":"guest{}"}}"#, self.greeted);
        let hello = Bytes::from(hello);
        let welcome = Bytes::from(format!(r#"{WELCOME},"protocol":1,"name":"guest{}"}}"#, self.greeted));
        let (subject, address) = (self.subject, self.listening.address.clone());
        let reliable = subject.promises().reliable;
        let dialling = async {
            let mut link = subject.dial(&address).await;
            loop {
                link.send(hello.clone()).await.expect("a fresh link takes a frame");
                let patience = if reliable { PATIENCE } else { REPEAT };
                match within(&subject.runtime, patience, link.next()).await {
                    Some(Some(Ok(answer))) => {
                        assert_eq!(answer, welcome, "a hello is answered by its welcome");
                        return link;
                    }
                    None if !reliable => {}
                    other => panic!("a hello is answered by {other:?}"),
                }
            }
        };
        let mut far = None;
        let listening = &mut self.listening;
        let answering = async {
            let far = far.insert(accept(listening, &hello).await);
            loop {
                far.link.send(welcome.clone()).await.expect("a fresh link takes a frame");
                if reliable {
                    return pending().await;
                }
                subject.pause(REPEAT).await;
            }
        };
        let near = match select(pin!(dialling), pin!(answering)).await {
            Either::Left((near, _)) => near,
            Either::Right(((), _)) => unreachable!("the welcome is said until it is heard"),
        };
        (near, far.expect("whoever was welcomed was accepted"))
    }

    /// Two fresh links, each as the end that sends and the end that reads: from the dialled end to the accepted
    /// one, and the other way round.
    pub(super) async fn both_ways(&mut self) -> [(BoxLink, BoxLink); 2] {
        let (near, far) = self.pair().await;
        let (reader, sender) = self.pair().await;
        [(near, far.link), (sender.link, reader)]
    }
}

/// The link over which `hello` comes first. Others, which a peer gave up, may be accepted before it.
async fn accept(listening: &mut Listening, hello: &Bytes) -> Incoming {
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
                if matches!(first, Some(Ok(frame)) if frame == hello) {
                    return incoming;
                }
            }
        }
    }
}

/// Sends `frames`, which differ from each other, from one end to the other and holds what arrives to what is
/// promised. Both ends are used at once, so more may be sent than fits in between.
pub(super) async fn carry(subject: &Subject, from: &mut BoxLink, to: &mut BoxLink, frames: &[Bytes]) {
    let arrived = carried(subject, from, to, frames).await;
    check_promises(subject.promises(), frames, &arrived);
}

/// The same, for the caller to look at what arrived.
pub(super) async fn carried(
    subject: &Subject,
    from: &mut BoxLink,
    to: &mut BoxLink,
    frames: &[Bytes],
) -> Vec<Bytes> {
    let sending = async {
        for (number, frame) in (1..).zip(frames) {
            from.feed(frame.clone()).await.expect("the link takes frames");
            if !subject.promises().reliable {
                // Frames that share a datagram would be lost together.
                from.flush().await.expect("the link takes frames");
            }
            breathe(subject, number).await;
        }
        from.flush().await.expect("the link takes frames");
    };
    let ((), arrived) = join(sending, receive(subject, to, frames.len())).await;
    arrived
}

/// Carries one frame. Where frames may be lost it is sent twenty times, of which some have to arrive.
pub(super) async fn carry_one(subject: &Subject, from: &mut BoxLink, to: &mut BoxLink, frame: Bytes) {
    if subject.promises().reliable {
        return carry(subject, from, to, &[frame]).await;
    }
    let sending = async {
        for number in 1..=20 {
            from.send(frame.clone()).await.expect("the link takes frames");
            breathe(subject, number).await;
        }
    };
    let ((), arrived) = join(sending, receive(subject, to, usize::MAX)).await;
    if let Some(changed) = arrived.iter().find(|arrived| **arrived != frame) {
        broken(1, format_args!("a frame of {} bytes arrived as one of {}", frame.len(), changed.len()));
    }
    assert!(!arrived.is_empty(), "none of twenty frames of {} bytes arrived", frame.len());
}

/// What arrives: `count` frames and one after them if there is any, or what comes before a silence. A silence is long where
/// nothing may be lost.
pub(super) async fn receive(
    subject: &Subject,
    link: &mut (impl Stream<Item = io::Result<Bytes>> + Unpin),
    count: usize,
) -> Vec<Bytes> {
    let reliable = subject.promises().reliable;
    let mut arrived = Vec::new();
    while !reliable || arrived.len() < count {
        let silence = if reliable { STALLED } else { QUIET };
        let Some(next) = within(&subject.runtime, silence, link.next()).await else { return arrived };
        let frame = next.expect("the link goes on").expect("the link works");
        if reliable || !is_greeting(&frame) {
            arrived.push(frame);
        }
    }
    if let Some(Some(Ok(extra))) = within(&subject.runtime, MOMENT, link.next()).await {
        arrived.push(extra);
    }
    arrived
}

/// Holds what arrived of `sent` to the promises.
pub(super) fn check_promises(promises: Promises, sent: &[Bytes], arrived: &[Bytes]) {
    if let Err((rule, why)) = promises_kept(promises, sent, arrived) {
        broken(rule, why);
    }
}

/// Which rule is broken if `arrived` came of `sent`, and how. Where promises are weak, what is left of them is that nothing
/// is invented or changed, and that a tenth arrives.
pub(super) fn promises_kept(
    promises: Promises,
    sent: &[Bytes],
    arrived: &[Bytes],
) -> Result<(), (u8, String)> {
    let places: HashMap<&Bytes, usize> =
        sent.iter().enumerate().map(|(place, frame)| (frame, place)).collect();
    assert_eq!(places.len(), sent.len(), "the check needs frames that differ");
    let mut arrivals = Vec::new();
    for frame in arrived {
        let unknown = || (1, format!("a frame of {} bytes arrived that nobody sent", frame.len()));
        arrivals.push(*places.get(frame).ok_or_else(unknown)?);
    }
    if promises.ordered && !arrivals.is_sorted() {
        return Err((2, format!("frames arrived out of order: {arrivals:?}")));
    }
    arrivals.sort_unstable();
    if promises.reliable && arrivals != Vec::from_iter(0..sent.len()) {
        return Err((3, format!("of {} frames, each of which arrives once, came {arrivals:?}", sent.len())));
    }
    if arrived.len() * 10 < sent.len() {
        return Err((3, format!("{} of {} frames arrived", arrived.len(), sent.len())));
    }
    Ok(())
}

/// A frame of `len` bytes, an object as all frames are (protocol 1.1). It has `number` in it, so that frames differ,
/// and then seeded text of all that a string can hold; if it is too short for that, less.
///
/// # Panics
/// When `len` is less than what an object has.
pub(super) fn frame(rng: &mut fastrand::Rng, number: u64, len: usize) -> Bytes {
    let mut text = format!(r#"{{"{number}":""#);
    if len < text.len() + END.len() {
        return Bytes::from(format!("{{{}}}", " ".repeat(len - 2)));
    }
    let room = len - END.len();
    while text.len() + PIECE_MAX <= room {
        match rng.u8(0..8) {
            0 => text.push_str(ESCAPES[rng.usize(..ESCAPES.len())]),
            1 => text.push(rng.char('\u{80}'..)),
            _ => text.push(PLAIN[rng.usize(..PLAIN.len())].into()),
        }
    }
    text.extend(std::iter::repeat_n('.', room - text.len()));
    text.push_str(END);
    text.into()
}

/// Where frames may be lost, a reader that gets no time loses most of them. Lets it have some now and then.
pub(super) async fn breathe(subject: &Subject, sent: u64) {
    if !subject.promises().reliable && sent.is_multiple_of(16) {
        subject.pause(BREATH).await;
    }
}

/// Whether a frame is one of those with which a pair begins.
pub(super) fn is_greeting(frame: &[u8]) -> bool {
    frame.starts_with(HELLO.as_bytes()) || frame.starts_with(WELCOME.as_bytes())
}

/// All that stands for itself in a string.
pub(super) const PLAIN: &[u8] =
    br##" !#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~"##;

/// What is written with a backslash in a string.
pub(super) const ESCAPES: [&str; 10] =
    [r#"\""#, r"\\", r"\/", r"\b", r"\f", r"\n", r"\r", r"\t", r"\u0000", r"\u001f"];

/// The longest piece of text that is added at once, in bytes.
const PIECE_MAX: usize = 6;

/// How a frame of the suite ends.
const END: &str = r#""}"#;

/// After how long without a frame a reliable link counts as stalled.
const STALLED: Duration = Duration::from_secs(8);

/// How long a reliable link is watched for frames that nobody sent.
pub(super) const MOMENT: Duration = Duration::from_millis(20);

/// How the frames begin with which a link does.
const HELLO: &str = r#"{"type":"hello""#;
const WELCOME: &str = r#"{"type":"welcome""#;

/// How long a greeting may take where nothing is lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// After how long it is said again where frames may be lost.
const REPEAT: Duration = Duration::from_millis(30);

/// How long a reader may need for some frames.
const BREATH: Duration = Duration::from_millis(1);
