//! The network interfaces of this machine, and the addresses that belong to their networks.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
};

use if_addrs::IfAddr;

/// One address of an interface that is up. An interface with several addresses is listed several times.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Interface {
    /// Its name, such as `eth0`.
    pub name: String,
    /// The address of this machine on it.
    pub ip: IpAddr,
    /// The number of leading bits that all addresses of its network share.
    pub prefix: u8,
}

/// The interfaces that are up.
///
/// # Errors
/// When the system does not list them.
pub fn list() -> io::Result<Vec<Interface>> {
    let up = if_addrs::get_if_addrs()?.into_iter().filter(|it| it.is_oper_up());
    Ok(up
        .map(|it| match it.addr {
            IfAddr::V4(v4) => Interface { name: it.name, ip: v4.ip.into(), prefix: v4.prefixlen },
            IfAddr::V6(v6) => Interface { name: it.name, ip: v6.ip.into(), prefix: v6.prefixlen },
        })
        .collect())
}

impl Interface {
    /// Whether `ip` is in the network of this interface.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.ip, ip) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits() ^ other.to_bits()) & self.mask_v4() == 0,
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128_u32.saturating_sub(self.prefix.into());
                (own.to_bits() ^ other.to_bits()).checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }

    /// The broadcast address of its network; `None` for IPv6, and for networks of one or two addresses.
    pub fn broadcast(&self) -> Option<Ipv4Addr> {
        match self.ip {
            IpAddr::V4(ip) if self.prefix < 31 => Some(Ipv4Addr::from_bits(ip.to_bits() | !self.mask_v4())),
            _ => None,
        }
    }

    fn mask_v4(&self) -> u32 {
        u32::MAX.checked_shl(32_u32.saturating_sub(self.prefix.into())).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(ip: &str, prefix: u8) -> Interface {
        Interface { name: "eth0".to_owned(), ip: ip.parse().unwrap(), prefix }
    }

    #[test]
    fn a_network_has_its_addresses_and_a_broadcast_address() {
        let lan = interface("192.168.1.7", 24);
        assert!(lan.contains("192.168.1.255".parse().unwrap()));
        assert!(!lan.contains("192.168.2.7".parse().unwrap()) && !lan.contains("::1".parse().unwrap()));
        assert_eq!(lan.broadcast(), Some(Ipv4Addr::new(192, 168, 1, 255)));
        assert_eq!(interface("127.0.0.1", 8).broadcast(), Some(Ipv4Addr::new(127, 255, 255, 255)));
        assert_eq!(interface("10.0.0.1", 31).broadcast(), None);
        assert!(interface("10.0.0.1", 0).contains("192.168.2.7".parse().unwrap()));
        let v6 = interface("fd00::1", 64);
        assert!(v6.contains("fd00::2".parse().unwrap()) && !v6.contains("fd00:0:0:1::2".parse().unwrap()));
        assert!(interface("fd00::1", 0).contains("fe80::1".parse().unwrap()));
        assert_eq!(v6.broadcast(), None);
    }

    #[test]
    fn this_machine_has_a_loopback_interface() {
        assert!(list().unwrap().iter().any(|it| it.ip.is_loopback()));
    }
}
