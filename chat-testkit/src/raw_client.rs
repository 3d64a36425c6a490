//! A client that does nothing by itself: it sends what it is told and hands out what comes.

use std::{collections::BTreeMap, collections::VecDeque, fmt, ops::RangeInclusive, time::Duration};

use bytes::Bytes;
use chat_core::{
    SharedRuntime,
    transport::{BoxLink, Promises},
    wire::{
        self, Ack, EntryFrame, Event, Hello, Join, Joined, MAX_REPLAY, PROTOCOL, Post, Replay, Request,
        RequestBody, Welcome,
    },
};
use futures::{SinkExt, StreamExt};

use crate::time::{QUIET, RETRY, within};

mod proof;

/// One end of a link to a server, for checks that say exactly what is sent and look at exactly what comes.
///
/// Over a link that is not lossless it repeats requests and asks for missing entries, as any client must; over a lossless
/// link it does nothing of the kind and takes every repetition for a fault.
pub struct RawClient {
    link: BoxLink,
    promises: Promises,
    runtime: SharedRuntime,
    last_id: u64,
    /// What came and was not asked for yet, in order.
    unclaimed: VecDeque<Event>,
}

impl RawClient {
    /// A client on a link over which nothing was said yet.
    pub fn new(link: BoxLink, promises: Promises, runtime: SharedRuntime) -> RawClient {
        RawClient { link, promises, runtime, last_id: 0, unclaimed: VecDeque::new() }
    }

    /// Whether every frame arrives once and in order.
    pub fn is_lossless(&self) -> bool {
        self.promises.is_lossless()
    }

    /// The number for the next request.
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The number of the last request.
    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    /// Goes on with the numbers of an earlier link of the same client.
    pub fn go_on_after(&mut self, earlier: &RawClient) {
        self.go_on_from(earlier.last_id);
    }

    /// Goes on with the numbers of an earlier link of the same client, whose last request was `last_id`.
    pub fn go_on_from(&mut self, last_id: u64) {
        self.last_id = last_id;
    }

    /// Sends one frame, whatever is in it. A link that has ended takes it in silence: what matters is what comes.
    pub async fn send(&mut self, frame: impl Into<Bytes>) {
        let _ = self.link.send(frame.into()).await;
    }

    /// The next event in order; nothing once the link has ended, in whatever way.
    ///
    /// # Panics
    /// When nothing comes for ten seconds, or what comes is not protocol.
    pub async fn event(&mut self) -> Option<Event> {
        match self.unclaimed.pop_front() {
            Some(event) => Some(event),
            None => within(&self.runtime, PATIENCE, read(&mut self.link)).await.expect("something comes"),
        }
    }

    /// The next event that `pick` takes. Those before it are kept for later.
    ///
    /// # Panics
    /// When none comes for ten seconds, or the link ends before.
    pub async fn expect<T>(&mut self, what: &str, pick: impl FnMut(&Event) -> Option<T>) -> T {
        let (runtime, patience) = (self.runtime.clone(), PATIENCE);
        let found = within(&runtime, patience, self.find(pick)).await;
        found.flatten().unwrap_or_else(|| panic!("no {what} came, but {:?}", self.unclaimed))
    }

    /// Sends a request and gives its reply.
    pub async fn ask(&mut self, make: impl FnOnce(u64) -> Request<'static>) -> Event {
        let id = self.next_id();
        self.ask_as(id, wire::write(&make(id))).await
    }

    /// Sends a frame as it is and gives the reply to request `id`, which the frame holds.
    pub async fn ask_as(&mut self, id: u64, frame: impl Into<Bytes>) -> Event {
        let frame = frame.into();
        self.converse(&frame, |event| (event.reply_to() == Some(id)).then(|| event.clone())).await
    }

    /// Says hello, again where it may get lost, and gives the answer: a welcome, or why there is none; nothing if the link
    /// ends without one.
    ///
    /// # Panics
    /// When there is no answer in ten seconds.
    pub async fn say_hello(&mut self, hello: &Hello<'_>) -> Option<Result<Welcome, wire::Error>> {
        self.answer_to_hello(hello, |event| match event {
            Event::Welcome(welcome) => Some(Ok(welcome.clone())),
            Event::Error(error) => Some(Err(error.clone())),
            _ => None,
        })
        .await
    }

