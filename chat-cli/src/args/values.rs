//! Parsers for values that several commands take: the address of a server, and a range of sizes.

use std::{net::Ipv6Addr, ops::RangeInclusive};

use chat_core::{Address, AddressError};

/// Parses the address of a server; a host without a scheme, with or without a port, means TCP.
pub(crate) fn server(raw: &str) -> Result<Address, String> {
    if raw.contains("://") {
        return raw.parse().map_err(|why: AddressError| why.to_string());
    }
    let number = raw.strip_prefix(':').unwrap_or(raw);
    if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("there is no host; write it like 192.168.1.7:{number}")); // some resolvers read 7000 as 0.0.27.88
    }
    bare(raw).map_err(|why| why.to_string())
}

/// An address on TCP: a host, or a host with a port.
fn bare(raw: &str) -> Result<Address, AddressError> {
    let has_port = match raw.rsplit_once(':') {
        Some((host, _)) => !host.contains(':') || host.ends_with(']'),
        None => false,
    };
    if raw.parse::<Ipv6Addr>().is_ok() {
        Address::new("tcp", format_args!("[{raw}]:{PORT}"))
    } else if has_port || raw.is_empty() {
        Address::new("tcp", raw)
    } else {
        Address::new("tcp", format_args!("{raw}:{PORT}"))
    }
}

/// Reads a number of bytes, or a range of them such as `20..160`.
pub(super) fn size(raw: &str) -> Result<RangeInclusive<usize>, String> {
    let (least, most) = raw.split_once("..").unwrap_or((raw, raw));
    match (least.parse(), most.parse()) {
        (Ok(least), Ok(most)) => Ok(least..=most),
        _ => Err("not a number of bytes; write it like 200 or 20..160".to_owned()),
    }
}

/// The default port.
const PORT: u16 = 7000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_one_number_or_two() {
        assert_eq!(size("200"), Ok(200..=200));
        assert_eq!(size("20..160"), Ok(20..=160));
        assert!(["", "..", "20..", "20-160", "1 2", "-1"].iter().all(|it| size(it).is_err()));
    }
}
