//! IP packets: their direction, and the exchange of their addresses that keeps every checksum valid.
//!
//! Both ends are the same kernel. So each end has an address of its own, and knows the other end by an address that no
//! interface has. A packet between the two addresses of one end becomes a packet between the two addresses of the other
//! end. Checksums are sums of 16-bit words; the four addresses are chosen so that both pairs have the same sum, so no
//! checksum has to be recomputed.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::direction::Direction;

/// The client's own address.
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
/// The address by which the client knows the server.
pub(crate) const SERVER_SEEN: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
/// The server's own address.
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 2);
/// The address by which the server knows the client: 10.8 + 10.8 + 2 + 3 is 10.9 + 10.9 + 1 + 2, in words of 16 bits.
pub(crate) const CLIENT_SEEN: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 3);

/// The same addresses for IPv6.
pub(crate) const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 1);
pub(crate) const SERVER_SEEN_V6: Ipv6Addr = Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 2);
pub(crate) const SERVER_V6: Ipv6Addr = Ipv6Addr::new(0xfd08, 0, 0, 0, 0, 0, 0, 2);
pub(crate) const CLIENT_SEEN_V6: Ipv6Addr = Ipv6Addr::new(0xfd08, 0, 0, 0, 0, 0, 0, 3);

/// The protocol of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
    Icmp,
    Other,
}

/// The properties of a packet that the emulator needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub direction: Direction,
    pub protocol: Protocol,
    /// The length of its IP header.
    pub header: usize,
    version: Version,
}

impl Shape {
    pub fn is_v6(&self) -> bool {
        self.version == Version::V6
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V4,
    V6,
}

impl Version {
    /// The offset of the two addresses, and the length of each.
    fn addresses(self) -> (usize, usize) {
        match self {
            Self::V4 => (12, 4),
            Self::V6 => (8, 16),
        }
    }

    /// The source and destination addresses of a packet when it is sent.
    fn sent(self, direction: Direction) -> (&'static [u8], &'static [u8]) {
        match (self, direction) {
            (Self::V4, Direction::Up) => (&const { CLIENT.octets() }, &const { SERVER_SEEN.octets() }),
            (Self::V4, Direction::Down) => (&const { SERVER.octets() }, &const { CLIENT_SEEN.octets() }),
            (Self::V6, Direction::Up) => (&const { CLIENT_V6.octets() }, &const { SERVER_SEEN_V6.octets() }),
            (Self::V6, Direction::Down) => {
                (&const { SERVER_V6.octets() }, &const { CLIENT_SEEN_V6.octets() })
            }
        }
    }

    /// The source and destination addresses of a packet when it arrives. An answer to it is sent between the same two.
    fn arriving(self, direction: Direction) -> (&'static [u8], &'static [u8]) {
        let (own, other) = self.sent(!direction);
        (other, own)
    }

    fn are(self, packet: &[u8], (from, to): (&[u8], &[u8])) -> bool {
        let (start, length) = self.addresses();
        let addresses = packet.get(start..start + 2 * length);
        addresses.is_some_and(|it| it[length..] == *to && it[..length] == *from)
    }

