//! Counts of the packets that crossed a link, at the sending and at the receiving end.

use std::{fmt, ops::AddAssign, time::Duration};

use crate::{
    direction::Direction,
    packet::Protocol,
    path::{DropReason, Fate},
};

/// The counts of a link since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// From the client to the server.
    pub up: Traffic,
    /// From the server to the client.
    pub down: Traffic,
    /// Packets that were not between client and server, and were dropped.
    pub stray: u64,
    /// Packets that the kernel dropped because the emulator did not take them in time. If this is not 0, the machine was
    /// too slow, and the link was worse than asked for.
    pub missed: u64,
}

/// The counts of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets that were sent.
    pub sent: Protocols,
    /// Packets that arrived, including copies.
    pub delivered: Protocols,
    /// Packets lost by chance.
    pub lost: u64,
    /// Packets sent in an outage.
    pub outage: u64,
    /// Packets for which the queue had no room.
    pub queue_full: u64,
    /// Packets that were longer than the MTU.
    pub too_long: u64,
    /// Packets for which the emulator had no room: more than 256 MiB were under way.
    pub overflowed: u64,
    /// Packets that arrived twice.
    pub duplicated: u64,
    /// Packets that were held back so that others overtake.
    pub reordered: u64,
    /// Packets with a flipped bit.
    pub corrupted: u64,
    /// What TCP connections did in this direction because of all that.
    pub tcp: TcpCounts,
}

/// What TCP did in one direction, over all connections. At most 4,096 connections are followed at a time; beyond that,
/// those that were silent longest are forgotten, and count as new when they go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpCounts {
    /// Segments with data that were sent. Pure acknowledgements, SYN, FIN, RST and keep-alives are not counted.
    pub segments: u64,
    /// Those of them that contain bytes which were sent before.
    pub retransmitted: u64,
    /// Bytes of data that were sent again.
    pub retransmitted_bytes: u64,
    /// How often and how long data waited for earlier data.
    pub stalls: Stalls,
}

/// Head-of-line blocking: data that arrived but could not be read, because earlier data had not arrived. A stall begins with
/// the first segment that has to wait, and ends when everything that arrived can be read. A stall that has not ended is not
/// counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stalls {
    /// The number of stalls.
    pub count: u64,
    /// Their total length.
    pub total: Duration,
    /// The length of the longest stall.
    pub longest: Duration,
}

impl Stalls {
    pub(crate) fn note(&mut self, took: Duration) {
        self.count += 1;
        self.total += took;
        self.longest = self.longest.max(took);
    }
}

/// Packets and their bytes, by protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Protocols {
    /// TCP, including acknowledgements and retransmissions.
    pub tcp: Volume,
    /// UDP, including every fragment of a fragmented datagram.
    pub udp: Volume,
    /// ICMP and ICMPv6.
    pub icmp: Volume,
    /// Everything else.
    pub other: Volume,
}

impl Protocols {
    /// The sum over all protocols.
    pub fn all(&self) -> Volume {
        let mut all = self.tcp;
        for one in [self.udp, self.icmp, self.other] {
            all += one;
        }
        all
    }

    pub(crate) fn add(&mut self, protocol: Protocol, bytes: usize) {
        let volume = match protocol {
            Protocol::Tcp => &mut self.tcp,
            Protocol::Udp => &mut self.udp,
            Protocol::Icmp => &mut self.icmp,
            Protocol::Other => &mut self.other,
        };
        *volume += Volume { packets: 1, bytes: bytes as u64 };
    }
}

/// A number of packets and of their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// IP packets.
    pub packets: u64,
    /// Their bytes, IP headers included.
    pub bytes: u64,
}

impl AddAssign for Volume {
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

impl Counts {
    /// The counts of one direction.
    pub fn of(&self, direction: Direction) -> &Traffic {
        match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        }
    }

    pub(crate) fn of_mut(&mut self, direction: Direction) -> &mut Traffic {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }
}

impl Traffic {
    pub(crate) fn note(&mut self, fate: &Fate) {
        match fate {
            Fate::Dropped(DropReason::TooLong) => self.too_long += 1,
            Fate::Dropped(DropReason::Outage) => self.outage += 1,
            Fate::Dropped(DropReason::QueueFull) => self.queue_full += 1,
            Fate::Dropped(DropReason::Lost) => self.lost += 1,
            Fate::Delivered { packet, copy, late } => {
                self.duplicated += u64::from(copy.is_some());
                self.reordered += u64::from(*late);
                self.corrupted += u64::from(packet.flip.is_some());
            }
        }
    }
}

impl fmt::Display for Counts {
    /// Prints a table, without a newline at its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, traffic) in [("up", &self.up), ("down", &self.down)] {
            let (sent, arrived) = (traffic.sent.all(), traffic.delivered.all());
            let sum = (sent.packets, sent.bytes, arrived.packets, arrived.bytes);
            writeln!(
                f,
                "{name:<5} sent {:>9} packets {:>12} B, arrived {:>9} packets {:>12} B",
                sum.0, sum.1, sum.2, sum.3
            )?;
            let Protocols { tcp, udp, icmp, other } = traffic.sent;
            for (name, volume) in [("TCP", tcp), ("UDP", udp), ("ICMP", icmp), ("other", other)] {
                if volume.packets > 0 {
                    writeln!(f, "      {name:<5}{:>8} packets {:>12} B", volume.packets, volume.bytes)?;
                }
            }
            let events = [
                ("lost", traffic.lost),
                ("in an outage", traffic.outage),
                ("queue full", traffic.queue_full),
                ("too long", traffic.too_long),
                ("no room", traffic.overflowed),
                ("doubled", traffic.duplicated),
                ("held back", traffic.reordered),
                ("corrupted", traffic.corrupted),
            ];
            let said: Vec<_> =
                events.iter().filter(|it| it.1 > 0).map(|(name, count)| format!("{name} {count}")).collect();
            if !said.is_empty() {
                writeln!(f, "      {}", said.join(", "))?;
            }
            let TcpCounts { segments, retransmitted, stalls, .. } = traffic.tcp;
            if retransmitted + stalls.count > 0 {
                writeln!(
                    f,
                    "      TCP sent {retransmitted} of {segments} segments again; data waited {} times for other data, at \
                     most {:.1?}, {:.1?} in all",
                    stalls.count, stalls.longest, stalls.total
                )?;
            }
        }
        write!(f, "stray {}, missed {}", self.stray, self.missed)
    }
}
