//! The task that drives one link and its [`Connection`] together: reads, acts, writes, keeps the time.

use std::{
    cell::Cell,
    collections::VecDeque,
    fmt,
    future::{Future, poll_fn},
    io, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};

use super::connection::Connection;
use crate::{
    log::LogError,
    server::{
        admission::Permit,
        hub::Hub,
        limits::{BYTES_A_TURN, FRAMES_A_TURN, FRAMES_AT_A_TIME, LINGER},
        session::{Attachment, LogAnswer, NextRead},
    },
    transport::{BoxLink, Incoming, Promises},
};

/// Drives one link until it ends, then keeps its session for the time of grace.
pub(crate) async fn drive(hub: Arc<Hub>, permit: Permit, incoming: Incoming, promises: Promises) {
    let Incoming { link, peer } = incoming;
    let connection = Connection::new(hub.clone(), permit, promises, peer, hub.now());
    if let Some(attachment) = LinkDriver::new(link, connection).await {
        wait_for_return(&hub, &attachment).await;
    }
}

/// Ends the session unless its client comes back over another link in time.
async fn wait_for_return(hub: &Hub, attachment: &Attachment) {
    let now = hub.now();
    // A client that has asked for nothing may have missed its welcome, and cannot resume without the secret in it.
    if hub.end_if(&attachment.session, |state| state.is_unused(attachment.link))
        || !attachment.session.detach(attachment.link, now)
    {
        return;
    }
    let mut grace = hub.runtime().sleep_until(now + hub.limits().grace);
    poll_fn(|cx| {
        attachment.session.register(attachment.link, cx.waker());
        if attachment.session.state(attachment.link).is_err() {
            return Poll::Ready(());
        }
        if !hub.is_stopping() {
            ready!(grace.poll_unpin(cx));
        }
        hub.end_if(&attachment.session, |state| state.is_lost(attachment.link));
        Poll::Ready(())
    })
    .await;
}

/// The future that drives one link and its connection. Its output is the session that outlives the link, if one does.
struct LinkDriver {
    link: BoxLink,
    /// Taken out when the link ends.
    connection: Option<Connection>,
    /// The frames the connection has handed out and the link has not taken.
    outgoing: VecDeque<Bytes>,
    unflushed: bool,
    /// Since when the link takes nothing.
    stuck_since: Option<Instant>,
    /// Our side is closed; until then the peer may still be read.
    lingers_until: Option<Instant>,
    timer: Option<(Instant, BoxFuture<'static, ()>)>,
    reading: Option<BoxFuture<'static, Result<LogAnswer, LogError>>>,
}

/// Why a link ended.
#[derive(Debug)]
enum LinkEnd {
    /// The server sent everything and closed it.
    Closed,
    /// The peer closed it, or it failed.
    Lost(io::Error),
    /// It took nothing for too long.
    Stuck,
    /// A newer link of its host has taken its place.
    GaveWay,
    /// The server is out of time.
    Abandoned,
}

impl LinkDriver {
    fn new(link: BoxLink, connection: Connection) -> LinkDriver {
        LinkDriver {
            link,
            connection: Some(connection),
            outgoing: VecDeque::new(),
            unflushed: false,
            stuck_since: None,
            lingers_until: None,
            timer: None,
            reading: None,
        }
    }

    fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("polled only until it has ended")
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Result<(), LinkEnd> {
        let now = self.connection().hub().now();
        self.connection().pace.begin_turn(now);
        // Reading comes before writing, so that one write carries as much as possible, and before the timeouts: frames
        // that came while this program slept count as heard.
        let all_read = self.read(cx, now)?;
        // A hello changes which waker slot is ours, so the waker is registered after reading; and it is registered
        // before everything that is looked at from here on.
        self.connection().register(cx.waker());
        if self.connection().hub().is_abandoned() {
            return Err(LinkEnd::Abandoned);
        }
        if self.connection().gives_way() {
            return Err(self.give_way(cx, now));
        }
        self.connection().on_timeout(now);
        self.write(cx, now)?;
        for page in 1.. {
            if !self.read_log(cx, now) {
                break;
            }
            self.write(cx, now)?;
            if page == PAGES_A_TURN {
                cx.waker().wake_by_ref();
                break;
            }
        }
        if self.connection().is_leaving() && self.outgoing.is_empty() && !self.unflushed {
            self.close(cx, now)?;
        }
        // The replies that kept the link from being read may have left just now, and the link would not wake us for that.
        if !all_read && self.connection().wants_input() {
            cx.waker().wake_by_ref();
        }
        if self.stuck_since.is_some_and(|since| now >= since + self.connection().unwritable_for()) {
            return Err(LinkEnd::Stuck);
        }
        self.set_timer(cx);
        Ok(())
    }

