//! Admission: how many links there may be, in all and from one host, and which of a host's links gives way to a new one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::Waker,
};

use dashmap::DashMap;
use futures::task::AtomicWaker;

use super::{
    accounts::{Account, Held},
    limits::Limits,
    turns::HostId,
};

/// Counts links, and can wake those over which nothing was asked yet.
#[derive(Debug, Default)]
pub(super) struct Admission {
    links: AtomicUsize,
    /// How many of them have no session yet.
    greeting: AtomicUsize,
    /// The links over which nothing was asked yet, and those that are leaving, by the number of their permit.
    pending: DashMap<u64, Arc<Pending>>,
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
    /// Until something is asked over the link.
    pending: Option<Arc<Pending>>,
}

/// A link over which nothing was asked yet: it gives way to a newer one when its host has as many links as it may.
#[derive(Debug)]
struct Pending {
    waker: AtomicWaker,
    host: HostId,
    gives_way: AtomicBool,
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
            link.value().waker.wake();
        }
    }

    /// A permit for a link from `host`, or the reason why there is none.
    pub(super) fn permit(
        self: &Arc<Admission>,
        host: &Arc<Account>,
        limits: &Limits,
    ) -> Result<Permit, Full> {
        let take = |most| Held::take(host, |host| &host.links, 1, most);
        // No link gives way to one that is refused all the same.
        let is_full = self.links() >= limits.links
            || self.greeting.load(Ordering::Acquire) >= limits.links_without_session;
        let give_way = || !is_full && self.oldest_gives_way(host.host());
        let of_host = take(limits.links_per_host)
            // The link that gives way ends at its next turn, so that there is one too many for a moment.
            .or_else(|| give_way().then(|| take(usize::MAX)).flatten())
            .ok_or(Full("too many connections from your address; close one, then try again"))?;
        // From here on, dropping the permit gives back what was taken.
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut permit = Permit {
            admission: self.clone(),
            number,
            host: host.clone(),
            _of_host: of_host,
            is_greeting: true,
            pending: None,
        };
        permit.pend();
        let greeting = self.greeting.fetch_add(1, Ordering::AcqRel);
        if self.links.fetch_add(1, Ordering::AcqRel) >= limits.links {
            return Err(Full("too many connections to this server; try again later"));
        }
        if greeting >= limits.links_without_session {
            return Err(Full("too many people are about to enter this server; try again later"));
        }
        Ok(permit)
    }

    /// Has the oldest link of a host give way over which nothing was asked yet. Returns false if there is none.
    fn oldest_gives_way(&self, host: HostId) -> bool {
        let may = |link: &Pending| link.host == host && !link.gives_way.load(Ordering::Acquire);
        let oldest = self.pending.iter().filter(|link| may(link.value())).min_by_key(|link| *link.key());
        let Some(link) = oldest.map(|link| link.value().clone()) else { return false };
        link.gives_way.store(true, Ordering::Release);
        link.waker.wake();
        true
    }
}

impl Permit {
    /// The account of the host from which the link comes.
    pub(super) fn host(&self) -> &Arc<Account> {
        &self.host
    }

    /// Has `waker` woken when the link has to give way, and when the server stops; does nothing once something was asked.
    pub(super) fn register(&self, waker: &Waker) {
        if let Some(pending) = &self.pending {
            pending.waker.register(waker);
        }
    }

    /// Whether the link has to end in favour of a newer one of its host.
    pub(super) fn gives_way(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.gives_way.load(Ordering::Acquire))
    }

    /// The link has a session.
    pub(super) fn has_session(&mut self) {
        if std::mem::take(&mut self.is_greeting) {
            self.admission.greeting.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Something was asked over the link, whose task is woken through its session from now on.
    pub(super) fn is_used(&mut self) {
        if self.pending.take().is_some() {
            self.admission.pending.remove(&self.number);
        }
    }

    /// Counts the link among those over which nothing was asked, from its beginning on and again when it is leaving.
    pub(super) fn pend(&mut self) {
        let pending = || {
            let (waker, gives_way) = (AtomicWaker::new(), AtomicBool::new(false));
            let pending = Arc::new(Pending { waker, host: self.host.host(), gives_way });
            self.admission.pending.insert(self.number, pending.clone());
            pending
        };
        self.pending.get_or_insert_with(pending);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.has_session();
        self.is_used();
        self.admission.links.fetch_sub(1, Ordering::AcqRel);
        self.admission.gone.wake();
    }
}
