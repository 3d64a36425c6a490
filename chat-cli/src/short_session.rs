//! A session of a few requests, for commands that do one thing and leave. The command fails when a request is refused
//! or the connection stays down for too long.

use std::{pin::pin, time::Duration};

use anyhow::{Context, anyhow, bail};
use chat_core::{
    SharedRuntime,
    client::Update,
    wire::{Event, RequestBody},
    within,
};
use chat_front::{
    Connector,
    connection::{self, Session},
};
use futures::{FutureExt, StreamExt, future::BoxFuture, future::Fuse, select_biased};

/// A session that lasts as long as one command.
pub(crate) struct ShortSession {
    session: Session,
    runtime: SharedRuntime,
    /// The beginning of every error message.
    failed: &'static str,
    last_tag: u64,
    /// Completes when the connection has been down for too long.
    give_up: Fuse<BoxFuture<'static, ()>>,
    disconnect_reason: String,
}

impl ShortSession {
    /// Connects by `connector`. Error messages begin with `failed`, for example "not sent".
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses.
    pub(crate) async fn enter(connector: &Connector, failed: &'static str) -> anyhow::Result<ShortSession> {
        let fail_if_lost = |lost: &Update| match lost {
            Update::Disconnected { why, .. } => bail!("{failed}: {why}"),
            _ => Ok(()),
        };
        let session = connector.enter(fail_if_lost).await?;
        let runtime = connector.runtime().clone();
        let (give_up, disconnect_reason) = (Fuse::terminated(), String::new());
        Ok(ShortSession { session, runtime, failed, last_tag: 0, give_up, disconnect_reason })
    }

    /// Sends `request` without waiting for the reply. Returns the tag that the reply will carry.
    ///
    /// # Errors
    /// When the session has ended.
    pub(crate) async fn send(&mut self, request: RequestBody<'static>) -> anyhow::Result<u64> {
        self.last_tag += 1;
        self.session.remote.ask(request, self.last_tag).await?;
        Ok(self.last_tag)
    }

    /// Sends `request` and waits for the reply.
    ///
    /// # Errors
    /// When the reply is an error, or does not arrive in time.
    pub(crate) async fn ask(&mut self, request: RequestBody<'static>) -> anyhow::Result<Event> {
        let asked = self.send(request).await?;
        let (runtime, failed) = (self.runtime.clone(), self.failed);
        let reply = async {
            loop {
                match self.next().await? {
                    Update::Reply { tag, reply } if tag == asked => return Ok(reply),
                    _ => {}
                }
            }
        };
        let answered = within(ANSWER_WITHIN, &*runtime, reply).await;
        answered.unwrap_or_else(|| Err(anyhow!("{failed}: no answer for {} s", ANSWER_WITHIN.as_secs())))
    }

    /// The next update of the session.
    ///
    /// # Errors
    /// When the server refuses a request, or there was no connection for ten seconds.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Update> {
        self.next_update().await.context(self.failed)
    }

    async fn next_update(&mut self) -> anyhow::Result<Update> {
        // What others do in a room is no answer, however much of it comes.
        let mut progress = self.runtime.sleep_until(self.runtime.now() + ANSWER_WITHIN).fuse();
        loop {
            let mut next = pin!(self.session.updates.next().fuse());
            let update = select_biased! {
                () = &mut progress => bail!("no answer for {} s", ANSWER_WITHIN.as_secs()),
                update = next => update.context("the session ended")?,
                () = &mut self.give_up => {
                    bail!("no connection for {} s: {}", CONNECTED_WITHIN.as_secs(), self.disconnect_reason)
                }
            };
            match update {
                Update::Connected(_) => {
                    self.give_up = Fuse::terminated();
                    self.disconnect_reason.clear();
                }
                Update::Disconnected { why, .. } => {
                    if self.disconnect_reason.is_empty() {
                        let until = self.runtime.now() + CONNECTED_WITHIN;
                        self.give_up = self.runtime.sleep_until(until).fuse();
                    }
                    self.disconnect_reason = why;
                }
                Update::Refused(error)
                | Update::LostRoom { error, .. }
                | Update::Reply { reply: Event::Error(error), .. } => return Err(anyhow!(error.message)),
                Update::Presence(_) | Update::Members(_) => {}
                other => return Ok(other),
            }
        }
    }

    /// Leaves the server; waits a short while for its goodbye.
    pub(crate) async fn leave(self) {
        let Session { remote, updates, .. } = self.session;
        drop(remote); // sends `bye`
        connection::goodbye(updates, &self.runtime, drop).await;
    }
}

/// How long the server may let the command wait for an answer or the next entry. A server that is busy asks it to wait for some
/// seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// How long the connection may be down before the command fails.
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);
