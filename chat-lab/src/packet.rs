//! IP packets: which way they go, and how their addresses are exchanged so that every checksum stays valid.
//!
//! Both ends are the same kernel, so each has an address of its own and knows the other by one that nobody has. A
//! packet between the two of one end becomes one between the two of the other end. Checksums are sums of 16-bit words;
//! the four addresses are chosen so that both pairs have the same sum, so none has to be made again.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::Direction;

/// The client's own address.
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
/// What the client knows the server by.
pub(crate) const SERVER_SEEN: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
/// The server's own address.
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 2);
/// What the server knows the client by: 10.8 + 10.8 + 2 + 3 is 10.9 + 10.9 + 1 + 2, in words of 16 bits.
pub(crate) const CLIENT_SEEN: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 3);

/// The same for IPv6.
pub(crate) const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 1);
pub(crate) const SERVER_SEEN_V6: Ipv6Addr = Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 2);
pub(crate) const SERVER_V6: Ipv6Addr = Ipv6Addr::new(0xfd08, 0, 0, 0, 0, 0, 0, 2);
pub(crate) const CLIENT_SEEN_V6: Ipv6Addr = Ipv6Addr::new(0xfd08, 0, 0, 0, 0, 0, 0, 3);

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
    Icmp,
    Other,
}

/// What there is to know of a packet.
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
    /// Where both addresses begin, and how long each is.
    fn addresses(self) -> (usize, usize) {
        match self {
            Self::V4 => (12, 4),
            Self::V6 => (8, 16),
        }
    }

    /// The addresses of a packet as it is sent: who sends it, and whom it is for.
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

    /// The same as it arrives: an answer to it is sent between the same two.
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

/// Looks at a packet; nothing if it is none of client or server for the other.
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

/// Version, length of the header, and what comes behind it, of a packet that has all of its header.
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

/// Gives a packet the addresses by which the other end knows both, and the same to the packet that an ICMP error quotes.
pub(crate) fn readdress(packet: &mut [u8], shape: Shape) {
    let Shape { version, direction, header, .. } = shape;
    version.set(packet, version.arriving(direction));
    let error = shape.protocol == Protocol::Icmp && quotes(version, packet.get(header).copied());
    if error && let Some(quoted) = packet.get_mut(header + 8..) {
        // What it quotes came the other way and has arrived. It becomes again what it was when it was sent.
        if version.are(quoted, version.arriving(!direction)) {
            version.set(quoted, version.sent(!direction));
        }
    }
}

/// Whether this type of ICMP message says what went wrong with another packet.
fn quotes(version: Version, kind: Option<u8>) -> bool {
    match version {
        Version::V4 => matches!(kind, Some(3 | 11 | 12)),
        Version::V6 => matches!(kind, Some(1..=4)),
    }
}

/// Flips one bit behind the IP header, which one says `draw`.
pub(crate) fn flip(packet: &mut [u8], header: usize, draw: u64) {
    let bits = 8 * (packet.len() - header) as u64;
    if bits > 0 {
        let bit = (draw % bits) as usize;
        packet[header + bit / 8] ^= 1 << (bit % 8);
    }
}

/// What a router tells the sender of a packet that is too long: ICMP's `fragmentation needed`, or `packet too big`.
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

/// The checksum of the internet (RFC 1071) over parts of which all but the last have an even length.
fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u32 =
        words.map(|word| u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or(0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}
