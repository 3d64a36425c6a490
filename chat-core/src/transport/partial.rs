//! What links hold of frames that have begun and are not complete: so many bytes for one host, and so many in all.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Counts the bytes of unfinished frames, by link. A transport tells it what each of its links holds; `K` names a link,
/// and `T` is how the transport reaches one that holds too much.
#[derive(Debug)]
pub struct PartialFrames<K, T> {
    /// What the links of one host may hold.
    of_host: usize,
    /// What all links may hold.
    in_all: usize,
    held: Mutex<Held<K, T>>,
}

#[derive(Debug)]
struct Held<K, T> {
    links: HashMap<K, Link<T>>,
    hosts: HashMap<IpAddr, usize>,
    bytes: usize,
}

#[derive(Debug)]
struct Link<T> {
    host: IpAddr,
    bytes: usize,
    owner: T,
}

impl<K: Clone + Eq + Hash, T> Default for PartialFrames<K, T> {
    fn default() -> PartialFrames<K, T> {
        PartialFrames::new(PARTIAL_PER_HOST, PARTIAL_IN_ALL)
    }
}

impl<K: Clone + Eq + Hash, T> PartialFrames<K, T> {
    /// Bounds of so many bytes for one host and in all.
    pub fn new(of_host: usize, in_all: usize) -> PartialFrames<K, T> {
        let held = Held { links: HashMap::new(), hosts: HashMap::new(), bytes: 0 };
        PartialFrames { of_host, in_all, held: Mutex::new(held) }
    }

    /// Takes note that a link from `host` now holds so many bytes. Returns the links that have to let go of what they
    /// hold: those with the most bytes of a host that is over its bound, or of all. They count no more.
    ///
    /// This machine is bounded only together with all others.
    pub fn hold(&self, link: K, host: IpAddr, bytes: usize, owner: T) -> Vec<T> {
        let mut held = self.held();
        let host = one_host(host);
        held.remove(&link);
        held.links.insert(link, Link { host, bytes, owner });
        held.bytes += bytes;
        let of_host = held.hosts.entry(host).or_default();
        *of_host += bytes;
        let mut over = Vec::new();
        if *of_host > self.of_host && !host.is_loopback() {
            over.extend(held.remove_largest(|link| link.host == host));
        }
        if held.bytes > self.in_all {
            over.extend(held.remove_largest(|_| true));
        }
        over
    }

    /// Takes note that a link holds nothing any more.
    pub fn release(&self, link: &K) {
        self.held().remove(link);
    }

    /// The bytes that all links hold.
    pub fn bytes(&self) -> usize {
        self.held().bytes
    }

    fn held(&self) -> MutexGuard<'_, Held<K, T>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash, T> Held<K, T> {
    fn remove(&mut self, link: &K) -> Option<T> {
        let Link { host, bytes, owner } = self.links.remove(link)?;
        self.bytes -= bytes;
        if let Some(of_host) = self.hosts.get_mut(&host) {
            *of_host -= bytes;
            if *of_host == 0 {
                self.hosts.remove(&host);
            }
        }
        Some(owner)
    }

    fn remove_largest(&mut self, is_asked: impl Fn(&Link<T>) -> bool) -> Option<T> {
        let asked = self.links.iter().filter(|(_, link)| is_asked(link));
        let largest = asked.max_by_key(|(_, link)| link.bytes)?.0.clone();
        self.remove(&largest)
    }
}

/// The host with this address: one of IPv4, or a /64 of IPv6, in which one machine has as many addresses as it likes.
pub fn one_host(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64))
        }
        other => other,
    }
}

/// Bytes of unfinished frames that the links of one host may hold: sixteen of the largest, or a few bytes for each link.
const PARTIAL_PER_HOST: usize = 1024 * 1024;
/// Bytes of unfinished frames that all links may hold.
const PARTIAL_IN_ALL: usize = 32 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn host(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    #[test]
    fn the_link_that_holds_most_of_its_host_lets_go_and_others_do_not() {
        let frames = PartialFrames::new(100, 1000);
        assert!(frames.hold(1, host(1), 60, "largest of host 1").is_empty());
        assert!(frames.hold(2, host(1), 40, "other").is_empty());
        assert!(frames.hold(3, host(2), 90, "largest of all").is_empty());
        assert_eq!(frames.hold(2, host(1), 41, "other"), ["largest of host 1"]);
        assert_eq!(frames.bytes(), 131);
        assert_eq!(frames.hold(2, host(1), 101, "other"), ["other"], "also if it is the one that grew");
        frames.release(&3);
        frames.release(&3);
        assert_eq!(frames.bytes(), 0);
        assert!(frames.held().hosts.is_empty(), "nothing is kept of hosts that hold nothing");
    }

    #[test]
    fn all_hosts_together_are_bounded_and_this_machine_alone_is_not() {
        let frames = PartialFrames::new(100, 1000);
        assert!(frames.hold(0, IpAddr::from([127, 0, 0, 1]), 700, "this machine").is_empty());
        for n in 1..4 {
            assert!(frames.hold(n, host(n), 100, "another").is_empty());
        }
        assert_eq!(frames.hold(4, host(4), 1, "another"), ["this machine"]);
    }

    #[test]
    fn a_64_of_ipv6_is_one_host() {
        let of = |address: &str| one_host(address.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), host(1));
        assert!(of("::1").is_loopback());
    }
}
