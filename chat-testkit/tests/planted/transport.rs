//! A transport that keeps its contract but for one fault.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use chat_core::{
    Address, SharedRuntime,
    memory::pipe,
    transport::{BoxLink, Incoming, Listening, MAX_LINK_FRAME, Promises, Transport},
    wire::MAX_FRAME,
};
use futures::{
    FutureExt, StreamExt,
    channel::oneshot,
    future::{BoxFuture, pending},
    stream,
};

use crate::link::{FaultyLink, Resumed, Shared};

/// What is wrong with a transport.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    None,
    // What arrives.
    LosesAFrame,
    DoublesAFrame,
    SwapsTwoFrames,
    SplitsAFrame,
    GluesTwoFrames,
    TruncatesAFrame,
    InventsAFrame,
    FlipsABit,
    TrimsWhiteSpace,
    RepairsText,
    StallsAfterMany,
    MixesLinks,
    // What is sent.
    NeverFlushes,
    WaitsForTheOtherDirection,
    IgnoresAFullPeer,
    HidesTheLimit,
    RefusesTheLargest,
    DropsTheLastFrame,
    IgnoresClose,
    OutlivesItsDrop,
    SwallowsErrors,
    // What is promised.
    AcceptsOversize,
    PromisesTooLargeFrames,
    PromisesTooSmallFrames,
    PromisesOrder,
    PromisesDelivery,
    // How links begin and end.
    GivesAWrongAddress,
    SharesAnAddress,
    EndsWithAPeerThatGaveUp,
    EndsLinksWithTheListener,
    DialsBeforeItIsPolled,
    DialsNobody,
    HidesAddresses,
    GivesPeersOneAddress,
    GivesEachLinkAHost,
    HidesHosts,
    LeavesATask,
}

/// A transport with a fault.
#[derive(Clone)]
pub struct Faulty {
    inner: Arc<dyn Transport>,
    fault: Fault,
    runtime: SharedRuntime,
    shared: Arc<Shared>,
}

impl Faulty {
    pub fn new(inner: Arc<dyn Transport>, fault: Fault, runtime: SharedRuntime) -> Faulty {
        Faulty { inner, fault, runtime, shared: Arc::default() }
    }

    fn link(&self, inner: BoxLink, listener: Option<Arc<AtomicBool>>) -> BoxLink {
        if self.fault == Fault::LeavesATask {
            self.runtime.spawn(pending().boxed());
        }
        let max_frame = self.promises().max_frame;
        Box::pin(FaultyLink::new(inner, self.fault, max_frame, self.shared.clone(), listener))
    }

    fn error(&self, error: io::Error) -> io::Error {
        match self.fault {
            Fault::HidesAddresses => io::Error::new(error.kind(), "it does not work"),
            _ => error,
        }
    }
}

impl Transport for Faulty {
    fn promises(&self) -> Promises {
        let promises = self.inner.promises();
        match self.fault {
            Fault::PromisesOrder => Promises { ordered: true, ..promises },
            Fault::PromisesDelivery => Promises { reliable: true, ..promises },
            Fault::AcceptsOversize => Promises { max_frame: MAX_FRAME, ..promises },
            Fault::PromisesTooLargeFrames => Promises { max_frame: 2 * MAX_LINK_FRAME, ..promises },
            Fault::PromisesTooSmallFrames => Promises { max_frame: 1200, ..promises },
            _ => promises,
        }
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        async move {
            let listening = match self.inner.listen(address).await {
                Err(_) if self.fault == Fault::SharesAnAddress => {
                    return Ok(Listening { address: address.clone(), incoming: stream::pending().boxed() });
                }
                other => other.map_err(|error| self.error(error))?,
            };
            let acceptor = Acceptor {
                incoming: listening.incoming,
                faulty: self.clone(),
                lives: Lives(Arc::new(AtomicBool::new(true))),
                accepted: AtomicU64::new(0),
            };
            let incoming = stream::unfold(acceptor, |mut acceptor| async move {
                let next = acceptor.next().await?;
                Some((next, acceptor))
            });
            let address = match self.fault {
                Fault::GivesAWrongAddress => Address::new(address.scheme(), "elsewhere").unwrap(),
                _ => listening.address,
            };
            Ok(Listening { address, incoming: incoming.boxed() })
        }
        .boxed()
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        if self.fault == Fault::DialsBeforeItIsPolled {
            let (sender, receiver) = oneshot::channel();
            let (inner, address) = (self.inner.clone(), address.clone());
            let dial = async move {
                let _ = sender.send(inner.dial(&address).await);
            };
            self.runtime.spawn(dial.boxed());
            return receiver.map(|dialled| dialled.unwrap()).boxed();
        }
        async move {
            match self.inner.dial(address).await {
                Ok(link) => Ok(self.link(link, None)),
                Err(_) if self.fault == Fault::DialsNobody => {
                    let (near, far) = pipe();
                    std::mem::forget(far);
                    Ok(Box::pin(near) as BoxLink)
                }
                Err(error) => Err(self.error(error)),
            }
        }
        .boxed()
    }
}

/// A listener with a fault.
struct Acceptor {
    incoming: stream::BoxStream<'static, Incoming>,
    faulty: Faulty,
    lives: Lives,
    accepted: AtomicU64,
}

impl Acceptor {
    async fn next(&mut self) -> Option<Incoming> {
        let Incoming { link, mut peer } = self.incoming.next().await?;
        let listener = (self.faulty.fault == Fault::EndsLinksWithTheListener).then(|| self.lives.0.clone());
        let mut link = self.faulty.link(link, listener);
        match self.faulty.fault {
            Fault::EndsWithAPeerThatGaveUp => match link.next().now_or_never() {
                Some(None) => return None,
                Some(Some(first)) => link = Box::pin(Resumed { first: Some(first), link }),
                None => {}
            },
            Fault::GivesPeersOneAddress => peer.address = "a peer".to_owned(),
            Fault::GivesEachLinkAHost => {
                peer.host = format!("host {}", self.accepted.fetch_add(1, Ordering::Relaxed));
            }
            Fault::HidesHosts => peer.host.clear(),
            _ => {}
        }
        Some(Incoming { link, peer })
    }
}

/// Tells the links of a listener when it is dropped.
struct Lives(Arc<AtomicBool>);

impl Drop for Lives {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
