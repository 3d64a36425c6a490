//! A client for lossless links that costs much less than the server: it recognises entries and acknowledgements by their
//! bytes, and parses only the frames that remain.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use chat_core::{
    ClientId,
    client::{Password, Proof},
    pake,
    transport::{BoxLink, Dialled},
    wire::{self, Event, Hello, Join, PROTOCOL, Post, Request, RequestBody, scan_message},
    within,
};
use futures::{FutureExt, SinkExt, StreamExt, channel::oneshot, future::BoxFuture};

use super::{
    delivery::{BATCH, Batch, DeliveryCounter, DeliveryCounts},
    orders::{JOIN_TIMEOUT, Orders},
    sender::{NextStep, Sender},
    shared::Shared,
    stamp::Stamp,
};
use crate::target::TargetServer;

/// A client that has joined its room.
pub(super) struct LightClient {
    shared: Arc<Shared>,
    link: BoxLink,
    room: String,
    deliveries: DeliveryCounter,
    sender: Option<Sender>,
    unflushed: bool,
    /// The time at which the sender goes on, and the sleep until then.
    alarm: Option<(u64, BoxFuture<'static, ()>)>,
    keepalive: BoxFuture<'static, ()>,
    /// Keepalive intervals since the last frame from the server.
    silent_intervals: u32,
}

impl LightClient {
    /// Dials, says hello and joins the room of client `nth`.
    ///
    /// # Errors
    /// Why the client could not join.
    pub(super) async fn join(
        nth: usize,
        shared: Arc<Shared>,
        target: &TargetServer,
    ) -> Result<LightClient, String> {
        let joining = LightClient::try_join(nth, shared, target);
        let joined = within(JOIN_TIMEOUT, &*target.runtime, joining).await;
        joined.unwrap_or_else(|| Err(format!("not within {} s", JOIN_TIMEOUT.as_secs())))
    }

    async fn try_join(nth: usize, shared: Arc<Shared>, target: &TargetServer) -> Result<LightClient, String> {
        let mut link = open(nth, target).await?;
        let room = target.room_name(shared.load.room_of(nth));
        let join = Join { room: room.as_str().into(), recent: Some(0), ..Join::default() };
        let joined = |event: Event| match event {
            Event::Joined(joined) => Some(joined.after),
            _ => None,
        };
        let head = ask(&mut link, &Request::new(JOIN, join), joined).await?;
        Ok(LightClient {
            link,
            room,
            deliveries: DeliveryCounter::new(nth, head, shared.clone()),
            sender: Sender::of(nth, &shared),
            unflushed: false,
            alarm: None,
            keepalive: target.runtime.sleep_until(target.runtime.now() + PING_INTERVAL),
            silent_intervals: 0,
            shared,
        })
    }

    /// Sends and receives until the load ends or the link is lost, reports the deliveries, and leaves.
    pub(super) async fn run(mut self, mut orders: Orders, report: oneshot::Sender<DeliveryCounts>) {
        let lost = poll_fn(|cx| {
            let ended = orders.end.poll_unpin(cx).is_ready();
            if ended { Poll::Ready(None) } else { self.poll(&mut orders, cx).map(Some) }
        })
        .await;
        let is_lost = lost.is_some();
        if let Some(why) = lost {
            self.shared.note_lost_link(why);
        }
        let _ = report.send(self.deliveries.counts()); // the load may have been dropped
        if !is_lost {
            let leaving = async {
                let _ = self.link.send(wire::write(&Request::unnumbered(RequestBody::Bye))).await; // the link is dropped either way
                let _ = self.link.close().await;
            };
            let _ = within(LEAVE_TIMEOUT, &*self.shared.runtime, leaving).await; // then the link is cut
        }
    }

