//! Reads a TCP segment from the headers of a packet.

use crate::{
    direction::Direction,
    packet::{Protocol, Shape},
};

/// A TCP segment: its connection, and the sequence numbers that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub flow: Flow,
    pub direction: Direction,
    /// The sequence number of its first byte, or of its SYN.
    pub number: u32,
    /// The number of bytes of data.
    pub payload: u32,
    pub syn: bool,
    pub fin: bool,
}

/// A connection. There are only two hosts, so the IP version and the ports identify it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Flow {
    v6: bool,
    client: u16,
    server: u16,
}

impl Segment {
    /// The segment in a packet; `None` if the packet is not a whole TCP segment.
    pub fn of(packet: &[u8], shape: Shape) -> Option<Self> {
        if shape.protocol != Protocol::Tcp {
            return None;
        }
        let v6 = shape.is_v6();
        // The end of the packet by its IP header. No fragment of a segment contains all of it.
        let end = if v6 {
            shape.header + usize::from(word(packet, 4)?)
        } else if word(packet, 6)? & 0x3fff == 0 {
            usize::from(word(packet, 2)?)
        } else {
            return None;
        };
        let tcp = packet.get(shape.header..end)?;
        let [from, to] = [word(tcp, 0)?, word(tcp, 2)?];
        let (client, server) = if shape.direction == Direction::Up { (from, to) } else { (to, from) };
        let number = u32::from(word(tcp, 4)?) << 16 | u32::from(word(tcp, 6)?);
        let [length, flags] = [*tcp.get(12)?, *tcp.get(13)?];
        let payload = tcp.len().checked_sub(4 * usize::from(length >> 4))? as u32;
        let (syn, fin) = (flags & SYN != 0, flags & FIN != 0);
        let flow = Flow { v6, client, server };
        Some(Self { flow, direction: shape.direction, number, payload, syn, fin })
    }

    /// How many sequence numbers the segment takes: SYN and FIN take one each. A pure acknowledgement takes none, and neither
    /// does a keep-alive of Linux.
    pub fn length(&self) -> u32 {
        u32::from(self.syn) + self.payload + u32::from(self.fin)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

const FIN: u8 = 1;
const SYN: u8 = 2;
