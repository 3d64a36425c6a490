//! The handles of a running client: [`Remote`] takes commands, [`Updates`] brings what the client reports.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{SinkExt, Stream, StreamExt, channel::mpsc};

use super::update::Update;
use crate::{Address, transport::Transport, wire::RequestBody};

/// The handle through which requests go in. A client whose remote is dropped leaves: what was asked is still sent and
/// answered if that takes at most two seconds, then the client says bye and [`Updates`] ends.
#[derive(Debug)]
pub struct Remote {
    pub(super) commands: mpsc::Sender<Command>,
}

/// A command of the user.
#[derive(Debug)]
pub(super) enum Command {
    Ask(RequestBody<'static>, u64),
    Measure,
    Move(Route),
}

/// How to reach a server.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) address: Address,
}

impl Remote {
    /// Asks for something; the reply comes as an update with `tag`. Waits while too many requests are unanswered.
    ///
    /// # Errors
    /// When the conversation is over.
    pub async fn ask(&mut self, request: impl Into<RequestBody<'static>>, tag: u64) -> Result<(), Closed> {
        self.commands.send(Command::Ask(request.into(), tag)).await.map_err(|_| Closed)
    }

    /// Waits until the client takes one more command, so that a front end can keep what it wants to ask and do other
    /// things meanwhile. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the conversation is over.
    pub async fn ready(&mut self) -> Result<Permit<'_>, Closed> {
        poll_fn(|cx| self.commands.poll_ready(cx)).await.map_err(|_| Closed)?;
        Ok(Permit { commands: &mut self.commands })
    }

    /// Asks the client for its measurements, which come as [`Update::Stats`].
    ///
    /// # Errors
    /// When the conversation is over.
    pub async fn measure(&mut self) -> Result<(), Closed> {
        self.commands.send(Command::Measure).await.map_err(|_| Closed)
    }

    /// Goes on over another transport, or at another address of the same server: the present link is dropped, and no
    /// entry is missed or repeated. If the server does not let the client in there at the first try, the client goes back
    /// to the address before.
    ///
    /// # Errors
    /// When the conversation is over.
    pub async fn move_to(&mut self, transport: Arc<dyn Transport>, address: Address) -> Result<(), Closed> {
        let route = Route { transport, address };
        self.commands.send(Command::Move(route)).await.map_err(|_| Closed)
    }
}

/// A place for one command, which the client is certain to take.
#[derive(Debug)]
pub struct Permit<'a> {
    commands: &'a mut mpsc::Sender<Command>,
}

impl Permit<'_> {
    /// As [`Remote::ask`], without waiting.
    pub fn ask(self, request: impl Into<RequestBody<'static>>, tag: u64) {
        self.send(Command::Ask(request.into(), tag));
    }

    /// As [`Remote::measure`], without waiting.
    pub fn measure(self) {
        self.send(Command::Measure);
    }

    /// As [`Remote::move_to`], without waiting.
    pub fn move_to(self, transport: Arc<dyn Transport>, address: Address) {
        self.send(Command::Move(Route { transport, address }));
    }

    fn send(self, command: Command) {
        let _ = self.commands.start_send(command); // fails only once the client has ended, as `Updates` tells
    }
}

/// The conversation is over: the client left or was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the conversation is over")]
pub struct Closed;

/// What the client reports, in order. While these updates are not fetched the link is not read, and the server keeps
/// what is new.
#[derive(Debug)]
pub struct Updates {
    pub(super) updates: mpsc::Receiver<Update>,
}

impl Stream for Updates {
    type Item = Update;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Update>> {
        self.updates.poll_next_unpin(cx)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Route").field(&self.address).finish()
    }
}