    /// Says hello, again where it may get lost, and gives the first answer that `pick` takes; nothing if the link ends without
    /// one.
    ///
    /// # Panics
    /// When there is no answer in ten seconds.
    pub async fn answer_to_hello<T>(
        &mut self,
        hello: &Hello<'_>,
        pick: impl FnMut(&Event) -> Option<T>,
    ) -> Option<T> {
        let frame = wire::write(&Request::unnumbered(hello.clone()));
        let what = format!("answer to {hello:?}");
        if self.is_lossless() {
            self.send(frame).await;
            return Some(self.expect(&what, pick).await);
        }
        self.again_and_again(&frame, &what, pick).await
    }

    /// Opens a session, over a link that loses nothing.
    ///
    /// # Panics
    /// When there is no welcome.
    pub async fn hello(&mut self, hello: &Hello<'_>) -> Welcome {
        let answer = self.say_hello(hello).await.expect("a hello is answered");
        answer.unwrap_or_else(|error| panic!("{hello:?} is refused: {error:?}"))
    }

    /// Tries to open a session and is refused, over a link that loses nothing.
    ///
    /// # Panics
    /// When it is not refused.
    pub async fn refused(&mut self, hello: &Hello<'_>) -> wire::Error {
        self.say_hello(hello).await.expect("a hello is answered").expect_err("this hello is to be refused")
    }

    /// Enters a room and reads on after `after`, or with the newest entries if there is none.
    pub async fn join(&mut self, room: &str, after: Option<u64>) -> Joined {
        let room = room.to_owned().into();
        match self.ask(|id| Request::new(id, Join { room, after, ..Join::default() })).await {
            Event::Joined(joined) => joined,
            other => panic!("a join was answered with {other:?}"),
        }
    }

    /// Says something.
    pub async fn say(&mut self, room: &str, text: &str) -> Ack {
        let (room, text) = (room.to_owned(), text.to_owned());
        match self.ask(|id| Request::new(id, Post::say(room, text))).await {
            Event::Ack(ack) => ack,
            other => panic!("a say was answered with {other:?}"),
        }
    }

    /// The entries of a room with these numbers, each once and in order.
    ///
    /// # Panics
    /// When they do not come in ten seconds; over a reliable link also when they come in another order, or one
    /// comes twice.
    pub async fn entries(&mut self, room: &str, numbers: RangeInclusive<u64>) -> Vec<EntryFrame> {
        let mut read: BTreeMap<u64, EntryFrame> = BTreeMap::new();
        while let Some(missing) = numbers.clone().find(|number| !read.contains_key(number)) {
            let entry = |event: &Event| match event {
                Event::Entry(entry) if entry.room == room => Some(entry.clone()),
                _ => None,
            };
            let entry = if self.is_lossless() {
                let entry = self.expect(&format!("number {missing} of {room}"), entry).await;
                assert_eq!(entry.seq, missing, "each entry comes once and in order: {entry:?}");
                entry
            } else {
                let runtime = self.runtime.clone();
                let Some(found) = within(&runtime, RETRY, self.find(entry)).await else {
                    self.ask_again(room, missing, *numbers.end()).await;
                    continue;
                };
                found.unwrap_or_else(|| panic!("the link ended before number {missing} of {room}"))
            };
            if numbers.contains(&entry.seq) {
                let known = read.entry(entry.seq).or_insert_with(|| entry.clone());
                assert_eq!(*known, entry, "an entry never changes");
            }
        }
        read.into_values().collect()
    }

    /// Whether any event that came so far, or comes in the time in which one surely would, is as `unwanted`. The
    /// time is a round trip to the server and back.
    pub async fn has_heard(&mut self, mut unwanted: impl FnMut(&Event) -> bool) -> bool {
        self.ask(|id| Request::new(id, RequestBody::Ping)).await;
        self.unclaimed.iter().any(&mut unwanted)
    }

