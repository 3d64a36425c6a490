//! What is on its way to the client. The client may have to wait until it takes something; the screen never does.

use std::{collections::VecDeque, future::Future, sync::Arc};

use chat_core::{
    Address,
    client::{Closed, Remote},
    transport::Transport,
};
use futures::{
    FutureExt,
    future::{BoxFuture, Fuse, FusedFuture},
};

use super::app::Action;

/// The way to the client, and what waits for it: no more than the state lets be unanswered.
pub(super) struct Outbox {
    /// None before there is a session, and while it is lent to `sending`.
    remote: Option<Remote>,
    sending: Fuse<Sending>,
    waiting: VecDeque<Action>,
}

/// A future that gives back what it was lent.
type Sending = BoxFuture<'static, (Remote, Result<(), Closed>)>;

impl Default for Outbox {
    fn default() -> Outbox {
        Outbox { remote: None, sending: Fuse::terminated(), waiting: VecDeque::new() }
    }
}

impl Outbox {
    /// There is a session to send in, in place of the one before.
    pub(super) fn opened(&mut self, remote: Remote) {
        (self.remote, self.sending) = (Some(remote), Fuse::terminated());
    }

    /// Takes out what waits.
    pub(super) fn take_waiting(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.waiting).into()
    }

    pub(super) fn put(&mut self, action: Action) {
        self.waiting.push_back(action);
    }

    /// Begins to send what is next, if the client has taken the last. Where it is to move to, the caller knows.
    pub(super) fn send_next(&mut self) -> Option<String> {
        while let Some(mut remote) = self.remote.take() {
            match self.waiting.pop_front() {
                Some(Action::Ask(request, tag)) => self.lend(async move {
                    let sent = remote.ask(request, tag).await;
                    (remote, sent)
                }),
                Some(Action::Measure) => self.lend(async move {
                    let sent = remote.measure().await;
                    (remote, sent)
                }),
                other => {
                    self.remote = Some(remote);
                    match other {
                        Some(Action::Move(to)) => return Some(to),
                        Some(_) => {}
                        None => break,
                    }
                }
            }
        }
        None
    }

    /// Has the client go on there.
    pub(super) fn move_to(&mut self, transport: Arc<dyn Transport>, address: Address) {
        if let Some(mut remote) = self.remote.take() {
            self.lend(async move {
                let sent = remote.move_to(transport, address).await;
                (remote, sent)
            });
        }
    }

    fn lend(&mut self, sending: impl Future<Output = (Remote, Result<(), Closed>)> + Send + 'static) {
        self.sending = sending.boxed().fuse();
    }

    /// Completes when the client has taken what was lent to it; not while there is nothing.
    pub(super) fn sent(&mut self) -> impl FusedFuture<Output = Result<(), Closed>> + Unpin {
        let Outbox { remote, sending, .. } = self;
        sending.map(|(lent, sent)| {
            *remote = Some(lent);
            sent
        })
    }

    /// Sends all that waits, and then says bye.
    pub(super) async fn empty(self) {
        let mut remote = match self.remote {
            Some(remote) => remote,
            None if self.sending.is_terminated() => return,
            None => self.sending.await.0,
        };
        for action in self.waiting {
            if let Action::Ask(request, tag) = action
                && remote.ask(request, tag).await.is_err()
            {
                break;
            }
        }
        // Dropping it says bye once everything is answered.
    }
}
