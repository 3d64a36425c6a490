//! How often addresses that have not proved themselves are answered: a table of fixed size, whoever asks.

use std::{
    hash::{Hash, Hasher},
    net::IpAddr,
    time::Instant,
};

use chat_core::{Bucket, Rate};
use siphasher::sip::SipHasher24;

/// Token buckets for hosts, and one for all of them together. Hosts that share a place share its bucket; which do
/// nobody outside can know.
pub(crate) struct Limit {
    secret: u128,
    hosts: Box<[Bucket]>,
    all: Bucket,
}

impl Limit {
    pub(crate) fn new(secret: u128) -> Limit {
        let hosts = vec![Bucket::new(Some(PER_HOST)); PLACES].into();
        Limit { secret, hosts, all: Bucket::new(Some(IN_ALL)) }
    }

    /// Whether `host` may get one more answer. Nobody else can write this machine's own addresses into a datagram.
    pub(crate) fn allows(&mut self, host: IpAddr, now: Instant) -> bool {
        host.is_loopback() || (self.bucket(host).take(now).is_ok() && self.all.take(now).is_ok())
    }

    fn bucket(&mut self, host: IpAddr) -> &mut Bucket {
        let mut hasher = SipHasher24::new_with_key(&self.secret.to_be_bytes());
        host.hash(&mut hasher);
        let place = hasher.finish() % PLACES as u64;
        &mut self.hosts[usize::try_from(place).expect("it is a place in the table")]
    }
}

impl std::fmt::Debug for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limit").field("all", &self.all).finish_non_exhaustive()
    }
}

/// What one host may get. All the links that may come from there (64 unless told otherwise) come back at once after a
/// restart, and some have to ask twice.
const PER_HOST: Rate = Rate { burst: 128, per_minute: 20 * 60 };

/// What all hosts together may get.
const IN_ALL: Rate = Rate { burst: 1000, per_minute: 1000 * 60 };

/// With as many, those who are answered in any one second (1,000 at most) seldom share.
const PLACES: usize = 16 * 1024;

#[cfg(test)]
mod tests;
