//! The suite finds what it looks for: transports that break a promise fail the check that is about it.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use chat_core::{
    Address,
    memory::Memory,
    transport::{BoxLink, Incoming, Listening, Peer, Promises, Transport},
    wire::MAX_FRAME,
};
use chat_testkit::{
    conformance::{Subject, frames, life, run},
    weather::{Weather, WeatherTransport},
};
use futures::{FutureExt, Sink, Stream, StreamExt, future::BoxFuture};

use crate::runtime::runtime;

/// A transport whose promises are not its own.
struct Liar<T>(T);

impl<T: Transport> Transport for Liar<T> {
    fn promises(&self) -> Promises {
        Promises { ordered: true, reliable: true, max_frame: MAX_FRAME }
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        self.0.listen(address)
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        self.0.dial(address)
    }
}

/// The memory of one process, with something done to every frame that the dialled end sends, and to every peer.
struct Bent {
    memory: Memory,
    frame: fn(Bytes) -> Bytes,
    peer: fn(&mut Peer),
}

impl Default for Bent {
    fn default() -> Bent {
        Bent { memory: Memory::default(), frame: |frame| frame, peer: |_| () }
    }
}

impl Transport for Bent {
    fn promises(&self) -> Promises {
        self.memory.promises()
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        async {
            let mut listening = self.memory.listen(address).await?;
            let peer = self.peer;
            let bend = move |mut incoming: Incoming| {
                peer(&mut incoming.peer);
                incoming
            };
            listening.incoming = listening.incoming.map(bend).boxed();
            Ok(listening)
        }
        .boxed()
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        async { Ok(Box::pin(BentLink(self.memory.dial(address).await?, self.frame)) as BoxLink) }.boxed()
    }
}

/// A link that does something to every frame that is sent.
struct BentLink(BoxLink, fn(Bytes) -> Bytes);

impl Stream for BentLink {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        self.0.poll_next_unpin(cx)
    }
}

impl Sink<Bytes> for BentLink {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        let frame = self.1(frame);
        self.0.as_mut().start_send(frame)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_close(cx)
    }
}

/// The seed is one with which the links can begin.
fn liar(weather: Weather) -> Liar<WeatherTransport> {
    Liar(WeatherTransport::new(Arc::new(Memory::default()), weather, 11, runtime()))
}

/// Runs a check that has to fail with these words.
fn fails(transport: impl Transport, words: &str, check: impl AsyncFnOnce(&Subject)) {
    let subject = Subject::new(runtime(), transport, "memory://hall{n}");
    let failed =
        catch_unwind(AssertUnwindSafe(|| run(&subject, check))).expect_err("the check finds nothing");
    let said = failed.downcast_ref::<String>().map(String::as_str).or(failed.downcast_ref::<&str>().copied());
    assert!(said.is_some_and(|it| it.contains(words)), "it fails for another reason: {said:?}");
}

#[test]
fn loss_is_found() {
    let loss = liar(Weather { loss: 10, ..Weather::default() });
    fails(loss, "exactly once", life::what_was_sent_before_closing_arrives);
}

#[test]
fn doubled_frames_are_found() {
    let duplicate = liar(Weather { duplicate: 100, ..Weather::default() });
    fails(duplicate, "not sent", frames::a_frame_arrives_whole);
}

#[test]
fn disorder_is_found() {
    let reorder = liar(Weather { reorder: 10, ..Weather::default() });
    fails(reorder, "out of order", frames::frames_of_all_sizes_arrive_as_promised);
}

#[test]
fn changed_frames_are_found() {
    let bent = Bent { frame: |frame| frame.to_ascii_lowercase().into(), ..Bent::default() };
    fails(bent, "never sent", frames::frames_may_hold_every_byte);
}

#[test]
fn shortened_frames_are_found() {
    let bent = || Bent { frame: |frame| frame.slice(..frame.len().min(MAX_FRAME - 1)), ..Bent::default() };
    fails(bent(), "never sent", frames::frames_may_be_as_large_as_promised);
    fails(bent(), "is refused", frames::a_frame_over_the_limit_is_refused);
}

#[test]
fn nameless_peers_are_found() {
    let bent = Bent { peer: |peer| peer.host.clear(), ..Bent::default() };
    fails(bent, "host", life::a_peer_has_an_address_and_a_host);
}

#[test]
fn small_frames_are_not_taken_at_all() {
    #[derive(Default)]
    struct Small(Memory);
    impl Transport for Small {
        fn promises(&self) -> Promises {
            Promises { max_frame: 1200, ..self.0.promises() }
        }
        fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
            self.0.listen(address)
        }
        fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
            self.0.dial(address)
        }
    }
    let taken = catch_unwind(|| Subject::new(runtime(), Small::default(), "memory://hall"));
    assert!(taken.is_err(), "every message has to fit a frame");
}
