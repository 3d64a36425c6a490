//! Writes the packets of a link to a file for Wireshark: pcapng with one interface for each end.

use std::{
    io::{self, Write},
    time::Duration,
};

use crate::{direction::Direction, path::DropReason};

/// Writes pcapng (draft-ietf-opsawg-pcapng), in little endian and nanoseconds.
#[derive(Debug)]
pub(crate) struct Capture<W> {
    file: W,
    /// When the link began, since 1970.
    began: Duration,
}

/// The end at which a packet was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Sent(Direction, Option<DropReason>),
    Arrived(Direction),
}

impl<W: Write> Capture<W> {
    pub(crate) fn new(mut file: W, began: Duration) -> io::Result<Self> {
        let mut header = Vec::new();
        header.extend(0x1A2B_3C4D_u32.to_le_bytes());
        header.extend([1, 0, 0, 0]);
        header.extend(u64::MAX.to_le_bytes());
        write(&mut file, SECTION_HEADER, &header)?;
        for name in ["client", "server"] {
            let mut interface = Vec::new();
            interface.extend(LINKTYPE_RAW.to_le_bytes());
            interface.extend([0; 2 + 4]);
            option(&mut interface, IF_NAME, name.as_bytes());
            option(&mut interface, IF_TSRESOL, &[9]);
            option(&mut interface, END_OF_OPTIONS, &[]);
            write(&mut file, INTERFACE, &interface)?;
        }
        Ok(Self { file, began })
    }

    /// Adds a packet as seen at one end, at a time since the link began.
    pub(crate) fn packet(&mut self, at: Duration, seen: Seen, packet: &[u8]) -> io::Result<()> {
        let (at_server, outbound, why) = match seen {
            Seen::Sent(direction, why) => (direction == Direction::Down, true, why),
            Seen::Arrived(direction) => (direction == Direction::Up, false, None),
        };
        let nanos = (self.began + at).as_nanos();
        let length = (packet.len() as u32).to_le_bytes();
        let mut block = Vec::with_capacity(packet.len() + 64);
        block.extend(u32::from(at_server).to_le_bytes());
        block.extend(((nanos >> 32) as u32).to_le_bytes());
        block.extend((nanos as u32).to_le_bytes());
        block.extend(length);
        block.extend(length);
        block.extend(packet);
        pad(&mut block);
        if let Some(why) = why {
            option(&mut block, COMMENT, comment(why).as_bytes());
        }
        let flags: u32 = if outbound { 2 } else { 1 };
        option(&mut block, EPB_FLAGS, &flags.to_le_bytes());
        option(&mut block, END_OF_OPTIONS, &[]);
        write(&mut self.file, PACKET, &block)
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn comment(why: DropReason) -> &'static str {
    match why {
        DropReason::TooLong => "dropped: longer than the MTU",
        DropReason::Outage => "dropped: outage",
        DropReason::QueueFull => "dropped: queue full",
        DropReason::Lost => "dropped: lost",
    }
}

fn write(file: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let length = (body.len() as u32 + 12).to_le_bytes();
    file.write_all(&kind.to_le_bytes())?;
    file.write_all(&length)?;
    file.write_all(body)?;
    file.write_all(&length)
}

fn option(block: &mut Vec<u8>, code: u16, value: &[u8]) {
    block.extend(code.to_le_bytes());
    block.extend((value.len() as u16).to_le_bytes());
    block.extend(value);
    pad(block);
}

fn pad(block: &mut Vec<u8>) {
    block.resize(block.len().next_multiple_of(4), 0);
}

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
/// Packets begin with their IPv4 or IPv6 header.
const LINKTYPE_RAW: u16 = 101;
const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const EPB_FLAGS: u16 = 2;
