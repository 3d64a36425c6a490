//! The proof that somebody gets what is sent to an address: a keyed hash of it, which needs no memory per address.

use std::{
    hash::Hasher,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use data_encoding::BASE64URL_NOPAD;
use siphasher::sip::SipHasher24;

/// Makes cookies and knows its own again.
#[derive(Debug)]
pub(crate) struct Cookies {
    secret: Secret,
    /// The one before; cookies made with it are still good.
    previous: Option<Secret>,
    since: Instant,
}

impl Cookies {
    pub(crate) fn new(now: Instant, secret: u128) -> Cookies {
        Cookies { secret: Secret(secret), previous: None, since: now }
    }

    /// Replaces the secret if it is old. To be called before a cookie is made or looked at.
    pub(crate) fn rotate(&mut self, now: Instant, random: impl FnOnce() -> u128) {
        let age = now.saturating_duration_since(self.since);
        if age < ROTATION {
            return;
        }
        let secret = std::mem::replace(&mut self.secret, Secret(random()));
        self.previous = (age < 2 * ROTATION).then_some(secret);
        self.since = now;
    }

    /// The cookie of `address`: 11 characters of base64url.
    pub(crate) fn of(&self, address: SocketAddr) -> String {
        self.secret.cookie(address)
    }

    /// Whether `cookie` was made for `address`, and not too long ago.
    pub(crate) fn is_good(&self, cookie: &str, address: SocketAddr) -> bool {
        let previous = self.previous.as_ref().is_some_and(|it| it.cookie(address) == cookie);
        self.secret.cookie(address) == cookie || previous
    }
}

struct Secret(u128);

impl Secret {
    fn cookie(&self, address: SocketAddr) -> String {
        let mut hasher = SipHasher24::new_with_key(&self.0.to_be_bytes());
        match address.ip() {
            IpAddr::V4(ip) => hasher.write(&ip.octets()),
            IpAddr::V6(ip) => hasher.write(&ip.octets()),
        }
        hasher.write(&address.port().to_be_bytes());
        BASE64URL_NOPAD.encode(&hasher.finish().to_be_bytes())
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
