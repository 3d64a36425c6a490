//! A client that does next to nothing, for links that lose nothing: it speaks frames and counts those that come, so that
//! what is measured is the server. What it need not understand it does not read.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use chat_core::{
    ClientId,
    transport::BoxLink,
    wire::{self, Event, Hello, Join, PROTOCOL, Post, Request, RequestBody},
    within,
};
use futures::{FutureExt, SinkExt, StreamExt, channel::oneshot, future::BoxFuture};

use super::{
    crowd::{ENTER_WITHIN, Orders},
    ear::{BATCH, Batch, Ear, Heard},
    mark::{Mark, beginning, entry},
    mouth::{Mouth, Next},
    shared::Shared,
};
use crate::Venue;

/// A client in its room.
pub(super) struct Counting {
    shared: Arc<Shared>,
    link: BoxLink,
    room: String,
    /// How messages of its room begin.
    beginning: Vec<u8>,
    ear: Ear,
    mouth: Option<Mouth>,
    unflushed: bool,
    /// For what is said at a time.
    alarm: Option<(u64, BoxFuture<'static, ()>)>,
    heart: BoxFuture<'static, ()>,
    /// Heartbeats since something came.
    silence: u32,
}

impl Counting {
    /// Dials, says hello and enters its room.
    ///
    /// # Errors
    /// Why it is not there.
    pub(super) async fn enter(nth: usize, shared: Arc<Shared>, venue: &Venue) -> Result<Counting, String> {
        let entering = Counting::try_to_enter(nth, shared, venue);
        let entered = within(ENTER_WITHIN, &*venue.runtime, entering).await;
        entered.unwrap_or_else(|| Err(format!("not within {} s", ENTER_WITHIN.as_secs())))
    }

    async fn try_to_enter(nth: usize, shared: Arc<Shared>, venue: &Venue) -> Result<Counting, String> {
        let mut link = venue.transport.dial(&venue.address).await.map_err(|error| error.to_string())?;
        let hello = Hello {
            protocol: PROTOCOL,
            name: venue.name_of(nth).into(),
            client: Some(ClientId(venue.runtime.random()).to_string().into()),
            password: venue.password.as_deref().map(Into::into),
            ..Hello::default()
        };
        ask(&mut link, &Request::unnumbered(hello), |it| matches!(it, Event::Welcome(_)).then_some(()))
            .await?;
        let room = venue.room_name(shared.load.room(nth));
        let join = Join { room: room.as_str().into(), recent: Some(0), ..Join::default() };
        let joined = |event: Event| match event {
            Event::Joined(joined) => Some(joined.after),
            _ => None,
        };
        let head = ask(&mut link, &Request::new(JOIN, join), joined).await?;
        Ok(Counting {
            link,
            beginning: beginning(&room),
            room,
            ear: Ear::new(nth, head, shared.clone()),
            mouth: Mouth::of(nth, &shared),
            unflushed: false,
            alarm: None,
            heart: venue.runtime.sleep_until(venue.runtime.now() + BEAT),
            silence: 0,
            shared,
        })
    }

    /// Talks and listens until it is to leave or its link is lost, tells what it heard, and leaves.
    pub(super) async fn live(mut self, mut orders: Orders, tell: oneshot::Sender<Heard>) {
        let lost = poll_fn(|cx| {
            let ended = orders.end.poll_unpin(cx).is_ready();
            if ended { Poll::Ready(None) } else { self.poll(&mut orders, cx).map(Some) }
        })
        .await;
        let is_lost = lost.is_some();
        if let Some(why) = lost {
            self.shared.note_lost_link(why);
        }
        let _ = tell.send(self.ear.heard()); // nobody may wait for it any more
        if !is_lost {
            let leaving = async {
                let _ = self.link.send(wire::write(&Request::unnumbered(RequestBody::Bye))).await; // it is left either way
                let _ = self.link.close().await;
            };
            let _ = within(LEAVE_WITHIN, &*self.shared.runtime, leaving).await; // if not, it is cut off
        }
    }

