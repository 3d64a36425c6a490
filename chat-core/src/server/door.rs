//! The door: how many links there may be, and who stands in it before having said hello.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use dashmap::DashMap;
use futures::task::AtomicWaker;

use super::limits::Limits;
use crate::transport::Peer;

/// Counts links, in all and by host, and knows how to reach those that have no session yet.
#[derive(Debug)]
pub(super) struct Door {
    max_links: usize,
    max_per_host: usize,
    links: AtomicUsize,
    hosts: DashMap<String, usize>,
    strangers: DashMap<u64, Arc<AtomicWaker>>,
    next: AtomicU64,
    /// Woken whenever a link or a session has gone.
    gone: AtomicWaker,
}

/// A place for one link, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Admission {
    door: Arc<super::hub::Hub>,
    number: u64,
    host: Option<String>,
}

/// There is no place left, and why.
#[derive(Debug)]
pub(super) struct Full(pub(super) &'static str);

impl Door {
    pub(super) fn new(limits: &Limits) -> Door {
        Door {
            max_links: limits.links,
            max_per_host: limits.links_per_host,
            links: AtomicUsize::new(0),
            hosts: DashMap::new(),
            strangers: DashMap::new(),
            next: AtomicU64::new(0),
            gone: AtomicWaker::new(),
        }
    }

    pub(super) fn links(&self) -> usize {
        self.links.load(Ordering::Acquire)
    }

    /// Where to be woken when a link or a session has gone. One task at a time can wait here.
    pub(super) fn gone(&self) -> &AtomicWaker {
        &self.gone
    }

    pub(super) fn wake_all(&self) {
        for stranger in &self.strangers {
            stranger.value().wake();
        }
    }
}

impl Admission {
    /// A place for a link from `peer`, or the reason why there is none.
    pub(super) fn new(hub: &Arc<super::hub::Hub>, peer: &Peer) -> Result<Admission, Full> {
        let door = &hub.door;
        let host = (!peer.local && door.max_per_host != usize::MAX).then(|| peer.host.clone());
        if let Some(host) = &host {
            let mut links = door.hosts.entry(host.clone()).or_default();
            if *links >= door.max_per_host {
                return Err(Full("too many connections from your address"));
            }
            *links += 1;
        }
        // From here on the drop gives back what was taken.
        let number = door.next.fetch_add(1, Ordering::Relaxed);
        let admission = Admission { door: hub.clone(), number, host };
        if door.links.fetch_add(1, Ordering::AcqRel) >= door.max_links {
            return Err(Full("too many connections to this server"));
        }
        Ok(admission)
    }

    /// Where the link's task is to be woken while it has no session.
    pub(super) fn stranger(&self) -> Arc<AtomicWaker> {
        self.door.door.strangers.entry(self.number).or_default().clone()
    }

    /// The link has a session, through which it can be woken.
    pub(super) fn is_known(&self) {
        self.door.door.strangers.remove(&self.number);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let door = &self.door.door;
        door.strangers.remove(&self.number);
        if let Some(host) = &self.host {
            if let Some(mut links) = door.hosts.get_mut(host) {
                *links -= 1;
            }
            door.hosts.remove_if(host, |_, links| *links == 0);
        }
        door.links.fetch_sub(1, Ordering::AcqRel);
        door.gone.wake();
    }
}