    /// Ends the link at once: it says so if the link takes the frame right now, as its place belongs to another link.
    fn give_way(&mut self, cx: &mut Context<'_>, now: Instant) -> LinkEnd {
        if let Some(last) = self.connection().gave_way(now)
            && self.outgoing.is_empty()
            && self.link.as_mut().poll_ready(cx).is_ready()
            && self.link.as_mut().start_send(last).is_ok()
        {
            let _ = self.link.as_mut().poll_close(cx);
        }
        LinkEnd::GaveWay
    }

    /// Reads the frames that have come. Returns false if there may be more.
    fn read(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<bool, LinkEnd> {
        let (mut frames, mut bytes) = (0, 0);
        let read = self.read_a_turn(cx, now, &mut frames, &mut bytes);
        if frames > 0 {
            let limits = self.connection().hub().limits();
            self.connection().pace.has_received(&limits, frames, bytes, now);
        }
        read
    }

    fn read_a_turn(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        frames: &mut usize,
        bytes: &mut usize,
    ) -> Result<bool, LinkEnd> {
        while *frames < FRAMES_A_TURN && *bytes < BYTES_A_TURN {
            if !self.connection().wants_input() {
                return Ok(false);
            }
            match self.link.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    (*frames, *bytes) = (*frames + 1, *bytes + frame.len());
                    self.connection().handle(&frame, now);
                }
                Poll::Ready(Some(Err(error))) if error.kind() == io::ErrorKind::InvalidData => {
                    self.connection().on_garbage(&error);
                    return Ok(false);
                }
                Poll::Ready(Some(Err(error))) if error.kind() == io::ErrorKind::QuotaExceeded => {
                    self.connection().on_too_much(&error);
                    return Ok(false);
                }
                Poll::Ready(Some(Err(error))) => return Err(LinkEnd::Lost(error)),
                Poll::Ready(None) => return Err(LinkEnd::Lost(io::ErrorKind::UnexpectedEof.into())),
                Poll::Pending => return Ok(true),
            }
        }
        Ok(false) // other tasks have their turn first
    }

