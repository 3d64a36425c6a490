//! How many handshakes are under way: of one host, and in all (protocol 19.12).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chat_core::transport::Peer;

/// Counts the unfinished handshakes.
#[derive(Debug, Default)]
pub(crate) struct Admission(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    of_host: HashMap<String, usize>,
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

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Admission handshakes of one host: an office behind one address comes back at once after a restart, and each takes a
/// round trip.
pub(crate) const OF_HOST: usize = 64;

/// Admission handshakes in all, some kilobytes each.
pub(crate) const IN_ALL: usize = 1000;
