//! A network as people write it: an address and the number of its leading bits that count.

use std::{fmt, net::IpAddr, str::FromStr};

/// A network of IPv4 or IPv6, such as `10.1.0.0/16`; an address alone is a network of one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network {
    /// Its first address.
    first: IpAddr,
    bits: u8,
}

/// A text is not a network.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotANetwork {
    /// There is no address before the `/`.
    #[error("not an address; write a network like 10.1.0.0/16 or 2001:db8::/32")]
    Address,
    /// The number after the `/` is none, or too large.
    #[error("after the / comes a number of bits: up to 32 for IPv4, up to 128 for IPv6")]
    Bits,
}

impl Network {
    /// Whether the address is one of the network's.
    pub fn has(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
            (_, address) => first(address, self.bits) == self.first,
        }
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Network, NotANetwork> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| NotANetwork::Address)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= most).ok_or(NotANetwork::Bits)?,
            None => most,
        };
        Ok(Network { first: first(address, bits), bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

/// The address with only its leading `bits`.
fn first(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            IpAddr::from((address.to_bits() & mask).to_be_bytes())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            IpAddr::from((address.to_bits() & mask).to_be_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_that_begin_like_it() {
        let has =
            |network: &str, address: &str| network.parse::<Network>().unwrap().has(address.parse().unwrap());
        assert!(has("10.1.0.0/16", "10.1.255.9") && !has("10.1.0.0/16", "10.2.0.1"));
        assert!(has("10.1.7.7/16", "10.1.0.1") && has("10.1.0.0/16", "::ffff:10.1.0.1"));
        assert!(has("192.0.2.7", "192.0.2.7") && !has("192.0.2.7", "192.0.2.8"));
        assert!(has("0.0.0.0/0", "203.0.113.9") && !has("0.0.0.0/0", "2001:db8::1"));
        assert!(has("2001:db8::/32", "2001:db8:ffff::1") && !has("2001:db8::/32", "2001:db9::1"));
        assert!(has("::/0", "2001:db8::1") && !has("::/0", "192.0.2.1"));
    }

    #[test]
    fn what_is_no_network_is_refused_in_words() {
        let why = |text: &str| text.parse::<Network>().unwrap_err();
        assert!(["", "office", "10.1.0.0.0/16", "/16"].iter().all(|text| why(text) == NotANetwork::Address));
        let bits = ["10.1.0.0/33", "10.1.0.0/", "10.1.0.0/-1", "2001:db8::/129", "10.1.0.0/16/2"];
        assert!(bits.iter().all(|text| why(text) == NotANetwork::Bits));
    }

    #[test]
    fn a_network_is_written_as_it_is_read() {
        assert_eq!("10.1.7.7/16".parse::<Network>().unwrap().to_string(), "10.1.0.0/16");
        assert_eq!("2001:db8::1".parse::<Network>().unwrap().to_string(), "2001:db8::1/128");
    }
}
