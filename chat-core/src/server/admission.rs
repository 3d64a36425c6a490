//! Admission: how many links there may be, in all and from one host, and the links that have no session yet.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use dashmap::DashMap;
use futures::task::AtomicWaker;

use super::limits::Limits;
use crate::transport::Peer;

/// Counts links, in all and by host, and can wake those that have no session yet.
#[derive(Debug)]
pub(super) struct Admission {
    max_links: usize,
    max_per_host: usize,
    links: AtomicUsize,
    hosts: DashMap<String, usize>,
    /// The links that have no session, by the number of their permit.
    pending: DashMap<u64, Arc<AtomicWaker>>,
    next: AtomicU64,
    /// Woken whenever a link or a session has gone.
    gone: AtomicWaker,
}

/// The permit of one link. Dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Permit {
    admission: Arc<Admission>,
    number: u64,
    host: Option<String>,
}

/// There is no place left for a link, for this reason.
#[derive(Debug)]
pub(super) struct Full(pub(super) &'static str);

impl Admission {
    pub(super) fn new(limits: &Limits) -> Admission {
        Admission {
            max_links: limits.links,
            max_per_host: limits.links_per_host,
            links: AtomicUsize::new(0),
            hosts: DashMap::new(),
            pending: DashMap::new(),
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
        for link in &self.pending {
            link.value().wake();
        }
    }

    /// A permit for a link from `peer`, or the reason why there is none.
    pub(super) fn permit(self: &Arc<Admission>, peer: &Peer) -> Result<Permit, Full> {
        let host = (!peer.local && self.max_per_host != usize::MAX).then(|| peer.host.clone());
        if let Some(host) = &host {
            let mut links = self.hosts.entry(host.clone()).or_default();
            if *links >= self.max_per_host {
                return Err(Full("too many connections from your address; close one, then try again"));
            }
            *links += 1;
        }
        // From here on, dropping the permit gives back what was taken.
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let permit = Permit { admission: self.clone(), number, host };
        if self.links.fetch_add(1, Ordering::AcqRel) >= self.max_links {
            return Err(Full("too many connections to this server; try again later"));
        }
        Ok(permit)
    }
}

impl Permit {
    /// The slot for the waker of the link's task while the link has no session.
    pub(super) fn pending(&self) -> Arc<AtomicWaker> {
        self.admission.pending.entry(self.number).or_default().clone()
    }

    /// The link has a session, through which its task is woken from now on.
    pub(super) fn has_session(&self) {
        self.admission.pending.remove(&self.number);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let admission = &self.admission;
        admission.pending.remove(&self.number);
        if let Some(host) = &self.host {
            if let Some(mut links) = admission.hosts.get_mut(host) {
                *links -= 1;
            }
            admission.hosts.remove_if(host, |_, links| *links == 0);
        }
        admission.links.fetch_sub(1, Ordering::AcqRel);
        admission.gone.wake();
    }
}
