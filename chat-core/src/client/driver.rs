//! Runs a [`Client`] over a transport: dials, carries its frames, keeps its timers, dials again.

use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, channel::mpsc, future::BoxFuture};

use super::{
    config::Config,
    machine::Client,
    remote::{Command, Remote, Route, Updates},
    update::Update,
};
use crate::{
    Address, SharedRuntime, pake,
    transport::{BoxLink, Dialled, Transport},
};

/// Starts a client on `runtime` that stays connected to the server at `address` until its [`Remote`] is dropped
/// or the server refuses it.
pub fn start(
    config: Config,
    transport: Arc<dyn Transport>,
    address: Address,
    runtime: SharedRuntime,
) -> (Remote, Updates) {
    let (commands, commands_in) = mpsc::channel(COMMANDS);
    let (updates_out, updates) = mpsc::channel(UPDATES);
    let driver = Driver {
        client: Client::new(config),
        route: Route { transport, address },
        fallback: None,
        runtime: runtime.clone(),
        commands: Some(commands_in),
        updates: updates_out,
        next_update: None,
        link_state: LinkState::Waiting(futures::future::ready(()).boxed()),
        give_up: None,
    };
    runtime.spawn(driver.boxed());
    (Remote { commands }, Updates { updates })
}

/// The task that drives the client. It ends when the client is over.
struct Driver {
    client: Client,
    route: Route,
    /// The route before the last move, until the new route has let the client in.
    fallback: Option<Route>,
    runtime: SharedRuntime,
    /// None once the remote is dropped.
    commands: Option<mpsc::Receiver<Command>>,
    updates: mpsc::Sender<Update>,
    next_update: Option<Update>,
    link_state: LinkState,
    /// When the client leaves even if requests are unanswered.
    give_up: Option<BoxFuture<'static, ()>>,
}

/// The state of the link to the server.
enum LinkState {
    /// Until the next try.
    Waiting(BoxFuture<'static, ()>),
    Dialling(BoxFuture<'static, io::Result<Dialled>>),
    Up(OpenLink),
    /// The last frame was sent; the link is being closed.
    Closing(BoxLink),
    Down,
}

/// A link in use.
struct OpenLink {
    link: BoxLink,
    /// A frame that the link has not taken yet.
    next_frame: Option<Bytes>,
    unflushed: bool,
    timer: Option<(Instant, BoxFuture<'static, ()>)>,
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            this.poll_commands(cx);
            if this.give_up.as_mut().is_some_and(|timer| timer.poll_unpin(cx).is_ready()) {
                return Poll::Ready(());
            }
            let all_told = this.poll_updates(cx).is_ready();
            if matches!(this.link_state, LinkState::Down) {
                return if all_told { Poll::Ready(()) } else { Poll::Pending };
            }
            if this.poll_link_state(cx).is_pending() {
                // The last step may have left an update.
                if all_told && this.has_updates() && this.poll_updates(cx).is_ready() {
                    continue;
                }
                return Poll::Pending;
            }
        }
    }
}

impl Driver {
    fn poll_commands(&mut self, cx: &mut Context<'_>) {
        while self.client.unanswered() < MAX_UNANSWERED
            && let Some(commands) = &mut self.commands
        {
            match commands.poll_next_unpin(cx) {
                Poll::Ready(Some(Command::Ask(request, tag))) => self.client.ask(request, tag),
                Poll::Ready(Some(Command::Measure)) => self.client.tell_stats(),
                Poll::Ready(Some(Command::Move(route))) => self.move_to(route),
                Poll::Ready(None) => {
                    self.commands = None;
                    self.client.bye();
                    let at = self.runtime.now() + LEAVE_WITHIN;
                    self.give_up = Some(self.runtime.sleep_until(at));
                }
                Poll::Pending => return,
            }
        }
    }

    fn has_updates(&mut self) -> bool {
        if self.next_update.is_none() {
            self.next_update = self.client.poll_update();
        }
        if let Some(Update::Connected(_)) = &self.next_update {
            self.fallback = None;
        }
        self.next_update.is_some()
    }

    /// Hands the updates to the user; pending while the user does not fetch them.
    fn poll_updates(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.has_updates() {
            match self.updates.poll_ready(cx) {
                Poll::Pending => return Poll::Pending,
                // The user has dropped `Updates`; the requests are still sent.
                Poll::Ready(Err(_)) => self.next_update = None,
                Poll::Ready(Ok(())) => {
                    if let Some(update) = self.next_update.take() {
                        let _ = self.updates.start_send(update); // ready, so it is taken
                    }
                }
            }
        }
        Poll::Ready(())
    }