    /// Ready with the reason when the link is lost.
    fn poll(&mut self, orders: &mut Orders, cx: &mut Context<'_>) -> Poll<String> {
        let mut batch = Batch::new();
        let (mut lost, mut is_pending) = (None, false);
        for _ in 0..BATCH {
            match self.link.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(frame))) => lost = self.receive(&frame, &mut batch).err(),
                Poll::Ready(Some(Err(error))) => lost = Some(error.to_string()),
                Poll::Ready(None) => lost = Some("the server closed the link".to_owned()),
                Poll::Pending => is_pending = true,
            }
            if is_pending || lost.is_some() {
                break;
            }
        }
        // The clock is read after the frames: a latency that is a little too long is better than one that is too short.
        let now = self.shared.now();
        self.deliveries.flush(&batch, now);
        if let Some(why) = lost.or_else(|| self.poll_send(orders, now, cx).err()) {
            return Poll::Ready(why);
        }
        if !is_pending {
            cx.waker().wake_by_ref(); // more frames may be there, but other tasks come first
        }
        Poll::Pending
    }

    /// Takes a frame from the server.
    ///
    /// # Errors
    /// When the frame ends the conversation: why.
    fn receive(&mut self, frame: &Bytes, batch: &mut Batch) -> Result<(), String> {
        self.silent_intervals = 0;
        if let Some(message) = scan_message(frame)
            && message.room == self.room.as_bytes()
            && let Some(stamp) = Stamp::read(message.text)
        {
            self.deliveries.record(message.seq, stamp, message.text.len(), batch);
            return Ok(());
        }
        if frame.starts_with(ACK) {
            self.sender.iter_mut().for_each(Sender::note_answered);
            return Ok(());
        }
        if IGNORED.iter().any(|beginning| frame.starts_with(beginning)) {
            return Ok(());
        }
        self.shared.counters.note_parsed();
        self.receive_parsed(frame, batch)
    }

    /// Takes a frame that could not be recognised by its bytes.
    fn receive_parsed(&mut self, frame: &Bytes, batch: &mut Batch) -> Result<(), String> {
        match wire::read_event(frame).map_err(|error| format!("the server sent an invalid frame: {error}"))? {
            Event::Entry(entry) if entry.room == self.room => match Stamp::read(entry.body.text.as_bytes()) {
                Some(stamp) => self.deliveries.record(entry.seq, stamp, entry.body.text.len(), batch),
                None => self.deliveries.skip(entry.seq),
            },
            Event::Ack(_) => self.sender.iter_mut().for_each(Sender::note_answered),
            Event::Error(error) => {
                let number = error.id.and_then(|id| id.checked_sub(FIRST));
                let Some((number, sender)) = number.zip(self.sender.as_mut()) else {
                    return Err(error.message);
                };
                self.shared.note_why_refused(&error.message);
                sender.note_refused(number, error.retry_after_ms, self.shared.now());
            }
            Event::Goodbye(goodbye) => return Err(format!("the server says goodbye: {}", goodbye.reason)),
            _ => {}
        }
        Ok(())
    }

    /// Sends the messages that are due.
    ///
    /// # Errors
    /// When the link is lost: why.
    fn poll_send(&mut self, orders: &mut Orders, mut now: u64, cx: &mut Context<'_>) -> Result<(), String> {
        while self.keepalive.poll_unpin(cx).is_ready() {
            self.keep_alive(cx)?;
        }
        let is_begun = self.shared.began.get().is_some();
        if self.sender.is_some() && (is_begun || orders.begin.poll_unpin(cx).is_ready()) {
            for nth in 0.. {
                if nth == BATCH {
                    cx.waker().wake_by_ref(); // more may be due, but other tasks come first
                    break;
                }
                let ready = self.link.poll_ready_unpin(cx).map_err(|error| error.to_string())?;
                let Some(sender) = self.sender.as_mut().filter(|_| ready.is_ready()) else { break };
                match sender.next(now) {
                    NextStep::Send(stamp) => self.say(stamp)?,
                    NextStep::WaitUntil(at) => match self.poll_alarm(at, cx) {
                        Poll::Ready(()) => now = self.shared.now().max(at),
                        Poll::Pending => break,
                    },
                    NextStep::WaitForReply | NextStep::Done => break,
                }
            }
        }
        if self.unflushed {
            self.unflushed = self.link.poll_flush_unpin(cx).map_err(|error| error.to_string())?.is_pending();
        }
        Ok(())
    }

    fn say(&mut self, stamp: Stamp) -> Result<(), String> {
        let load = &self.shared.load;
        let say = Post::say(self.room.as_str(), stamp.text(&load.size, load.seed));
        let frame = wire::write(&Request::new(stamp.number + FIRST, say));
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

    /// Pings the server, and checks that the server answered the ping before.
    fn keep_alive(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        self.silent_intervals += 1;
        if self.silent_intervals > MOST_SILENT_INTERVALS {
            return Err(format!(
                "nothing came from the server for {:?}",
                MOST_SILENT_INTERVALS * PING_INTERVAL
            ));
        }
        self.keepalive = self.shared.runtime.sleep_until(self.shared.runtime.now() + PING_INTERVAL);
        if self.link.poll_ready_unpin(cx).map_err(|error| error.to_string())?.is_ready() {
            self.send(wire::write(&Request::new(PING, RequestBody::Ping)))?;
        }
        Ok(())
    }
}

/// Dials and says hello.
async fn open(nth: usize, target: &TargetServer) -> Result<BoxLink, String> {
    let dialled = target.transport.connect(&target.address).await.map_err(|error| error.to_string())?;
    let Dialled { mut link, binding, .. } = dialled;
    let password = target.password.as_ref().map(|text| Password::for_server(text, &target.address));
    let random = pake::random(&*target.runtime);
    let mut proof =
        Proof::begin(password.as_ref(), binding.as_ref(), random).map_err(|error| error.message)?;
    let mut hello = Hello {
        protocol: PROTOCOL,
        name: target.client_name(nth).into(),
        client: Some(ClientId(target.runtime.random()).to_string().into()),
        ..Hello::default()
    };
    let answer = |event| matches!(event, Event::Welcome(_) | Event::Prove(_)).then_some(event);
    loop {
        proof.fill(&mut hello);
        match ask(&mut link, &Request::unnumbered(hello.clone()), answer).await? {
            Event::Prove(prove) => drop(proof.answered(&prove).map_err(|error| error.message)?),
            _ => return proof.welcomed().map(|()| link).map_err(|error| error.message),
        }
    }
}

/// Sends `request` and waits for the event that `pick` accepts.
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

/// The id of every ping.
const PING: u64 = 0;
/// The id of the join.
const JOIN: u64 = 1;
/// The id of the message with number 0; the ids of the others follow.
const FIRST: u64 = 2;

const ACK: &[u8] = br#"{"type":"ack","#;
/// Beginnings of frames that this client has no use for.
const IGNORED: [&[u8]; 3] = [br#"{"type":"presence","#, br#"{"type":"pong","#, br#"{"type":"heads","#];

/// The keepalive interval of chat-core's own client.
const PING_INTERVAL: Duration = Duration::from_secs(60);
/// After this many intervals without a frame the link counts as lost.
const MOST_SILENT_INTERVALS: u32 = 1;
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);
