//! How many handshakes are under way, of one host and in all, and how many a host may begin (protocol 19.12, 19.21).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chat_core::transport::Peer;

/// Counts the unfinished handshakes.
#[derive(Debug, Default)]
pub(crate) struct Admission(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    of_host: HashMap<String, usize>,
    /// When the bucket of a host that has begun handshakes of late is full again.
    full_at: HashMap<String, Instant>,
}

/// The permit of one handshake. Dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    /// The host it is counted for; this machine has no limit of its own.
    host: Option<String>,
}

impl Admission {
    /// A permit for a handshake with `peer`, if there is a place left.
    pub(crate) fn permit(self: &Arc<Admission>, peer: &Peer) -> Option<Permit> {
        let mut counts = self.counts();
        if counts.all >= IN_ALL {
            return None;
        }
        let host = (!peer.local).then(|| peer.host.clone());
        if let Some(host) = &host {
            let of_host = counts.of_host.entry(host.clone()).or_default();
            if *of_host >= OF_HOST {
                return None;
            }
            *of_host += 1;
        }
        counts.all += 1;
        Some(Permit { admission: self.clone(), host })
    }

    /// Takes a token out of the bucket of `host`; nothing if that is empty.
    fn charge(&self, host: &str, now: Instant) -> Option<()> {
        let mut counts = self.counts();
        if counts.full_at.len() >= HOSTS {
            counts.full_at.retain(|_, full_at| *full_at > now); // the others are full
        }
        let full_at = counts.full_at.get(host).map_or(now, |full_at| now.max(*full_at)) + PAUSE;
        if full_at > now + PAUSE * BURST {
            return None;
        }
        counts.full_at.insert(host.to_owned(), full_at);
        Some(())
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Whether the host may begin one more handshake now. This machine always may.
    pub(crate) fn charge(&self, now: Instant) -> bool {
        self.host.as_ref().is_none_or(|host| self.admission.charge(host, now).is_some())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.admission.counts();
        counts.all -= 1;
        let Some(host) = &self.host else { return };
        if let Some(of_host) = counts.of_host.get_mut(host) {
            *of_host -= 1;
            if *of_host == 0 {
                counts.of_host.remove(host);
            }
        }
    }
}

/// Unfinished handshakes of one host: an office behind one address comes back at once after a restart, and each takes a
/// round trip.
pub(crate) const OF_HOST: usize = 64;

/// Unfinished handshakes in all, some kilobytes each.
pub(crate) const IN_ALL: usize = 1000;

/// Each host may begin a handshake each 20 ms: half a millisecond of work, so that a host takes at most a fortieth of a
/// processor.
const PAUSE: Duration = Duration::from_millis(20);

/// Handshakes that a host may begin at once after a time without.
pub(crate) const BURST: u32 = 200;

/// After how many hosts those are forgotten that have begun none of late.
const HOSTS: usize = 1024;
