//! The server: rooms and sessions behind any number of listeners, whatever their transports.

use std::{
    fmt,
    future::poll_fn,
    io,
    sync::{Arc, Mutex},
    task::Poll,
    time::{Duration, Instant},
};

use futures::{
    FutureExt, SinkExt, StreamExt,
    channel::oneshot,
    future::{self, Either, Shared},
    select_biased,
};

use crate::{
    Address, SharedRuntime,
    log::{LogError, RoomLog},
    transport::{Incoming, Listening, Promises, Transports},
    wire::MAX_FRAME,
};

mod access;
mod accounts;
mod admission;
mod broker;
mod hub;
mod limits;
mod link;
mod link_codes;
mod look_alikes;
mod mailbox;
mod owners;
mod password;
mod queue;
mod refusal;
mod requests;
mod room;
mod room_list;
mod session;
mod signer;
mod sync;
mod time_of_day;
mod turns;

use self::{broker::Broker, hub::Hub};
pub use self::{
    limits::{Limits, Network, NotANetwork, Rates},
    signer::Signer,
};

/// How a server is run.
#[derive(Clone, Default)]
pub struct Config {
    /// The server's limits.
    pub limits: Limits,
    /// The password a client has to give, if any.
    pub password: Option<String>,
    /// The program and its version, as told to clients.
    pub software: String,
    /// What signs the history of rooms; without it nothing is signed.
    pub signer: Option<Arc<dyn Signer>>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("limits", &self.limits)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("software", &self.software)
            .field("signer", &self.signer)
            .finish()
    }
}

/// A running server. Dropping it without [`Server::stop`] leaves its tasks running.
#[derive(Debug)]
pub struct Server {
    hub: Arc<Hub>,
    /// Dropped when the listeners have to end.
    open: Mutex<Option<oneshot::Sender<()>>>,
    closed: Signal,
    /// Ends with the broker: well if it was told to, badly if it panicked.
    broker: Signal,
    /// Held by the call of [`Server::stop`] that waits for the others to leave.
    stopping: futures::lock::Mutex<()>,
}

type Signal = Shared<oneshot::Receiver<()>>;

