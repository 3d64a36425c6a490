//! A conversation of a few requests, for commands that do one thing and leave: each is answered, or given up once there
//! was no connection for too long.

use std::{pin::pin, time::Duration};

use anyhow::{Context, anyhow, bail};
use chat_core::{
    SharedRuntime,
    client::Update,
    wire::{Event, Request},
};
use futures::{FutureExt, StreamExt, future::BoxFuture, future::Fuse, select_biased};

use crate::session::{Door, Session};

/// A session that ends with the command.
pub(crate) struct OneShot {
    session: Session,
    runtime: SharedRuntime,
    /// What an error begins with.
    failed: &'static str,
    last_tag: u64,
    alone: Fuse<BoxFuture<'static, ()>>,
    why_alone: String,
}

impl OneShot {
    /// Goes in at `door`. Errors begin with `failed`, the words for what did not happen.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses.
    pub(crate) async fn enter(door: &Door, failed: &'static str) -> anyhow::Result<OneShot> {
        let give_up = |lost: &Update| match lost {
            Update::Disconnected { why, .. } => bail!("{failed}: {why}"),
            _ => Ok(()),
        };
        let session = door.enter(give_up).await?;
        let runtime = door.runtime.clone();
        let (alone, why_alone) = (Fuse::terminated(), String::new());
        Ok(OneShot { session, runtime, failed, last_tag: 0, alone, why_alone })
    }

    /// Asks without waiting for the answer, which has the tag that is returned.
    ///
    /// # Errors
    /// When the conversation is over.
    pub(crate) async fn send(&mut self, request: Request<'static>) -> anyhow::Result<u64> {
        self.last_tag += 1;
        self.session.remote.ask(request, self.last_tag).await?;
        Ok(self.last_tag)
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// When it is an error, or does not come.
    pub(crate) async fn ask(&mut self, request: Request<'static>) -> anyhow::Result<Event> {
        let asked = self.send(request).await?;
        loop {
            match self.next().await? {
                Update::Reply { tag, reply } if tag == asked => return Ok(reply),
                _ => {}
            }
        }
    }

    /// What happens next.
    ///
    /// # Errors
    /// When the server refuses something, or nothing has connected us with it for ten seconds.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Update> {
        self.next_update().await.context(self.failed)
    }

    async fn next_update(&mut self) -> anyhow::Result<Update> {
        loop {
            let mut next = pin!(self.session.updates.next().fuse());
            let update = select_biased! {
                update = next => update.context("the conversation ended")?,
                () = &mut self.alone => {
                    bail!("no connection for {} s: {}", CONNECTED_WITHIN.as_secs(), self.why_alone)
                }
            };
            match update {
                Update::Connected(_) => {
                    self.alone = Fuse::terminated();
                    self.why_alone.clear();
                }
                Update::Disconnected { why, .. } => {
                    if self.why_alone.is_empty() {
                        let until = self.runtime.now() + CONNECTED_WITHIN;
                        self.alone = self.runtime.sleep_until(until).fuse();
                    }
                    self.why_alone = why;
                }
                Update::Refused(error)
                | Update::LostRoom { error, .. }
                | Update::Reply { reply: Event::Error(error), .. } => return Err(anyhow!(error.message)),
                other => return Ok(other),
            }
        }
    }

    /// Says goodbye.
    pub(crate) async fn leave(self) {
        let Session { remote, updates, .. } = self.session;
        drop(remote); // says bye
        let goodbye = updates.for_each(|_| async {});
        let in_time = self.runtime.sleep_until(self.runtime.now() + GOODBYE_WITHIN);
        futures::future::select(pin!(goodbye), in_time).await;
    }
}

/// How long we may be without a connection before we give up.
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);

/// How long the goodbye may take; all is done already.
const GOODBYE_WITHIN: Duration = Duration::from_secs(3);
