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
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};

use super::{
    connection::Connection, door::Admission, hub::Hub, limits::FRAMES_AT_A_TIME, reads::LogAnswer,
    session::Seat,
};
use crate::{
    log::LogError,
    transport::{BoxLink, Incoming, Promises},
};

/// Talks over one link until it ends, then keeps its session for the time of grace.
pub(super) async fn converse(hub: Arc<Hub>, admission: Admission, incoming: Incoming, promises: Promises) {
    let Incoming { link, peer } = incoming;
    let connection = Connection::new(hub.clone(), admission, promises, peer, hub.now());
    if let Some(seat) = Conversation::new(link, connection).await {
        wait_for_return(&hub, &seat).await;
    }
}

/// Ends the session unless its client comes back over another link in time.
async fn wait_for_return(hub: &Hub, seat: &Seat) {
    let now = hub.now();
    if !seat.session.detach(seat.link, now) {
        return;
    }
    let mut grace = hub.runtime().sleep_until(now + hub.limits().grace);
    poll_fn(|cx| {
        seat.session.register(seat.link, cx.waker());
        if seat.session.state(seat.link).is_err() {
            return Poll::Ready(());
        }
        if !hub.is_stopping() {
            ready!(grace.poll_unpin(cx));
        }
        seat.session.expire(hub, seat.link);
        Poll::Ready(())
    })
    .await;
}

