//! Cookies: the proof that a client receives what is sent to its address. A cookie is a keyed hash of the address, so the
//! server stores nothing for an address that has not proved itself.

use std::{
    hash::Hasher,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use siphasher::sip::SipHasher24;

/// Makes cookies, and recognises them.
#[derive(Debug)]
pub(crate) struct Cookies {
    secret: Secret,
    /// The secret before; cookies made with it are still good.
    previous: Option<Secret>,
    since: Instant,
}

impl Cookies {
    pub(crate) fn new(now: Instant, secret: u128) -> Cookies {
        Cookies { secret: Secret(secret), previous: None, since: now }
    }

    /// Replaces the secret if it is old; called before a cookie is made or checked.
    pub(crate) fn rotate(&mut self, now: Instant, random: impl FnOnce() -> u128) {
        let age = now.saturating_duration_since(self.since);
        if age < ROTATION {
            return;
        }
        let secret = std::mem::replace(&mut self.secret, Secret(random()));
        self.previous = (age < 2 * ROTATION).then_some(secret);
        self.since = now;
    }

    /// The cookie of `address`.
    pub(crate) fn of(&self, address: SocketAddr) -> u64 {
        self.secret.cookie(address)
    }

    /// Whether `cookie` was made for `address`, and not too long ago.
    pub(crate) fn is_good(&self, cookie: u64, address: SocketAddr) -> bool {
        let previous = self.previous.as_ref().is_some_and(|secret| secret.cookie(address) == cookie);
        self.secret.cookie(address) == cookie || previous
    }
}

struct Secret(u128);

impl Secret {
    fn cookie(&self, address: SocketAddr) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.0.to_be_bytes());
        match address.ip() {
            IpAddr::V4(ip) => hasher.write(&ip.octets()),
            IpAddr::V6(ip) => hasher.write(&ip.octets()),
        }
        hasher.write(&address.port().to_be_bytes());
        hasher.finish()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How long a secret makes cookies, and how much longer they are good.
const ROTATION: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
