//! What crossed the link, counted where it is sent and where it arrives.

use std::{fmt, ops::AddAssign, time::Duration};

use crate::{Direction, Fate, Why, packet::Protocol};

/// What crossed a link since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// From the client to the server.
    pub up: Traffic,
    /// From the server to the client.
    pub down: Traffic,
    /// Packets that were none of client or server for the other, and went nowhere.
    pub stray: u64,
    /// Packets that the kernel threw away because the emulator did not take them in time. Where this is not 0, the
    /// machine was too slow for what was sent, and the link was worse than asked.
    pub missed: u64,
}

/// One direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// What was sent.
    pub sent: Protocols,
    /// What arrived, copies included.
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
    /// What the connections of TCP that send this way had to do about all that.
    pub tcp: TcpCounts,
}

/// What TCP does in one direction, over all connections. Of more than 4,096 at a time, those that were silent longest are
/// followed as if they began anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpCounts {
    /// Segments with data that were sent: not acknowledgements alone, SYN, FIN, RST and keep-alives.
    pub segments: u64,
    /// Those of them with bytes that were sent before.
    pub retransmitted: u64,
    /// How many bytes of data were sent again.
    pub retransmitted_bytes: u64,
    /// How often and how long data waited for other data.
    pub stalls: Stalls,
}

/// Head-of-line blocking: data that arrived but could not be read, because something before it had not arrived. A stall
/// begins with the first segment that has to wait, and ends when all that arrived can be read. One that has not ended is
/// not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stalls {
    /// How many.
    pub count: u64,
    /// How long all of them took, added up.
    pub total: Duration,
    /// How long the longest took.
    pub longest: Duration,
}

impl Stalls {
    pub(crate) fn note(&mut self, took: Duration) {
        self.count += 1;
        self.total += took;
        self.longest = self.longest.max(took);
    }
}

/// Packets and their bytes, by what they carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Protocols {
    /// TCP: acknowledgements and what is sent again included.
    pub tcp: Volume,
    /// UDP; of a datagram in fragments, all of them.
    pub udp: Volume,
    /// ICMP and ICMPv6.
    pub icmp: Volume,
    /// Everything else.
    pub other: Volume,
}

impl Protocols {
    /// All together.
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

/// How much.
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
    /// Of one direction.
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
            Fate::Dropped(Why::TooLong) => self.too_long += 1,
            Fate::Dropped(Why::Outage) => self.outage += 1,
            Fate::Dropped(Why::QueueFull) => self.queue_full += 1,
            Fate::Dropped(Why::Lost) => self.lost += 1,
            Fate::Delivered { packet, copy, late } => {
                self.duplicated += u64::from(copy.is_some());
                self.reordered += u64::from(*late);
                self.corrupted += u64::from(packet.flip.is_some());
            }
        }
    }
}

impl fmt::Display for Counts {
    /// A table for people, without a newline at its end.
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