/// One link and its connection. Ends with the session that outlives it, if one does.
struct Conversation {
    link: BoxLink,
    /// Taken out when the conversation ends.
    connection: Option<Connection>,
    /// What the connection handed out and the link has not taken.
    outgoing: VecDeque<Bytes>,
    unflushed: bool,
    /// Since when the link takes nothing.
    stuck_since: Option<Instant>,
    /// Our side is closed; until then the peer may still be read.
    lingers_until: Option<Instant>,
    timer: Option<(Instant, BoxFuture<'static, ()>)>,
    reading: Option<BoxFuture<'static, Result<LogAnswer, LogError>>>,
}

/// Why the link is of no more use.
#[derive(Debug)]
enum Gone {
    /// It said what there was to say.
    Closed,
    /// The peer closed it or it failed.
    Lost(io::Error),
    /// It took nothing for too long.
    Stuck,
    /// The server is out of time.
    Abandoned,
}

impl Conversation {
    fn new(link: BoxLink, connection: Connection) -> Conversation {
        Conversation {
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

    fn drive(&mut self, cx: &mut Context<'_>) -> Result<(), Gone> {
        let now = self.connection().hub().now();
        // Hear the peer, then say what there is to say, so that one write carries as much as possible. The time
        // counts after that: what came while this program slept has been heard.
        let all_read = self.read(cx, now)?;
        // A hello changes where to be woken, so not before; and before all that is looked at from here on.
        self.connection().register(cx.waker());
        if self.connection().hub().is_abandoned() {
            return Err(Gone::Abandoned);
        }
        self.connection().on_timeout(now);
        self.write(cx, now)?;
        for page in 1.. {
            if !self.read_log(cx) {
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
        // What kept it from being read may have left just now, and then the link itself would not wake us.
        if !all_read && self.connection().wants_input() {
            cx.waker().wake_by_ref();
        }
        if self.stuck_since.is_some_and(|since| now >= since + self.connection().unwritable_for()) {
            return Err(Gone::Stuck);
        }
        self.set_timer(cx);
        Ok(())
    }

    /// Reads what has come; false if there may be more.
    fn read(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<bool, Gone> {
        for _ in 0..FRAMES_A_TURN {
            if !self.connection().wants_input() {
                return Ok(false);
            }
            match self.link.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(frame))) => self.connection().handle(&frame, now),
                Poll::Ready(Some(Err(error))) if error.kind() == io::ErrorKind::InvalidData => {
                    self.connection().on_garbage(&error);
                    return Ok(false);
                }
                Poll::Ready(Some(Err(error))) => return Err(Gone::Lost(error)),
                Poll::Ready(None) => return Err(Gone::Lost(io::ErrorKind::UnexpectedEof.into())),
                Poll::Pending => return Ok(true),
            }
        }
        Ok(false) // the others have their turn first
    }

    /// Closes our side, then reads on for a moment and looks at nothing: a socket that is closed with something
    /// unread in it resets the connection, and the last frame might never be seen.
    fn close(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<(), Gone> {
        let Some(until) = self.lingers_until else {
            // A farewell that may have been lost may have to be said again.
            if self.connection().farewell_again().is_none() {
                match self.link.as_mut().poll_close(cx) {
                    Poll::Ready(closed) => closed.map_err(Gone::Lost)?,
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
            return Err(Gone::Closed);
        }
        for _ in 0..FRAMES_A_TURN {
            match self.link.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(_))) => self.part_again(cx)?,
                Poll::Ready(_) => return Err(Gone::Closed),
                Poll::Pending => return Ok(()),
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Answers whatever a peer still says with the last frame, where that may have been lost.
    fn part_again(&mut self, cx: &mut Context<'_>) -> Result<(), Gone> {
        if let Some(farewell) = self.connection().farewell_again()
            && self.link.as_mut().poll_ready(cx).is_ready()
        {
            self.link.as_mut().start_send(farewell).map_err(Gone::Lost)?;
            let _ = self.link.as_mut().poll_flush(cx); // if not now, it counts as lost
        }
        Ok(())
    }

    fn write(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<(), Gone> {
        for _ in 0..BATCHES_A_TURN {
            let mut that_is_all = false;
            if self.outgoing.is_empty() {
                self.outgoing = SPARE.take();
                let connection = self.connection.as_mut().expect("polled only until it has ended");
                that_is_all = connection.poll_frames(FRAMES_AT_A_TIME, now, &mut self.outgoing);
            }
            while let Some(frame) = self.outgoing.pop_front() {
                match self.link.as_mut().poll_ready(cx) {
                    Poll::Ready(ready) => ready.map_err(Gone::Lost)?,
                    Poll::Pending => {
                        self.outgoing.push_front(frame);
                        self.stuck_since.get_or_insert(now);
                        return Ok(());
                    }
                }
                self.stuck_since = None;
                self.unflushed = true;
                self.link.as_mut().start_send(frame).map_err(Gone::Lost)?;
            }
            SPARE.set(mem::take(&mut self.outgoing));
            if that_is_all {
                return self.flush(cx, now);
            }
        }
        cx.waker().wake_by_ref();
        self.flush(cx, now)
    }

    fn flush(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<(), Gone> {
        if self.unflushed {
            match self.link.as_mut().poll_flush(cx) {
                Poll::Ready(flushed) => {
                    flushed.map_err(Gone::Lost)?;
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

    /// Goes on with what the session wants from the log; true if that gave it something.
    fn read_log(&mut self, cx: &mut Context<'_>) -> bool {
        if self.reading.is_none() {
            let Some(read) = self.connection().next_read() else { return false };
            let log = self.connection().hub().log().clone();
            self.reading = Some(async move { read.ask(&*log).await }.boxed());
        }
        let Some(Poll::Ready(answer)) = self.reading.as_mut().map(|it| it.poll_unpin(cx)) else {
            return false;
        };
        self.reading = None;
        self.connection().on_read(answer);
        true
    }

    /// Sees to being woken when time alone changes something. The timer is left alone as long as it is early enough:
    /// most frames only move the deadline on.
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

impl Future for Conversation {
    type Output = Option<Seat>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Seat>> {
        let Err(gone) = self.drive(cx) else { return Poll::Pending };
        let connection = self.connection.take().expect("polled only until it has ended");
        connection.log_end(&gone);
        Poll::Ready(connection.into_seat())
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Gone::Closed => f.write_str("closed"),
            Gone::Lost(error) => write!(f, "{error}"),
            Gone::Stuck => f.write_str("it took nothing for too long"),
            Gone::Abandoned => f.write_str("the server is out of time"),
        }
    }
}

thread_local! {
    /// The queue of the conversation that wrote last on this thread: most are idle most of the time, and hold none.
    static SPARE: Cell<VecDeque<Bytes>> = const { Cell::new(VecDeque::new()) };
}

/// Frames read before the others have their turn.
const FRAMES_A_TURN: usize = 64;
/// Batches of frames written before the others have their turn.
const BATCHES_A_TURN: usize = 8;
/// Pages of the log read before the others have their turn.
const PAGES_A_TURN: usize = 8;
/// For how long a link that was closed is still read.
const LINGER: Duration = Duration::from_secs(1);
