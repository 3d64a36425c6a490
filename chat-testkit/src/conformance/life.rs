//! Listeners and links begin and end as the contract of the transport says.

use std::time::Duration;

use bytes::Bytes;
use chat_core::{Address, transport::BoxLink, wire::MAX_FRAME};
use futures::{SinkExt, StreamExt, future::join, pin_mut, poll};

use super::{
    Subject,
    fixture::{Fixture, MOMENT, breathe, carry_one, check_promises, frame, is_greeting},
    rules::broken,
};
use crate::time::{QUIET, within};

/// Every message of the protocol fits a frame of this transport.
pub async fn it_carries_every_message_of_the_protocol(subject: &Subject) {
    let largest = subject.promises().max_frame;
    assert!(largest >= MAX_FRAME, "it carries {largest} bytes, a message may have {MAX_FRAME}");
}

/// The address of a listener is one to dial: of the same scheme, with what was left open filled in.
pub async fn a_listener_says_where_it_listens(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    let address = fixture.listening.address.clone();
    assert_eq!(address.scheme(), subject.address.scheme());
    let (mut near, mut far) = fixture.pair().await; // dials that address
    carry_one(subject, &mut near, &mut far.link, Bytes::from_static(br#"{"text":"found"}"#)).await;
}

/// Who is at the other end has an address of its own, and a host, which is the same for all of one machine.
pub async fn a_peer_has_an_address_and_a_host(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    let (_near, one) = fixture.pair().await;
    let (_near, other) = fixture.pair().await;
    for peer in [&one.peer, &other.peer] {
        assert!(!peer.address.trim().is_empty(), "{peer:?}");
        assert!(!peer.host.trim().is_empty(), "{peer:?}");
        assert!(peer.local, "the check and its peer are on one machine: {peer:?}");
    }
    assert_eq!(one.peer.host, other.peer.host, "two links from one machine");
    assert_ne!(one.peer.address, other.peer.address, "two links");
}

/// A link that is closed ends at the other end, without an error. Where frames may be lost, that end may stay
/// silent instead.
pub async fn closing_is_seen_as_the_end(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    for (mut from, mut to) in fixture.both_ways().await {
        from.close().await.expect("a link can be closed");
        expect_end(subject, &mut to).await;
    }
}

/// Dropping a link closes it.
pub async fn dropping_is_seen_as_the_end(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    for (from, mut to) in fixture.both_ways().await {
        drop(from);
        expect_end(subject, &mut to).await;
    }
}

/// Closing loses nothing: it comes after what was sent, flushed or not.
pub async fn what_was_sent_before_closing_arrives(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    for (mut from, mut to) in fixture.both_ways().await {
        let mut rng = fastrand::Rng::with_seed(8);
        let frames: Vec<Bytes> = (0..100).map(|number| frame(&mut rng, number, 3000)).collect();
        let sending = async {
            for (number, frame) in (1..).zip(&frames) {
                from.feed(frame.clone()).await.expect("the link takes frames");
                breathe(subject, number).await;
            }
            from.close().await.expect("a link can be closed");
        };
        let reading = async {
            let mut arrived = Vec::new();
            while let Some(frame) = next_or_quiet(subject, &mut to).await {
                arrived.push(frame);
            }
            arrived
        };
        let ((), arrived) = join(sending, reading).await;
        if subject.promises().reliable && arrived.len() < frames.len() {
            broken(9, format_args!("{} of {} frames arrived before the end", arrived.len(), frames.len()));
        }
        check_promises(subject.promises(), &frames, &arrived);
    }
}

/// Whoever goes on sending to a peer that is gone is told so in the end. Where frames may be lost, nobody can
/// know, but sending does not hang.
pub async fn sending_to_nobody_ends(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    for (to, from) in fixture.both_ways().await {
        let mut from = from;
        drop(to);
        let mut sends = 0;
        while from.send(Bytes::from_static(br#"{"text":"anyone?"}"#)).await.is_ok() {
            sends += 1;
            if !subject.promises().reliable && sends == 100 {
                break;
            }
            subject.pause(Duration::from_micros(100)).await; // lets the deadline of the check be heard
        }
    }
}

/// A listener that is dropped leaves the links it accepted alone.
pub async fn links_outlive_their_listener(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    let pairs = fixture.both_ways().await;
    drop(fixture);
    for (mut from, mut to) in pairs {
        carry_one(subject, &mut from, &mut to, Bytes::from_static(br#"{"text":"there"}"#)).await;
        carry_one(subject, &mut to, &mut from, Bytes::from_static(br#"{"text":"and back"}"#)).await;
    }
}

/// A dial does nothing until it is polled, and dropping it, however far it got, harms nobody.
pub async fn a_dial_can_be_given_up(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    let address = fixture.listening.address.clone();
    drop(subject.transport.dial(&address));
    let early = within(&subject.runtime, MOMENT, fixture.listening.incoming.next()).await;
    assert!(early.is_none(), "a dial that was never polled came through: {early:?}");
    for polls in 1..6 {
        let dial = subject.transport.dial(&address);
        pin_mut!(dial);
        for _ in 0..polls {
            if poll!(&mut dial).is_ready() {
                break;
            }
        }
    }
    let (mut near, mut far) = fixture.pair().await;
    carry_one(subject, &mut near, &mut far.link, Bytes::from_static(br#"{"text":"the next one"}"#)).await;
}

/// A listener goes on when a peer is gone before its link was accepted.
pub async fn a_listener_outlives_peers_that_give_up(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    let address = fixture.listening.address.clone();
    for _ in 0..5 {
        drop(subject.dial(&address).await);
    }
    let (mut near, mut far) = fixture.pair().await;
    carry_one(subject, &mut near, &mut far.link, Bytes::from_static(br#"{"text":"still here"}"#)).await;
}

/// The tasks of a link end once it is dropped, and with the listener all of them.
pub async fn links_leave_no_task_behind(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    let listening = subject.tasks();
    for _ in 0..4 {
        drop(fixture.both_ways().await);
    }
    let mut pairs = fixture.both_ways().await;
    for (from, _) in &mut pairs {
        from.close().await.expect("a link can be closed");
    }
    drop(pairs);
    expect_tasks(subject, listening, "of dropped links").await;
    drop(fixture);
    expect_tasks(subject, 0, "without listener and links").await;
}

/// Waits until no more than so many tasks of the transport live.
async fn expect_tasks(subject: &Subject, most: usize, what: &str) {
    let began = subject.runtime.now();
    while subject.tasks() > most {
        if subject.runtime.now() - began > TASKS_END {
            broken(17, format_args!("{} tasks {what} live after {TASKS_END:?}", subject.tasks() - most));
        }
        subject.pause(Duration::from_millis(10)).await;
    }
}

/// Where nobody listens any more, a dial fails with words. Where frames may be lost, silence is legal too: then a
/// link may come of it, but nothing out of that link.
pub async fn dialling_nobody_fails(subject: &Subject) {
    let listening = subject.listen().await;
    let address = listening.address.clone();
    drop(listening);
    match within(&subject.runtime, PATIENCE, subject.transport.dial(&address)).await {
        Some(Err(error)) => assert!(!error.to_string().trim().is_empty(), "{error:?} says nothing"),
        Some(Ok(mut link)) => {
            assert!(!subject.promises().reliable, "a link to nobody was made");
            let _ = link.send(Bytes::from_static(br#"{"text":"anyone?"}"#)).await;
            assert_eq!(next_or_quiet(subject, &mut link).await, None, "nobody answered");
        }
        None => assert!(!subject.promises().reliable, "a dial to nobody goes on for ever"),
    }
}

/// Two listeners cannot have one address, and the first one does not suffer from the attempt.
pub async fn a_taken_address_is_refused(subject: &Subject) {
    let mut fixture = Fixture::open(subject).await;
    let address = fixture.listening.address.clone();
    let error = subject.transport.listen(&address).await.expect_err("the address is taken");
    check_words(&error, &address);
    let (mut near, mut far) = fixture.pair().await;
    carry_one(subject, &mut near, &mut far.link, Bytes::from_static(br#"{"text":"still here"}"#)).await;
}

/// An address that the transport cannot use is named by the error. One that it can use after all has to work.
pub async fn a_bad_address_is_named(subject: &Subject) {
    for rest in ["127.0.0.1:99999", "127.0.0.1:port", "[::1", ":"] {
        let address = Address::new(subject.address.scheme(), rest).expect("any word may follow the scheme");
        match within(&subject.runtime, PATIENCE, subject.transport.dial(&address)).await {
            Some(Err(error)) => check_words(&error, &address),
            _ => assert!(!subject.promises().reliable, "a link to nobody at {address} was made"),
        }
        match subject.transport.listen(&address).await {
            Err(error) => check_words(&error, &address),
            Ok(listening) => drop(subject.dial(&listening.address).await),
        }
    }
}

fn check_words(error: &std::io::Error, address: &Address) {
    let words = error.to_string();
    assert!(words.contains(address.rest()), "{address} is not named: {words}");
    assert!(!words.contains('\n'), "an error is one line: {words}");
}

/// Expects the end of a link that nothing was sent over.
async fn expect_end(subject: &Subject, link: &mut BoxLink) {
    assert_eq!(next_or_quiet(subject, link).await, None, "nothing was sent");
}

/// The next frame; nothing once the link has ended in an orderly way or, where frames may be lost, fell silent.
async fn next_or_quiet(subject: &Subject, link: &mut BoxLink) -> Option<Bytes> {
    loop {
        let next = if subject.promises().reliable {
            link.next().await
        } else {
            within(&subject.runtime, QUIET, link.next()).await.unwrap_or_default()
        };
        match next? {
            Ok(frame) if is_greeting(&frame) && !subject.promises().reliable => {}
            Ok(frame) => return Some(frame),
            Err(error) if subject.promises().reliable => {
                panic!("the peer closed in an orderly way, yet: {error}")
            }
            Err(_) => return None,
        }
    }
}

/// How soon the tasks of a link end after it.
const TASKS_END: Duration = Duration::from_secs(5);

/// How long a dial to nobody may take.
const PATIENCE: Duration = Duration::from_secs(10);