    /// Closes our side, then reads on for a moment and discards the frames: a socket that is closed with unread bytes in
    /// it resets the connection, and the peer might never see the last frame.
    fn close(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<(), LinkEnd> {
        let Some(until) = self.lingers_until else {
            // A farewell that may have been lost may have to be sent again.
            if self.connection().farewell_again().is_none() {
                match self.link.as_mut().poll_close(cx) {
                    Poll::Ready(closed) => closed.map_err(LinkEnd::Lost)?,
                    Poll::Pending => {
                        self.stuck_since.get_or_insert(now);
                        return Ok(());
                    }
                }
            }
            self.stuck_since = None;
            self.lingers_until = Some(now + LINGER);
            return self.close(cx, now);
        };
        if now >= until {
            return Err(LinkEnd::Closed);
        }
        for _ in 0..FRAMES_A_TURN {
            match self.link.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(_))) => self.repeat_farewell(cx)?,
                Poll::Ready(_) => return Err(LinkEnd::Closed),
                Poll::Pending => return Ok(()),
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Answers any further frame of the peer with the last frame, where that may have been lost.
    fn repeat_farewell(&mut self, cx: &mut Context<'_>) -> Result<(), LinkEnd> {
        if let Some(farewell) = self.connection().farewell_again()
            && self.link.as_mut().poll_ready(cx).is_ready()
        {
            self.link.as_mut().start_send(farewell).map_err(LinkEnd::Lost)?;
            let _ = self.link.as_mut().poll_flush(cx); // if not now, it counts as lost
        }
        Ok(())
    }

    fn write(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<(), LinkEnd> {
        for _ in 0..BATCHES_A_TURN {
            let mut is_all = false;
            if self.outgoing.is_empty() {
                self.outgoing = SPARE.take();
                let connection = self.connection.as_mut().expect("polled only until it has ended");
                is_all = connection.poll_frames(FRAMES_AT_A_TIME, now, &mut self.outgoing);
            }
            while let Some(frame) = self.outgoing.pop_front() {
                match self.link.as_mut().poll_ready(cx) {
                    Poll::Ready(ready) => ready.map_err(LinkEnd::Lost)?,
                    Poll::Pending => {
                        self.outgoing.push_front(frame);
                        self.stuck_since.get_or_insert(now);
                        return Ok(());
                    }
                }
                self.stuck_since = None;
                self.unflushed = true;
                self.link.as_mut().start_send(frame).map_err(LinkEnd::Lost)?;
            }
            SPARE.set(mem::take(&mut self.outgoing));
            if is_all {
                return self.flush(cx, now);
            }
        }
        cx.waker().wake_by_ref();
        self.flush(cx, now)
    }

    fn flush(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<(), LinkEnd> {
        if self.unflushed {
            match self.link.as_mut().poll_flush(cx) {
                Poll::Ready(flushed) => {
                    flushed.map_err(LinkEnd::Lost)?;
                    self.unflushed = false;
                    self.stuck_since = None;
                }
                Poll::Pending => {
                    self.stuck_since.get_or_insert(now);
                }
            }
        }
        Ok(())
    }

    /// Goes on with the session's reads, of the log above all. Returns true if one of them finished.
    fn read_log(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.reading.is_none() {
            let read = match self.connection().next_read() {
                Some(NextRead::Log(read)) => read,
                Some(NextRead::Request(request)) => {
                    self.connection().request_again(request, now);
                    return true;
                }
                None => return false,
            };
            let (hub, host) = (self.connection().hub().clone(), self.connection().pace.host());
            self.reading = Some(async move { read.ask(&**hub.log(), &hub.read_turns, host).await }.boxed());
        }
        let Some(Poll::Ready(answer)) = self.reading.as_mut().map(|reading| reading.poll_unpin(cx)) else {
            return false;
        };
        self.reading = None;
        self.connection().on_read(answer, now);
        true
    }

    /// Schedules a wake-up for the earliest deadline. A timer that is early enough is left alone: most frames only move
    /// the deadline on.
    fn set_timer(&mut self, cx: &mut Context<'_>) {
        loop {
            let cut = self.stuck_since.map(|since| since + self.connection().unwritable_for());
            let timeout = self.connection().poll_timeout();
            let Some(deadline) = timeout.into_iter().chain(cut).chain(self.lingers_until).min() else {
                return;
            };
            if self.timer.as_ref().is_none_or(|(at, _)| *at > deadline) {
                let sleep = self.connection().hub().runtime().sleep_until(deadline);
                self.timer = Some((deadline, sleep));
            }
            let Some((at, sleep)) = &mut self.timer else { return };
            if sleep.poll_unpin(cx).is_pending() {
                return;
            }
            let due = *at >= deadline;
            self.timer = None;
            if due {
                cx.waker().wake_by_ref();
                return;
            }
        }
    }
}

impl Future for LinkDriver {
    type Output = Option<Attachment>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Attachment>> {
        let Err(end) = self.turn(cx) else { return Poll::Pending };
        let connection = self.connection.take().expect("polled only until it has ended");
        connection.log_end(&end);
        Poll::Ready(connection.into_attachment())
    }
}

impl fmt::Display for LinkEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkEnd::Closed => f.write_str("closed"),
            LinkEnd::Lost(error) => write!(f, "{error}"),
            LinkEnd::Stuck => f.write_str("it took nothing for too long"),
            LinkEnd::GaveWay => f.write_str("it made room for a newer one"),
            LinkEnd::Abandoned => f.write_str("the server is out of time"),
        }
    }
}

thread_local! {
    /// The queue of the link that was written last on this thread: most links are idle most of the time, and hold none.
    static SPARE: Cell<VecDeque<Bytes>> = const { Cell::new(VecDeque::new()) };
}

/// Batches of frames written before other tasks have their turn.
const BATCHES_A_TURN: usize = 8;
/// Pages of the log read before other tasks have their turn.
const PAGES_A_TURN: usize = 8;