    /// Everything until the link ends.
    ///
    /// # Panics
    /// When it does not end within ten seconds.
    pub async fn rest(&mut self) -> Vec<Event> {
        let (runtime, patience) = (self.runtime.clone(), PATIENCE);
        let ended = within(&runtime, patience, self.find(|_| None::<()>)).await;
        assert!(ended.is_some(), "the link does not end; so far came {:?}", self.unclaimed);
        self.unclaimed.drain(..).collect()
    }

    /// Gives away what came and was not asked for yet.
    pub fn forget(&mut self) -> Vec<Event> {
        self.unclaimed.drain(..).collect()
    }

    /// Everything until the link ends or nothing comes any more. For links that lose frames.
    pub async fn rest_until_silent(&mut self) -> Vec<Event> {
        let runtime = self.runtime.clone();
        while let Some(Some(event)) = within(&runtime, QUIET, read(&mut self.link)).await {
            self.unclaimed.push_back(event);
        }
        self.unclaimed.drain(..).collect()
    }

    /// Whether nothing more comes for as long as anything ever takes. For links that lose frames.
    pub async fn is_silent(&mut self) -> bool {
        let runtime = self.runtime.clone();
        !matches!(within(&runtime, QUIET, read(&mut self.link)).await, Some(Some(_)))
    }

    /// The first event that `pick` takes among those that came and those that come; nothing if the link ends.
    async fn find<T>(&mut self, mut pick: impl FnMut(&Event) -> Option<T>) -> Option<T> {
        let mut at = 0;
        loop {
            if at == self.unclaimed.len() {
                let event = read(&mut self.link).await?;
                self.unclaimed.push_back(event);
            }
            if let Some(picked) = pick(&self.unclaimed[at]) {
                self.unclaimed.remove(at);
                return Some(picked);
            }
            at += 1;
        }
    }

    /// Sends `frame` until something comes that `pick` takes: once over a reliable link.
    async fn converse<T>(&mut self, frame: &Bytes, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
        let what = format!("reply to {}", String::from_utf8_lossy(frame));
        if self.is_lossless() {
            self.send(frame.clone()).await;
            return self.expect(&what, pick).await;
        }
        let found = self.again_and_again(frame, &what, &mut pick).await;
        found.unwrap_or_else(|| panic!("the link ended before a {what}, after {:?}", self.unclaimed))
    }

    /// Sends `frame`, which may get lost, until something comes that `pick` takes, or the link ends.
    async fn again_and_again<T>(
        &mut self,
        frame: &Bytes,
        what: &str,
        mut pick: impl FnMut(&Event) -> Option<T>,
    ) -> Option<T> {
        let (runtime, tries) = (self.runtime.clone(), PATIENCE.div_duration_f32(RETRY) as u32);
        for _ in 0..tries {
            self.send(frame.clone()).await;
            if let Some(found) = within(&runtime, RETRY, self.find(&mut pick)).await {
                return found;
            }
        }
        panic!("no {what} came, but {:?}", self.unclaimed)
    }

    async fn ask_again(&mut self, room: &str, from: u64, to: u64) {
        let (room, to) = (room.to_owned().into(), to.min(from + MAX_REPLAY - 1));
        self.ask(|id| Request::new(id, Replay { room, from, to })).await;
    }
}

impl fmt::Debug for RawClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawClient").field("unclaimed", &self.unclaimed).finish_non_exhaustive()
    }
}

/// The `hello` of a client that is called `name` and has the id that belongs to `number`.
pub fn hello(name: &str, number: u64) -> Hello<'static> {
    Hello {
        protocol: PROTOCOL,
        name: name.to_owned().into(),
        // 128 bits are 21 characters of 6 bits and one of 2.
        client: Some(format!("{number:021}A").into()),
        ..Hello::default()
    }
}

async fn read(link: &mut BoxLink) -> Option<Event> {
    let frame = link.next().await?.ok()?;
    Some(
        wire::read_event(&frame)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&frame))),
    )
}

/// How long a server may take for anything.
const PATIENCE: Duration = Duration::from_secs(10);