    fn set(self, packet: &mut [u8], (from, to): (&[u8], &[u8])) {
        let (start, length) = self.addresses();
        packet[start..start + length].copy_from_slice(from);
        packet[start + length..start + 2 * length].copy_from_slice(to);
    }
}

/// The properties of a packet; `None` if the packet is not between client and server.
pub(crate) fn shape(packet: &[u8]) -> Option<Shape> {
    let (version, header, next) = outline(packet)?;
    let goes = |it: &Direction| version.are(packet, version.sent(*it));
    let direction = [Direction::Up, Direction::Down].into_iter().find(goes)?;
    let protocol = match (version, next) {
        (_, 6) => Protocol::Tcp,
        (_, 17) => Protocol::Udp,
        (Version::V4, 1) | (Version::V6, 58) => Protocol::Icmp,
        _ => Protocol::Other,
    };
    Some(Shape { direction, protocol, header, version })
}

/// IP version, length of the header and protocol number; `None` if the header is incomplete.
fn outline(packet: &[u8]) -> Option<(Version, usize, u8)> {
    match packet.first()? >> 4 {
        4 => {
            let header = 4 * usize::from(packet[0] & 0xf);
            (header >= 20 && packet.len() >= header).then(|| (Version::V4, header, packet[9]))
        }
        6 => (packet.len() >= 40).then(|| (Version::V6, 40, packet[6])),
        _ => None,
    }
}

/// Replaces the addresses of a packet by those of the other end, also in the packet that an ICMP error quotes.
pub(crate) fn readdress(packet: &mut [u8], shape: Shape) {
    let Shape { version, direction, header, .. } = shape;
    version.set(packet, version.arriving(direction));
    let error = shape.protocol == Protocol::Icmp && quotes(version, packet.get(header).copied());
    if error && let Some(quoted) = packet.get_mut(header + 8..) {
        // The quoted packet had arrived from the other direction. It gets back the addresses with which it was sent.
        if version.are(quoted, version.arriving(!direction)) {
            version.set(quoted, version.sent(!direction));
        }
    }
}

/// Whether this type of ICMP message is an error, which quotes another packet.
fn quotes(version: Version, kind: Option<u8>) -> bool {
    match version {
        Version::V4 => matches!(kind, Some(3 | 11 | 12)),
        Version::V6 => matches!(kind, Some(1..=4)),
    }
}

/// Flips one bit behind the IP header; `draw` selects it.
pub(crate) fn flip(packet: &mut [u8], header: usize, draw: u64) {
    let bits = 8 * (packet.len() - header) as u64;
    if bits > 0 {
        let bit = (draw % bits) as usize;
        packet[header + bit / 8] ^= 1 << (bit % 8);
    }
}

/// The ICMP error that a router sends for a packet that is too long: `fragmentation needed`, or `packet too big`.
pub(crate) fn too_long(packet: &[u8], shape: Shape, mtu: u16) -> Vec<u8> {
    match shape.version {
        Version::V4 => {
            let quoted = &packet[..packet.len().min(shape.header + 8)];
            let mut answer = vec![0; 28];
            answer[0] = 0x45;
            answer[2..4].copy_from_slice(&((28 + quoted.len()) as u16).to_be_bytes());
            (answer[8], answer[9]) = (64, 1);
            answer[12..16].copy_from_slice(&packet[16..20]);
            answer[16..20].copy_from_slice(&packet[12..16]);
            let sum = checksum(&[&answer[..20]]);
            answer[10..12].copy_from_slice(&sum);
            (answer[20], answer[21]) = (3, 4);
            answer[26..28].copy_from_slice(&mtu.to_be_bytes());
            answer.extend_from_slice(quoted);
            let sum = checksum(&[&answer[20..]]);
            answer[22..24].copy_from_slice(&sum);
            answer
        }
        Version::V6 => {
            let quoted = &packet[..packet.len().min(1280 - 48)];
            let mut answer = vec![0; 48];
            answer[0] = 0x60;
            answer[4..6].copy_from_slice(&((8 + quoted.len()) as u16).to_be_bytes());
            (answer[6], answer[7]) = (58, 64);
            answer[8..24].copy_from_slice(&packet[24..40]);
            answer[24..40].copy_from_slice(&packet[8..24]);
            answer[40] = 2;
            answer[44..48].copy_from_slice(&u32::from(mtu).to_be_bytes());
            answer.extend_from_slice(quoted);
            let length = (answer.len() - 40) as u32;
            let sum = checksum(&[&answer[8..40], &length.to_be_bytes(), &[0, 0, 0, 58], &answer[40..]]);
            answer[42..44].copy_from_slice(&sum);
            answer
        }
    }
}

/// The Internet checksum (RFC 1071) over several parts, all of which but the last have an even length.
fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u32 =
        words.map(|word| u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or(0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}
