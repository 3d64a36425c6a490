//! The in-memory transport, with people on other machines than the server's.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use chat_core::{
    Address,
    memory::Memory,
    transport::{BoxLink, Incoming, Listening, Peer, Promises, Transport},
};
use futures::{FutureExt, StreamExt, future::BoxFuture};

/// A network whose links come from as many hosts as it is told, in turn.
#[derive(Clone)]
pub struct OtherHosts {
    memory: Memory,
    hosts: u64,
    links: Arc<AtomicU64>,
}

impl OtherHosts {
    /// Everybody is on one and the same other host.
    pub fn one_host() -> OtherHosts {
        OtherHosts::hosts(1)
    }

    /// Every link comes from another host than the ones before.
    pub fn many_hosts() -> OtherHosts {
        OtherHosts::hosts(u64::MAX)
    }

    fn hosts(hosts: u64) -> OtherHosts {
        OtherHosts { memory: Memory::default(), hosts, links: Arc::default() }
    }
}

impl Transport for OtherHosts {
    fn promises(&self) -> Promises {
        self.memory.promises()
    }

    fn listen<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Listening>> {
        async move {
            let Listening { address, incoming } = self.memory.listen(address).await?;
            let (hosts, links) = (self.hosts, self.links.clone());
            let from_elsewhere = move |Incoming { link, peer }| {
                let host = format!("192.0.2.{}", links.fetch_add(1, Ordering::Relaxed) % hosts);
                Incoming { link, peer: Peer { host, local: false, ..peer } }
            };
            Ok(Listening { address, incoming: incoming.map(from_elsewhere).boxed() })
        }
        .boxed()
    }

    fn dial<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<BoxLink>> {
        self.memory.dial(address)
    }
}