    /// Ready with the reason when the link is lost.
    fn poll(&mut self, orders: &mut Orders, cx: &mut Context<'_>) -> Poll<String> {
        let mut batch = Batch::new();
        let (mut lost, mut is_pending) = (None, false);
        for _ in 0..BATCH {
            match self.link.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(frame))) => lost = self.hear(&frame, &mut batch).err(),
                Poll::Ready(Some(Err(error))) => lost = Some(error.to_string()),
                Poll::Ready(None) => lost = Some("the server closed the link".to_owned()),
                Poll::Pending => is_pending = true,
            }
            if is_pending || lost.is_some() {
                break;
            }
        }
        // Afterwards: what is a little too long is better than what is a little too short.
        let now = self.shared.now();
        self.ear.settle(&batch, now);
        if let Some(why) = lost.or_else(|| self.poll_speak(orders, now, cx).err()) {
            return Poll::Ready(why);
        }
        if !is_pending {
            cx.waker().wake_by_ref(); // there may be more, but others have waited
        }
        Poll::Pending
    }

    /// Takes a frame.
    fn hear(&mut self, frame: &Bytes, batch: &mut Batch) -> Result<(), String> {
        self.silence = 0;
        if let Some((seq, mark, bytes)) = entry(frame, &self.beginning) {
            self.ear.hear(seq, mark, bytes, batch);
            return Ok(());
        }
        if frame.starts_with(ACK) {
            self.mouth.iter_mut().for_each(Mouth::answered);
            return Ok(());
        }
        if SKIPPED.iter().any(|it| frame.starts_with(it)) {
            return Ok(());
        }
        match wire::read_event(frame).map_err(|error| format!("the server says what is no frame: {error}"))? {
            Event::Entry(it) if it.room == self.room => match Mark::read(it.body.text.as_bytes()) {
                Some(mark) => self.ear.hear(it.seq, mark, it.body.text.len(), batch),
                None => self.ear.skip(it.seq),
            },
            Event::Ack(_) => self.mouth.iter_mut().for_each(Mouth::answered),
            Event::Error(error) => {
                let number = error.id.and_then(|id| id.checked_sub(FIRST));
                let Some((number, mouth)) = number.zip(self.mouth.as_mut()) else {
                    return Err(error.message);
                };
                self.shared.note_why_refused(&error.message);
                mouth.refused(number, error.retry_after_ms, self.shared.now());
            }
            Event::Goodbye(goodbye) => return Err(format!("the server says goodbye: {}", goodbye.reason)),
            _ => {}
        }
        Ok(())
    }

    /// Says what is to be said now.
    ///
    /// # Errors
    /// When the link is lost.
    fn poll_speak(&mut self, orders: &mut Orders, mut now: u64, cx: &mut Context<'_>) -> Result<(), String> {
        while self.heart.poll_unpin(cx).is_ready() {
            self.beat(cx)?;
        }
        let is_begun = self.shared.began.get().is_some();
        if self.mouth.is_some() && (is_begun || orders.begin.poll_unpin(cx).is_ready()) {
            for nth in 0.. {
                if nth == BATCH {
                    cx.waker().wake_by_ref(); // others have waited
                    break;
                }
                let ready = self.link.poll_ready_unpin(cx).map_err(|error| error.to_string())?;
                let Some(mouth) = self.mouth.as_mut().filter(|_| ready.is_ready()) else { break };
                match mouth.next(now) {
                    Next::Say(mark) => self.say(mark)?,
                    Next::At(at) => match self.poll_alarm(at, cx) {
                        Poll::Ready(()) => now = self.shared.now().max(at),
                        Poll::Pending => break,
                    },
                    Next::Answer | Next::Over => break,
                }
            }
        }
        if self.unflushed {
            self.unflushed = self.link.poll_flush_unpin(cx).map_err(|error| error.to_string())?.is_pending();
        }
        Ok(())
    }

    fn say(&mut self, mark: Mark) -> Result<(), String> {
        let load = &self.shared.load;
        let say = Post::say(self.room.as_str(), mark.text(&load.size, load.seed));
        let frame = wire::write(&Request::new(mark.number + FIRST, say));
        self.send(frame)
    }

    fn send(&mut self, frame: Bytes) -> Result<(), String> {
        self.unflushed = true;
        self.link.start_send_unpin(frame).map_err(|error| error.to_string())
    }

    fn poll_alarm(&mut self, at: u64, cx: &mut Context<'_>) -> Poll<()> {
        let is_set = self.alarm.as_ref().is_some_and(|(set, _)| *set == at);
        if !is_set {
            self.alarm = Some((at, self.shared.runtime.sleep_until(self.shared.instant(at))));
        }
        if let Some((_, alarm)) = &mut self.alarm {
            ready!(alarm.poll_unpin(cx));
        }
        self.alarm = None;
        Poll::Ready(())
    }

    /// Shows that it is there, as any client does, and sees whether the server is.
    fn beat(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        self.silence += 1;
        if self.silence > SILENT_BEATS {
            return Err(format!("nothing heard for {:?}", SILENT_BEATS * BEAT));
        }
        self.heart = self.shared.runtime.sleep_until(self.shared.runtime.now() + BEAT);
        if self.link.poll_ready_unpin(cx).map_err(|error| error.to_string())?.is_ready() {
            self.send(wire::write(&Request::new(PING, RequestBody::Ping)))?;
        }
        Ok(())
    }
}

/// Says `request` and waits for what `pick` takes.
async fn ask<T>(
    link: &mut BoxLink,
    request: &Request<'_>,
    pick: impl Fn(Event) -> Option<T>,
) -> Result<T, String> {
    link.send(wire::write(request)).await.map_err(|error| error.to_string())?;
    loop {
        let frame = match link.next().await {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err("the server closed the link".to_owned()),
        };
        match wire::read_event(&frame).map_err(|error| error.to_string())? {
            Event::Error(error) => return Err(error.message),
            Event::Goodbye(goodbye) => return Err(format!("the server says goodbye: {}", goodbye.reason)),
            event => {
                if let Some(picked) = pick(event) {
                    return Ok(picked);
                }
            }
        }
    }
}

/// The number of each ping.
const PING: u64 = 0;
/// The number of the one join.
const JOIN: u64 = 1;
/// The number of the first message, whose own number is 0.
const FIRST: u64 = 2;

const ACK: &[u8] = br#"{"type":"ack","#;
/// What says nothing that matters here.
const SKIPPED: [&[u8]; 3] = [br#"{"type":"presence","#, br#"{"type":"pong","#, br#"{"type":"heads","#];

/// How often it says that it is there, as often as the client people use.
const BEAT: Duration = Duration::from_secs(60);
/// After how many beats without an answer the link is lost at the next.
const SILENT_BEATS: u32 = 1;
const LEAVE_WITHIN: Duration = Duration::from_secs(2);
