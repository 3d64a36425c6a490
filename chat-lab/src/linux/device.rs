//! The TUN device: the emulator reads the packets that the kernel sends, and writes those that the kernel receives.

use std::{fs, io, net::Ipv6Addr, thread, time::Duration};

use nix::net::if_::if_nametoindex;
use tun_rs::{DeviceBuilder, SyncDevice};

use super::netlink;
use crate::{condition::Condition, packet};

pub(super) const NODE: &str = "/dev/net/tun";

/// Makes the device, with the addresses of both ends. The device is removed when it is closed.
pub(super) fn open(mtu: u16) -> io::Result<SyncDevice> {
    let device = DeviceBuilder::new().name(NAME).mtu(mtu).enable(false).build_sync()?;
    device.set_nonblocking(true)?;
    let index = if_nametoindex(NAME)?;
    netlink::set_queue(index, QUEUE)?;
    netlink::set_up(index)?;
    netlink::add_address(index, packet::CLIENT.into(), 24)?;
    netlink::add_address(index, packet::SERVER.into(), 24)?;
    // The link works without IPv6 if the kernel has none.
    if fs::exists("/proc/sys/net/ipv6")? {
        netlink::add_address(index, packet::CLIENT_V6.into(), 64)?;
        netlink::add_address(index, packet::SERVER_V6.into(), 64)?;
        for address in [packet::CLIENT_V6, packet::SERVER_V6] {
            wait_for(address)?;
        }
    }
    Ok(device)
}

/// Waits until the kernel has assigned an IPv6 address; until then it drops packets for that address.
fn wait_for(address: Ipv6Addr) -> io::Result<()> {
    let route = format!("{:032x} 80 ", address.to_bits());
    for _ in 0..1000 {
        if fs::read_to_string("/proc/thread-self/net/ipv6_route")?.lines().any(|it| it.starts_with(&route)) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(1));
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("the kernel did not take the address {address}")))
}

/// The MTU of the device. The smaller MTU of one direction is enforced by the emulator, as by a router behind the device.
/// With less than 1280 bytes there would be no IPv6.
pub(super) fn mtu(up: &Condition, down: &Condition) -> u16 {
    up.settings().mtu.max(down.settings().mtu).max(1280)
}

/// How many packets the kernel dropped because the emulator did not read them in time.
pub(super) fn missed() -> Option<u64> {
    let table = fs::read_to_string("/proc/thread-self/net/dev").ok()?;
    let line = table.lines().find_map(|line| line.trim().strip_prefix(NAME)?.strip_prefix(':'))?;
    line.split_whitespace().nth(TRANSMIT_DROP)?.parse().ok()
}

const NAME: &str = "emu0";
/// How many packets the kernel holds while the emulator is busy: 100 ms at 100,000 packets per second.
const QUEUE: u32 = 10_000;
const TRANSMIT_DROP: usize = 11;
