//! Admission: how many links there may be, in all and from one host, and the links that have no session yet.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use dashmap::DashMap;
use futures::task::AtomicWaker;

use super::{
    accounts::{Account, Held},
    limits::Limits,
};

/// Counts links, and can wake those that have no session yet.
#[derive(Debug, Default)]
pub(super) struct Admission {
    links: AtomicUsize,
    /// How many of them have no session yet.
    greeting: AtomicUsize,
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
    host: Arc<Account>,
    /// The place among the links of the host.
    _of_host: Held,
    is_greeting: bool,
}

/// There is no place left for a link, for this reason.
#[derive(Debug)]
pub(super) struct Full(pub(super) &'static str);

impl Admission {
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

    /// A permit for a link from `host`, or the reason why there is none.
    pub(super) fn permit(
        self: &Arc<Admission>,
        host: &Arc<Account>,
        limits: &Limits,
    ) -> Result<Permit, Full> {
        let of_host = Held::take(host, |host| &host.links, 1, limits.links_per_host)
            .ok_or(Full("too many connections from your address; close one, then try again"))?;
        // From here on, dropping the permit gives back what was taken.
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let permit = Permit {
            admission: self.clone(),
            number,
            host: host.clone(),
            _of_host: of_host,
            is_greeting: true,
        };
        let greeting = self.greeting.fetch_add(1, Ordering::AcqRel);
        if self.links.fetch_add(1, Ordering::AcqRel) >= limits.links {
            return Err(Full("too many connections to this server; try again later"));
        }
        if greeting >= limits.links_without_session {
            return Err(Full("too many people are about to enter this server; try again later"));
        }
        Ok(permit)
    }
}

impl Permit {
    /// The account of the host from which the link comes.
    pub(super) fn host(&self) -> &Arc<Account> {
        &self.host
    }

    /// The slot for the waker of the link's task while the link has no session.
    pub(super) fn pending(&self) -> Arc<AtomicWaker> {
        self.admission.pending.entry(self.number).or_default().clone()
    }

    /// The link has a session, through which its task is woken from now on.
    pub(super) fn has_session(&mut self) {
        self.admission.pending.remove(&self.number);
        if std::mem::take(&mut self.is_greeting) {
            self.admission.greeting.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.has_session();
        self.admission.links.fetch_sub(1, Ordering::AcqRel);
        self.admission.gone.wake();
    }
}
