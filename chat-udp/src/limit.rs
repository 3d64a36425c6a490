//! How often senders that have not proved their address are answered. The table has a fixed size.

use std::{
    hash::{Hash, Hasher},
    net::IpAddr,
    time::Instant,
};

use chat_core::{Bucket, Rate};
use siphasher::sip::SipHasher24;

/// Token buckets for hosts, and one for all of them together. Hosts whose hashes collide share a bucket; the hash is keyed,
/// so a sender cannot choose with whom.
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

    /// Whether `host` may get one more answer. Loopback is exempt: no other machine can send from those addresses.
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

/// The answers for one host. After a restart all its links (64 unless told otherwise) come back at once, and some have to
/// ask twice.
const PER_HOST: Rate = Rate { burst: 128, per_minute: 20 * 60 };

/// The answers for all hosts together.
const IN_ALL: Rate = Rate { burst: 1000, per_minute: 1000 * 60 };

/// Buckets for hosts: enough that the hosts answered in one second (1,000 at most) seldom share one.
const PLACES: usize = 16 * 1024;

#[cfg(test)]
mod tests;
