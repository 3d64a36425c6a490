//! Decides which addresses of a server are worth trying, and in which order (`docs/protocol.md`, 18.11 and 18.12).

use std::net::IpAddr;

use chat_core::{Address, HostPort};

use crate::interfaces::Interface;

/// The URLs that this machine may be able to reach, the best first.
pub(crate) fn in_order(known: &[KnownUrl], own: &[Interface]) -> Vec<Address> {
    let mut ranked: Vec<(Rank, Address)> =
        known.iter().filter_map(|known| Some((rank(known, own)?, known.url.clone()))).collect();
    let is_elsewhere = ranked.iter().any(|(rank, _)| !matches!(rank, Rank::SameMachine | Rank::Own));
    // An address that this machine has as well belongs, on another machine, to another network.
    ranked.retain(|(rank, _)| !(is_elsewhere && *rank == Rank::Own));
    ranked.sort_by_key(|(rank, url)| (*rank, url.to_string()));
    ranked.dedup();
    ranked.into_iter().map(|(_, url)| url).collect()
}

/// A URL that a server announced.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KnownUrl {
    pub(crate) url: Address,
    pub(crate) origin: Origin,
}

/// How an announcement came. Anybody on the network can announce anything, so it decides which URLs count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// As the answer to a probe, from this address.
    Answer(IpAddr),
    /// By mDNS, which does not say from where.
    Multicast,
}

impl Origin {
    /// Whether the server is certainly on this machine.
    fn is_loopback(self) -> bool {
        matches!(self, Origin::Answer(from) if from.is_loopback())
    }
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Rank {
    SameMachine,
    /// An address of this machine, which another machine may have as well.
    Own,
    V4,
    V6,
}

/// The rank of a URL; `None` if no server can be reached there, or who announced it has no business with that address.
fn rank(known: &KnownUrl, own: &[Interface]) -> Option<Rank> {
    let is_here = known.origin.is_loopback();
    let Some((ip, port)) = ip(&known.url) else { return is_here.then_some(Rank::SameMachine) };
    let is_broadcast = own.iter().any(|it| it.broadcast().is_some_and(|it| ip == it));
    if port == 0 || ip.is_unspecified() || ip.is_multicast() || is_broadcast {
        return None;
    }
    if ip.is_loopback() {
        return is_here.then_some(Rank::SameMachine);
    }
    let is_own = own.iter().any(|it| it.ip == ip);
    let is_link_local = matches!(ip, IpAddr::V6(it) if it.is_unicast_link_local());
    let counts = match known.origin {
        Origin::Answer(from) => ip == from || (is_here && is_own),
        Origin::Multicast => is_link_local || own.iter().any(|it| it.contains(ip)),
    };
    counts.then_some(match ip {
        _ if is_own => Rank::Own,
        IpAddr::V4(_) => Rank::V4,
        IpAddr::V6(_) => Rank::V6,
    })
}

/// The IP address and port of `url`; `None` if its host is not an IP address.
pub(crate) fn ip(url: &Address) -> Option<(IpAddr, u16)> {
    let HostPort { host, port } = HostPort::parse(url).ok()?;
    let bare = host.split_once('%').map_or(&*host, |(bare, _zone)| bare);
    Some((bare.parse().ok()?, port))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn own() -> Vec<Interface> {
        let all = [("lo", "127.0.0.1", 8), ("eth0", "192.168.1.7", 24), ("docker0", "172.17.0.1", 16)];
        all.map(|(name, ip, prefix)| Interface { name: name.to_owned(), ip: ip.parse().unwrap(), prefix })
            .to_vec()
    }

    const LOOPBACK: Origin = Origin::Answer(IpAddr::V4(Ipv4Addr::LOCALHOST));

    fn ordered(urls: &[&str], origin: Origin) -> Vec<String> {
        let known: Vec<KnownUrl> =
            urls.iter().map(|it| KnownUrl { url: it.parse().unwrap(), origin }).collect();
        in_order(&known, &own()).iter().map(|it| it.to_string()).collect()
    }

    /// protocol 18.11
    #[test]
    fn near_addresses_come_first_and_shared_addresses_are_left_out() {
        let urls = ["tcp://[fe80::1%eth0]:7000", "tcp://172.17.0.1:7000", "tcp://192.168.1.9:7000"];
        assert_eq!(
            ordered(&urls, Origin::Multicast),
            ["tcp://192.168.1.9:7000", "tcp://[fe80::1%eth0]:7000"]
        );
        let here = ["tcp://192.168.1.7:7000", "tcp://172.17.0.1:7000"];
        assert_eq!(ordered(&here, Origin::Multicast), ["tcp://172.17.0.1:7000", "tcp://192.168.1.7:7000"]);
        let both = ["udp://192.168.1.7:7000", "tcp://127.0.0.1:7000", "unix:///run/chat"];
        assert_eq!(
            ordered(&both, LOOPBACK),
            ["tcp://127.0.0.1:7000", "unix:///run/chat", "udp://192.168.1.7:7000"]
        );
    }

    /// protocol 18.11: who answers a probe speaks for its own address alone, and an announcement for networks of ours.
    #[test]
    fn other_machines_are_not_dialled_because_somebody_says_so() {
        let urls =
            ["tcp://192.168.1.3:9100", "tcp://192.168.1.9:7000", "tcp://10.9.9.9:22", "tcp://192.168.1.7:25"];
        let from = Origin::Answer("192.168.1.9".parse().unwrap());
        assert_eq!(ordered(&urls, from), ["tcp://192.168.1.9:7000"]);
        assert_eq!(ordered(&urls[2..], Origin::Multicast), ["tcp://192.168.1.7:25"]);
        assert_eq!(ordered(&urls, LOOPBACK), ["tcp://192.168.1.7:25"]);
    }

    /// protocol 18.11, protocol 18.12
    #[test]
    fn addresses_that_cannot_be_reached_are_left_out() {
        let urls = [
            "tcp://0.0.0.0:7000",
            "tcp://127.0.0.1:7000",
            "tcp://[::1]:7000",
            "tcp://224.0.0.251:7000",
            "tcp://192.168.1.255:7000",
            "tcp://192.168.1.9:0",
            "unix:///run/chat",
            "tcp://example.org:7000",
        ];
        assert_eq!(ordered(&urls, Origin::Multicast), [""; 0]);
    }
}
