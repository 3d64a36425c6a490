//! Which addresses are one host, and how much of the limits a host gets.

use std::net::IpAddr;

use crate::{
    Rate,
    server::limits::{Kind, Limits},
    transport::one_host,
};

/// A host: an IPv4 address, a /64 of IPv6, in which one machine has as many addresses as it likes, or another name that a
/// transport gives.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum HostKey {
    Ip(IpAddr),
    Other(String),
}

/// How much of the limits for a host one gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scale {
    /// This machine: no limits but those on passwords and refusals.
    Exempt,
    /// An ordinary host.
    Once,
    /// An address that the operator says many people share.
    Shared,
}

impl HostKey {
    /// The host with this address.
    pub(crate) fn of(host: &str) -> HostKey {
        // Without the zone of a link-local address.
        let address = host.split('%').next().unwrap_or(host);
        match address.parse::<IpAddr>() {
            Ok(address) => HostKey::Ip(one_host(address)),
            Err(_) => HostKey::Other(host.to_owned()),
        }
    }
}

impl Scale {
    /// How much this host gets.
    pub(crate) fn of(host: &HostKey, local: bool, limits: &Limits) -> Scale {
        match host {
            _ if local => Scale::Exempt,
            HostKey::Ip(address) if limits.shared_networks.iter().any(|network| network.has(*address)) => {
                Scale::Shared
            }
            _ => Scale::Once,
        }
    }

    /// The rate for a host that gets so much.
    pub(crate) fn rate(self, rate: Option<Rate>, kind: Kind) -> Option<Rate> {
        match self {
            Scale::Exempt if matches!(kind, Kind::Passwords | Kind::Refusals) => rate,
            Scale::Exempt => None,
            Scale::Once => rate,
            Scale::Shared => rate.map(|rate| rate.times(SHARED)),
        }
    }

    /// How many of something a host may hold that gets so much.
    pub(crate) fn most(self, most: usize) -> usize {
        match self {
            Scale::Exempt => usize::MAX,
            Scale::Once => most,
            Scale::Shared => most.saturating_mul(SHARED as usize),
        }
    }
}

/// How many hosts a shared address counts as: an office of five hundred people, if thirty are one host.
const SHARED: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ipv4_is_a_host_and_a_64_of_ipv6_is_one() {
        let same = |a, b| HostKey::of(a) == HostKey::of(b);
        assert!(same("192.0.2.1", "192.0.2.1") && !same("192.0.2.1", "192.0.2.2"));
        assert!(same("192.0.2.1", "::ffff:192.0.2.1") && same("192.0.2.1", "::ffff:c000:201"));
        assert!(
            same("2001:db8:0:1::1", "2001:db8:0:1:ffff::2") && !same("2001:db8:0:1::1", "2001:db8:0:2::1")
        );
        assert!(same("fe80::1", "fe80::2%eth0"));
        assert!(!same("a pipe", "another pipe"));
    }
}