impl Server {
    /// Reads the list of rooms from the log and starts the broker.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn start(
        config: Config,
        log: Arc<dyn RoomLog>,
        runtime: SharedRuntime,
    ) -> Result<Server, LogError> {
        let (hub, registry, tail) = Hub::open(config, log, runtime).await?;
        let hub = Arc::new(hub);
        let (ended, broker_ended) = oneshot::channel();
        let broker = Broker::new(hub.clone(), registry, tail);
        hub.runtime().spawn(
            async move {
                match broker.run().await {
                    Ok(()) => {
                        let _ = ended.send(()); // nobody may be waiting
                    }
                    // Dropping the sender says that the server has failed.
                    Err(failure) => tracing::error!(%failure, "the server cannot go on"),
                }
            }
            .boxed(),
        );
        let (open, closed) = oneshot::channel();
        Ok(Server {
            hub,
            open: Mutex::new(Some(open)),
            closed: closed.shared(),
            broker: broker_ended.shared(),
            stopping: futures::lock::Mutex::default(),
        })
    }

    /// Begins to accept links at `address`, and returns the address that clients can dial.
    ///
    /// # Errors
    /// When no transport has its scheme, or the transport cannot listen there.
    pub async fn listen(&self, transports: &Transports, address: &Address) -> io::Result<Address> {
        let transport = transports.get(address)?;
        let listening = transport.listen(address).await?;
        let bound = listening.address.clone();
        let accept = accept(self.hub.clone(), listening, transport.promises(), self.closed.clone());
        self.hub.runtime().spawn(accept.boxed());
        Ok(bound)
    }

    /// Takes a link that was accepted elsewhere: by a gateway, an upgrade of another protocol, or within this process.
    /// A server that stops says goodbye to it.
    ///
    /// # Errors
    /// When the link carries too small frames.
    pub fn accept(&self, incoming: Incoming, promises: Promises) -> io::Result<()> {
        if promises.max_frame < MAX_FRAME {
            let message =
                format!("a link carries frames of {MAX_FRAME} bytes, not of {}", promises.max_frame);
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        }
        receive(&self.hub, incoming, promises);
        Ok(())
    }

    /// Has other limits hold from now on: rates and numbers at once, the times of a link for links that begin later. What
    /// is there beyond a new limit stays.
    pub fn set_limits(&self, limits: Limits) {
        self.hub.set_limits(limits);
    }

    /// The number of open sessions, those that have lost their link included.
    pub fn sessions(&self) -> usize {
        self.hub.sessions()
    }

    /// The number of hosts and people of which accounts are kept: those that are here, and some that were here of late.
    pub fn accounts(&self) -> usize {
        self.hub.accounts.count()
    }

    /// The number of rooms.
    pub fn rooms(&self) -> usize {
        self.hub.rooms()
    }

    /// Completes when the server cannot go on: the tail of the log has ended or makes no sense, or there is a bug.
    pub async fn failed(&self) {
        if self.broker.clone().await.is_ok() {
            future::pending::<()>().await;
        }
    }

    /// Stops: accepts no more links, answers the requests that came, delivers the frames that are pending and says
    /// goodbye to every client, for at most [`Limits::drain_within`]. A log that does not answer by then is waited for
    /// no longer; what it has not acknowledged may be lost. Of several concurrent calls each returns.
    pub async fn stop(&self) {
        drop(sync::lock(&self.open).take());
        self.hub.stop();
        let deadline = self.hub.now() + self.hub.limits().drain_within;
        let _one_at_a_time = self.stopping.lock().await;
        if !self.everyone_left(deadline).await {
            self.hub.abandon();
            self.everyone_left(self.hub.now() + LAST_MOMENT).await;
        }
        self.hub.queue().close();
        let timeout = self.hub.runtime().sleep_until(deadline.max(self.hub.now() + LAST_MOMENT));
        // A broker that died before ends at once, with an error.
        if let Either::Right(_) = future::select(self.broker.clone(), timeout).await {
            tracing::error!("the log does not answer; messages that are not acknowledged may be lost");
        }
    }

    /// Waits until no link and no session is left. Returns false if some are left at `deadline`.
    async fn everyone_left(&self, deadline: Instant) -> bool {
        let mut timeout = self.hub.runtime().sleep_until(deadline);
        poll_fn(|cx| {
            self.hub.admission.gone().register(cx.waker());
            if self.hub.admission.links() == 0 && self.hub.sessions() == 0 {
                return Poll::Ready(true);
            }
            timeout.poll_unpin(cx).map(|()| false)
        })
        .await
    }
}

async fn accept(hub: Arc<Hub>, mut listening: Listening, promises: Promises, closed: Signal) {
    // Fused outside the loop: a receiver whose sender is dropped counts as terminated, and would be skipped.
    let mut closed = closed.fuse();
    loop {
        // Leave when told, before letting others in.
        select_biased! {
            _ = closed => return,
            incoming = listening.incoming.next().fuse() => match incoming {
                Some(incoming) => receive(&hub, incoming, promises),
                None => {
                    tracing::error!(address = %listening.address, "no longer listening");
                    return;
                }
            }
        }
    }
}

fn receive(hub: &Arc<Hub>, mut incoming: Incoming, promises: Promises) {
    let (limits, now) = (hub.limits(), hub.now());
    let host = hub.accounts.host(&incoming.peer, &limits, now);
    match hub.admission.permit(&host, &limits) {
        Ok(permit) => hub.runtime().spawn(link::drive(hub.clone(), permit, incoming, promises).boxed()),
        Err(why) => {
            // A host that is refused all the time does not fill the program's log.
            let is_told = host.may_be_told(&limits, now);
            if is_told {
                tracing::warn!(peer = %incoming.peer.address, why = why.0, "refused");
            } else if !promises.is_lossless() {
                return;
            }
            // Sent if the link takes the frame at once: no task waits for a peer that is not let in.
            let _ = incoming.link.send(link::full(why.0)).now_or_never();
        }
    }
}

/// For how long the tasks of a server may take to end after the time for it is over.
const LAST_MOMENT: Duration = Duration::from_secs(1);