    /// Ready when the state of the link changed.
    fn poll_link_state(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.runtime.now();
        match &mut self.link_state {
            LinkState::Waiting(_) if self.commands.is_none() && self.client.unanswered() == 0 => {
                self.link_state = LinkState::Down
            }
            LinkState::Waiting(wait) => {
                std::task::ready!(wait.poll_unpin(cx));
                let Route { transport, address } = self.route.clone();
                self.link_state =
                    LinkState::Dialling(async move { transport.connect(&address).await }.boxed());
            }
            LinkState::Dialling(dial) => match std::task::ready!(dial.poll_unpin(cx)) {
                Ok(Dialled { link, binding, .. }) => {
                    let promises = self.route.transport.promises();
                    match binding {
                        Some(binding) => {
                            let random = pake::random(&*self.runtime);
                            self.client.encrypted_link_up(promises, &binding, random, now);
                        }
                        None => self.client.link_up(promises, now),
                    }
                    self.link_state =
                        LinkState::Up(OpenLink { link, next_frame: None, unflushed: false, timer: None });
                }
                Err(error) if is_final(&error) && self.fallback.is_none() => {
                    self.client.unwanted(error.to_string());
                    self.link_state = LinkState::Down;
                }
                Err(error) => self.link_lost(&error.to_string(), now),
            },
            LinkState::Up(_) => match self.poll_link(cx, now) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(())) => {}
                Err(why) => self.link_lost(&why, now),
            },
            LinkState::Closing(link) => {
                let _ = std::task::ready!(link.as_mut().poll_close(cx)); // an error ends the link as well
                self.link_state = LinkState::Down;
            }
            LinkState::Down => return Poll::Pending,
        }
        Poll::Ready(())
    }

    fn link_lost(&mut self, why: &str, now: Instant) {
        self.link_state = match self.client.link_lost(why, now) {
            Some(at) => LinkState::Waiting(self.runtime.sleep_until(at)),
            None => return self.link_state = LinkState::Down,
        };
        if let Some(route) = self.fallback.take() {
            self.dial(route);
        }
    }

    fn move_to(&mut self, route: Route) {
        let now = self.runtime.now();
        match self.link_state {
            LinkState::Closing(_) | LinkState::Down => return,
            LinkState::Waiting(_) => {}
            LinkState::Dialling(_) | LinkState::Up(_) => {
                let why = format!("moving to {}", route.address);
                if self.client.link_lost(&why, now).is_none() {
                    return self.link_state = LinkState::Down;
                }
            }
        }
        let before = self.route.clone();
        self.fallback.get_or_insert(before);
        self.dial(route);
    }

    /// Dials `route` at once.
    fn dial(&mut self, route: Route) {
        self.client.updates.push_back(Update::Moved { to: route.address.clone() });
        self.route = route;
        self.link_state = LinkState::Waiting(futures::future::ready(()).boxed());
    }

    /// Moves frames both ways; ready when the state of the link changed.
    fn poll_link(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<Poll<()>, String> {
        let LinkState::Up(open) = &mut self.link_state else { return Ok(Poll::Ready(())) };
        let client = &mut self.client;
        if self.next_update.is_none() {
            let mut frames = 0..FRAMES_A_TURN;
            loop {
                if self.next_update.is_some() || frames.next().is_none() {
                    cx.waker().wake_by_ref(); // there may be more frames
                    break;
                }
                match open.link.as_mut().poll_next(cx) {
                    Poll::Ready(Some(Ok(frame))) => client.on_frame(&frame, now)?,
                    Poll::Ready(Some(Err(error))) => return Err(error.to_string()),
                    Poll::Ready(None) => return Err("the server closed the link".to_owned()),
                    Poll::Pending => break,
                }
                self.next_update = client.poll_update();
            }
            // After reading: frames that came while this program was suspended still count as heard.
            client.on_timeout(now)?;
        }
        if let Err(error) = open.write(client, now, cx) {
            // A server that takes no more frames may have said why.
            while let Poll::Ready(Some(Ok(frame))) = open.link.as_mut().poll_next(cx) {
                client.on_frame(&frame, now)?;
            }
            return Err(error.to_string());
        }
        if client.is_over() && open.next_frame.is_none() && !open.unflushed {
            if let LinkState::Up(open) = std::mem::replace(&mut self.link_state, LinkState::Down) {
                self.link_state = LinkState::Closing(open.link);
            }
            return Ok(Poll::Ready(()));
        }
        open.set_timer(client.poll_timeout(now), &self.runtime, cx);
        Ok(Poll::Pending)
    }
}

impl OpenLink {
    fn write(&mut self, client: &mut Client, now: Instant, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            if self.next_frame.is_none() {
                self.next_frame = client.poll_transmit(now);
            }
            if self.next_frame.is_none() {
                break;
            }
            match self.link.as_mut().poll_ready(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(ready) => ready?,
            }
            if let Some(frame) = self.next_frame.take() {
                self.link.as_mut().start_send(frame)?;
                self.unflushed = true;
            }
        }
        if self.unflushed
            && let Poll::Ready(flushed) = self.link.as_mut().poll_flush(cx)
        {
            flushed?;
            self.unflushed = false;
        }
        Ok(())
    }

    fn set_timer(&mut self, deadline: Option<Instant>, runtime: &SharedRuntime, cx: &mut Context<'_>) {
        let Some(deadline) = deadline else { return };
        if self.timer.as_ref().is_none_or(|(at, _)| *at > deadline) {
            self.timer = Some((deadline, runtime.sleep_until(deadline)));
        }
        if let Some((_, sleep)) = &mut self.timer
            && sleep.poll_unpin(cx).is_ready()
        {
            self.timer = None;
            cx.waker().wake_by_ref();
        }
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("client", &self.client).finish_non_exhaustive()
    }
}

/// Whether dialling again changes nothing: this program does not want that server, or the server does not encrypt. What the
/// operating system forbids may pass.
fn is_final(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported)
        && error.raw_os_error().is_none()
}

/// How many commands wait to be taken in.
const COMMANDS: usize = 16;
/// How many updates wait to be fetched before the link is no longer read.
const UPDATES: usize = 64;
/// How many requests may be unanswered before no more commands are taken in.
const MAX_UNANSWERED: usize = 1024;
/// How many frames are read before frames are written.
const FRAMES_A_TURN: usize = 64;
/// For how long a client that leaves waits for unanswered requests.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);
